"""SARIF 2.1.0: what the standard demands of the parts that are used, and what GitHub needs to show a result."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from acpool_spec.canary import Canary
from acpool_spec.properties import EVERY
from acpool_spec.reports.result import Result
from acpool_spec.reports.sarif import sarif


def run_of(result: Result) -> dict[str, Any]:
    text = sarif(result)
    assert text.isascii()
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    [run] = log["runs"]
    return dict(run)


def test_the_properties_are_the_rules(result: Result) -> None:
    rules = run_of(result)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [known.id for known in EVERY]
    assert [rule["fullDescription"]["text"] for rule in rules] == [known.statement for known in EVERY]
    assert all(rule["name"].isalpha() for rule in rules)


def test_a_violation_is_a_result_at_its_line(result: Result) -> None:
    run = run_of(result)
    [found] = run["results"]
    rule = run["tool"]["driver"]["rules"][found["ruleIndex"]]
    assert (rule["id"], found["ruleId"], found["level"]) == ("S1", "S1", "error")
    [location] = found["locations"]
    place = location["physicalLocation"]
    assert unquote(place["artifactLocation"]["uri"]) == "src/a b,c:%/pool.py"
    assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    assert place["region"] == {"startLine": 42}
    assert found["partialFingerprints"] == {"acpoolSchedule/v1": "0123456789abcdef"}
    assert found["message"]["text"].startswith("]]></failure><script>alert('1')</script>")


def test_without_a_line_a_result_is_where_its_schedule_is(result: Result) -> None:
    [found] = run_of(replace(result, cases=(replace(result.cases[0], place=None),)))["results"]
    artifact = found["locations"][0]["physicalLocation"]["artifactLocation"]
    assert Path(unquote(artifact["uri"])).name == "pool-S1.json"
    assert artifact["uri"].startswith("file:///")
    assert "uriBaseId" not in artifact


def test_what_is_undecided_is_no_empty_list_of_results(result: Result) -> None:
    assert run_of(result)["invocations"][0]["executionSuccessful"] is False  # though there is a result
    undecided = replace(result, old=(), cases=result.cases[1:])
    [invocation] = run_of(undecided)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    [note] = invocation["toolExecutionNotifications"]
    assert note["associatedRule"]["id"] == "S2"
    holds = replace(undecided, cases=result.cases[2:])
    assert run_of(holds)["invocations"][0] == {
        "executionSuccessful": True,
        "exitCode": 0,
        "toolExecutionNotifications": [],
    }
    [green] = run_of(replace(holds, canary=Canary(False, "it holds")))["invocations"]
    assert green["executionSuccessful"] is False
    assert "stays green" in green["toolExecutionNotifications"][0]["message"]["text"]
