"""The pages about recorded histories show what the command prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acpool_spec.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/histories.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ acpool (.*)\n((?:.*\n)*?)\$ echo \$\?\n(\d)\n```", PAGE)


@pytest.mark.parametrize(("command", "output", "status"), BLOCKS)
def test_the_page_shows_what_is_printed(
    command: str,
    output: str,
    status: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    assert main(command.split()) == int(status)
    assert capsys.readouterr().out == output


def test_every_example_is_on_the_page() -> None:
    shown = {word for command, _, _ in BLOCKS for word in command.split() if word.endswith(".jsonl")}
    assert shown == {f"docs/histories/{path.name}" for path in (ROOT / "docs/histories").glob("*.jsonl")}
    assert len(BLOCKS) == PAGE.count("```console")
