"""A failing run of a scenario as a file, and the file as the same run again.

JSON with a format version. Reading one runs nothing: a decision is a number among alternatives that the run itself offers, and
alternative 0 is what stock asyncio does.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CellType
from typing import Any, cast

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.recording import Decision
from acpool_spec.json_file import JsonObject, object_text, read_text, write_whole
from acpool_spec.lanes import Lane
from acpool_spec.making import clip
from acpool_spec.oracles import ReplayDivergence, View
from acpool_spec.simulation import DEFAULT_MAX_STEPS, Cancellable, Mode, Run, Scenario, any_task, simulate
from acpool_spec.sources import digest_of_modules
from acpool_spec.targets import BadInput

FORMAT = "acpool-scenario-schedule"
VERSION = 1
WHAT = "a schedule file"


@dataclass(frozen=True, slots=True)
class ScenarioSchedule:
    """One run of a scenario. ``digest``: of the scenario, its own file and what it was made with; ``code``: of the modules that
    this file is made of, the code under test among them; both when it was recorded, with this version of ``python``.

    ``about``: where a scenario that was made for a purpose comes from, so that it can be made again; texts by their names.
    """

    scenario: str
    digest: str
    code: str
    python: str
    mode: Mode
    cancellations: int
    failure: Failure
    decisions: tuple[Decision, ...]
    about: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    @property
    def feasible(self) -> Mode:
        """``fifo``: it can happen on stock asyncio. ``reordered``: only where ready callbacks may be reordered."""
        return self.mode

    def save(self, path: str | Path) -> None:
        """Write it; an older file of that name is replaced whole or not at all."""
        write_whole(Path(path), self.text())

    def text(self) -> str:
        """What a file of it consists of."""
        decisions = [
            {"chosen": made.chosen, "of": list(made.alternatives) if made.alternatives else made.of}
            for made in self.decisions
        ]
        members = {
            "format": FORMAT,
            "version": VERSION,
            "scenario": self.scenario,
            "digest": self.digest,
            "code": self.code,
            "python": self.python,
            "mode": self.mode,
            "cancellations": self.cancellations,
            "failure": {"kind": self.failure.kind, "message": self.failure.message},
            **({"about": dict(self.about)} if self.about else {}),
            "decisions": decisions,
        }
        return object_text(members)

    @staticmethod
    def load(path: str | Path) -> ScenarioSchedule:
        """Read one. Raises :class:`BadInput` with the place, what was found there and what was expected."""
        return ScenarioSchedule.parse(read_text(Path(path), WHAT), str(path))

    @staticmethod
    def parse(text: str, place: str) -> ScenarioSchedule:
        """What a file of this ``text`` says; ``place`` begins the message of :class:`BadInput` where it is none."""
        return _read(JsonObject(text, place, WHAT))


def schedule_of(
    scenario: Scenario, mode: Mode, cancellations: int, failure: Failure, decisions: tuple[Decision, ...]
) -> ScenarioSchedule:
    """The schedule of a run just recorded."""
    return ScenarioSchedule(
        scenario=name_of(scenario),
        digest=scenario_digest(scenario),
        code=code_digest(scenario),
        python=platform.python_version(),
        mode=mode,
        cancellations=cancellations,
        failure=failure,
        decisions=decisions,
    )


def require_same_code(schedule: ScenarioSchedule, scenario: Scenario) -> None:
    """Raises :class:`BadInput` where scenario, code or Python are not those that ``schedule`` was recorded with.

    Another minor version of Python counts as other code: its asyncio may take other steps.
    """
    anyway = "replay it with anyway=True to see what it does to this code"
    if schedule.scenario != name_of(scenario):
        raise BadInput(
            f"the schedule was made for other code: it is of scenario {clip(schedule.scenario)}, this is {name_of(scenario)}; "
            f"{anyway}"
        )
    for what, then, now in (
        ("scenario", schedule.digest, scenario_digest(scenario)),
        ("code that the scenario is made of", schedule.code, code_digest(scenario)),
    ):
        if then != now:
            raise BadInput(
                f"the schedule was made for other code: the {what} has digest {now}, the schedule was recorded with "
                f"{clip(then)}; {anyway}"
            )
    here = platform.python_version()
    if schedule.python.split(".")[:2] != here.split(".")[:2]:
        raise BadInput(
            f"the schedule was recorded with Python {clip(schedule.python)}, this is Python {here}, whose asyncio may take "
            f"other steps; {anyway}"
        )


def replay(
    scenario: Scenario,
    schedule: ScenarioSchedule,
    *,
    cancellable: Cancellable = any_task,
    anyway: bool = False,
    on_decision: Callable[[Decision, View], object] | None = None,
    on_step: Callable[[Lane], object] | None = None,
) -> Run:
    """Run ``scenario`` as ``schedule`` says, with the ``cancellable`` it was explored with. ``failure_of`` what comes back
    tells whether it still fails. ``on_decision`` is called as each decision is made, ``on_step`` before each callback.

    Raises :class:`BadInput` as :func:`require_same_code` does, unless ``anyway``; and
    :class:`ReplayDivergence` at the first decision that does not offer what it did then.
    """
    if not anyway:
        require_same_code(schedule, scenario)
    return simulate(
        scenario,
        _Strict(schedule.decisions, on_decision),
        mode=schedule.mode,
        cancellations=schedule.cancellations,
        cancellable=cancellable,
        max_steps=DEFAULT_MAX_STEPS,
        on_step=on_step,
    )


class _Strict:
    """Follows recorded decisions, and fails at the first that offers something else."""

    def __init__(
        self, decisions: tuple[Decision, ...], on_decision: Callable[[Decision, View], object] | None
    ) -> None:
        self._decisions = decisions
        self._on_decision = on_decision
        self._made = 0
        self._view: View | None = None

    def begin(self, view: View) -> None:
        self._made = 0
        self._view = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        assert self._view is not None
        at = self._made
        labels = self._view.labels() if kind == "schedule" else ()
        offered = ", ".join(labels) or f"{count} values"
        if at == len(self._decisions):
            raise ReplayDivergence(f"decision {at + 1}: {offered}; the schedule ends before it")
        recorded = self._decisions[at]
        if (recorded.of, recorded.alternatives) != (count, labels):
            then = ", ".join(recorded.alternatives) or f"{recorded.of} values"
            raise ReplayDivergence(f"decision {at + 1}: {offered}; recorded were: {then}")
        self._made += 1
        if self._on_decision is not None:
            self._on_decision(recorded, self._view)
        return recorded.chosen

    def end(self) -> None:
        if self._made < len(self._decisions):
            raise ReplayDivergence(
                f"the run ended before decision {self._made + 1}; recorded were {len(self._decisions)}"
            )


def name_of(scenario: Scenario) -> str:
    """``module:name`` of the scenario, or of its class."""
    return f"{scenario.__module__}:{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"


def scenario_digest(scenario: Scenario) -> str:
    """Digest of the scenario's name, of the file it is written in, and of what it was made with: 16 hexadecimal digits.

    What it was made with are the values of enclosing functions that cannot change; others are left out.
    """
    sums = hashlib.blake2b(name_of(scenario).encode(), digest_size=8)
    code = getattr(scenario, "__code__", None)
    if code is not None:
        file = Path(code.co_filename)
        sums.update(file.read_bytes() if file.is_file() else code.co_code)
    for cell in cast("tuple[CellType, ...]", getattr(scenario, "__closure__", None) or ()):
        with suppress(ValueError):  # a name that its function has not bound yet
            sums.update(_fixed(cell.cell_contents).encode("utf-8", "surrogatepass") + b"\0")
    return sums.hexdigest()


def _fixed(value: object) -> str:
    if isinstance(value, tuple | frozenset):
        members = [_fixed(member) for member in cast("tuple[object, ...]", value)]
        return str(members if isinstance(value, tuple) else sorted(members))
    return repr(value) if value is None or type(value) in (bool, int, float, str, bytes) else ""


def code_digest(scenario: Scenario) -> str:
    """Digest of the modules that the scenario's module is made of, itself included: 16 hexadecimal digits."""
    return digest_of_modules([scenario.__module__])


