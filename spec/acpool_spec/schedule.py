"""Schedule files: a failure as data, to be replayed exactly on the code it was found in.

JSON with a format version. Reading one never runs anything: a decision is text that the world looks up among what it could do.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from acpool_spec.json_file import JsonObject, object_text, read_text, write_whole
from acpool_spec.making import clip
from acpool_spec.minimise import Failure
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.refinement.direction import DirectedWorld, world_of
from acpool_spec.strict_json import describe
from acpool_spec.targets import BadInput, Target, checker_digest
from acpool_spec.world import DIRECTED, Moment, NotEnabled, Scope, World

FORMAT = "acpool-schedule"
VERSION = 1
WHAT = "a schedule file"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a schedule was read, as the beginning of a message: ``file``, and the line of each decision; empty for one made
    here."""

    file: str = ""
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}: " if self.file else ""

    def of(self, number: int) -> str:
        """The place of decision ``number``, from 1."""
        return f"{self.file}, line {self.lines[number - 1]}: " if number <= len(self.lines) else str(self)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a schedule file says. ``digest`` and ``checker``: of the pool's code and of the checker's, when it was written.

    ``places``: where it was read, which makes no difference otherwise.
    """

    pool: str
    digest: str
    checker: str
    python: str
    scope: Scope
    decisions: tuple[str, ...]
    property_id: str
    message: str
    places: Places = field(default=Places(), compare=False, repr=False)

    @property
    def feasible(self) -> str:
        """``fifo``: it can happen on stock asyncio. ``reordered``: only where ready callbacks may be reordered, or be late."""
        return "fifo" if self.scope.mode == "fifo" else "reordered"

    @property
    def fingerprint(self) -> str:
        """Equal for the same decisions that break the same property of the same pool: 16 hexadecimal digits."""
        said = (self.pool, self.property_id, self.scope, self.decisions)
        return hashlib.blake2b(repr(said).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


class Divergence(BadInput):
    """The run does not follow its schedule: it is not the code that the schedule was made for."""


def schedule_of(target: Target, failure: Failure) -> Schedule:
    """The schedule of ``failure``, found in ``target`` by this code."""
    return Schedule(
        pool=target.name,
        digest=target.digest,
        checker=checker_digest(),
        python=platform.python_version(),
        scope=failure.scope,
        decisions=failure.decisions,
        property_id=failure.violation.property,
        message=failure.violation.message,
    )


def save_schedule(schedule: Schedule, path: Path) -> None:
    """Write ``schedule``; an older file of that name is replaced whole or not at all."""
    facts = asdict(schedule)
    facts["property"] = facts.pop("property_id")
    del facts["places"]
    members = {"format": FORMAT, "version": VERSION, "feasible": schedule.feasible, **facts}
    write_whole(path, object_text(members))


def load_schedule(path: Path) -> Schedule:
    """Read a schedule. Raises :class:`BadInput` with the place, what was found there and what was expected."""
    found = JsonObject(read_text(path, WHAT), str(path), WHAT)
    found.require_format(FORMAT, VERSION)
    decisions = found.texts("decisions", expected="a text such as 'answer c1.open ok'")
    property_id = found.member(str, "property")
    if property_id not in BY_ID:
        raise found.refusal(f"one of {', '.join(BY_ID)}", "property")
    texts = {name: found.member(str, name) for name in ("pool", "digest", "checker", "python", "message")}
    return Schedule(
        scope=_scope(found),
        decisions=decisions,
        property_id=property_id,
        places=Places(str(path), found.lines("decisions")),
        **texts,
    )


def _scope(found: JsonObject) -> Scope:
    found.member(dict, "scope")
    values = {known.name: _member(found, known.name) for known in fields(Scope)}
    scope = Scope(**values)
    for name, fits, expected in (
        ("mode", scope.mode in ("fifo", "reordered", DIRECTED), "fifo, reordered or directed"),
        ("clients", 0 < scope.clients <= 100, "1 to 100"),
        ("max_sessions", 0 < scope.max_sessions <= 1000, "1 to 1000"),
        ("operations", set(scope.operations) <= set(Scope().operations), ", ".join(Scope().operations)),
    ):
        if not fits:
            raise found.refusal(expected, "scope", name)
    return scope


def _member(found: JsonObject, name: str) -> Any:
    default: object = getattr(Scope(), name)
    if isinstance(default, tuple):
        return found.some_texts("scope", name)
    return found.member(type(default), "scope", name)


def require_same_code(schedule: Schedule, target: Target) -> None:
    """Raises :class:`BadInput` when pool, checker or Python are not those that the schedule was made with.

    Another minor version of Python counts as other code: its asyncio may take other steps.
    """
    anyway = "replay it with --anyway to see what it does to this code"
    for what, then, now in (
        (f"pool {target.name}", schedule.digest, target.digest),
        ("checker", schedule.checker, checker_digest()),
    ):
        if then != now:
            raise BadInput(
                f"{schedule.places}the schedule was made for other code: the {what} has digest {now}, the schedule was found "
                f"with {clip(then)}; {anyway}"
            )
    here = platform.python_version()
    if _minor(schedule.python) != _minor(here):
        raise BadInput(
            f"{schedule.places}the schedule was recorded with Python {clip(schedule.python)}, this is Python {here}, whose "
            f"asyncio may take other steps; {anyway}"
        )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def run_schedule(
    schedule: Schedule, target: Target, watch: Callable[[Moment], object] | None = None
) -> World | DirectedWorld:
    """Replay ``schedule``; the world, closed, with everything that was seen. Raises :class:`Divergence` at the first misfit."""
    with world_of(target.factory, schedule.scope, watch=watch) as world:
        for number, decision in enumerate(schedule.decisions, start=1):
            try:
                world.apply(decision)
            except NotEnabled as error:
                possible = world.enabled()
                shown = ", ".join(map(_shown, possible[:6])) + (", …" if len(possible) > 6 else "")
                raise Divergence(
                    f"{schedule.places.of(number)}decision {number} cannot be made: {describe(decision)}: {error.why}; "
                    f"possible were: {shown}"
                ) from error
        world.finish(linearize=schedule.property_id == "S12")
        return world


def _shown(decision: str) -> str:
    """A decision on one line, whatever its key is made of."""
    return clip(decision if decision.isprintable() else repr(decision))


def broken(world: World | DirectedWorld, schedule: Schedule) -> Violation | None:
    """The violation that ``schedule`` is about, if it happened again."""
    return world.judgement.violations.get(schedule.property_id)
