"""Schedule files: a failure as data, to be replayed exactly on the code it was found in.

JSON with a format version. Reading one never runs anything: a decision is text that the world looks up among what it could do.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from acpool_spec.minimise import Failure
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.strict_json import Malformed, parse_object
from acpool_spec.targets import BadInput, Target, checker_digest
from acpool_spec.world import Moment, NotEnabled, Scope, World

FORMAT = "acpool-schedule"
VERSION = 1
MAX_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a schedule file says. ``digest`` and ``checker``: of the pool's code and of the checker's, when it was written."""

    pool: str
    digest: str
    checker: str
    python: str
    scope: Scope
    decisions: tuple[str, ...]
    property_id: str
    message: str

    @property
    def feasible(self) -> str:
        """``fifo``: it can happen on stock asyncio. ``reordered``: only where ready callbacks may be reordered."""
        return self.scope.mode


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
    members = {"format": FORMAT, "version": VERSION, "feasible": schedule.feasible, **facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(members, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def load_schedule(path: Path) -> Schedule:
    """Read a schedule. Raises :class:`BadInput` with the place, what was found there and what was expected."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise BadInput(f"{path}: larger than {MAX_BYTES} bytes; expected a schedule file")
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text: {error}") from error
    try:
        members = parse_object(text)
    except Malformed as error:
        line = f", line {error.__cause__.lineno}" if isinstance(error.__cause__, json.JSONDecodeError) else ""
        raise BadInput(
            f"{path}{line}: found {error.found}; expected a schedule file, which is one JSON object"
        ) from error
    return _schedule(path, members)


def _schedule(path: Path, members: dict[str, Any]) -> Schedule:
    def member(name: str, kind: type) -> Any:
        value = members.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            raise BadInput(f"{path}: member {name!r} is {value!r}; expected a {_KINDS[kind]}")
        return value

    if members.get("format") != FORMAT:
        raise BadInput(f"{path}: member 'format' is {members.get('format')!r}; expected {FORMAT!r}")
    if members.get("version") != VERSION:
        raise BadInput(
            f"{path}: schedule format version {members.get('version')!r}; this program reads version {VERSION}"
        )
    decisions = member("decisions", list)
    for number, decision in enumerate(decisions, start=1):
        if not isinstance(decision, str):
            raise BadInput(
                f"{path}: decision {number} is {decision!r}; expected a text such as 'answer c1.open ok'"
            )
    if member("property", str) not in BY_ID:
        raise BadInput(
            f"{path}: member 'property' is {members['property']!r}; expected one of {', '.join(BY_ID)}"
        )
    texts = {name: member(name, str) for name in ("pool", "digest", "checker", "python", "message")}
    texts["property_id"] = members["property"]
    return Schedule(scope=_scope(path, member("scope", dict)), decisions=tuple(decisions), **texts)


_KINDS: dict[type, str] = {
    str: "text",
    list: "list",
    dict: "JSON object",
    int: "whole number",
    bool: "true or false",
}


def _texts(value: object) -> tuple[str, ...]:
    """The members of a list of texts; empty for anything else."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    texts = tuple(member for member in listed if isinstance(member, str))
    return texts if len(texts) == len(listed) else ()


def _scope(path: Path, members: dict[str, Any]) -> Scope:
    values: dict[str, Any] = {}
    for known in fields(Scope):
        value: object = members.get(known.name)
        kind = cast("type[object]", type(getattr(Scope(), known.name)))
        same = type(value) is kind
        texts = _texts(value)
        if kind is tuple and texts:
            values[known.name] = texts
        elif same:
            values[known.name] = value
        else:
            expected = "list of texts" if kind is tuple else _KINDS[kind]
            raise BadInput(f"{path}: member {known.name!r} of 'scope' is {value!r}; expected a {expected}")
    scope = Scope(**values)
    if (
        scope.mode not in ("fifo", "reordered")
        or not 0 < scope.clients <= 100
        or not 0 < scope.max_sessions <= 1000
        or not set(scope.operations) <= set(Scope().operations)
    ):
        raise BadInput(
            f"{path}: 'scope' is out of range; expected mode fifo or reordered, 1-100 clients, 1-1000 sessions, "
            "and operations such as get_or_create"
        )
    return scope


def require_same_code(schedule: Schedule, target: Target) -> None:
    """Raises :class:`BadInput` when the pool or the checker is not the one that the schedule was made with."""
    for what, then, now in (
        (f"pool {target.name}", schedule.digest, target.digest),
        ("checker", schedule.checker, checker_digest()),
    ):
        if then != now:
            raise BadInput(
                f"the schedule was made for other code: the {what} has digest {now}, the schedule was found with {then}; "
                "replay it with --anyway to see what it does to this code"
            )


def run_schedule(
    schedule: Schedule, target: Target, watch: Callable[[Moment], object] | None = None
) -> World:
    """Replay ``schedule``; the world, closed, with everything that was seen. Raises :class:`Divergence` at the first misfit."""
    with World(target.factory, schedule.scope, watch=watch) as world:
        for number, decision in enumerate(schedule.decisions, start=1):
            try:
                world.apply(decision)
            except NotEnabled as error:
                possible = world.enabled()
                shown = ", ".join(possible[:6]) + (", …" if len(possible) > 6 else "")
                raise Divergence(
                    f"decision {number} cannot be made: {error}; possible were: {shown}"
                ) from error
        world.finish(linearize=schedule.property_id == "S12")
        return world


def broken(world: World, schedule: Schedule) -> Violation | None:
    """The violation that ``schedule`` is about, if it happened again."""
    return world.judgement.violations.get(schedule.property_id)
