"""The decisions of the core: which states each is about, how it is made, and which steps it has to tell of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from acpool.records import Waiter
from acpool_model.actions import SHAPES, Action, Kind
from acpool_model.machine import guard
from acpool_model.state import Dying, Phase, Stage, State, Want
from acpool_spec.proofs.decisions.embodiment import KEY_NAMES, WISHES, Caller, EmbodiedCore, Process
from acpool_spec.proofs.decisions.run import Run
from acpool_spec.proofs.decisions.structure import Case, Values

NAME: Final = KEY_NAMES[0]
"""The key that decisions are about."""

Drive = Callable[[EmbodiedCore], object]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision: ``drive`` makes it, in the states of ``case``; it is the step ``told`` if the model enables ``action``.

    Where ``instead`` is given it is the step told where the model does not enable ``action``; otherwise none is.
    """

    name: str
    case: Case
    action: Action
    told: str
    drive: Drive
    instead: str = ""
    clients: int  # with fewer no state is of the case, or nobody else waits

    def check(self, template: State, values: Values | None = None) -> dict[str, bool]:
        """What has to hold of the decision in a state, by name; one about no key goes through all, in either order."""
        found = self._check(template, values, backwards=False)
        if not self.action.key and not self.action.client:
            for name, holds in self._check(template, values, backwards=True).items():
                found[name] = found.get(name, True) & holds
        return found

    def _check(self, template: State, values: Values | None, *, backwards: bool) -> dict[str, bool]:
        core = EmbodiedCore(template, values, backwards=backwards)
        run = Run(core, self.action.client)
        enabled = guard(core.state, self.action)
        self.drive(core)
        told = self.told if enabled else self.instead
        run.found["it tells of its step"] = run.told == ([told] if told else [])
        if enabled:
            # What the core tells of might be a step of the model, and another than what was decided.
            run.found["it is the step that was asked for"] = run.actions == [self.action]
        run.compare()
        return run.found


def _waiter(core: EmbodiedCore) -> Waiter:
    caller = core.callers[0]
    assert isinstance(caller, Waiter)
    return caller


def _caller(core: EmbodiedCore) -> Caller:
    caller = core.callers[0]
    assert isinstance(caller, Caller)
    return caller


def _held(core: EmbodiedCore) -> Any:
    """What the acting caller believes to hold."""
    held = _caller(core).held
    assert held is not None
    return held


def _ask(want: int) -> Drive:
    def drive(core: EmbodiedCore) -> None:
        wish = WISHES[want]
        token = None if want == Want.ANSWER else Caller(NAME, wish)
        core.ask(NAME, wish, token, core.state.now)

    return drive


def _leave(core: EmbodiedCore) -> None:
    core.leave(_waiter(core), core.state.now)


def _release(core: EmbodiedCore) -> None:
    caller, entry = _caller(core), _held(core)
    caller.hold(None)
    core.release(entry, caller, core.state.now)


def _commit(core: EmbodiedCore) -> None:
    entry = core.entry_of(1)
    resumed = entry.start_stage == "load"
    session: Any = entry.claimed_id if resumed else core.state.fresh
    core.commit(entry, session, resumed=resumed, now=core.state.now)


def _prompt(core: EmbodiedCore) -> None:
    core.prompt_begun(_held(core))


def _initialized(*, can_load: bool) -> Drive:
    return lambda core: core.initialized(core.entry_of(1), can_load=can_load)


def _closed(*, confirmed: bool) -> Drive:
    return lambda core: core.closed(core.dying[NAME], confirmed=confirmed)


def _opened(core: EmbodiedCore) -> None:
    entry = core.dying.get(NAME) or core.entry_of(1)
    process: Any = Process(1)
    core.opened(entry, process)


def _end_prompt(*, answered: bool) -> Drive:
    def drive(core: EmbodiedCore) -> None:
        _held(core).prompts = 1  # of those that are told to end as of the others
        core.prompt_ended(_held(core), _caller(core), answered=answered)

    return drive


_STARTING: Final = (Stage.OPENING, Stage.INITIALIZING, Stage.LOADING, Stage.NEW)
_FREE: Final = (Stage.ABSENT, Stage.QUEUED, Stage.PROMISED)
_OUT: Final = Case(phases=(Phase.OUT,))
_OPEN: Final = Case(open=(1,))


def _of(*stages: int) -> Case:
    return Case(stages=stages, dying=(Dying.NOTHING,))


def _dying(how: int) -> Case:
    return Case(stages=_FREE, dying=(how,))


def _with_lease(*phases: int) -> Case:
    return Case(stages=(Stage.LEASED,), dying=(Dying.NOTHING,), phases=phases, at_key=True)


def _revoked(*, prompting: bool = False) -> Case:
    return Case(phases=(Phase.REVOKED,), at_key=True, prompting=prompting)


