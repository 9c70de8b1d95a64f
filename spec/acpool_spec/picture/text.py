"""A story as text: what the page tells, for a terminal of a hundred columns."""

from __future__ import annotations

from collections.abc import Iterator

from acpool_spec.folding import fit, fold
from acpool_spec.making import plain
from acpool_spec.picture.short import in_short
from acpool_spec.picture.story import Bar, BarKind, Explanation, Lane, Nearest, Run, Story, heading

WIDTH = 100
_LABEL = 14
_INDENT = " " * 15
_AROUND = 12  # pairs shown before and after the first divergence
_LETTERS: dict[BarKind, str] = dict(
    zip(
        (
            *("operation", "failed", "unknown", "pending", "wait", "lease"),
            *("creating", "idle", "leased", "closing", "memory"),
            *("opening", "initialize", "new", "load", "live", "prompt"),
        ),
        "=!?-.#ci#x oinl-P",
        strict=True,
    )
)
"""The letter of each kind of bar; that of a wait under a lease is the lease's, since the steps tell it."""
KEY = (
    "clients: = - ! ? an operation that answers, is not answered yet, fails, is not known; . waits; # holds a lease",
    "keys: c creating, i idle, # leased, x closing; connections: o i n l opening, initialize, new, load, - live, P prompt",
    "* takes effect, X a fault or a cancellation, | a step of a task, ^ the first bad step, | the first divergence",
)


def text_lines(story: Story, width: int = WIDTH) -> Iterator[str]:
    """Everything that the page shows, in lines of ``width`` columns at most."""
    yield from _fold(story.verdict.partition("\n")[0], width, "", 3)
    yield from _fold(", ".join(f"{name}: {value}" for name, value in story.facts), width, "", 3)
    yield ""
    yield from step_lines(story.run, width)
    yield ""
    yield from closing_lines(story, width)


def closing_lines(story: Story, width: int = WIDTH, *, explain: bool = True) -> Iterator[str]:
    """What comes below the steps: lanes, how far the history can be explained (``explain``), the nearest passing schedule."""
    short = in_short(story.run)
    if short:
        yield "in short:"
        for at, words in short:
            yield from _fold(words, width, f"  step {at + 1:>4}  ", 3)
        yield ""
    part = story.nearest.diverges[0] if story.nearest is not None and story.nearest.run is not None else None
    yield from lane_lines(story.run, width, part)
    if story.explanation is not None and explain:
        yield ""
        yield from explanation_lines(story.explanation, width, story.actions)
    if story.nearest is not None:
        yield ""
        yield from nearest_lines(story.nearest, width)


def step_lines(run: Run, width: int = WIDTH) -> Iterator[str]:
    """One line for each step and for each thing seen in it."""
    yield f"{'step':>5} {'time/s':>8}  what happened"
    broken = {number: [b for b in run.breaks if b.step == number] for number in {b.step for b in run.breaks}}
    effects: dict[int, list[str]] = {}
    for mark in run.marks:
        if mark.kind == "point":
            effects.setdefault(int(mark.at), []).append(mark.text)
    for number, step in enumerate(run.steps):
        yield from _fold(step.what, width, f"{number + 1:>5} {step.time:8.3f}  ", 3)
        for detail in step.details:
            yield from _fold(detail, width, f"{_INDENT}  · ", 3)
        for effect in effects.get(number, ()):
            yield from _fold(f"{effect} takes effect", width, f"{_INDENT}  * ", 3)
        for found in broken.get(number, ()):
            lead = "✗ " if found.main else "✗ also "
            text = f"{lead}{heading(found)}: {found.message.partition(chr(10))[0]}"
            yield from _fold(text, width, _INDENT, 3)


def lane_lines(run: Run, width: int = WIDTH, part: int | None = None) -> Iterator[str]:
    """The lanes, one letter a step: those steps that fit, up to the first bad one."""
    room = max(10, width - _LABEL - 2)
    main = run.main
    last = min(len(run.steps), (main.step + 1) if main is not None else len(run.steps))
    first = max(0, last - room)
    steps = range(first, last)
    yield f"lanes, steps {first + 1} to {last} of {len(run.steps)}:"
    for lane in run.lanes:
        bars = [bar for bar in run.bars if bar.lane == lane.id]
        for row in range(lane.rows):
            label = lane.label if row == 0 else ""
            letters = _row(run, lane, bars, row, steps)
            if row == 0 or letters.strip():
                yield f"{fit(plain(label), _LABEL)} {letters}".rstrip()
    below = [" "] * len(steps)
    if part is not None and part in steps:
        below[part - first] = "|"
    if main is not None:
        below[main.step - first] = "^"
    if "".join(below).strip():
        yield f"{'':<{_LABEL}} {''.join(below)}".rstrip()
    for line in KEY:
        yield from _fold(line, width, "  ", 2)


