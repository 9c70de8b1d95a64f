"""Units of work and their results, as values and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, cast

from acpool_spec.exploration import Certificate
from acpool_spec.exploration.failures import Failure
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


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a unit.

    ``parts``: the scope was too large and was divided; the certificate is of its top then. ``schedule``: the text of the
    schedule file of a violation. ``stopped``: it was told to end, so that the result says nothing. ``seconds``: how long it
    took, for the reader alone.
    """

    certificate: Certificate
    seconds: float = 0.0
    failure: Failure | None = None
    schedule: str | None = None
    parts: tuple[Prefix, ...] | None = None
    stopped: bool = False

    @property
    def settled(self) -> bool:
        """Whether another try would come to the same result, so that it is worth keeping."""
        if self.stopped:
            return False
        if self.parts is not None:
            return not self.certificate.skips
        return self.certificate.outcome() is not Outcome.UNDECIDED

    def record(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "certificate": {
                known.name: getattr(self.certificate, known.name) for known in fields(self.certificate)
            },
            "seconds": self.seconds,
            "failure": None if self.failure is None else [self.failure.kind, self.failure.message],
            "schedule": self.schedule,
            "parts": None if self.parts is None else [list(prefix) for prefix in self.parts],
            "stopped": self.stopped,
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
        parts=None if parts is None else tuple(prefix_of(part) for part in _list(parts, "parts", list)),
        stopped=_typed(record, "stopped", bool),
    )


def prefix_of(value: object) -> Prefix:
    """The prefix that ``value`` tells of. Raises :class:`Malformed` where it is none."""
    prefix = tuple(_list(value, "prefix", int))
    if any(chosen < 0 for chosen in prefix):
        raise Malformed(f"the prefix {describe(value)}", "numbers of alternatives")
    return prefix


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
    if any(type(each) is not kind for each in listed) or length not in (None, len(listed)):
        raise Malformed(f"the member {name!r} {shown}", f"a list of type {kind.__name__}")
    return listed
