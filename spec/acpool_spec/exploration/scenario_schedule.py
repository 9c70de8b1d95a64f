"""A failing run of a scenario as a file, and the file as the same run again.

JSON with a format version. Reading one runs nothing: a decision is a number among alternatives that the run itself offers, and
alternative 0 is what stock asyncio does.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.recording import Decision
from acpool_spec.lanes import Lane
from acpool_spec.oracles import ReplayDivergence, View
from acpool_spec.simulation import DEFAULT_MAX_STEPS, Cancellable, Mode, Run, Scenario, any_task, simulate
from acpool_spec.sources import digest_of_modules
from acpool_spec.strict_json import Malformed, describe, parse_object
from acpool_spec.targets import BadInput

FORMAT = "acpool-scenario-schedule"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ScenarioSchedule:
    """One run of a scenario. ``code``: digest of the scenario and of the modules it is made of, when it was recorded.

    ``about``: where a scenario that was made for a purpose comes from, so that it can be made again; texts by their names.
    """

    scenario: str
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
        target = Path(path)
        draft = target.with_name(target.name + ".new")
        draft.write_text(self.text(), encoding="utf-8")
        draft.replace(target)

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
            "code": self.code,
            "python": self.python,
            "mode": self.mode,
            "cancellations": self.cancellations,
            "failure": {"kind": self.failure.kind, "message": self.failure.message},
            **({"about": dict(self.about)} if self.about else {}),
            "decisions": decisions,
        }
        return json.dumps(members, indent=1) + "\n"

    @staticmethod
    def load(path: str | Path) -> ScenarioSchedule:
        """Read one. Raises :class:`BadInput` with the place, what was found there and what was expected."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: cannot be read as text: {error}") from error
        return ScenarioSchedule.parse(text, str(path))

    @staticmethod
    def parse(text: str, place: str) -> ScenarioSchedule:
        """What a file of this ``text`` says; ``place`` begins the message of :class:`BadInput` where it is none."""
        try:
            members = parse_object(text)
        except Malformed as error:
            raise BadInput(f"{place}: found {error.found}; expected one JSON object") from error
        return _Reader(place, members).schedule()


def schedule_of(
    scenario: Scenario, mode: Mode, cancellations: int, failure: Failure, decisions: tuple[Decision, ...]
) -> ScenarioSchedule:
    """The schedule of a run just recorded."""
    python = platform.python_version()
    return ScenarioSchedule(
        _name_of(scenario), code_digest(scenario), python, mode, cancellations, failure, decisions
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

    Raises :class:`BadInput` when the code is not what the schedule was recorded with, unless ``anyway``; and
    :class:`ReplayDivergence` at the first decision that does not offer what it did then.
    """
    code = code_digest(scenario)
    if code != schedule.code and not anyway:
        raise BadInput(
            f"the schedule was made for other code: the scenario and what it uses have digest {code}, the schedule was "
            f"recorded with {schedule.code}; replay it with anyway=True to see what it does to this code"
        )
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
            raise ReplayDivergence(f"decision {at}: {offered}; the schedule ends before it")
        recorded = self._decisions[at]
        if (recorded.of, recorded.alternatives) != (count, labels):
            then = ", ".join(recorded.alternatives) or f"{recorded.of} values"
            raise ReplayDivergence(f"decision {at}: {offered}; recorded were: {then}")
        self._made += 1
        if self._on_decision is not None:
            self._on_decision(recorded, self._view)
        return recorded.chosen

    def end(self) -> None:
        if self._made < len(self._decisions):
            raise ReplayDivergence(
                f"the run ended at decision {self._made}; recorded were {len(self._decisions)}"
            )


def code_digest(scenario: Scenario) -> str:
    """Digest of the scenario's name, of the file it is written in, and of the modules that this one is made of."""
    sums = hashlib.blake2b(digest_size=8)
    sums.update(_name_of(scenario).encode())
    code = getattr(scenario, "__code__", None)
    if code is not None:
        file = Path(code.co_filename)
        sums.update(file.read_bytes() if file.is_file() else code.co_code)
    sums.update(digest_of_modules([scenario.__module__]).encode())
    return sums.hexdigest()


def _name_of(scenario: Scenario) -> str:
    return f"{scenario.__module__}:{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"


class _Reader:
    """Looks at every member of a schedule file before it is used."""

    def __init__(self, path: str, members: dict[str, Any]) -> None:
        self._path = path
        self._members = members

    def schedule(self) -> ScenarioSchedule:
        version: object = self._members.get("version")
        if self._members.get("format") != FORMAT or type(version) is not int or version != VERSION:
            shown = f"{describe(self._members.get('format'))} and {describe(version)}"
            raise BadInput(f"{self._path}: format and version are {shown}; expected {FORMAT} and {VERSION}")
        mode = self._member(self._members, "mode", str, "mode fifo or reordered")
        if mode not in ("fifo", "reordered"):
            raise BadInput(f"{self._path}: member 'mode' is {describe(mode)}; expected fifo or reordered")
        failure = self._member(self._members, "failure", dict, "object")
        listed = self._member(self._members, "decisions", list, "list")
        return ScenarioSchedule(
            scenario=self._member(self._members, "scenario", str, "text"),
            code=self._member(self._members, "code", str, "text"),
            python=self._member(self._members, "python", str, "text"),
            mode="fifo" if mode == "fifo" else "reordered",
            cancellations=self._member(self._members, "cancellations", int, "whole number"),
            failure=Failure(
                self._member(failure, "kind", str, "text"), self._member(failure, "message", str, "text")
            ),
            decisions=tuple(self._decision(number, made) for number, made in enumerate(listed)),
            about=self._about(),
        )

    def _about(self) -> dict[str, str]:
        about: object = self._members.get("about", {})
        shown = describe(about)
        members = cast("dict[str, object]", about) if isinstance(about, dict) else {}
        texts = {name: value for name, value in members.items() if isinstance(value, str)}
        if about != texts:
            raise BadInput(f"{self._path}: member 'about' is {shown}; expected an object of texts")
        return texts

    def _member(self, members: dict[str, Any], name: str, kind: type, expected: str) -> Any:
        value = members.get(name)
        if type(value) is not kind:
            raise BadInput(f"{self._path}: member {name!r} is {describe(value)}; expected a {expected}")
        return value

    def _decision(self, number: int, made: Any) -> Decision:
        where = f"{self._path}: decision {number}"
        if type(made) is not dict:
            raise BadInput(f"{where} is {describe(made)}; expected an object")
        members = cast("dict[str, Any]", made)
        chosen: object = members.get("chosen")
        count: object = members.get("of")
        of, labels = describe(count), tuple[str, ...]()
        if isinstance(count, list):
            listed = cast("list[object]", count)
            labels = tuple(label for label in listed if isinstance(label, str))
            if len(labels) != len(listed):
                raise BadInput(f"{where}: member 'of' is {of}; expected texts")
            count = len(labels)
        if type(chosen) is not int or type(count) is not int or not 0 <= chosen < count or count < 2:
            raise BadInput(f"{where}: {describe(chosen)} of {of}; expected one of at least two alternatives")
        return Decision(chosen, count, labels)