def _row(run: Run, lane: Lane, bars: list[Bar], row: int, steps: range) -> str:
    letters = [" "] * len(steps)
    order = {"wait": 1, "lease": 2}
    for bar in sorted(bars, key=lambda bar: order.get(bar.kind, 0)):
        if bar.row != row:
            continue
        for at in range(max(int(bar.begin), steps.start), min(int(bar.end - 1e-9) + 1, steps.stop)):
            letters[at - steps.start] = _LETTERS[bar.kind]
    for mark in run.marks:
        at = int(mark.at)
        if mark.lane == lane.id and row == 0 and at in steps:
            if mark.kind == "point":
                letters[at - steps.start] = "*"
            elif mark.kind in ("fault", "cancel"):
                letters[at - steps.start] = "X"
            elif mark.kind == "step" and letters[at - steps.start] == " ":
                letters[at - steps.start] = "|"
    return "".join(letters)


def explanation_lines(found: Explanation, width: int = WIDTH, actions: str = "actions") -> Iterator[str]:
    """How far the history can be explained."""
    if found.whole:
        text = f"linearizable up to here: {found.placed} {actions} have their places (*)"
        if found.total > found.placed:
            text += f", {found.total - found.placed} more may have happened or not"
        yield from _fold(text, width, "", 2)
        return
    text = f"the history can be explained up to {found.placed} of {found.total} {actions}, the last of them:"
    yield from _fold(text, width, "", 2)
    if found.note:
        yield from _fold(found.note, width, "  ", 3)
    for line in found.last:
        yield from _fold(line, width, "  ", 3)
    if found.state:
        yield from _fold(f"then {found.state}", width, "", 5)
    for what, why in found.stuck:
        yield from _fold(f"cannot follow: {what}" + (f": {why}" if why else ""), width, "  ", 4)


def nearest_lines(nearest: Nearest, width: int = WIDTH) -> Iterator[str]:
    """The nearest passing schedule beside the failing one, around their first divergence."""
    if nearest.run is None:
        yield from _fold(
            f"no passing schedule was found near this one; looked at: {nearest.bound}", width, "", 3
        )
        return
    yield from _fold(f"the nearest schedule that passes: {'; '.join(nearest.edits)}", width, "", 6)
    yield from _fold(
        f"found after {nearest.tried} {'run' if nearest.tried == 1 else 'runs'}; looked at: {nearest.bound}",
        width,
        "",
        3,
    )
    half = (width - 2) // 2
    part = next((n for n, pair in enumerate(nearest.pairs) if pair.failing[1] != pair.passing[1]), 0)
    first, last = max(0, part - 3), min(len(nearest.pairs), part + _AROUND)
    yield f"  {'this schedule':<{half}}the nearest that passes"
    if first:
        yield f"  {'…':<{half}}…"
    for number in range(first, last):
        pair = nearest.pairs[number]
        mark = "|" if number == part else " "
        cells = [f"{n or '':>4}  {plain(text)}" for n, text in (pair.failing, pair.passing)]
        yield f"{mark} {fit(cells[0], half - 1)} {fit(cells[1], half)}".rstrip()
    if last < len(nearest.pairs):
        yield f"  {'…':<{half}}…"
    answers = [
        (bar.lane, bar.text)
        for bar in nearest.run.bars
        if bar.kind in ("operation", "failed", "unknown", "pending")
    ]
    if answers:
        yield "how its operations end:"
    for lane, text in answers:
        yield from _fold(f"{lane}: {text}", width, "  ", 2)


def _fold(text: str, width: int, lead: str, lines: int) -> list[str]:
    return fold(plain(" ".join(text.split())), width, lead, " " * (len(lead) + 2), lines)
