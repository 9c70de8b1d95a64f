"""Callbacks of asyncio itself that come out alike in any order, though each changes what the others read.

``gather`` and ``wait`` count how many of their children are done, a ``TaskGroup`` strikes one off its set: whichever comes last
wakes whoever waits, and nobody can tell which it was. So two of them do not conflict; whoever looks at the count, or is woken
by it, conflicts with each. Only a child that has ended well is meant: of two that fail, the first decides. What the last
one does with the results of the others is no reading of its own: each of them ended before its own callback was ready, and
nobody has the results before all have been counted.
"""

from __future__ import annotations

import _collections_abc
import asyncio
from asyncio import taskgroups, tasks
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, TypeAlias, cast

from acpool_spec.exploration.footprints.cells import ATTRIBUTE, CLASSES, ITEM, READ, RESULT
from acpool_spec.exploration.footprints.notes import Notes

Summary: TypeAlias = Callable[[Notes, Mapping[str, Any]], bool]
"""Notes what a callback with these local variables does; False where it is none of those that come out alike."""


def _ended_well(future: Any) -> bool:
    return future.done() and not future.cancelled() and getattr(future, "_exception", None) is None


def _is_ours(future: Any) -> bool:
    return isinstance(future, asyncio.Future)


def _gathered(notes: Notes, variables: Mapping[str, Any]) -> bool:
    outer, child = variables.get("outer"), variables.get("fut")
    if outer is None or not _is_ours(outer) or not _is_ours(child):
        return False
    if outer.done() or outer._cancel_requested or not _ended_well(child):
        return False
    notes.read(child, RESULT)
    notes.read(outer, ATTRIBUTE, "_cancel_requested")
    notes.add(outer, RESULT)
    return True


def _left_group(notes: Notes, variables: Mapping[str, Any]) -> bool:
    group, child = variables.get("self"), variables.get("task")
    if type(group) is not asyncio.TaskGroup or not _is_ours(child) or not _ended_well(child):
        return False
    kept = vars(group)
    waiting, left = kept.get("_on_completed_fut"), kept.get("_tasks")
    if type(left) is not set:
        return False
    notes.read(child, RESULT)
    notes.read(group, ATTRIBUTE, "_tasks")
    notes.read(group, ATTRIBUTE, "_on_completed_fut")
    notes.add(cast("object", left), ITEM)
    if waiting is not None:
        notes.add(waiting, RESULT)
    return True


def _waited_for(notes: Notes, variables: Mapping[str, Any]) -> bool:
    waiter, child = variables.get("waiter"), variables.get("f")
    if variables.get("return_when") != asyncio.ALL_COMPLETED or variables.get("timeout_handle") is not None:
        return False
    if waiter is None or not _is_ours(waiter) or waiter.done() or not _is_ours(child):
        return False
    notes.add(waiter, RESULT)
    return True


def _implements(notes: Notes, variables: Mapping[str, Any]) -> bool:
    """Not a callback: what an abstract class asks of another, which it looks into for the names of its methods."""
    for name in variables.get("methods", ()):
        notes.note(CLASSES, ATTRIBUTE, name, READ)
    return True


def _inside(code: CodeType, name: str) -> CodeType | None:
    """The code of the function ``name`` that is defined in another."""
    return next(
        (each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name), None
    )


def summaries() -> dict[CodeType, Summary]:
    """What is known of which code; nothing of an asyncio that looks otherwise."""
    found: dict[CodeType, Summary] = {}
    counted = _inside(tasks.gather.__code__, "_done_callback")
    if counted is not None and set(counted.co_freevars) == {
        *("children", "nfinished", "nfuts", "outer", "return_exceptions")
    }:
        found[counted] = _gathered
    waited = _inside(vars(tasks)["_wait"].__code__, "_on_completion")
    if waited is not None and set(waited.co_freevars) == {
        "counter",
        "return_when",
        "timeout_handle",
        "waiter",
    }:
        found[waited] = _waited_for
    asked: Any = getattr(_collections_abc, "_check_methods", None)
    if asked is not None:
        found[asked.__code__] = _implements
    struck: Any = getattr(taskgroups.TaskGroup, "_on_task_done", None)
    if struck is not None and {"_tasks", "_on_completed_fut", "_errors"} <= set(struck.__code__.co_names):
        found[struck.__code__] = _left_group
    return found
