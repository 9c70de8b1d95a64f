"""Units of work and their results, as values and as JSON."""

from __future__ import annotations

import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, NamedTuple, cast

from acpool_spec.exploration import Certificate, Estimate
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.handover import KEY_BYTES, Part
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.strict_json import Malformed, describe
from acpool_spec.verdict import Outcome


class Unit(NamedTuple):
    """What one worker explores at a time: the scope of that name, or the part of it that lies below ``prefix``."""

    scope: str
    prefix: Prefix = ()

    @property
    def part(self) -> str:
        """The part, in words."""
        return f"part {'.'.join(map(str, self.prefix))}" if self.prefix else "the scope"

    def __str__(self) -> str:
        return f"{self.scope}, {self.part}" if self.prefix else self.scope


class Counts(NamedTuple):
    """How far the exploration of a unit is. ``behind``: the share of its tree behind it, from 0 to 1 (see ``Walk``)."""

    executions: int
    states: int
    behind: float


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a unit.

    ``parts``: it was too large, and this is what was left open, to be explored part by part; the certificate is of what was
    explored, and ``known`` are the states that it was the first to know, one key after the other. ``schedule``: the text of the
    schedule file of a violation. ``stopped``: it was told to end, so that it does not count as done; ``behind``: how far it was,
    ``estimate``: what that may be of the whole, where it was estimated.
    ``seconds``: how long it took, for the reader alone.
    """

    certificate: Certificate
    seconds: float = 0.0
    failure: Failure | None = None
    schedule: str | None = None
    parts: tuple[Part, ...] | None = None
    known: bytes = b""
    stopped: bool = False
    behind: float = 1.0
    estimate: Estimate | None = None

    @property
    def settled(self) -> bool:
        """Whether another try would come to the same result, so that it is worth keeping."""
        if self.stopped:
            return False
        if self.parts is not None or self.certificate.outcome() is not Outcome.UNDECIDED:
            return True
        # A sampler came to its end, or runs were counted.
        counted = any(skip.startswith("the budget executions=") for skip in self.certificate.skips)
        return counted or not self.certificate.exhaustive

    def record(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "certificate": {
                known.name: getattr(self.certificate, known.name) for known in fields(self.certificate)
            },
            "seconds": self.seconds,
            "failure": None if self.failure is None else [self.failure.kind, self.failure.message],
            "schedule": self.schedule,
            "parts": None if self.parts is None else [[list(part.prefix), part.share] for part in self.parts],
            "known": binascii.b2a_base64(self.known, newline=False).decode("ascii"),
            "stopped": self.stopped,
            "behind": self.behind,
            "estimate": None if self.estimate is None else astuple(self.estimate),
        }


def result_of(record: Mapping[str, Any]) -> Result:
    """The result that ``record`` tells of. Raises :class:`Malformed` where it is none."""
    failure, parts = record.get("failure"), record.get("parts")
    if failure is not None:
        kind, message = _list(failure, "failure", str, 2)
        failure = Failure(kind, message)
    return Result(
        certificate=_certificate(_typed(record, "certificate", dict)),
        seconds=float(_typed(record, "seconds", float)),
        failure=failure,
        schedule=None if record.get("schedule") is None else _typed(record, "schedule", str),
        parts=None if parts is None else tuple(_part(part) for part in _list(parts, "parts", list)),
        known=_keys(_typed(record, "known", str)),
        stopped=_typed(record, "stopped", bool),
        behind=_typed(record, "behind", float),
        estimate=_estimate(record.get("estimate")),
    )


def prefix_of(value: object) -> Prefix:
    """The prefix that ``value`` tells of. Raises :class:`Malformed` where it is none."""
    prefix = tuple(_list(value, "prefix", int))
    if any(chosen < 0 for chosen in prefix):
        raise Malformed(f"the prefix {describe(value)}", "numbers of alternatives")
    return prefix


def _part(value: list[object]) -> Part:
    if len(value) != 2 or type(value[1]) is not float:
        raise Malformed(f"the part {describe(value)}", "a prefix and a share")
    return Part(prefix_of(value[0]), value[1])


def _estimate(value: object) -> Estimate | None:
    if value is None:
        return None
    size, fraction, interval, probes = _list(value, "estimate", object, 4)
    low, high = _list(interval, "estimate", float, 2)
    numbers = (
        float(_typed({"size": size}, "size", float)),
        float(_typed({"fraction": fraction}, "fraction", float)),
    )
    return Estimate(*numbers, (low, high), int(_typed({"probes": probes}, "probes", int)))


def _keys(text: str) -> bytes:
    try:
        known = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        known = b"?"
    if len(known) % KEY_BYTES:
        raise Malformed(f"the member 'known' {describe(text)}", f"keys of {KEY_BYTES} bytes in base64")
    return known


def _certificate(members: Mapping[str, Any]) -> Certificate:
    certificate = Certificate(exhaustive=False)
    for known in fields(Certificate):
        kind = cast("type[object]", type(getattr(certificate, known.name)))
        if kind is Counter:
            counts = _typed(members, known.name, dict)
            if any(type(count) is not int for count in counts.values()):
                raise Malformed(f"the member {known.name!r} {describe(counts)}", "counts by name")
            setattr(certificate, known.name, Counter(counts))
        else:
            setattr(certificate, known.name, _typed(members, known.name, kind))
    if len(members) != len(fields(Certificate)):
        raise Malformed("a certificate with more members", f"{len(fields(Certificate))}")
    return certificate


def _typed(members: Mapping[str, Any], name: str, kind: type) -> Any:
    value = members.get(name)
    if type(value) is not kind:
        raise Malformed(f"the member {name!r} {describe(value)}", f"a value of type {kind.__name__}")
    return value


def _list(value: object, name: str, kind: type, length: int | None = None) -> Sequence[Any]:
    shown = describe(value)
    listed = cast("list[object]", value if isinstance(value, list) else [None])
    if any(kind is not object and type(each) is not kind for each in listed) or length not in (
        None,
        len(listed),
    ):
        raise Malformed(f"the member {name!r} {shown}", f"a list of type {kind.__name__}")
    return listed
