"""A result as JUnit XML: one test case for each property of each pool, each old failure, and the canary.

*Violated* is a failure, with the message, the command that replays it and the interleaving. *Undecided* is an error: a reader of
such files knows passed, failed, error and skipped, and what was not decided must not look like either of the green ones.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from acpool_spec.reports.plain import plain
from acpool_spec.reports.result import Case, Result
from acpool_spec.verdict import Outcome


def junit(result: Result) -> str:
    """The text of the file."""
    suite = ET.Element("testsuite", name="acpool check")
    for name, value in (("seed", str(result.seed)), ("profile", result.profile), ("bound", result.bound)):
        ET.SubElement(_properties(suite), "property", name=name, value=plain(value))
    _add_canary(suite, result)
    for old in result.old:
        case = ET.SubElement(suite, "testcase", classname="old failures", name=plain(old.path.name))
        if old.outcome is Outcome.VIOLATED:
            _said(case, "failure", "violated", old.why, f"{old}\nacpool replay --anyway {old.path}")
        elif old.outcome is Outcome.UNDECIDED:
            ET.SubElement(case, "skipped", message=plain(f"cannot be followed any more: {old.why}"))
    for judged in result.cases:
        _add(suite, judged)
    counts = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    for name, number in counts.items():
        suite.set(name, str(number))
    suite.set("time", f"{result.seconds:.3f}")
    every = ET.Element("testsuites", {"name": "acpool", **suite.attrib} | {"name": "acpool"})
    every.append(suite)
    ET.indent(every)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(every, encoding="unicode")}\n'


def _properties(suite: ET.Element) -> ET.Element:
    found = suite.find("properties")
    return ET.SubElement(suite, "properties") if found is None else found


def _add_canary(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(suite, "testcase", classname="gate", name="canary goes red")
    if not result.canary.caught:
        _said(case, "error", "undecided", result.canary.why, str(result.canary))


def _add(suite: ET.Element, case: Case) -> None:
    name = f"{case.id} {case.name}"
    element = ET.SubElement(
        suite, "testcase", classname=plain(case.pool), name=name, assertions=str(case.tested)
    )
    if case.outcome is Outcome.VIOLATED:
        if case.place is not None:
            element.set("file", plain(case.place.file))
            element.set("line", str(case.place.line))
        text = "\n".join([*case.details(), "", *case.timeline])
        _said(element, "failure", "violated", case.why.partition("\n")[0], text)
    elif case.outcome is Outcome.UNDECIDED:
        _said(element, "error", "undecided", case.why.partition("\n")[0], case.why)


def _said(case: ET.Element, kind: str, type_: str, message: str, text: str) -> None:
    element = ET.SubElement(case, kind, message=plain(message), type=type_)
    element.text = plain(text)
