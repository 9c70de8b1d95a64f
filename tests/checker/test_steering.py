"""Runs made of others: what is new in a run, what is kept, who knows of it when, and what becomes of a kept run."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from acpool_spec import steering
from acpool_spec.batch import run_batch
from acpool_spec.gate import BATCH
from acpool_spec.novelty import Novelty
from acpool_spec.quiet import quiet
from acpool_spec.sampling import Walk
from acpool_spec.steering import AHEAD, Corpus, Kept, Lineage, Parents, Ran, Steered, steered
from acpool_spec.targets import OURS, load_target
from acpool_spec.world import Scope, World

POOLS = (OURS[1], "acpool_spec.pools.merged:factory")
PARENT = Scope(max_sessions=1, clients=2, keys=("a", "b"))


def ran(*transitions: int, name: str = "turn") -> Ran:
    return Ran(PARENT, (name,) * 5, {transition: at for at, transition in enumerate(transitions)})


# -- what is new -------------------------------------------------------------------------------------------------------


def taken(pool: str, scope: Scope, decisions: list[str]) -> Mapping[int, int]:
    """What these decisions take; with none, those of a walk, which are put into ``decisions``."""
    walk = Walk(3, 0, scope=scope)
    with World(load_target(pool).factory, scope) as world:
        novelty = Novelty(world)
        for decision in decisions:
            world.apply(decision)
        if not decisions:
            walk.run(world)
            decisions += world.decisions
    return novelty.transitions


@pytest.mark.parametrize("pool", POOLS)
def test_names_make_nothing_new_and_what_happens_does(pool: str) -> None:
    scope = Scope(max_sessions=2, clients=3, keys=("a", "b"), reclaims=True)
    decisions: list[str] = []
    with quiet():
        first = taken(pool, scope, decisions)
        others = [decision.replace(" b ", " z ") for decision in decisions]
        assert others != decisions
        assert taken(pool, replace(scope, keys=("a", "z")), others) == first
        assert len(first) > 10
        assert (
            taken(pool, replace(scope, max_sessions=1), ["start 0 get_or_create a 0", "turn"]).keys()
            - first.keys()
        )


@pytest.mark.parametrize("pool", POOLS)
def test_what_was_taken_is_told_with_the_decisions_before_it(pool: str) -> None:
    scope = Scope(max_sessions=1, clients=3, keys=("a", "b"), reclaims=True)
    decisions: list[str] = []
    with quiet():
        whole = taken(pool, scope, decisions)
        for at in range(0, len(decisions), 7):
            before = taken(pool, scope, decisions[:at] or ["start 0 reset a 0"])
            if at:
                assert before == {transition: first for transition, first in whole.items() if first < at}


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_run_is_kept_if_it_was_the_first_to_take_anything() -> None:
    corpus = Corpus()
    assert corpus.draw(random.Random(0), [2]) == {}
    corpus.add(ran(1, 2, name="first"))
    corpus.add(ran(2, 1, name="again"))
    corpus.add(ran(1, 3, name="second"))
    assert corpus.transitions == 3
    drawn = corpus.draw(random.Random(0), range(200)).values()
    assert {parents.one.decisions[0] for parents in drawn} == {"first", "second"}
    # Transition 3 was taken after one decision, 1 before any and 2 after one.
    assert {(p.one.decisions[0], p.at) for p in drawn} == {("first", 0), ("first", 1), ("second", 1)}


def test_what_few_runs_have_taken_is_gone_back_to_most_often() -> None:
    corpus = Corpus()
    corpus.add(ran(1, name="common"))
    corpus.add(ran(2, name="rare"))
    for _ in range(9):
        corpus.add(ran(1))
    drawn = corpus.draw(random.Random(0), range(1_000)).values()
    rare = sum(parents.one.decisions[0] == "rare" for parents in drawn)
    assert 880 < rare < 940  # ten elevenths


def test_a_batch_knows_what_ended_long_enough_before_it_and_no_more() -> None:
    soon = Lineage("pool", 7)
    drawn = list[dict[int, Parents]]()
    for batch in range(AHEAD + 3):
        drawn.append(soon.parents(batch, range(8)))
        soon.add(batch, [ran(batch)])
    assert [bool(parents) for parents in drawn] == [False] * AHEAD + [True] * 3
    late = Lineage("pool", 7)
    again = list[dict[int, Parents]]()
    for batch in range(AHEAD + 3):
        if not late.may_begin(batch):
            # The youngest end first.
            for done in reversed(range(batch - AHEAD, batch)):
                late.add(done, [ran(done)])
        again.append(late.parents(batch, range(8)))
    assert again == drawn
    assert drawn[AHEAD].keys() == {2, 3, 6, 7} == {number for number in range(8) if steered(number)}


def test_a_lineage_that_ends_early_takes_in_what_has_ended() -> None:
    lineage = Lineage("pool", 7)
    lineage.add(2, [ran(2, 3)])
    lineage.add(0, [ran(0)])
    lineage.end()
    assert lineage.corpus.transitions == 3


# -- what becomes of it ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> Kept:
    """A walk of our own pool with a long start."""
    with quiet(), World(load_target(OURS[0]).factory, PARENT) as world:
        Walk(3, 0, scope=PARENT).run(world)
    return Kept(PARENT, tuple(world.decisions))


def stay(walk: Walk, world: World, more: int = 0) -> None:
    """What takes the place of ``Walk.go_on``."""


def changed(
    kept: Kept, how: str, monkeypatch: pytest.MonkeyPatch, number: int = 2, at: int = 20
) -> list[str]:
    """What ``how`` makes of it, without what is gone on with at random."""
    monkeypatch.setattr(steering, "_CHANGES", (how,))
    monkeypatch.setattr(Walk, "go_on", stay)
    with quiet(), World(load_target(OURS[0]).factory, PARENT) as world:
        Steered(1, number, Parents(kept, at, kept)).run(world)
    return world.decisions


def test_a_cut_goes_back_to_where_something_was_new(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed(kept, "cut", monkeypatch) == list(kept.decisions[:21])


def test_a_splice_goes_on_as_another_run_does(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    made = changed(kept, "splice", monkeypatch)
    assert made[:21] == list(kept.decisions[:21])
    rest = iter(kept.decisions)
    assert len(made) > 21
    assert all(decision in rest for decision in made[21:]), "in the order of the other"


def test_another_call_is_made_in_the_place_of_one(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    differ = 0
    for number in range(8):
        made = changed(kept, "call", monkeypatch, number)
        at = next(
            (at for at, pair in enumerate(zip(made, kept.decisions, strict=False)) if len(set(pair)) > 1),
            None,
        )
        if at is not None:
            differ += 1
            assert made[at].split(" ")[:2] == kept.decisions[at].split(" ")[:2]
            assert made[at].startswith("start ")
    assert differ > 4


def test_trouble_is_a_cancellation_or_a_fault(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set[str]()
    for number in range(20):
        made = changed(kept, "trouble", monkeypatch, number)
        at = next(
            (at for at, pair in enumerate(zip(made, kept.decisions, strict=False)) if len(set(pair)) > 1),
            None,
        )
        if at is not None:
            seen.add(made[at].split(" ")[0])
    assert {"cancel", "answer", "die"} <= seen <= {"cancel", "answer", "die", "outlive"}


def test_something_is_left_out(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = 0
    for number in range(8):
        made = changed(kept, "leave out", monkeypatch, number)
        rest = iter(kept.decisions)
        assert all(decision in rest for decision in made)
        shorter += len(made) < len(kept.decisions)
    assert shorter > 4


def test_what_was_changed_is_gone_on_with_at_random() -> None:
    whole = Kept(PARENT, ("start 0 get_or_create a 0", "turn"))
    with quiet():
        runs: list[list[str]] = []
        for number in (2, 2, 3):
            with World(load_target(OURS[0]).factory, PARENT) as world:
                Steered(1, number, Parents(whole, 1, whole)).run(world)
            runs.append(world.decisions)
    assert runs[0] == runs[1] != runs[2]
    assert min(map(len, runs)) >= 30


def test_a_batch_makes_of_its_parents_what_has_any() -> None:
    kept = Kept(PARENT, ("start 0 get_or_create a 0", "turn", "answer c1.open ok"))
    sample = run_batch(OURS[0], 1, range(4), {2: Parents(kept, 2, kept)})
    assert (sample.runs, sample.steered, len(sample.ran)) == (4, 1, 4)
    assert sample.ran[2].scope == PARENT != sample.ran[3].scope
    assert sample.ran[:2] == run_batch(OURS[0], 1, range(2)).ran


@pytest.mark.no_cover
def test_as_many_runs_take_more_that_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "AHEAD", 2)
    target = load_target(OURS[1])

    def transitions(*, steer: bool) -> int:
        lineage = Lineage(OURS[1], 1)
        for batch in range(16):
            numbers = range(batch * BATCH, (batch + 1) * BATCH)
            parents = lineage.parents(batch, numbers) if steer else {}
            made: list[Ran] = []
            for number in numbers:
                of = parents.get(number)
                walk = Walk(1, number, reclaims=True) if of is None else Steered(1, number, of)
                with World(target.factory, walk.scope) as world:
                    novelty = Novelty(world)
                    walk.run(world)
                made.append(Ran(walk.scope, tuple(world.decisions), novelty.transitions))
            lineage.add(batch, made)
        lineage.end()
        return lineage.corpus.transitions

    with quiet():
        plain = transitions(steer=False)
        assert transitions(steer=True) > 1.05 * plain > 1_000
