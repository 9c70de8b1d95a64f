"""The flow of CI, with commands that are pretended: every step runs, and what became of each is in the end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In the place of every command. A known race is found in a pool of that name, and is there when it is replayed.
PRETENDED = """#!/bin/sh
name=$(basename "$0")
echo "$name $*"
case "$name $*" in
*"$BROKEN"*) exit 1 ;;
*"--failures "*) for folder; do :; done; mkdir -p "$folder"; touch "$folder/x-S1.json" "$folder/x-S2.json"; exit 1 ;;
"acpool replay "*) exit 1 ;;
pytest*) echo "=== 7 passed in 1.00s ===" ;;
esac
"""
MAKE = (
    "python3 --version && mkdir -p .venv/bin && for name in acpool pytest ruff mypy pyright lint-imports; "
    "do cp pretended .venv/bin/$name; done"
)
README = f"""<!-- command: check -->
```sh
{MAKE} && .venv/bin/acpool check
```
<!-- command: test -->
```sh
{MAKE} && .venv/bin/pytest
```
"""
STEPS = [
    "README: check",
    "README: test",
    "every schedule of the small scopes",
    "import rules",
    "known races",
    "proofs",
    "proofs of decisions",
    "ruff check",
    "ruff format",
    "the museum of races",
    "types: mypy and pyright",
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    shutil.copytree(ROOT / ".ci", root / ".ci")
    (root / "README.md").write_text(README, encoding="utf-8")
    (root / "pretended").write_text(PRETENDED, encoding="utf-8")
    (root / "pretended").chmod(0o755)
    for git in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *git], cwd=root, check=True)  # noqa: S607 - the one on the path
    # The interpreter of these tests is the oldest, and there is no other.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.11").symlink_to(sys.executable)
    (tmp_path / "bin" / "python3.13").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python3.13").chmod(0o755)
    return root


def run(root: Path, *, broken: str = "nothing of the kind") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "BROKEN": broken,
        "PATH": f"{root.parent / 'bin'}:{os.environ['PATH']}",
        "PYENV_ROOT": str(root.parent),
        "ACPOOL_CHROMIUM": "",
        "TMPDIR": str(root.parent),
    }
    command = [str(root / ".ci" / "run")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_every_step_runs_and_the_tests_have_the_last_word(repository: Path) -> None:
    ended = run(repository)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(re.findall(r"^== (.*): \d+ s, \d+ s of CPU$", ended.stdout, re.MULTILINE)) == STEPS
    *_, count, browser, last = ended.stdout.splitlines()
    assert re.fullmatch(rf"{len(STEPS)} steps passed, 0 failed, \d+ s", count)
    assert browser == "the tests of the pages in a browser were skipped: ACPOOL_CHROMIUM is empty"
    assert last == "=== 7 passed in 1.00s ==="
    assert "remove_by_key: caught breaking S2, replayed five times alike" in ended.stdout


@pytest.mark.parametrize(
    ("broken", "step"),
    [
        ("pytest ", "README: test"),
        ("pools.merged", "known races"),
        ("mypy", "types: mypy and pyright"),
    ],
)
def test_a_step_that_fails_is_named_and_the_others_go_on(repository: Path, broken: str, step: str) -> None:
    ended = run(repository, broken=broken)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-2:] == [f"  failed: {step}", f"{len(STEPS) - 1} passed, 1 failed"]
