"""The foreign pool of docs/other-pools.md under the gate: what it lacks is not asked of it, what it raises is named."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from acpool_spec.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/other-pools.md").read_text(encoding="utf-8")


@pytest.mark.no_cover
def test_the_pool_on_the_page_is_judged_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = re.search(r"^\$ acpool (.*)$", PAGE, re.MULTILINE)
    assert command is not None
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs/pools"), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "docs/pools"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    assert main(command[1].split()) == 1
    printed = capsys.readouterr().out
    verdicts = dict(re.findall(r"^([SLR]\d+) .*?  (holds|violated|undecided)", printed, re.MULTILINE))
    for known in ("S12", "S2", "L1"):
        assert verdicts[known] == "violated"
    assert verdicts["S9"] == "undecided"
    assert "raised Full: " in printed
    assert "which is no answer of this operation: a pool says no with acpool.errors" in printed
    assert (tmp_path / "acpool-failures/small-S12.json").exists()
    # It has none of the three, so that nobody calls them.
    for schedule in (tmp_path / "acpool-failures").glob("*.json"):
        assert not re.search(r'"start \d+ (cancel|reset|session) ', schedule.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lacking", ["cleanup_idle", "shutdown"])
def test_a_pool_that_lacks_what_is_required_is_refused_by_name(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "docs/pools/small.py").read_text(encoding="utf-8")
    (tmp_path / f"lacks_{lacking}.py").write_text(source.replace(f"async def {lacking}", "async def other"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert main(["check", "--pool", f"lacks_{lacking}:factory"]) == 2
    assert f"the pool it makes lacks {lacking}; expected get_or_create" in capsys.readouterr().err
