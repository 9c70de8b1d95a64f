"""Schedule files: a failure as data, to be replayed exactly on the code it was found in.

JSON with a format version. Reading one never runs anything: a decision is text that the world looks up among what it could do.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeGuard, cast

from acpool_spec.json_places import line_of, lines_of
from acpool_spec.making import clip
from acpool_spec.minimise import Failure
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.strict_json import Malformed, describe, parse_object
from acpool_spec.targets import BadInput, Target, checker_digest
from acpool_spec.world import Moment, NotEnabled, Scope, World

FORMAT = "acpool-schedule"
VERSION = 1
MAX_BYTES = 16 * 2**20


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
    del facts["places"]
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
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path}: larger than {MAX_BYTES} bytes; expected a schedule file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{path}, line {line}: found bytes that are not UTF-8; expected a schedule file"
        ) from error
    try:
        members = parse_object(text)
    except Malformed as error:
        place = (
            f", line {error.__cause__.lineno}" if isinstance(error.__cause__, json.JSONDecodeError) else ""
        )
        raise BadInput(
            f"{path}{place}: found {error.found}; expected a schedule file, which is one JSON object"
        ) from error
    return _Reader(path, text, members).schedule()


class _Reader:
    """The members of a schedule file, looked at one by one; says of the first that cannot be used where it stands."""

    def __init__(self, path: Path, text: str, members: dict[str, Any]) -> None:
        self._path = path
        self._text = text
        self._members = members

    def schedule(self) -> Schedule:
        """The schedule. Raises :class:`BadInput`."""
        if self._members.get("format") != FORMAT:
            raise self._refusal(repr(FORMAT), "format")
        if self._member("version", int) != VERSION:
            raise self._refusal(f"{VERSION}, the one version that this program reads", "version")
        decisions = self._member("decisions", list)
        for number, decision in enumerate(decisions):
            if not isinstance(decision, str):
                raise self._refusal("a text such as 'answer c1.open ok'", "decisions", number)
        if self._member("property", str) not in BY_ID:
            raise self._refusal(f"one of {', '.join(BY_ID)}", "property")
        texts = {name: self._member(name, str) for name in ("pool", "digest", "checker", "python", "message")}
        self._member("scope", dict)
        return Schedule(
            scope=self._scope(),
            decisions=tuple(decisions),
            property_id=self._members["property"],
            places=Places(str(self._path), lines_of(self._text, "decisions")),
            **texts,
        )

    def _scope(self) -> Scope:
        values = {
            known.name: self._member(known.name, _kind(known.name), inside="scope") for known in fields(Scope)
        }
        scope = Scope(**values)
        for name, fits, expected in (
            ("mode", scope.mode in ("fifo", "reordered"), "fifo or reordered"),
            ("clients", 0 < scope.clients <= 100, "1 to 100"),
            ("max_sessions", 0 < scope.max_sessions <= 1000, "1 to 1000"),
            ("operations", set(scope.operations) <= set(Scope().operations), ", ".join(Scope().operations)),
        ):
            if not fits:
                raise self._refusal(expected, "scope", name)
        return scope

    def _member(self, name: str, kind: type, inside: str = "") -> Any:
        value: object = (self._members[inside] if inside else self._members).get(name)
        if kind is tuple and _is_texts(value):
            return tuple(value)
        if type(value) is not kind:
            raise self._refusal(_KINDS[kind], *((inside, name) if inside else (name,)))
        return value

    def _refusal(self, expected: str, *path: str | int) -> BadInput:
        """The error about the value at ``path``, which is not what was ``expected``."""
        value: Any = self._members
        for step in path[:-1]:
            value = value[step]
        last = path[-1]
        found = describe(value[last]) if isinstance(last, int) or last in value else "missing"
        line = line_of(self._text, *path)
        where = f"{self._path}, line {line}" if line is not None else str(self._path)
        if isinstance(last, int):
            what = f"decision {last + 1}"
        else:
            what = f"member {last!r}" + (f" of {path[0]!r}" if len(path) > 1 else "")
        return BadInput(f"{where}: {what} is {found}; expected {expected}")


def _kind(name: str) -> type[object]:
    value: object = getattr(Scope(), name)
    return type(value)


_KINDS: dict[type, str] = {
    str: "a text",
    list: "a list",
    tuple: "a list of at least one text",
    dict: "a JSON object",
    int: "a whole number",
    bool: "true or false",
}


def _is_texts(value: object) -> TypeGuard[list[str]]:
    """Whether ``value`` is a list of texts, and of one at least."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return bool(listed) and all(isinstance(member, str) for member in listed)


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
) -> World:
    """Replay ``schedule``; the world, closed, with everything that was seen. Raises :class:`Divergence` at the first misfit."""
    with World(target.factory, schedule.scope, watch=watch) as world:
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


def broken(world: World, schedule: Schedule) -> Violation | None:
    """The violation that ``schedule`` is about, if it happened again."""
    return world.judgement.violations.get(schedule.property_id)
