"""Our pool is followed through the model in every run; other pools are not, and a difference is told so that it can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.refinement.planted import evicts_the_most_recently_used, hands_the_lease_to_the_last

from acpool import Connector, SessionPool
from acpool.core import Core
from acpool_spec import reference
from acpool_spec.minimise import Failure, Minimiser
from acpool_spec.pools import merged
from acpool_spec.quiet import quiet
from acpool_spec.sampling import Walk
from acpool_spec.schedule import broken, load_schedule, run_schedule, save_schedule, schedule_of
from acpool_spec.scopes import PoolScope, explore_scope
from acpool_spec.targets import load_target
from acpool_spec.verdict import Outcome
from acpool_spec.world import PoolFactory, Scope, World

OURS = "acpool_spec.reference:default"


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with quiet():
        yield


def run(factory: PoolFactory, number: int, *, reclaims: bool = False) -> World:
    walk = Walk(7, number, reclaims=reclaims)
    with World(factory, walk.scope) as world:
        walk.run(world)
        world.finish(linearize=False)
    return world


@pytest.mark.no_cover
def test_no_run_of_our_pool_leaves_the_model() -> None:
    steps = 0
    for number in range(60):
        world = run(reference.patient, number, reclaims=True)
        assert world.follower is not None
        assert world.follower.difference is None, world.follower.difference.message
        assert world.judgement.tested["R1"] == world.follower.steps
        steps += world.follower.steps
    assert steps > 1_000


def test_a_pool_of_a_subclass_is_followed_and_any_other_is_not() -> None:
    class Mine(SessionPool):
        """Somebody's own."""

    def mine(connector: Connector, *, max_sessions: int) -> SessionPool:
        return Mine(connector, max_sessions=max_sessions, suspended={"a": "s-old"})

    world = run(mine, 0)
    assert world.follower is not None and world.follower.difference is None
    world = run(merged.factory, 0)
    assert world.follower is None
    assert "R1" not in world.judgement.tested


DECISIONS = [
    *(f"start 0 get_or_create {key} 0" for key in ("a", "b")),
    "start 1 get_or_create c 0",
]


def evicted(world: World) -> str:
    """Two sessions, and a third key that needs the slot of one of them; what R1 says."""
    for decision in DECISIONS:
        world.apply(decision)
        world.calm()
    world.finish(linearize=False)
    return world.judgement.violations["R1"].message


def test_the_message_has_the_step_and_both_states_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    evicts_the_most_recently_used(monkeypatch, lambda: None)
    with World(reference.default, Scope(max_sessions=2, clients=2, keys=("a", "b", "c"))) as world:
        said = evicted(world)
    assert max(map(len, said.splitlines())) <= 76
    # Two starts are four steps of the pool each: ask, opened, initialized, commit.
    assert said.splitlines() == [
        "step 9: client 1 asks for the session of c, and the pool is elsewhere than",
        "the model",
        "  the pool                            | the model",
        "  pool: open, 2 of 2 slots taken      | pool: open, 2 of 2 slots taken",
        "* a: idle with s1                     | a: absent, s1 suspended, a process",
        "                                      |   is closing which may own s1",
        "* b: absent, s2 suspended, a process  | b: idle with s2",
        "    is closing which may own s2       |",
        "* c: promised the slot of b           | c: promised the slot of a",
        "  client 1: waits for c               | client 1: waits for c",
        "  processes: 2                        | processes: 2",
    ]


def test_keys_keep_their_names_and_others_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    evicts_the_most_recently_used(monkeypatch, lambda: None)
    monkeypatch.setattr(
        "tests.refinement.test_following.DECISIONS",
        ["start 0 get_or_create c 0", "start 0 get_or_create room 0", "start 1 get_or_create b 0"],
    )
    with World(reference.default, Scope(max_sessions=2, clients=2, keys=("b", "c", "room"))) as world:
        said = evicted(world).splitlines()
    assert said[0].startswith("step 9: client 1 asks for the session of b, ")
    assert said[2] == "d is 'room'"
    assert any(line.startswith("* c: idle with s1") for line in said)


def test_a_step_that_the_model_does_not_enable_is_told_with_the_state_before_it() -> None:
    def expire(core: Core, *_: Any) -> list[str]:
        [entry] = core.live.values()
        core._took("refused", entry)  # pyright: ignore[reportPrivateUsage]  # it tells of what it does not do
        return []

    with pytest.MonkeyPatch.context() as patch, World(reference.default, Scope(keys=("a",))) as world:
        patch.setattr(Core, "expire", expire)
        for decision in ("start 0 get_or_create a 0", "start 0 cleanup_idle - 0"):
            world.apply(decision)
            world.calm()
        said = world.judgement.violations["R1"].message.splitlines()
    assert said[0] == "step 5: the agent of a refuses to load the session, which the model does not"
    assert said[2] == "  the pool after it                   | the model before it"


def test_what_a_pool_does_without_telling_is_seen_at_the_latest_when_the_run_ends() -> None:
    with World(reference.default, Scope(keys=("a",))) as world:
        for decision in ("start 0 get_or_create a 0",):
            world.apply(decision)
            world.calm()
        assert world.follower is not None and world.follower.difference is None
        world.pool.core.live["a"].session_reset = True
        world.follower.end()
    assert world.follower.difference is not None
    assert "after step 4, the last, the pool has moved without telling" in world.follower.difference.message


def test_a_violation_is_a_schedule_that_replays(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    hands_the_lease_to_the_last(monkeypatch, lambda: None)
    target = load_target(OURS)
    number = next(n for n in range(100) if "R1" in run(reference.default, n).judgement.violations)
    walk = Walk(7, number)
    with World(reference.default, walk.scope) as world:
        walk.run(world)
        decisions = tuple(world.decisions)
        world.finish(linearize=False)
    failure = Failure(walk.scope, decisions, world.judgement.violations["R1"])
    smaller = Minimiser(reference.default, failure, budget=150).minimise()
    assert len(smaller.decisions) <= len(decisions)
    save_schedule(schedule_of(target, smaller), tmp_path / "R1.json")
    schedule = load_schedule(tmp_path / "R1.json")
    assert schedule.property_id == "R1"
    again = broken(run_schedule(schedule, target), schedule)
    assert again is not None and again.message == smaller.violation.message


@pytest.mark.no_cover
def test_exploration_finds_a_defect_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = PoolScope.parse("get_or_create:a+session:b,session:c@2.fifo.f0.c0")
    evicts_the_most_recently_used(monkeypatch, lambda: None)
    report = explore_scope(scope, reference.explored, only=["R1"])
    assert report.verdict == Outcome.VIOLATED
    assert report.failure is not None and report.failure.kind == "violated R1"
    assert report.schedule is not None


def test_an_error_of_the_follower_is_none_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ArithmeticError("not the pool's")

    monkeypatch.setattr("acpool_spec.refinement.follower.abstract", fails)
    with World(reference.default, Scope()) as world:
        world.apply("start 0 get_or_create a 0")
        with pytest.raises(ArithmeticError, match="not the pool's"):
            world.apply("turn")
