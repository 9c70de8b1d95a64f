"""A result for GitHub Actions: workflow commands that become annotations, and the summary of the job in Markdown.

The escapes of workflow commands are those of GitHub's own toolkit (``@actions/core``, ``command.ts``).
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from acpool_spec.campaign.old_failures import Replayed
from acpool_spec.reports.plain import plain
from acpool_spec.reports.result import Case, Result
from acpool_spec.verdict import Outcome

SUMMARY = "GITHUB_STEP_SUMMARY"
_ROWS = 100
"""Of an interleaving, at most: GitHub shows no summary of more than a megabyte, and there may be one for each property."""
_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "\\`*_{}[]|~@:"})


def annotation(level: str, message: str, **properties: str | int) -> str:
    """One workflow command: ``level`` is error, warning or notice; ``properties`` are file, line and title."""
    given = ",".join(f"{name}={_value(str(value))}" for name, value in properties.items() if value != "")
    return f"::{level}{' ' if given else ''}{given}::{_data(message)}"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def workflow_commands(result: Result) -> Iterator[str]:
    """An error for each violation, at the line of its offending step; for each reason why something is undecided, one."""
    for case in result.violated:
        where: dict[str, str | int] = (
            {} if case.place is None else {"file": case.place.file, "line": case.place.line}
        )
        title = f"{case.id} {case.name} violated ({case.pool})"
        yield annotation("error", "\n".join(case.details()), **where, title=title)
    if not result.canary.caught:
        yield annotation("error", str(result.canary), title="the gate cannot fail")
    reasons: dict[str, list[str]] = {}
    for case in result.undecided:
        reasons.setdefault(f"{case.pool}: {case.why}", []).append(case.id)
    for why, ids in reasons.items():
        yield annotation("error", why, title=f"{', '.join(ids)} undecided")


def old_annotation(old: Replayed) -> str:
    """An error for an old failure that fails again, a notice for one that cannot be followed any more."""
    violated = old.outcome is Outcome.VIOLATED
    title = f"old failure {'as before' if violated else 'cannot be followed any more'}: {old.path.name}"
    replay = f"\nacpool replay --anyway {old.path}" if violated else ""
    return annotation("error" if violated else "notice", f"{old.why}{replay}", title=title)


def summary(result: Result, environment: Mapping[str, str]) -> str:
    """The summary of the job, in Markdown; ``environment``: the variables that say where its artifacts are."""
    lines = [
        f"## acpool check: {result.outcome.value}",
        "",
        f"{_text(', '.join(result.pools))}, within {_text(result.bound)}. {_text(str(result.canary))}.",
        "",
        *(f"* old failure: {_text(str(old))}" for old in result.old),
        "",
        "| id | property | pool | verdict | tested | why |",
        "|---|---|---|---|---:|---|",
        *map(_row, result.cases),
        "",
    ]
    for case in result.violated:
        lines += _story(case, environment)
    return "\n".join(lines) + "\n"


def _row(case: Case) -> str:
    verdict = case.outcome.value
    marked = verdict if case.outcome is Outcome.HOLDS else f"**{verdict}**"
    why = _text(case.why.partition("\n")[0])
    return f"| {case.id} | {_text(case.name)} | {_text(case.pool)} | {marked} | {case.tested:,} | {why} |"


def _story(case: Case, environment: Mapping[str, str]) -> Iterator[str]:
    yield f"### {case.id} {case.name}"
    yield ""
    yield from (f"{_text(line)}<br>" for line in case.details())
    if case.picture is not None:
        yield f"Its picture is {_text(case.picture.name)} in {_artifacts(environment)}."
    elif case.file is not None:
        yield f"Its schedule is {_text(case.file.name)} in {_artifacts(environment)}."
    yield ""
    rows = list(case.timeline)
    if len(rows) > _ROWS:  # the title stays, and the end, which is where it goes wrong
        rows[1 : 1 - _ROWS] = [f"… {len(rows) - _ROWS:,} rows"]
    yield f"<details><summary>how it happens</summary><pre>{html.escape(plain(chr(10).join(rows)))}</pre></details>"
    yield ""


def _artifacts(environment: Mapping[str, str]) -> str:
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if not all(parts):
        return "the artifacts of this run"
    server, repository, run = parts
    return f"the [artifacts of this run]({server}/{repository}/actions/runs/{run}#artifacts)"


def _text(text: str) -> str:
    """``text`` as nothing but text, on one line of Markdown, also in a cell of a table."""
    return html.escape(plain(text).replace("\n", " ").replace("\t", " "), quote=False).translate(_MARKS)


def append_summary(result: Result) -> None:
    """Append the summary to the file that ``GITHUB_STEP_SUMMARY`` names; nothing where it names none."""
    path = os.environ.get(SUMMARY)
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(summary(result, os.environ))
