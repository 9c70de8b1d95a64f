"""The tutorial's commands do what it says, one after the other, in an empty folder; as a script: writes what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from acpool_spec.pages import Page

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "tutorial.md"
POOL = REPOSITORY / "docs" / "tutorial" / "broker_pool.py"
BY = "tests/readme/test_tutorial.py"
GUARD_S = 300.0

TELL = "        await self._tell_the_operator(stale)\n"
END = "            self._end(entry)\n"
_METHOD = re.compile(r"    async def cleanup_idle.*?\n\n(?=    async def)", re.DOTALL)
STATUSES = {"red": 1, "replay": 1, "picture": 1, "green": 0, "explore": 0}


def mended(pool: str) -> str:
    """The pool that tells after it has ended."""
    assert pool.count(TELL) == pool.count(END) == 1
    return pool.replace(TELL, "").replace(END, END + TELL)


def method(pool: str) -> str:
    """The method that the tutorial is about, as a block."""
    found = _METHOD.search(pool)
    assert found is not None
    return f"```python\n{found[0].rstrip()}\n```\n"


class Reader:
    """Somebody who does what the tutorial says in ``folder``; ``printed``: by each command, as the tutorial shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pool = POOL.read_text(encoding="utf-8")
        self.printed: dict[str, str] = {}
        self._page = PAGE.read_text(encoding="utf-8")

    def work_through(self) -> None:
        """Every command, with the pool mended before the green one."""
        self._save(self.pool)
        for name in ("red", "replay", "picture"):
            self._run(name)
        self._save(mended(self.pool))
        for name in ("green", "explore"):
            self._run(name)

    def explore_the_pool_as_it_was(self) -> None:
        """As the tutorial proposes at the end."""
        self._save(self.pool)
        self._run("explore", status=1)

    def _save(self, pool: str) -> None:
        (self.folder / "broker_pool.py").write_text(pool, encoding="utf-8")

    def _run(self, name: str, status: int | None = None) -> None:
        (command,) = re.findall(
            rf"^<!-- command: {name} -->\n```sh\nacpool (.*)\n```$", self._page, re.MULTILINE
        )
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                "from acpool_spec.cli import main; raise SystemExit(main())",
                *command.split(),
            ],
            cwd=self.folder,
            env=os.environ | {"COLUMNS": "80", "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=GUARD_S,
            check=False,
        )
        assert run.returncode == (STATUSES[name] if status is None else status), run.stdout + run.stderr
        self.printed[name] = _block(name, run.stdout)


_SHOWN = {
    "red": r"checking|id |S4|    c1|S12 |verdict",
    "picture": r"the picture",
    "green": r"checking|old|id |S4|S12|verdict",
    "explore": r"old|\d+ executions|verdict:",
}
"""How the lines begin that the tutorial shows; of a replay it shows all but how far the history can be explained."""


def _block(name: str, printed: str) -> str:
    if name == "replay":
        paragraphs = printed.split("\n\n")
        kept = "\n\n".join(each for each in paragraphs if not each.startswith("the history can be explained"))
    else:
        kept = "\n".join(line for line in printed.splitlines() if re.match(_SHOWN[name], line))
    text = re.sub(r"(?m) +$", "", re.sub(r", on \d+ process(es)?|, \d+ s(?=;)", "", kept.strip()))
    return f"```text\n{text}\n```\n"


def page_of(reader: Reader) -> Page:
    """The tutorial, filled with what ``reader`` saw."""
    parts: dict[str, Callable[[], str]] = {
        "pool": lambda: method(reader.pool),
        "mended": lambda: method(mended(reader.pool)),
        **{name: partial(reader.printed.__getitem__, name) for name in ("red", "replay", "green", "explore")},
    }
    return Page(PAGE, BY, parts)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    reader.work_through()
    return reader


@pytest.mark.no_cover
def test_its_commands_do_what_it_says(reader: Reader) -> None:
    page = page_of(reader)
    assert page.filled(page.read()) == page.read(), f"the tutorial is out of date: run python {BY}"
    assert (reader.folder / "race.html").stat().st_size > 10_000
    reader.explore_the_pool_as_it_was()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        somebody = Reader(Path(folder))
        somebody.work_through()
        page_of(somebody).write()
