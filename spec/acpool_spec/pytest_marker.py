"""What the mark ``acpool`` does to a test: a scenario of it and its fixtures, explored or replayed, and a failure's report."""

from __future__ import annotations

import copy
import inspect
import os
import warnings
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import pytest

from acpool_spec.campaign.interleaving import Interleaving
from acpool_spec.console import count
from acpool_spec.exploration import Report, ScenarioSchedule, explore, failure_of, replay
from acpool_spec.exploration.corpus import keep
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.strategies import WALKS
from acpool_spec.making import said
from acpool_spec.oracles import ReplayDivergence
from acpool_spec.pytest_fixtures import AsyncFixture, Refused, asynchronous, within
from acpool_spec.pytest_plugin import MARK, UNDECIDED, UndecidedWarning
from acpool_spec.quiet import quiet
from acpool_spec.refusals import LoopRefusal
from acpool_spec.simulation import any_task
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Budget, Outcome

SECTION = pytest.StashKey[str]()
_FIXTURES = pytest.StashKey[tuple[AsyncFixture, ...]]()
_ORIGINAL = pytest.StashKey[Callable[..., Coroutine[Any, Any, object]]]()
EXECUTIONS = 10_000
"""Of a test whose mark bounds nothing, where the strategy can come to an end."""
MAX_STEPS = 10_000
"""Of one execution, so that a test without an end is told soon."""
_BOUNDS = ("executions", "states", "seconds")
_PASSED_ON = ("cancellations", "cancellable", "seed", "prune", "footprints", "paranoid", "max_steps")
_KNOWN = ("mode", "strategy", *_BOUNDS, *_PASSED_ON, "undecided")
_WIDTH = 100
_FEASIBLE: Final = {
    "fifo": "fifo, on stock asyncio",
    "reordered": "reordered, where what is ready is late; mode='fifo' keeps stock asyncio's order",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark: what is handed to ``explore``, and what becomes of an undecided test."""

    options: dict[str, Any]
    undecided: str


class MarkedTest:
    """The scenario of one test: the test function with its fixtures, made anew for each execution.

    It has the names and the code of the function, so that a schedule of it is refused for another.
    """

    def __init__(self, item: pytest.Function, function: Callable[..., Coroutine[Any, Any, object]]) -> None:
        self._instance: object = getattr(function, "__self__", None)
        self._function: Any = getattr(function, "__func__", function)
        self._names = tuple(inspect.signature(function).parameters)
        self._fixtures = item.stash.get(_FIXTURES, ())
        needed = {*self._names, *(name for fixture in self._fixtures for name in fixture.needs)}
        self._arguments = {name: value for name, value in item.funcargs.items() if name in needed}
        self.__module__, _, self.__qualname__ = _name_of(item, function).partition(":")
        self.__code__ = self._function.__code__
        self.__closure__ = self._function.__closure__

    def __call__(self) -> Coroutine[Any, Any, object]:
        """The coroutine of one execution."""
        given = self.copies()
        instance = given.pop(_INSTANCE)
        bound = self._function if instance is None else self._function.__get__(instance)

        def test(made: Mapping[str, Any]) -> Coroutine[Any, Any, object]:
            return cast(
                "Coroutine[Any, Any, object]",
                bound(**{name: made[name] for name in self._names if name in made}),
            )

        return within(self._fixtures, given, instance, test) if self._fixtures else test(given)

    def copies(self) -> dict[str, Any]:
        """The arguments, and the instance of the test's class, as one execution gets them: copies, so that no execution sees what
        another has done to them. What pytest itself hands out stays what it is."""
        values = {**self._arguments, _INSTANCE: self._instance}
        memo: dict[int, Any] = {id(value): value for value in values.values() if _of_pytest(value)}
        return {name: _copied(name, value, memo) for name, value in values.items()}


_INSTANCE = "self"


def _of_pytest(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in ("pytest", "_pytest")


def _copied(name: str, value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, pytest.MonkeyPatch):
        raise Refused(
            f"fixture {name!r} undoes after the last execution what the test does in each; expected it in another fixture, which "
            "the test uses"
        )
    try:
        return copy.deepcopy(value, memo)
    except Exception as error:
        raise Refused(
            f"fixture {name!r} cannot be copied for each execution ({said(error)}); expected a value that can, or a function "
            "that makes one in the test"
        ) from error


def prepare(item: pytest.Function) -> None:
    """Keep the function that is to be explored; an error of the test's set-up where there is none, or where a fixture or the mark
    cannot be used."""
    mark = item.get_closest_marker(MARK)
    assert mark is not None
    function: Any = item.obj
    if not inspect.iscoroutinefunction(function):
        if mark in item.own_markers:
            _fail(f"{MARK}: {item.name} is no async test: there is nothing to schedule")
        return  # the mark of a class or a module is about its async tests
    refusal = ""
    try:
        _marked(item, mark)
        item.stash[_FIXTURES] = asynchronous(item)
    except Refused as error:
        refusal = f"{MARK}: {error}"
    if refusal:
        _fail(refusal)  # out here, so that nothing is said twice
    item.stash[_ORIGINAL] = function


def _marked(item: pytest.Item, mark: pytest.Mark) -> Marked:
    """What ``mark`` says. Raises :class:`Refused`."""
    if mark.args:
        raise Refused(f"the mark takes no positional arguments; expected some of {', '.join(_KNOWN)}")
    unknown = [name for name in mark.kwargs if name not in _KNOWN]
    if unknown:
        raise Refused(f"the mark has no {', '.join(unknown)}; expected some of {', '.join(_KNOWN)}")
    given = dict(mark.kwargs)
    undecided = given.pop("undecided", item.config.getoption("--acpool-undecided"))
    if undecided not in UNDECIDED:
        raise Refused(f"undecided={undecided!r}; expected one of {', '.join(UNDECIDED)}")
    options: dict[str, Any] = {"mode": "reordered", "strategy": "exhaustive", "max_steps": MAX_STEPS}
    bounds: dict[str, Any] = {name: given.pop(name) for name in _BOUNDS if name in given}
    options |= given
    if not bounds and options["strategy"] in WALKS:
        bounds = {"executions": EXECUTIONS}
    try:
        budget = Budget(**bounds) if bounds else None
    except (TypeError, ValueError) as error:
        raise Refused(str(error)) from error
    return Marked({**options, "budget": budget}, undecided)


def explore_item(item: pytest.Function) -> bool:
    """Explore the test, or replay its schedule; False where it is none that is explored.

    Raises what comes out of the test in the schedule that breaks it, ``Failed`` for other failures and, unless the mark or the
    option says otherwise, for an undecided test.
    """
    __tracebackhide__ = True
    function = item.stash.get(_ORIGINAL, None)
    mark = item.get_closest_marker(MARK)
    if function is None or mark is None:
        return False
    marked, scenario = _marked(item, mark), MarkedTest(item, function)
    file: Path | None = item.config.getoption("--acpool-replay")
    refusal = ""
    try:
        scenario.copies()
        if file is None:
            _explore(item, marked, scenario)
        else:
            schedule = ScenarioSchedule.load(file)
            anyway = bool(item.config.getoption("--acpool-anyway"))
            _show(item, marked, scenario, schedule, file, anyway=anyway)
    except (Refused, BadInput, LoopRefusal, ReplayDivergence) as error:
        refusal = f"{MARK}: {str(error).replace('anyway=True', '--acpool-anyway')}"
    if refusal:
        _fail(refusal)
    return True


def _explore(item: pytest.Function, marked: Marked, scenario: MarkedTest) -> None:
    __tracebackhide__ = True
    folder: Any = item.config.getoption("--acpool-failures")
    with quiet(), _silence():
        try:
            report = explore(scenario, corpus=folder, **marked.options)
        except ModuleNotFoundError as error:
            raise Refused(f"{error.name} is not installed: pip install 'acpool[check]'") from error
        except (ValueError, TypeError) as error:
            raise Refused(said(error)) from error
    _note(item, report)
    if report.schedule is not None:
        schedule = replace(report.schedule, about={"test": item.nodeid})
        file = keep(schedule, folder)
        _show(item, marked, scenario, schedule, file, anyway=True)
        _fail(f"{MARK}: {report.why}, which a replay does not show: {file}")
    if report.verdict is Outcome.UNDECIDED:
        _undecided(report, marked.undecided)


def _note(item: pytest.Function, report: Report) -> None:
    """What the terminal and the JUnit file say of this test."""
    value = f"{report.verdict.value}, {report.executions} executions, {report.states} states"
    item.user_properties.append((MARK, value))


def _undecided(report: Report, how: str) -> None:
    __tracebackhide__ = True
    sentence = f"undecided after {report.executions:,} executions: {report.why}"
    if how == "skip":
        pytest.skip(sentence)
    if how == "warn":
        warnings.warn(UndecidedWarning(sentence), stacklevel=1)
        return
    _fail(f"{MARK}: {sentence}")


def _show(
    item: pytest.Function,
    marked: Marked,
    scenario: MarkedTest,
    schedule: ScenarioSchedule,
    file: Path,
    *,
    anyway: bool,
) -> None:
    """Replay ``schedule`` and raise its failure, the schedule in the report; nothing where it holds now."""
    __tracebackhide__ = True
    shown = Interleaving()
    with quiet():
        run = replay(
            scenario,
            schedule,
            cancellable=marked.options.get("cancellable", any_task),
            anyway=anyway,
            on_decision=shown.decided,
            on_step=shown.stepped,
        )
    failure = failure_of(run)
    if failure is None:
        item.user_properties.append((MARK, "holds, 1 executions, 0 states"))
        return
    if isinstance(run.exception, pytest.skip.Exception | pytest.xfail.Exception):
        file.unlink(missing_ok=True)  # whoever skips has not failed
        raise run.exception
    item.stash[SECTION] = _section(schedule, failure, file, shown)
    if run.exception is None:
        _fail(f"{failure}\n{_command(file)}")
    run.exception.add_note(_command(file))
    raise run.exception


def _fail(sentence: str) -> NoReturn:
    """Fail with ``sentence`` and nothing else; where every frame were hidden pytest would say so below it."""
    pytest.fail(sentence, pytrace=False)


def _command(file: Path) -> str:
    return f"acpool: this schedule again: pytest --acpool-replay {file}"


def _section(schedule: ScenarioSchedule, failure: Failure, file: Path, shown: Interleaving) -> str:
    decisions = (
        f"{count(len(schedule.decisions), 'decision')} in {file}, feasible: {_FEASIBLE[schedule.feasible]}"
    )
    return "\n".join([*shown.lines(_WIDTH), f"{failure}", decisions, _command(file)])


@contextmanager
def _silence() -> Generator[None, None, None]:
    """What thousands of executions print is of no use to anybody; the failing one is made again outside."""
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="replace") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


def of_schedule(file: Path, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The one of ``items`` that the schedule in ``file`` is about. Raises ``UsageError`` where there is none."""
    try:
        schedule = ScenarioSchedule.load(file)
    except BadInput as error:
        raise pytest.UsageError(f"--acpool-replay: {error}") from error
    wanted = schedule.about.get("test", "")
    marked = [item for item in items if item.get_closest_marker(MARK) is not None]
    found = [item for item in marked if item.nodeid == wanted]
    if not found:
        # Collected from another folder, its name is another.
        found = [item for item in marked if _name_of(item, getattr(item, "obj", item)) == schedule.scenario]
    if not found:
        name = wanted or schedule.scenario
        raise pytest.UsageError(
            f"--acpool-replay {file}: it is about {name}, which is not among the tests that were collected"
        )
    return found[:1]


def _name_of(item: pytest.Item, function: Any) -> str:
    """The name of the scenario: that of the function, and of its parameters."""
    bracket = item.name.find("[")
    return f"{function.__module__}:{function.__qualname__}{item.name[bracket:] if bracket > 0 else ''}"
