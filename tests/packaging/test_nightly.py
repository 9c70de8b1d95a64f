"""What runs at night: each command exists, each verdict is told as it is, and what may be needed again stays."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from acpool_spec.cli import _parser  # pyright: ignore[reportPrivateUsage]  # what the command takes, without running it

ROOT = Path(__file__).parents[2]
# A command that ends as the arguments decide, in the place of acpool.
PRETENDED = """#!/usr/bin/env bash
echo "$*"
case "$1 $2" in
"check --sensitivity") echo "guard: survived"; exit 1 ;;
"check --profile") echo "canary: merged stays green, so this check cannot fail: it holds"; exit 3 ;;
"prove --core") echo begun >&"$HELD"; sleep 600 ;;
"prove --keys") echo "serve: undecided, 7 s"; echo "leave: proved"; echo "verdict: undecided (1 undecided)"; exit 3 ;;
esac
mkdir -p acpool-explored && echo more >>acpool-explored/journal
"""
README = """<!-- command: test -->
```sh
mkdir -p .venv/bin && cp pretended .venv/bin/acpool && chmod +x .venv/bin/acpool && nothing
```
"""


def nightly(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(root / ".ci" / "nightly"), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def pretended(tmp_path: Path) -> Path:
    """A repository in which the commands are pretended."""
    root = tmp_path / "repository"
    shutil.copytree(ROOT / ".ci", root / ".ci")
    (root / "README.md").write_text(README, encoding="utf-8")
    (root / "pretended").write_text(PRETENDED, encoding="utf-8")
    for git in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *git], cwd=root, check=True)  # noqa: S607 - the one on the path
    return root


def test_each_part_is_a_command_that_exists() -> None:
    listed = dict(
        line.split(": ", 1) for line in nightly(ROOT, "list", NIGHTLY_BOUND="7").stdout.splitlines()
    )
    assert list(listed) == ["check", "explore", "sensitivity", "general", "prove", "core", "search", "states"]
    for command in listed.values():
        words = [word for word in shlex.split(command) if "=" not in word or word.startswith("-")]
        assert "7" in shlex.split(command.replace("=", " "))  # its bound
        if words[0] == ".venv/bin/acpool":
            _parser().parse_args(words[1:])
        elif words[0] == ".venv/bin/pytest":
            assert all((ROOT / path).exists() for path in words[1:])
        else:
            assert words[:2] == [".venv/bin/python", "-m"] and find_spec(words[2]) is not None


def test_what_is_undecided_is_listed_and_only_what_fails_fails(pretended: Path) -> None:
    run = nightly(pretended, "prove", "explore", NIGHTLY_BOUND="9")
    assert run.returncode == 0, run.stderr
    summary = run.stdout[run.stdout.index("1 parts passed") :].splitlines()
    assert summary[0].startswith("1 parts passed, 0 failed, 1 undecided, ")
    assert summary[1:] == [
        "  undecided: prove, within a bound of 9",
        "    serve: undecided, 7 s",
        "    verdict: undecided (1 undecided)",
    ]


def test_a_violation_and_a_check_that_cannot_fail_are_failures(pretended: Path) -> None:
    run = nightly(pretended, "sensitivity", "check", "explore")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-2:] == ["  failed: sensitivity", "  failed: check"]
    assert "1 parts passed, 2 failed, 0 undecided" in run.stdout


def test_what_was_explored_and_said_stays(pretended: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    for night in (1, 2):
        assert nightly(pretended, "explore", NIGHTLY_FOLDER=str(folder)).returncode == 0
        assert (folder / "explored" / "journal").read_text().split() == ["more"] * night
    said = (folder / "logs" / "explore.log").read_text()
    assert said == f"explore --profile nightly --budget 3600 --failures {folder}/failures\n"


def test_whoever_ends_it_ends_the_part_that_runs(pretended: Path, tmp_path: Path) -> None:
    seen, held = os.pipe()  # whatever a part starts holds it open
    with subprocess.Popen(
        [str(pretended / ".ci" / "nightly"), "core"],
        env=os.environ | {"HELD": str(held), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        pass_fds=[held],
    ) as run:
        os.close(held)
        assert os.read(seen, 9) == b"begun\n"
        run.send_signal(signal.SIGTERM)
        assert select.select([seen], [], [], 30)[0] and os.read(seen, 1) == b""
        assert run.wait() == 143
    os.close(seen)
    assert list(tmp_path.glob("acpool-ci.*")) == []


@pytest.mark.parametrize(
    ("arguments", "bound", "said"),
    [
        (["chekc"], "", "chekc: expected one of check explore "),
        (["check"], "0", "NIGHTLY_BOUND: expected a whole number above 0, not 0"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(arguments: list[str], bound: str, said: str) -> None:
    run = nightly(ROOT, *arguments, NIGHTLY_BOUND=bound)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(said) and run.stderr.count("\n") == 1
