"""The decisions of the core against the model: on plain integers, by CrossHair, and with defects planted in the core."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import Phase as Stages
from hypothesis import find, given, settings

from acpool.core import Core
from acpool.records import Creation, Entry, Outcome, Suspended, Wake
from acpool_model import Client, Phase, Scope, State, describe, enabled, initial, step
from acpool_model.actions import SHAPES, Kind
from acpool_spec.proofs.command import CORE_PROVED_AT, expected, refutation
from acpool_spec.proofs.decisions.catalogue import DECISIONS, Decision
from acpool_spec.proofs.decisions.embodiment import EmbodiedCore
from acpool_spec.proofs.decisions.obligations import COVERED, OfStructures, core_obligations
from acpool_spec.proofs.decisions.prover import FAILS, prove_structures
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.valid import valid_states
from acpool_spec.verdict import Outcome as Verdict

EXAMPLES = int(os.environ.get("ACPOOL_EXAMPLES", "150"))
FEW = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
OF_THE_WORLD = {Kind.DIE}
OF_A_CLEANUP = {Kind.EXPIRE, Kind.RECLAIM}
RARE = {Kind.DIE, Kind.FAIL, Kind.RESET, Kind.RECLAIM, Kind.EXPIRE, Kind.SHUT, Kind.LEAVE}
NAMED = {decision.name: decision for decision in DECISIONS}
OF_STRUCTURES = {
    name: obligation
    for name, obligation in core_obligations().items()
    if isinstance(obligation, OfStructures)
}


def test_every_action_of_the_model_is_decided_somewhere() -> None:
    assert {decision.action.kind for decision in DECISIONS} == set(SHAPES) - OF_THE_WORLD - OF_A_CLEANUP


@pytest.mark.no_cover
def test_all_that_there_is_to_prove_was_proved_of_every_structure() -> None:
    visited = {
        name: sum(1 for _ in obligation.templates(at_least(obligation)))
        for name, obligation in OF_STRUCTURES.items()
    }
    proved = {name: proof.number for name, proof in expected(core=True).items()}
    assert proved.pop(COVERED) > 0
    assert proved == visited


def at_least(obligation: OfStructures) -> Size:
    """The size of which it was proved."""
    return CORE_PROVED_AT._replace(clients=max(CORE_PROVED_AT.clients, obligation.clients))


@FEW
@given(valid_states(Size(3, 3)))
def test_every_decision_is_a_step_of_the_model(state: State) -> None:
    state = cleared(state)
    for obligation in OF_STRUCTURES.values():
        if obligation.is_about(state):
            assert obligation.broken(state) == [], f"{obligation.name}\n{describe(state)}"


def cleared(state: State) -> State:
    """Without what is left over of clients that are out, and nobody reads."""
    clients = [Client() if client.phase == Phase.OUT else client for client in state.clients]
    return state._replace(clients=tuple(clients))


def test_every_decision_is_made_in_a_state_that_can_be_reached() -> None:
    for clients in (1, 2):
        left = {name for name, decision in NAMED.items() if decision.clients == clients}
        for state in reached(CORE_PROVED_AT._replace(clients=clients)):
            for name in sorted(left):
                if OF_STRUCTURES[name].is_about(state) and tells(NAMED[name], cleared(state)):
                    left.discard(name)
            if not left:
                break
        assert left == set()


def reached(size: Size) -> Iterator[State]:
    """States that the model reaches, by walks that are the same each time."""
    for number in range(1_500):
        chance = random.Random(number)
        state = chance.choice(initial(Scope(*size, 1 + number % 2, queueing=number // 2 % 2)))
        for _ in range(30):
            yield state
            possible = enabled(state)
            likely = [one for one in possible if one.kind not in RARE or chance.random() < 0.05]
            state = step(state, chance.choice(likely or possible))


def tells(decision: Decision, state: State) -> bool:
    """Whether the decision is a step in ``state``: then what has to hold of it is not about nothing."""
    core = EmbodiedCore(state)
    told: list[str] = []
    core.trace = lambda step: told.append(step.action)
    decision.drive(core)
    return told == [decision.told]


Defect = Callable[[pytest.MonkeyPatch], None]


def one_slot_too_many(patch: pytest.MonkeyPatch) -> None:
    serve = Core._serve  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace

    def generous(core: Core) -> None:
        core.max_sessions += 1
        serve(core)
        core.max_sessions -= 1

    patch.setattr(Core, "_serve", generous)


def dead_spared(patch: pytest.MonkeyPatch) -> None:
    expire = Core.expire

    def careless(core: Core, ttl: float, max_lease: float | None, now: float) -> list[str]:
        somebody_died = any(not entry.connection.alive for entry in core.idle.values())
        return [] if somebody_died else expire(core, ttl, max_lease, now)

    patch.setattr(Core, "expire", careless)


def another_victim(patch: pytest.MonkeyPatch) -> None:
    def evict(core: Core) -> Entry | None:
        victim = next(reversed(core.idle.values()), None)
        if victim is not None:
            core._take_out(victim, "evict", kill=False)  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace
        return victim

    patch.setattr(Core, "_evict", evict)


def flag_forgotten(patch: pytest.MonkeyPatch) -> None:
    commit = Core.commit

    def forgetful(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        remembered = core.suspended.get(entry.key)
        if remembered is not None:
            core.suspended[entry.key] = Suspended(None, session_reset=False)
        return commit(core, entry, session_id, resumed=resumed, now=now)

    patch.setattr(Core, "commit", forgetful)


def identity_not_checked(patch: pytest.MonkeyPatch) -> None:
    release = Core.release

    def trusting(core: Core, entry: Entry, token: object, now: float) -> None:
        entry.lease = token
        release(core, entry, token, now)

    patch.setattr(Core, "release", trusting)


def last_come_first_served(patch: pytest.MonkeyPatch) -> None:
    hand_over = Core._hand_over  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace

    def unfair(core: Core, entry: Entry, now: float) -> None:
        entry.queue = dict.fromkeys(reversed(entry.queue))
        hand_over(core, entry, now)

    patch.setattr(Core, "_hand_over", unfair)


def slot_kept(patch: pytest.MonkeyPatch) -> None:
    free = Core._free  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace

    def greedy(core: Core, entry: Entry, *, confirmed: bool) -> None:
        free(core, entry, confirmed=confirmed)
        core.entries[entry.serial] = entry

    patch.setattr(Core, "_free", greedy)


def id_forgotten(patch: pytest.MonkeyPatch) -> None:
    take_out = Core._take_out  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace

    def forgetful(core: Core, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        take_out(core, entry, cause, kill=kill, keep=False)

    patch.setattr(Core, "_take_out", forgetful)


def load_without_asking(patch: pytest.MonkeyPatch) -> None:
    initialized = Core.initialized

    def bold(core: Core, entry: Entry, *, can_load: bool) -> str | None:
        return initialized(core, entry, can_load=True)

    patch.setattr(Core, "initialized", bold)


def waiter_not_told(patch: pytest.MonkeyPatch) -> None:
    def silent(core: Core, creation: Creation) -> None:
        for waiter in creation.waiters:
            waiter.outcome = Outcome.FAILED
            core.effects.append(Wake(waiter))
        del core.creations[creation.key]
        del core.waiting[creation.serial]

    patch.setattr(Core, "capacity_ran_out", silent)


PLANTED: dict[str, tuple[Defect, str, Size]] = {
    "another victim": (another_victim, "core-ask-both", Size(3, 1)),
    "the flag is forgotten": (flag_forgotten, "core-commit", Size(1, 1)),
    "identity is not checked": (identity_not_checked, "core-release-revoked", Size(1, 1)),
    "the last come is served first": (last_come_first_served, "core-commit", Size(1, 2)),
    "the slot is kept": (slot_kept, "core-closed", Size(1, 1)),
    "the id is forgotten": (id_forgotten, "core-shut", Size(1, 1)),
    "loaded without asking": (load_without_asking, "core-initialized-cannot-load", Size(1, 1)),
    "a step that is not told": (waiter_not_told, "core-exhaust", Size(2, 2)),
    "room that is not there": (one_slot_too_many, "core-ask-both", Size(2, 1)),
    "a dead session that is spared": (dead_spared, "core-cleanup", Size(1, 1)),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("planted", PLANTED)
def test_a_defect_of_the_core_is_refuted(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defect, name, size = PLANTED[planted]
    defect(monkeypatch)
    obligation = OF_STRUCTURES[name]
    finding = prove_structures(obligation, size, 60)
    assert finding.outcome is Verdict.VIOLATED, finding.why
    lines = refutation(obligation, finding)
    assert any(line.startswith("a: ") for line in lines), lines
    assert lines[-1].startswith(("broken: ", "cannot be: "))
    # Without the defect that is no refutation.
    monkeypatch.undo()
    assert obligation.broken(*finding.states) == []


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "planted", sorted(set(PLANTED) - {"another victim"})
)  # two idle keys are drawn too seldom
def test_a_defect_of_the_core_is_found_on_plain_states(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defect, name, _ = PLANTED[planted]
    defect(monkeypatch)
    obligation = OF_STRUCTURES[name]
    many = settings(
        max_examples=20_000, deadline=None, derandomize=True, database=None, phases=[Stages.generate]
    )
    find(
        valid_states(Size(3, 3)).map(cleared),
        lambda state: obligation.is_about(state) and fails(obligation, state),
        settings=many,
    )


def fails(obligation: OfStructures, state: State) -> bool:
    """Whether what it says does not hold of ``state``, or cannot even be evaluated."""
    try:
        return bool(obligation.broken(state))
    except FAILS:
        return True


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["core-begin", "core-refused", "core-commit"])
def test_a_decision_is_proved(name: str) -> None:
    finding = prove_structures(OF_STRUCTURES[name], Size(1, 1), 120)
    assert finding.outcome is Verdict.HOLDS, finding.why
    assert finding.structures == sum(1 for _ in OF_STRUCTURES[name].templates(Size(1, 1))) > 0


def test_of_no_structure_nothing_is_proved() -> None:
    finding = prove_structures(OF_STRUCTURES["core-exhaust"], Size(1, 1), 60)
    assert (finding.outcome, finding.why) == (Verdict.UNDECIDED, "no state is of its case")


def heard_at_the_end(patch: pytest.MonkeyPatch) -> None:
    """What is put right after the step was told."""
    took = Core._took  # pyright: ignore[reportPrivateUsage]  # the part of a step to replace

    def early(core: Core, action: Any, entry: Entry, *said: Any, **besides: Any) -> None:
        if action == "refused":
            entry.start_stage = "load"
        took(core, action, entry, *said, **besides)
        if action == "refused":
            entry.start_stage = "new"

    patch.setattr(Core, "_took", early)


def undone_afterwards(patch: pytest.MonkeyPatch) -> None:
    """What is done wrongly after the step was told."""
    refused = Core.refused

    def late(core: Core, entry: Entry) -> None:
        refused(core, entry)
        entry.start_stage = "load"

    patch.setattr(Core, "refused", late)


@pytest.mark.parametrize("defect", [heard_at_the_end, undone_afterwards])
def test_the_core_is_compared_at_each_step_and_when_all_is_decided(
    defect: Defect, monkeypatch: pytest.MonkeyPatch
) -> None:
    obligation = OF_STRUCTURES["core-refused"]
    state = next(obligation.templates(Size(1, 1)))
    assert obligation.broken(state) == []
    defect(monkeypatch)
    assert "stage of key 1" in obligation.broken(state)
