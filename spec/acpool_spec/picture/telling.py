"""The story of a schedule file: its run, where each operation took effect, and the nearest schedule like it that passes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from acpool_spec.picture.drawing import Canvas, draw, state_of
from acpool_spec.picture.nearest import nearest_passing, parting, side_by_side
from acpool_spec.picture.points import Effects, beginning, effects_of, in_a_sentence
from acpool_spec.picture.recording import NEXT_CALL, Recording, Taken, record
from acpool_spec.picture.story import Break, Explanation, Mark, Nearest, Run, States, Step, Story
from acpool_spec.properties import BY_ID, Property, Violation
from acpool_spec.properties.ledger import Ledger
from acpool_spec.schedule import Schedule
from acpool_spec.targets import Target
from acpool_spec.timeline import describe_event
from acpool_spec.world import NotEnabled, World

_OF_A_SCENARIO = "the scenario returns, and leaves nothing behind"


def tell(schedule: Schedule, target: Target, *, search: bool = True) -> Story:
    """The story of ``schedule`` on ``target``. ``search``: look for the nearest passing schedule as well.

    Makes two runs, and at most :data:`~acpool_spec.picture.nearest.RUNS` of the search.
    """
    known, scope = BY_ID[schedule.property_id], schedule.scope
    linearize = known.id == "S12"
    recording = record(target.factory, scope, schedule.decisions, linearize=linearize)
    run, explanation = run_of(recording, known.id, "this schedule")
    main = run.main
    nearest = None
    if main is not None and search:
        nearest = _nearest(schedule, target, recording, run)
    facts = (
        ("pool", target.name),
        ("max_sessions", str(scope.max_sessions)),
        ("clients", str(scope.clients)),
        ("mode", scope.mode),
        ("decisions", str(len(schedule.decisions))),
        ("feasible", schedule.feasible),
    )
    if main is None:
        verdict = f"{known.id} {known.name} holds in this schedule"
    else:
        verdict = f"{known.id} {known.name} violated: {main.message}"
    return Story(
        f"{known.id} {known.name}: {target.name}", facts, verdict, main is not None, run, nearest, explanation
    )


def run_of(recording: Recording, property_id: str, title: str) -> tuple[Run, Explanation]:
    """The picture of ``recording``, to the step that breaks ``property_id`` or to the end of what is calm.

    And how far its history can be explained.
    """
    found = recording.violation(property_id)
    cut = recording.audit_from if recording.audit_from is not None else len(recording.steps)
    # What an audit did is shown where it is what broke the property.
    last = cut if found is None else (_outlived(recording, found[0]) or found[1]) + 1
    effects = effects_of(beginning(recording.history, _events_before(recording, last)))
    if found is not None and property_id == "S12" and effects.shortest is not None:
        last = 1 + _step_of(recording.steps, effects.shortest - 1)
    steps = recording.steps[:last]
    events = recording.events[: _events_before(recording, last)]
    places = {
        index: number + (place + 1) / (len(taken.events) + 1)
        for number, taken in enumerate(steps)
        for place, index in enumerate(taken.events)
    }
    canvas = Canvas(events, places, float(len(steps)))
    draw(canvas)
    _steps(canvas, steps)
    _memory(canvas, steps)
    draw_effects(canvas, effects, places, float(len(steps)))
    breaks = _breaks(recording, property_id, last, effects.explanation)
    states = _states(recording, steps)
    run = Run(
        title,
        tuple(
            _step(taken, recording, steps[number - 1].containers if number else {})
            for number, taken in enumerate(steps)
        ),
        canvas.finished(),
        tuple(canvas.bars),
        tuple(canvas.marks),
        breaks,
        tuple(states.distinct),
        tuple(states.at),
        note=_note(recording, last),
        notes=tuple(_notes(recording, breaks, effects)),
        last_event=len(events) - 1,
    )
    return accused(run), effects.explanation


def _outlived(recording: Recording, violation: Violation) -> int | None:
    """The step in which an operation answered that had been cancelled, where ``violation`` says so: it shows at the end."""
    named = re.search(r"of client (\d+) was cancelled and went on to answer$", violation.message)
    if named is None:
        return None
    lane, cancelled = f"client {named[1]}", False
    for number, taken in enumerate(recording.steps):
        cancelled = cancelled or (taken.about == lane and taken.kind == "cancel")
        ends = (recording.events[index] for index in taken.events)
        if cancelled and any(e.process == int(named[1]) and e.type in ("ok", "fail") for e in ends):
            return number
    return None


def _note(recording: Recording, last: int) -> str:
    beyond = recording.scheduled
    if last > beyond and beyond:
        return f"after step {beyond} the schedule is over, and the outside calm: every call is answered well"
    return ""


def _notes(recording: Recording, breaks: Sequence[Break], effects: Effects) -> Iterator[tuple[int, str]]:
    for point in effects.points:
        yield point.after, f"* {point.words} takes effect"
    for broken in breaks:
        if not broken.main:
            line = broken.message.partition("\n")[0]
            yield (
                recording.broken[broken.property][0].index,
                f"✗ also {broken.property} {broken.name}: {line}",
            )


def _events_before(recording: Recording, step: int) -> int:
    """How many events were seen before step ``step``."""
    return max((taken.events.stop for taken in recording.steps[:step]), default=0)


def _step_of(steps: Sequence[Taken], event: int) -> int:
    return next((n for n, taken in enumerate(steps) if taken.events.stop > event), len(steps) - 1)


# -- steps -------------------------------------------------------------------------------------------------------------


def _step(taken: Taken, recording: Recording, before: Mapping[str, str]) -> Step:
    details = [describe_event(recording.events[index]) for index in taken.events]
    for key in recording.keys:
        then, now = before.get(key, ""), taken.containers.get(key, "")
        if then != now:
            details.append(
                f"the pool has {key!r} in {now or 'nothing'} now" + (f", not in {then}" if then else "")
            )
    if taken.where is not None:
        place = f"{PurePath(taken.where.filename).name}:{taken.where.line}"
        details.append(f"now at {place} in {taken.where.function}(), waits for {taken.waits_for}")
    notable = not taken.runs or bool(taken.events)
    return Step(taken.time, taken.number, taken.words, tuple(details), taken.about, notable)


def _steps(canvas: Canvas, steps: Sequence[Taken]) -> None:
    """Marks for steps and decisions; hatched bars for what clients wait for between their steps."""
    waiting: dict[str, tuple[float, str]] = {}
    for number, taken in enumerate(steps):
        lane = taken.about
        if lane:
            group, _, name = lane.partition(" ")
            label = {"client": lane, "task": "pool's tasks"}.get(group, name)
            canvas.lane(
                "client" if group == "client" else "task" if group == "task" else "connection", name, label
            )
            canvas.marks.append(Mark(lane, number + 0.5, taken.kind, taken.words))
        if not taken.runs or not lane.startswith("client "):
            continue
        began = waiting.pop(lane, None)
        if began is not None:
            _wait(canvas, lane, began, float(number))
        if taken.where is not None and taken.waits_for not in ("its turn", NEXT_CALL):
            waiting[lane] = (number + 1.0, taken.waits_for)
    for lane, began in waiting.items():
        _wait(canvas, lane, began, None)


def _memory(canvas: Canvas, steps: Sequence[Taken]) -> None:
    """Below each key, the containers in which the pool has it, from the end of one step to that of another."""
    keys = sorted({key for taken in steps for key in taken.containers})
    for key in keys:
        lane = canvas.lane("key", key, f"key {key!r}")
        row = canvas.rows.get(lane, 0)
        places = [taken.containers.get(key, "") for taken in steps] + [None]
        begin = 0
        for number, place in enumerate(places):
            if number and place != places[begin]:
                text = f"pool: {moved((places[begin - 1] or '') if begin else '', places[begin] or '') or 'forgotten'}"
                if places[begin] or begin:
                    end = None if place is None else number + 0.95
                    canvas.bar(
                        lane,
                        begin + 0.95,
                        end,
                        "memory",
                        text,
                        f"the pool has {key!r} in {places[begin]}",
                        row,
                    )
                begin = number


def moved(then: str, now: str) -> str:
    """The containers ``now``, those first in which the key was not ``then``, after them those that it has left."""
    before, after = (place.split(", ") if place else [] for place in (then, now))
    new, kept = [c for c in after if c not in before], [c for c in after if c in before]
    left = [f"not {c}" for c in before if c not in after] if after else []
    return ", ".join([*new, *left, *kept])


def _wait(canvas: Canvas, lane: str, began: tuple[float, str], end: float | None) -> None:
    begin, what = began
    if (canvas.end if end is None else end) > begin:
        canvas.bar(lane, begin, end, "wait", what, f"waits for {what}")


def draw_effects(canvas: Canvas, effects: Effects, places: Mapping[int, float], end: float) -> None:
    """Marks where operations took effect: between the event they come after and the next, in their order."""
    counts: dict[int, int] = {}
    for point in effects.points:
        counts[point.after] = counts.get(point.after, 0) + 1
    passed: dict[int, int] = {}
    for point in effects.points:
        if point.after not in places:
            continue
        begin = places[point.after]
        until = places.get(point.after + 1, end)
        passed[point.after] = nth = passed.get(point.after, 0) + 1
        at = begin + (until - begin) * nth / (counts[point.after] + 1)
        lane = f"client {point.process}" if point.process is not None else f"connection {point.connection}"
        if lane in canvas.lanes:
            canvas.marks.append(Mark(lane, at, "point", point.words))


# -- what is broken ----------------------------------------------------------------------------------------------------


def _breaks(recording: Recording, property_id: str, last: int, explanation: Explanation) -> tuple[Break, ...]:
    found: list[Break] = []
    for known, (violation, step) in recording.broken.items():
        rule = BY_ID.get(known) or Property(known, "", _OF_A_SCENARIO)
        main = known == property_id
        if main or step < last:
            place = last - 1 if main else step
            # What can be placed is told beside it: here it is what stands in the way.
            told = main and known == "S12" and not explanation.whole
            message = in_a_sentence(explanation) if told else violation.message
            found.append(Break(known, rule.name, rule.statement, message, place, main))
    return tuple(sorted(found, key=lambda broken: (broken.step, not broken.main)))


def accused(run: Run) -> Run:
    """``run`` with the lanes and bars that the broken property is about."""
    main = run.main
    if main is None:
        return run
    words = set(re.findall(r"[\w.-]+", main.message))
    names = {
        lane.id
        for lane in run.lanes
        if (lane.group == "connection" and lane.id.partition(" ")[2] in words)
        or (lane.group == "client" and re.search(rf"\b{re.escape(lane.id)}\b", main.message))
        or (lane.group == "key" and repr(lane.id.partition(" ")[2]) in main.message)
    }
    connections = {name.partition(" ")[2] for name in names if name.startswith("connection ")}
    keys = {
        bar.lane
        for bar in run.bars
        if bar.lane.startswith("key ") and connections & set(re.findall(r"[\w.-]+", bar.text))
    }
    bars = tuple(
        replace(bar, bad=True)
        if bar.end > main.step
        and (
            (bar.lane in names and bar.lane.startswith("connection "))
            or (
                bar.lane in keys
                and bar.kind != "memory"
                and connections & set(re.findall(r"[\w.-]+", bar.text))
            )
        )
        else bar
        for bar in run.bars
    )
    lanes = tuple(replace(lane, bad=True) if lane.id in names | keys else lane for lane in run.lanes)
    at = main.step + 0.9
    marks = (*run.marks, *(Mark(name, at, "break", main.message) for name in sorted(names)))
    return replace(run, lanes=lanes, bars=bars, marks=marks)


def _states(recording: Recording, steps: Sequence[Taken]) -> States:
    ledger = Ledger(recording.max_sessions, sees_rest=True, sees_closing=True)
    states = States()
    waits: dict[int, str] = {}
    for taken in steps:
        for index in taken.events:
            ledger.see(recording.events[index])
        if taken.runs and taken.about.startswith("client "):
            waits[int(taken.about.removeprefix("client "))] = taken.waits_for
        states.add(state_of(ledger, waits, taken.remembers))
    return states


# -- the nearest passing schedule --------------------------------------------------------------------------------------


def _nearest(schedule: Schedule, target: Target, failing: Recording, run: Run) -> Nearest:
    before = frozenset(failing.broken)

    def attempt(decisions: Sequence[str]) -> tuple[Sequence[int], bool]:
        try:
            return try_schedule(schedule, target, decisions, before)
        except Exception:  # noqa: BLE001 - whatever the pool does in another schedule, it does not pass there
            return (), False

    made = tuple(failing.decisions)
    search = nearest_passing(made, attempt)
    if search.passing is None:
        return Nearest(None, (), (), (0, 0), search.tried, search.bound)
    linearize = schedule.property_id == "S12"
    passing = record(target.factory, schedule.scope, search.passing.made, linearize=linearize)
    drawn, _ = run_of(passing, schedule.property_id, "the nearest schedule that passes")
    part = parting(made, search.passing.made)
    return Nearest(
        drawn,
        search.passing.in_words,
        side_by_side(made, search.passing.made),
        (first_step(run, part), first_step(drawn, part)),
        search.tried,
        search.bound,
    )


def first_step(run: Run, decisions: int) -> int:
    """The first step after ``decisions`` decisions."""
    return next((n for n, step in enumerate(run.steps) if step.decision > decisions), len(run.steps))


def try_schedule(
    schedule: Schedule, target: Target, decisions: Sequence[str], before: frozenset[str]
) -> tuple[Sequence[int], bool]:
    """Run ``decisions`` without those that cannot be made: the places of those made, and whether the run passes.

    It does where the property of ``schedule`` holds, and nothing is broken but what is in ``before``.
    """
    made: list[int] = []
    with World(target.factory, schedule.scope) as world:
        broken = world.judgement.violations
        for place, decision in enumerate(decisions):
            try:
                world.apply(decision)
            except NotEnabled:
                continue
            made.append(place)
            if schedule.property_id in broken:
                return made, False
        world.finish(linearize=schedule.property_id == "S12")
        return made, schedule.property_id not in broken and broken.keys() <= before
