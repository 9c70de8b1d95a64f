"""JUnit XML: any reader takes it, whatever a key consists of, and nothing that was not decided looks green in it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from acpool_spec.canary import Canary
from acpool_spec.reports.junit import junit
from acpool_spec.reports.result import Result


def suite_of(result: Result) -> ET.Element:
    text = junit(result)
    text.encode("utf-8")
    [suite] = ET.fromstring(text).findall("testsuite")  # noqa: S314 - what we have written ourselves
    return suite


def kinds(suite: ET.Element) -> dict[str, list[str]]:
    """By test case, its name behind its class, the elements in it."""
    return {
        f"{case.get('classname')} {case.get('name')}": [part.tag for part in case]
        for case in suite.iter("testcase")
    }


def test_there_is_a_case_for_each_property_each_old_failure_and_the_canary(result: Result) -> None:
    suite = suite_of(result)
    assert kinds(suite) == {
        "gate canary goes red": [],
        "old failures one.json": ["failure"],
        "old failures two.json": [],
        "old failures three.json": ["skipped"],
        "broker.pool:factory S1 capacity": ["failure"],
        "broker.pool:factory S2 one process per key": ["error"],
        "broker.pool:factory S3 one owner per session": [],
    }
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")]
    assert counts == ["7", "2", "1", "1", "1.500"]


def test_a_failure_has_its_message_its_place_its_command_and_how_it_happens(result: Result) -> None:
    [case] = [case for case in suite_of(result).iter("testcase") if case.get("name") == "S1 capacity"]
    assert (case.get("file"), case.get("line"), case.get("assertions")) == ("src/a b,c:%/pool.py", "42", "7")
    failure = case.find("failure")
    assert failure is not None and failure.text is not None
    message = failure.get("message")
    assert message is not None
    assert message.startswith("]]></failure><script>alert('1')</script> | **b**")
    assert "\\x00\\x1b[31m\\ud800\\ufffe &amp; ünï☂" in message
    assert "second line" not in message
    for part in (
        "second line",
        "never more than max_sessions",
        "feasible: fifo",
        "pool.py:42 in get_or_create",
        "what happened",
    ):
        assert part in failure.text
    assert f"acpool replay '{result.cases[0].file}'" in failure.text


def test_a_canary_that_stays_green_is_an_error(result: Result) -> None:
    suite = suite_of(replace(result, canary=Canary(False, "it holds"), old=(), cases=result.cases[2:]))
    assert kinds(suite)["gate canary goes red"] == ["error"]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
