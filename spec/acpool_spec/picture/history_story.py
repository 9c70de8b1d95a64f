"""The story of a history: one step for each event, or for each invocation and return; what was judged beside it.

:func:`story_of_operations` is for any object, :func:`story_of_window` for what was found in a history judged as it was read,
:func:`story_of_history` for histories of pools. Of a long history the steps around the place where it can no longer be explained
are shown, and the picture says so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acpool_spec.events import Event, History
from acpool_spec.explanation import said, say_operation, why_not
from acpool_spec.history_report import LINEARIZED
from acpool_spec.picture.drawing import Canvas, call_words, client_lane, draw, state_of
from acpool_spec.picture.points import Effects, beginning, effects_of, in_a_sentence
from acpool_spec.picture.story import BarKind, Break, Explanation, Mark, Run, States, Step, Story
from acpool_spec.picture.telling import accused, draw_effects
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.properties.ledger import Ledger
from acpool_spec.sections import Window
from acpool_spec.sequential import Operation, SequentialSpec
from acpool_spec.timeline import describe_event
from acpool_spec.verdict import Outcome, Verdict

STEPS = 2_000
"""Steps that a picture of a history shows at most."""
_SHOWN = 6


# -- any object --------------------------------------------------------------------------------------------------------


def story_of_operations(
    operations: Sequence[Operation],
    verdict: Verdict,
    *,
    title: str,
    spec: SequentialSpec[Any] | None = None,
    words: Words | None = None,
    times: Mapping[int, int] | None = None,
) -> Story:
    """The story of ``operations``, on which ``check_history`` gave ``verdict``.

    ``title``: what they are a history of. ``spec``: where given, and the history is violated, only the operations of the
    partition that has no linearization are shown. ``words``: how operations and states are told (default: as Python has
    them). ``times``: nanoseconds of each invocation and return (default: these are nanoseconds themselves).
    """
    say = words or Words()
    numbers = [*range(len(operations))]
    if spec is not None and verdict.violated:
        numbers = [n for n in numbers if spec.partition(operations[n]) == verdict.partition]
    order = (verdict.linearization if verdict.holds else verdict.longest) or ()
    instants = _instants(operations, numbers)
    first = _first_shown(instants, verdict, order, operations)
    shown = instants[first : first + STEPS]
    at = {(instant.number, instant.returns): float(place) for place, instant in enumerate(shown)}
    clock = times or {}
    steps = tuple(
        _operation_step(instant, operations[instant.number], say, clock.get(instant.time, instant.time))
        for instant in shown
    )
    canvas = Canvas((), {}, float(len(shown)))
    stuck = {found.operation for found in verdict.stuck if not found.allowed}
    _operation_bars(canvas, operations, shown, at, say)
    _order_points(canvas, operations, order, at, say)
    for number in sorted(stuck):
        begun = at.get((number, False), 0.0)
        lane = client_lane(canvas, operations[number].process, "process")
        place = at.get((number, True), begun) + 0.5
        canvas.marks.append(Mark(lane, place, "break", f"cannot come next: {say.short(operations[number])}"))
    accused_bars = {say.detail(number, operations[number]) for number in stuck}
    explanation = _explained(operations, verdict, order, say)
    breaks = _no_linearization(verdict, order, at, operations, len(shown), len(numbers))
    run = Run(
        title,
        steps,
        canvas.finished(),
        tuple(replace(bar, bad=True) if bar.detail in accused_bars else bar for bar in canvas.bars),
        tuple(canvas.marks),
        breaks,
        ((),),
        (0,) * len(steps),
        note=_cut_note(first, len(shown), len(instants)),
    )
    outcome = {True: "no linearization", False: "it has a linearization"}[verdict.violated]
    if verdict.undecided:
        outcome = f"undecided: the bound {verdict.bound} ran out"
    facts = (("operations", str(len(operations))), ("shown", f"{len(shown)} of {len(instants)} steps"))
    return Story(
        title,
        facts,
        f"{title}: {outcome}",
        verdict.violated,
        run,
        None,
        explanation,
        "processes",
        "operations",
        "time",
    )


def story_of_window(
    window: Window[Any], partition: Hashable, *, title: str, times: Mapping[int, int] | None = None
) -> Story:
    """The story of the part of a long history that shows that ``partition`` has no linearization.

    Told in JSON, as its file is; ``times``: nanoseconds of the events of these indices.
    """
    counts = {"operations": len(window.operations)}
    verdict = Verdict(
        outcome=Outcome.VIOLATED,
        counts=counts,
        longest=window.longest,
        stuck=window.stuck,
        partition=partition,
    )
    story = story_of_operations(window.operations, verdict, title=title, words=IN_JSON, times=times)
    if not window.before:
        return story
    states = " or ".join(said(way.state) for way in window.begin[:_SHOWN])
    note = f"before these, {window.before:,} completed operations have linearizations, which leave {states}"
    return replace(story, run=replace(story.run, note=f"{note}; {story.run.note}".removesuffix("; ")))


@dataclass(frozen=True, slots=True)
class Words:
    """How operations, values and states are told. ``value``: one in words; ``indices``: whether instants are indices of
    events in a file, which are what an operation is known by; otherwise it is its number."""

    value: Callable[[Any], str] = repr
    indices: bool = False

    def short(self, operation: Operation) -> str:
        """``operation`` as a call, with its answer where it has one."""
        argument = "" if operation.argument is None else self.value(operation.argument)
        call = f"{operation.name}({argument})"
        return f"{call} pending" if operation.pending else f"{call} → {self.value(operation.response)}"

    def listed(self, number: int, operation: Operation) -> str:
        """The same, and which one it is."""
        return say_operation(operation) if self.indices else f"{number}: {self.short(operation)}"

    def bar(self, number: int, operation: Operation) -> str:
        """What is written into its bar."""
        return self.short(operation) if self.indices else f"{number}: {self.short(operation)}"

    def detail(self, number: int, operation: Operation) -> str:
        """What is told of its bar."""
        return say_operation(operation) if self.indices else f"operation {number}: {self.short(operation)}"


IN_JSON = Words(said, indices=True)
"""Of the events of a file, as they are written there."""


@dataclass(frozen=True, slots=True, order=True)
class _Instant:
    """An invocation or a return; calls come before returns of the same time."""

    time: int
    returns: bool
    number: int


def _instants(operations: Sequence[Operation], numbers: Sequence[int]) -> list[_Instant]:
    found = [_Instant(operations[n].invoked_at, False, n) for n in numbers]
    found += [_Instant(end, True, n) for n in numbers if (end := operations[n].returned_at) is not None]
    return sorted(found)


def _first_shown(
    instants: Sequence[_Instant], verdict: Verdict, order: Sequence[int], operations: Sequence[Operation]
) -> int:
    """Where the picture begins: at the beginning if all fits, else so that it ends a little after the first that is stuck."""
    if len(instants) <= STEPS:
        return 0
    ends = [end for s in verdict.stuck if (end := operations[s.operation].returned_at) is not None]
    until = min(ends) if ends else max((operations[n].invoked_at for n in order), default=0)
    place = next((n for n, instant in enumerate(instants) if instant.time > until), len(instants))
    return max(0, min(place - STEPS * 4 // 5, len(instants) - STEPS))


def _cut_note(first: int, shown: int, all_: int) -> str:
    return (
        "" if shown == all_ else f"{shown} of {all_} steps are shown, from step {first + 1} of the history on"
    )


def _operation_step(instant: _Instant, operation: Operation, say: Words, time_ns: int) -> Step:
    verb = "is answered" if instant.returns else "begins"
    event = f"event {instant.time}, " if say.indices else ""
    return Step(
        time_ns / 1e9,
        0,
        f"{event}process {operation.process}: {operation.name} {verb}",
        (say.short(operation),),
        f"client {operation.process}",
        notable=True,
    )


def _operation_bars(
    canvas: Canvas,
    operations: Sequence[Operation],
    shown: Sequence[_Instant],
    at: dict[tuple[int, bool], float],
    say: Words,
) -> None:
    for process in sorted({operations[instant.number].process for instant in shown}):
        client_lane(canvas, process, "process")
    for number in dict.fromkeys(instant.number for instant in shown):
        operation = operations[number]
        lane = client_lane(canvas, operation.process, "process")
        end = at.get((number, True))
        begin = at.get((number, False), -0.5) + 0.5
        over = None if end is None else end + 0.5
        kind: BarKind = "pending" if operation.pending else "operation"
        canvas.bar(lane, begin, over, kind, say.bar(number, operation), say.detail(number, operation))


def _order_points(
    canvas: Canvas,
    operations: Sequence[Operation],
    order: Sequence[int],
    at: dict[tuple[int, bool], float],
    say: Words,
) -> None:
    """Marks where operations take effect: at the latest invocation so far, in their order."""
    latest: tuple[int, float] | None = None
    stacks: dict[float, list[int]] = {}
    for number in order:
        invoked = operations[number].invoked_at
        if latest is None or invoked > latest[0]:
            place = at.get((number, False))
            latest = (invoked, -1.0 if place is None else place)
        stacks.setdefault(latest[1], []).append(number)
    for place, stacked in stacks.items():
        for nth, number in enumerate(stacked):
            lane = f"client {operations[number].process}"
            if place >= 0 and lane in canvas.lanes:
                where = place + 0.5 + 0.5 * (nth + 1) / (len(stacked) + 1)
                canvas.marks.append(Mark(lane, where, "point", say.short(operations[number])))


def _explained(
    operations: Sequence[Operation], verdict: Verdict, order: Sequence[int], say: Words
) -> Explanation:
    total = verdict.counts.get("operations", len(operations))
    if verdict.holds:
        return Explanation(len(order), total, whole=True)
    last = tuple(say.listed(number, operations[number]) for number in order[-_SHOWN:])
    if verdict.undecided:
        return Explanation(len(order), total, last, note=f"the search ended at its bound {verdict.bound}")
    state = say.value(verdict.stuck[0].state) if verdict.stuck else ""
    stuck = tuple(
        (
            say.listed(found.operation, operations[found.operation]),
            why_not(operations[found.operation], found.allowed),
        )
        for found in sorted(verdict.stuck, key=lambda found: (found.allowed, found.operation))[: 2 * _SHOWN]
    )
    part = "" if verdict.partition is None else f"of {say.value(verdict.partition)} alone"
    return Explanation(len(order), total, last, f"state {state}" if state else "", stuck, note=part)


def _no_linearization(
    verdict: Verdict,
    order: Sequence[int],
    at: dict[tuple[int, bool], float],
    operations: Sequence[Operation],
    steps: int,
    operations_shown: int,
) -> tuple[Break, ...]:
    if not verdict.violated or not steps:
        return ()
    # By the first return of those that are stuck it is known that there is none.
    ends = [at[s.operation, True] for s in verdict.stuck if (s.operation, True) in at]
    place = int(min(ends, default=float(steps - 1)))
    known = BY_ID["S12"]
    message = f"no linearization: {len(order)} of {operations_shown} operations can be placed"
    return (Break(known.id, known.name, known.statement, message, place, main=True),)


# -- pools -------------------------------------------------------------------------------------------------------------


def story_of_history(
    history: History, violations: Sequence[Violation], *, title: str, main: str | None = None
) -> Story:
    """The story of the ``history`` of a pool, in which ``violations`` were found.

    ``main``: the property that it is about, by default the one that broke first. Searches for a linearization, within its bound.
    """
    found = {violation.property: violation for violation in violations}
    place = {event.index: number for number, event in enumerate(history.events)}
    effects = _effects(history, len(history.events))
    at = {known: place.get(violation.index, 0) for known, violation in found.items()}
    if "S12" in at and effects is not None and effects.shortest is not None:
        at["S12"] = effects.shortest - 1
    if main is None and found:
        main = min(found, key=lambda known: (at[known], known))
    last = len(history.events) if main is None else at[main] + 1
    if last < len(history.events) and main != "S12":
        effects = _effects(history, last)
    first = max(0, last - STEPS)
    events = history.events[first:last]
    breaks = tuple(
        Break(
            known,
            BY_ID[known].name,
            BY_ID[known].statement,
            _message(found[known], effects),
            number - first,
            known == main,
        )
        for known, number in sorted(at.items(), key=lambda item: (item[1], item[0] != main))
        if first <= number < last
    )
    run = _history_run(history, events, first, breaks, effects, title)
    facts: tuple[tuple[str, str], ...] = (
        ("events", str(len(history.events))),
        ("max_sessions", "not known" if history.max_sessions is None else str(history.max_sessions)),
    )
    later = [f"{known} in event {violation.index}" for known, violation in found.items() if at[known] >= last]
    if later:
        facts = (*facts, ("violated later", ", ".join(later)))
    explanation = None if effects is None else effects.explanation
    if main is None:
        verdict = f"{title}: nothing is broken that can be judged"
    else:
        verdict = f"{main} {BY_ID[main].name} violated: {_message(found[main], effects)}"
    return Story(title, facts, verdict, main is not None, accused(run), None, explanation, clock="time")


def _message(violation: Violation, effects: Effects | None) -> str:
    """What is wrong, in one sentence: what can be placed of a history is told beside it."""
    if violation.property == "S12" and effects is not None and effects.explanation.stuck:
        return in_a_sentence(effects.explanation)
    return violation.message


def _effects(history: History, events: int) -> Effects | None:
    """Of the first ``events`` events; None where they are too many to be searched."""
    return effects_of(beginning(history, events)) if events <= LINEARIZED else None


def _history_run(
    history: History,
    events: Sequence[Event],
    first: int,
    breaks: tuple[Break, ...],
    effects: Effects | None,
    title: str,
) -> Run:
    places = {event.index: number + 0.5 for number, event in enumerate(events)}
    canvas = Canvas(events, places, float(len(events)))
    draw(canvas)
    ordinals = {first + number: number + 0.5 for number in range(len(events))}
    if effects is not None:
        draw_effects(canvas, effects, ordinals, float(len(events)))
    ledger = Ledger(history.max_sessions)
    states = States()
    for number, event in enumerate(history.events[: first + len(events)]):
        ledger.see(event)
        if number >= first:
            states.add(state_of(ledger, {}, ()))
    steps = tuple(
        Step(event.time / 1e9, 0, _event_words(event), (describe_event(event),), "", notable=True)
        for event in events
    )
    return Run(
        title,
        steps,
        canvas.finished(),
        tuple(canvas.bars),
        tuple(canvas.marks),
        breaks,
        tuple(states.distinct),
        tuple(states.at),
        note=_cut_note(first, len(events), len(history.events)),
    )


def _event_words(event: Event) -> str:
    if event.type == "event":
        return f"{event.connection}: {event.f.replace('_', ' ')}"
    return f"client {event.process}: {event.type} of {call_words(event)}"
