"""A result as SARIF 2.1.0: the properties are rules, each violation a result at the line of its offending step.

What is undecided is no result, since it is about no line: it is a notification of the run, whose ``executionSuccessful`` is false
then, so that no reader takes a short list, or an empty one, for all there is.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from acpool_spec.properties import EVERY
from acpool_spec.reports.places import shown_path
from acpool_spec.reports.plain import plain
from acpool_spec.reports.result import Case, Result

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {known.id: number for number, known in enumerate(EVERY)}


def sarif(result: Result) -> str:
    """The text of the file."""
    notes = list(_notifications(result))
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "acpool", "version": _version(), "rules": _rules()}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": result.canary.caught and not result.undecided,
                "exitCode": result.outcome.exit_status,
                "toolExecutionNotifications": notes,
            }
        ],
        "results": [
            _result(case) for case in result.violated if case.place is not None or case.file is not None
        ],
        "properties": {"seed": result.seed, "profile": result.profile, "bound": plain(result.bound)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _version() -> str:
    try:
        return version("acpool")
    except PackageNotFoundError:  # run from its source
        return "0"


def _rules() -> list[dict[str, Any]]:
    return [
        {
            "id": known.id,
            "name": "".join(word.capitalize() for word in known.name.replace("-", " ").split()),
            "shortDescription": {"text": known.name},
            "fullDescription": {"text": known.statement},
            "defaultConfiguration": {"level": "error"},
        }
        for known in EVERY
    ]


def _result(case: Case) -> dict[str, Any]:
    # Without a line there is the schedule: a result has to be somewhere, or it is not shown.
    file, line = (
        (case.place.file, case.place.line) if case.place is not None else (shown_path(str(case.file)), 1)
    )
    path = quote(plain(file))
    location = {"uri": f"file://{path}"} if file.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}
    extras = {"pool": plain(case.pool), "feasible": case.feasible, "replay": plain(case.replay)}
    return {
        "ruleId": case.id,
        "ruleIndex": _RULES[case.id],
        "level": "error",
        "message": {"text": plain("\n".join(case.details()))},
        "locations": [{"physicalLocation": {"artifactLocation": location, "region": {"startLine": line}}}],
        "partialFingerprints": {"acpoolSchedule/v1": case.fingerprint},
        "properties": extras,
    }


def _notifications(result: Result) -> list[dict[str, Any]]:
    said = [
        (f"{case.pool}: {case.why}", {"associatedRule": {"id": case.id, "index": _RULES[case.id]}})
        for case in result.undecided
    ]
    said += [(str(result.canary), {})] if not result.canary.caught else []
    said += [(f"old failure: {old}", {}) for old in result.failing]
    return [{"level": "error", "message": {"text": plain(text)}, **more} for text, more in said]
