"""The README's example runs as it stands, and CI runs the README's commands and no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

GUARD_S = 180.0


@pytest.mark.usefixtures("untraced_children")
@pytest.mark.parametrize("name", ["library", "explore"])
def test_the_example_prints_what_the_readme_says(
    tmp_path: Path, name: str, block: Callable[[str], str]
) -> None:
    example = tmp_path / "example.py"
    example.write_text(block(f"example: {name}"), encoding="utf-8")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, str(example)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=GUARD_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == block(f"output: {name}")


def test_the_example_is_short_and_has_more_conversations_than_the_pool_holds(
    block: Callable[[str], str],
) -> None:
    assert len(block("example: library").splitlines()) <= 20
    conversations = {line.partition(":")[0] for line in block("output: library").splitlines()}
    assert len(conversations) == 3
    assert "max_sessions=2)" in block("example: library")


@pytest.mark.parametrize("name", ["check", "test"])
def test_each_command_is_one_line_that_begins_with_nothing_but_python(
    name: str, block: Callable[[str], str]
) -> None:
    lines = block(f"command: {name}").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_ci_takes_its_commands_from_the_readme(repository: Path, block: Callable[[str], str]) -> None:
    listed = _ci_commands(repository)
    assert listed == [block("command: check").strip(), block("command: test").strip()]


def test_ci_follows_a_changed_readme(tmp_path: Path, repository: Path) -> None:
    shutil.copytree(repository / ".ci", tmp_path / ".ci")
    fence = "```"
    text = f"<!-- command: check -->\n{fence}sh\none && two\n{fence}\n<!-- command: test -->\n{fence}sh\nthree\n{fence}\n"
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert _ci_commands(tmp_path) == ["one && two", "three"]


@pytest.mark.parametrize("missing", ["check", "test"])
def test_ci_refuses_a_readme_without_a_command(tmp_path: Path, repository: Path, missing: str) -> None:
    shutil.copytree(repository / ".ci", tmp_path / ".ci")
    text = (repository / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(text.replace(f"<!-- command: {missing} -->", ""), encoding="utf-8")
    run = subprocess.run(
        [str(tmp_path / ".ci" / "run"), "commands"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert f"expected one line under <!-- command: {missing} -->" in run.stderr


def test_the_extras_that_the_commands_install_exist(repository: Path, block: Callable[[str], str]) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extra in (("check", "check"), ("test", "dev")):
        assert f"'.[{extra}]'" in block(f"command: {name}")
        assert extra in project["optional-dependencies"]


def _ci_commands(root: Path) -> list[str]:
    run = subprocess.run([str(root / ".ci" / "run"), "commands"], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()
