"""The journal as a file: what is finished survives, what is torn is done again, what is strange is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.conftest import Crew

from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.journal import Journal
from acpool_spec.targets import BadInput

ABOUT = {"code": "this"}


@pytest.fixture
def path(tmp_path: Path, plan: Callable[..., Plan]) -> Path:
    """The journal of a campaign over two scopes."""
    journal = Journal(tmp_path / "folder" / "journal", ABOUT)
    Campaign(plan("orders 2", "loses"), Crew(), journal).run()
    journal.close()
    return journal.path


def read(path: Path, about: dict[str, str] = ABOUT, *, fresh: bool = False) -> list[str]:
    journal = Journal(path, about, fresh=fresh)
    journal.close()
    return [unit.scope for unit in journal.finished]


def test_what_is_finished_is_there_again(path: Path) -> None:
    assert read(path) == ["orders 2", "loses"]


def test_every_place_at_which_a_file_can_end_is_read(path: Path) -> None:
    data = path.read_bytes()
    first, second, third = data.splitlines(keepends=True)
    for length in sorted({*range(0, len(data), 9), len(first), len(first) + len(second), len(data) - 1}):
        path.write_bytes(data[:length])
        expected = [] if length < len(first) + len(second) else ["orders 2"]
        assert read(path) == expected
        kept = path.read_bytes()
        assert kept == (first if not expected else first + second)
    assert third.endswith(b"\n")


def test_a_journal_for_other_code_is_refused_and_kept(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(BadInput, match=r"another code: .*this.*, where this exploration has that"):
        read(path, {"code": "that"})
    assert path.read_bytes() == before
    assert read(path, {"code": "that"}, fresh=True) == []
    assert read(path, {"code": "that"}) == []


@pytest.mark.parametrize(
    "content", [b"dear diary\n", b"{}\n", b'{"format": "acpool-campaign"}\n', b"\xff\n", b"dear"]
)
def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "diary"
    path.write_bytes(content)
    for fresh in (False, True):
        with pytest.raises(
            BadInput, match="line 1: found no line of a journal; expected a journal or no file"
        ):
            read(path, fresh=fresh)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scope": 7}, "line 2: found the member 'scope'"),
        ({"prefix": [-1]}, "line 2: found the prefix"),
        ({"prefix": "a"}, "line 2: found the member 'prefix'"),
        ({"seconds": "long"}, "line 2: found the member 'seconds'"),
        ({"certificate": {}}, "line 2: found the member 'exhaustive'"),
        ({"failure": ["one"]}, "line 2: found the member 'failure'"),
        ({"stopped": None}, "line 2: found the member 'stopped'"),
        ({"schedule": 1}, "line 2: found the member 'schedule'"),
    ],
)
def test_a_line_that_was_changed_is_named(path: Path, change: dict[str, object], said: str) -> None:
    first, second, third = path.read_text("utf-8").splitlines()
    changed = json.dumps(json.loads(second) | change)
    path.write_text(f"{first}\n{changed}\n{third}\n", "utf-8")
    with pytest.raises(BadInput, match=said):
        read(path)


def test_a_unit_is_not_counted_twice(path: Path) -> None:
    first, second, _ = path.read_text("utf-8").splitlines()
    path.write_text(f"{first}\n{second}\n{second}\n", "utf-8")
    with pytest.raises(BadInput, match=r"line 3: .*for the second time"):
        read(path)


def test_a_journal_has_one_writer(path: Path) -> None:
    journal = Journal(path, ABOUT)
    with pytest.raises(BadInput, match="another exploration is writing this journal"):
        Journal(path, ABOUT)
    journal.close()
    assert read(path) == ["orders 2", "loses"]


def test_a_journal_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be opened"):
        Journal(tmp_path, ABOUT)
