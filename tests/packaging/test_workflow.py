"""The workflow that strangers copy: it is YAML, each option in it exists, and nothing in it lets a red check pass."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from acpool_spec import gate
from acpool_spec.cli import _parser  # pyright: ignore[reportPrivateUsage]  # what the command takes, without running it
from acpool_spec.pages import Page

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "acpool-check.yml").read_text(encoding="utf-8")
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["check"]["steps"]


def commands() -> dict[str, list[str]]:
    """The commands of acpool in the workflow, in words, by their names; what the environment says is put in."""
    environment = {"$POOL": WORKFLOW["jobs"]["check"]["env"]["POOL"], "$PROFILE": "nightly"}
    found: dict[str, list[str]] = {}
    for step in STEPS:
        words = shlex.split(step.get("run", ""))
        if words[:1] == ["acpool"]:
            found[words[1]] = [environment.get(word, word) for word in words[1:]]
    return found


def used(action: str) -> list[dict[str, Any]]:
    return [step for step in STEPS if str(step.get("uses", "")).startswith(f"{action}@")]


def test_it_is_a_workflow_of_pull_requests_and_nights() -> None:
    triggers = WORKFLOW[True]  # YAML 1.1 takes the key ``on`` for a truth value; GitHub does not
    assert set(triggers) == {"pull_request", "push", "schedule"}
    assert WORKFLOW["permissions"] == {"contents": "read", "security-events": "write"}
    explored = commands()["explore"]
    most_s = gate.PROFILES["nightly"].seconds + float(explored[explored.index("--budget") + 1])
    assert (
        WORKFLOW["jobs"]["check"]["timeout-minutes"] * 60 > 1.5 * most_s
    )  # a job that is cut off saves no failure


def test_each_option_exists() -> None:
    known = commands()
    assert set(known) == {"check", "explore"}
    for words in known.values():
        _parser().parse_args(words)
    check = _parser().parse_args(known["check"])
    assert (check.profile, check.pool, check.github) == ("nightly", "broker.pool:factory", True)
    reports = [check.junit.as_posix(), check.sarif.as_posix(), check.report.as_posix()]
    assert reports == ["acpool-report/junit.xml", "acpool-report/acpool.sarif", "acpool-report"]
    with pytest.raises(SystemExit):
        _parser().parse_args([*known["check"], "--no-such-option"])


def test_the_profile_is_that_of_the_event() -> None:
    found = re.findall(r"'(\w+)' \|\| '(\w+)'", WORKFLOW["jobs"]["check"]["env"]["PROFILE"])
    assert found == [("nightly", "pr")]


def test_failures_are_kept_and_everything_is_uploaded_whatever_the_verdict() -> None:
    folder = _parser().parse_args(commands()["check"]).failures.as_posix()
    [restored], [saved], [artifact], [sarif] = map(
        used,
        (
            "actions/cache/restore",
            "actions/cache/save",
            "actions/upload-artifact",
            "github/codeql-action/upload-sarif",
        ),
    )
    assert restored["with"]["path"] == saved["with"]["path"] == folder
    assert restored["with"]["key"] == saved["with"]["key"]
    assert restored["with"]["key"].startswith(restored["with"]["restore-keys"])
    assert artifact["with"]["path"].split() == ["acpool-report", folder]
    assert sarif["with"]["sarif_file"] == "acpool-report/acpool.sarif"
    for step in (saved, artifact, sarif):
        assert "!cancelled()" in step["if"]
    check = next(number for number, step in enumerate(STEPS) if "acpool check" in step.get("run", ""))
    assert STEPS.index(restored) < check < STEPS.index(saved)


def profiles() -> str:
    """The table of profiles."""
    rows = [
        f"| `{name}` | {known.seconds:,.0f} | {known.floor:,} | {known.examples:,} |"
        for name, known in gate.PROFILES.items()
    ]
    head = "| profile | seconds of sampling | random schedules at least | runs of the state machine |"
    return "\n".join([head, "|---|---|---|---|", *rows]) + "\n"


PAGE = Page(DOCS / "gate.md", "tests/packaging/test_workflow.py", {"profiles": profiles})


def test_the_page_has_the_options_and_the_figures_of_the_code() -> None:
    page = PAGE.read()
    options = set(re.findall(r"--[a-z][a-z-]+", page))
    commands = ("check", "explore", "replay")
    helps = {name: set(re.findall(r"--[a-z][a-z-]+", _help(name))) for name in commands}
    assert options <= set().union(*helps.values())
    assert {"--junit", "--sarif", "--github", "--report", "--failures", "--profile"} <= options & helps[
        "check"
    ]
    assert PAGE.filled(page) == page


def _help(command: str) -> str:
    with pytest.raises(SystemExit), redirect_stdout(io.StringIO()) as said:
        _parser().parse_args([command, "--help"])
    return said.getvalue()


def test_no_step_lets_a_red_check_pass() -> None:
    assert "continue-on-error" not in TEXT
    assert "||" not in "".join(str(step.get("run", "")) for step in STEPS)
    check = next(step for step in STEPS if "acpool check" in step.get("run", ""))
    assert "if" not in check


if __name__ == "__main__":
    PAGE.write()
