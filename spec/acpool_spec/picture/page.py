"""A story as one page that stands alone: no network, one script and one style that its policy knows by their hashes.

What the story says goes into the page as JSON in a block of data, in which no character can end the block, and comes out of it as
text of elements, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, cast

from rich.console import Console
from rich.markup import escape

from acpool_spec.console import say
from acpool_spec.json_file import write_whole
from acpool_spec.making import plain
from acpool_spec.picture.short import in_short
from acpool_spec.picture.story import Bar, Mark, Run, Story
from acpool_spec.picture.text import text_lines
from acpool_spec.targets import BadInput

LEGEND = (
    "Bars: operations of clients, below them hatched what they wait for and, solid, the lease they hold; of a key the sessions"
    " that live under it and, dotted, where the pool has it; of a connection its stages. ▾ a decision of the outside, ▮ a step,"
    " ◇ where an operation took effect, ✕ a fault or a cancellation, ✖ where the property broke. The axis counts steps, time is"
    " beside it. Click for detail."
)
LEGEND_OF_OPERATIONS = (
    "Bars: operations, from the invocation to the answer; dashed, one that has none. ◇ where one took effect in the order"
    " that was found, ✖ one that cannot come next. The axis counts invocations and answers, time is beside it. Click for detail."
)
"""Of a picture that has no keys and no connections."""


_LONGEST = 400  # characters of one text: the JSON of a key of ten thousand would be all that there is to see


def write_page(story: Story, path: Path) -> None:
    """Write ``story`` to ``path``; an older file of that name is replaced whole or not at all.

    Raises :class:`BadInput` where it cannot be written.
    """
    try:
        write_whole(path, page(story))
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(
            f"{path}: the picture cannot be written: {why}; expected the name of a file for it"
        ) from error


def write_picture(console: Console, story: Story, path: Path) -> None:
    """:func:`write_page`, and say so. The last thing that a command does: what it printed before is there whatever happens."""
    write_page(story, path)
    say(console, escape(f"the picture is in {path}"))


def page(story: Story) -> str:
    """The page of ``story``."""
    room = files("acpool_spec.picture")
    template, style, script = (
        (room / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    text = "\n".join(text_lines(story))
    return Template(template).substitute(
        policy=html.escape(policy, quote=False),
        title=html.escape(_seen(story.title)),
        style=style,
        script=script,
        text=html.escape(text),
        story=_block({**_seen(_facts(story)), "text": text}),
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _block(value: object) -> str:
    """JSON without a character that means something to HTML; other than ASCII is escaped, too."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _seen(value: Any) -> Any:
    """``value`` with texts that can be read: none longer than a screen, none that turns what is beside it."""
    if isinstance(value, str):
        if len(value) > _LONGEST:
            value = f"{value[: _LONGEST - 60]} … {value[-40:]} ({len(value):,} characters)"
        return plain(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _seen(member) for name, member in members.items()}
    if isinstance(value, list | tuple):
        return [_seen(member) for member in cast("list[Any]", value)]
    return value


def _facts(story: Story) -> dict[str, Any]:
    runs = [story.run]
    nearest = story.nearest
    if nearest is not None and nearest.run is not None:
        runs.append(nearest.run)
    found = story.explanation
    return {
        "verdict": story.verdict.partition("\n")[0],
        "bad": story.bad,
        "facts": story.facts,
        "callers": story.callers,
        "actions": story.actions,
        "clock": story.clock,
        "legend": LEGEND_OF_OPERATIONS if story.callers == "processes" else LEGEND,
        "runs": [_run(run) for run in runs],
        "nearest": None
        if nearest is None
        else {
            "edits": nearest.edits,
            "tried": nearest.tried,
            "bound": nearest.bound,
            "diverges": nearest.diverges,
            "pairs": [[pair.failing, pair.passing] for pair in nearest.pairs],
        },
        "explanation": None
        if found is None
        else {
            "placed": found.placed,
            "total": found.total,
            "last": found.last,
            "state": found.state,
            "stuck": found.stuck,
            "whole": found.whole,
            "note": found.note,
        },
    }


def _run(run: Run) -> dict[str, Any]:
    number = {lane.id: place for place, lane in enumerate(run.lanes)}
    return {
        "title": run.title,
        "note": run.note,
        "short": in_short(run),
        "steps": [
            {
                "time": step.time,
                "decision": step.decision,
                "what": step.what,
                "details": step.details,
                "event": step.notable,
            }
            for step in run.steps
        ],
        "lanes": [
            {"group": lane.group, "label": lane.label, "rows": lane.rows, "bad": lane.bad}
            for lane in run.lanes
        ],
        "bars": list(_bars(run.bars, number)),
        "marks": list(_marks(run.marks, number)),
        "breaks": [
            {
                "property": broken.property,
                "name": broken.name,
                "statement": broken.statement,
                "message": broken.message,
                "step": broken.step,
                "main": broken.main,
            }
            for broken in run.breaks
        ],
        "states": [[{"title": part.title, "lines": part.lines} for part in state] for state in run.states],
        "stateAt": run.state_at,
    }


def _bars(bars: Iterable[Bar], number: dict[str, int]) -> Iterable[dict[str, Any]]:
    for bar in bars:
        yield {
            "lane": number[bar.lane],
            "begin": round(bar.begin, 3),
            "end": round(bar.end, 3),
            "kind": bar.kind,
            "text": bar.text,
            "detail": bar.detail,
            "row": bar.row,
            "bad": bar.bad,
        }


def _marks(marks: Iterable[Mark], number: dict[str, int]) -> Iterable[dict[str, Any]]:
    for mark in marks:
        yield {
            "lane": number[mark.lane],
            "at": round(mark.at, 3),
            "kind": mark.kind,
            "text": mark.text,
            "row": mark.row,
        }