_ALONE: Final = (
    *("release-revoked", "answered-revoked", "unanswered-revoked", "opened-defeated", "stopped"),
    *("closed", "give_up", "reset", "shut"),
)
"""What is proved with one client where no more are asked for: with two it has more structures than are looked at every day."""


def _decision(
    name: str,
    kind: int,
    case: Case,
    drive: Drive,
    arg: int = 0,
    *,
    told: str = "",
    instead: str = "",
) -> Decision:
    shape = SHAPES[kind]
    return Decision(
        name=f"core-{name}",
        case=case,
        action=Action(kind, int(shape.key), int(shape.client), arg),
        told=told or name,
        drive=drive,
        instead=instead,
        clients=1 if name in _ALONE else 2,
    )


DECISIONS: Final = (
    _decision("ask-answer", Kind.ASK, _OUT, _ask(Want.ANSWER), Want.ANSWER, told="ask"),
    _decision("ask-lease", Kind.ASK, _OUT, _ask(Want.LEASE), Want.LEASE, told="ask"),
    _decision("ask-both", Kind.ASK, _OUT, _ask(Want.BOTH), Want.BOTH, told="ask"),
    _decision(
        "leave-waiting",
        Kind.LEAVE,
        Case(
            stages=tuple(range(Stage.QUEUED, Stage.LEASED + 1)),
            phases=(Phase.WAITING,),
            open=(1,),
            at_key=True,
        ),
        _leave,
        told="leave",
    ),
    _decision("leave-granted", Kind.LEAVE, _with_lease(Phase.GRANTED), _leave, told="leave"),
    _decision("begin", Kind.BEGIN, _with_lease(Phase.GRANTED), lambda core: core.begun(_waiter(core))),
    _decision("release", Kind.RELEASE, _with_lease(Phase.HOLDING), _release),
    _decision("release-revoked", Kind.RELEASE, _revoked(), _release, told="release"),
    _decision("prompt", Kind.PROMPT, _with_lease(Phase.HOLDING), _prompt, instead="prompt"),
    _decision(
        "answered",
        Kind.ANSWERED,
        _with_lease(Phase.HOLDING)._replace(prompting=True),
        _end_prompt(answered=True),
    ),
    _decision(
        "answered-revoked",
        Kind.ANSWERED,
        _revoked(prompting=True),
        _end_prompt(answered=True),
        told="answered",
    ),
    _decision(
        "unanswered",
        Kind.UNANSWERED,
        _with_lease(Phase.HOLDING)._replace(prompting=True),
        _end_prompt(answered=False),
    ),
    _decision(
        "unanswered-revoked",
        Kind.UNANSWERED,
        _revoked(prompting=True),
        _end_prompt(answered=False),
        told="unanswered",
    ),
    _decision("opened", Kind.OPENED, _of(Stage.OPENING), _opened),
    _decision("opened-defeated", Kind.OPENED, _dying(Dying.STOPPING), _opened, told="opened"),
    _decision(
        "initialized-can-load",
        Kind.INITIALIZED,
        _of(Stage.INITIALIZING),
        _initialized(can_load=True),
        1,
        told="initialized",
    ),
    _decision(
        "initialized-cannot-load",
        Kind.INITIALIZED,
        _of(Stage.INITIALIZING),
        _initialized(can_load=False),
        0,
        told="initialized",
    ),
    _decision("refused", Kind.REFUSED, _of(Stage.LOADING), lambda core: core.refused(core.entry_of(1))),
    _decision("commit", Kind.COMMIT, _of(Stage.LOADING, Stage.NEW), _commit, instead="fail"),
    _decision("fail", Kind.FAIL, _of(*_STARTING), lambda core: core.fail(core.entry_of(1), TimeoutError())),
    _decision("stopped", Kind.STOPPED, _dying(Dying.STOPPING), lambda core: core.stopped(core.dying[NAME])),
    _decision("closed", Kind.CLOSED, _dying(Dying.CLOSING), _closed(confirmed=True)),
    _decision("give_up", Kind.GIVE_UP, _dying(Dying.CLOSING), _closed(confirmed=False)),
    _decision(
        "exhaust",
        Kind.EXHAUST,
        Case(stages=(Stage.QUEUED,)),
        lambda core: core.capacity_ran_out(core.creations[NAME]),
    ),
    _decision(
        "cancel",
        Kind.CANCEL,
        _with_lease(Phase.HOLDING)._replace(open=(1,), prompting=True),
        lambda core: core.cancel(NAME),
        instead="cancel",
    ),
    _decision("reset", Kind.RESET, _OPEN, lambda core: core.reset(NAME)),
    _decision("shut", Kind.SHUT, _OPEN, lambda core: core.shut()),
    _decision("revoke", Kind.REVOKE, Case(open=(0,)), lambda core: core.revoke_all()),
)
