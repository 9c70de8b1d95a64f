"""What is wrong with a run beyond its result: tasks left over, exceptions nobody looked at, errors reported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from acpool_spec.tasks import Location, SimulatedFuture, SimulatedTask, close_coroutine, suspended_at

FindingKind: TypeAlias = Literal[
    "leftover task", "unretrieved exception", "reported error", "refused", "error while closing"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at the end of a run.

    ``subject``: the name of the task, or what else it is about. ``detail``: one sentence. ``exception``: where there
    is one. ``where``: for a leftover task the frames it is suspended in, outermost first.
    """

    kind: FindingKind
    subject: str
    detail: str
    exception: BaseException | None = None
    where: tuple[Location, ...] = ()

    def __str__(self) -> str:
        place = f" at {self.where[-1].filename}:{self.where[-1].line}" if self.where else ""
        return f"{self.kind}: {self.subject}: {self.detail}{place}"


def reported(context: Mapping[str, Any]) -> Finding:
    """The finding for one call of ``call_exception_handler``."""
    exception = context.get("exception")
    subject = context.get("task", context.get("future", context.get("handle", context.get("asyncgen"))))
    name = subject.get_name() if isinstance(subject, asyncio.Task) else type(subject).__name__
    message = str(context.get("message", "unhandled error in the event loop"))
    detail = message if exception is None else f"{message}: {describe(exception)}"
    return Finding("reported error", name if subject is not None else "event loop", detail, exception)


def leftover_tasks(tasks: Iterable[SimulatedTask]) -> list[Finding]:
    """One finding per task of ``tasks`` that is not done, in their order."""
    found: list[Finding] = []
    for task in tasks:
        if not task.done():
            where = tuple(suspended_at(task))
            found.append(
                Finding("leftover task", task.get_name(), "not done at the end of the run", None, where)
            )
    return found


def unretrieved(futures: Iterable[SimulatedTask | SimulatedFuture]) -> list[Finding]:
    """One finding per task or future whose exception nobody retrieved; it is marked as retrieved."""
    found: list[Finding] = []
    for future in futures:
        # Asyncio's own flag for "log it when I am collected": set with the exception, cleared by whoever looks.
        if getattr(future, "_log_traceback", False):
            error = future.exception()
            name = (
                future.get_name()
                if isinstance(future, SimulatedTask)
                else f"future {future.serial} of the run"
            )
            detail = "" if error is None else describe(error)
            found.append(Finding("unretrieved exception", name, detail, error))
    return found


def close_leftovers(tasks: list[SimulatedTask]) -> list[Finding]:
    """Close the coroutines of the unfinished ``tasks``, youngest first, those created meanwhile included.

    Empties ``tasks``; returns what the clean-up code raised. Nothing is printed later about any of them.
    """
    found: list[Finding] = []
    while tasks:
        task = tasks.pop()
        if not task.done():
            setattr(task, "_log_destroy_pending", False)  # noqa: B010 - the attribute is there and untyped
            error = close_coroutine(task)
            if error is not None:
                found.append(Finding("error while closing", task.get_name(), describe(error), error))
        # The lane and the task refer to each other; without this only a full collection would free them.
        task.lane.task = None
    return found


def describe(error: BaseException) -> str:
    """``ValueError: text``, or the class alone where there is no text."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