def _read(found: JsonObject) -> ScenarioSchedule:
    """The schedule in a file, every member looked at before it is used."""
    found.require_format(FORMAT, VERSION)
    mode = found.member(str, "mode")
    if mode not in ("fifo", "reordered"):
        raise found.refusal("fifo or reordered", "mode")
    cancellations = found.member(int, "cancellations")
    if cancellations < 0:
        raise found.refusal("a number that is not negative", "cancellations")
    found.member(dict, "failure")
    about: dict[str, Any] = found.member(dict, "about") if "about" in found.members else {}
    if not all(isinstance(value, str) for value in about.values()):
        raise found.refusal("an object of texts", "about")
    return ScenarioSchedule(
        scenario=found.member(str, "scenario"),
        digest=found.member(str, "digest"),
        code=found.member(str, "code"),
        python=found.member(str, "python"),
        mode="fifo" if mode == "fifo" else "reordered",
        cancellations=cancellations,
        failure=Failure(found.member(str, "failure", "kind"), found.member(str, "failure", "message")),
        decisions=tuple(_decision(found, number) for number in range(len(found.member(list, "decisions")))),
        about=about,
    )


def _decision(found: JsonObject, number: int) -> Decision:
    path = ("decisions", number)
    made: dict[str, object] = found.member(dict, *path)
    labels: tuple[str, ...] = ()
    if isinstance(made.get("of"), list):
        labels = found.texts(*path, "of", expected="a text")
        count = len(labels)
    else:
        count = found.member(int, *path, "of")
    if count < 2:
        raise found.refusal("two alternatives, or more", *path, "of")
    chosen = found.member(int, *path, "chosen")
    if not 0 <= chosen < count:
        raise found.refusal(f"the number of one of {count} alternatives, from 0", *path, "chosen")
    return Decision(chosen, count, labels)
