"""A directed run that breaks R1 is violated, with a schedule that replays, shrinks, and goes through a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from tests.refinement.planted import keeps_the_id_through_a_reset, skips_the_event_of_a_death

from acpool.core import Core
from acpool.records import Entry
from acpool_model import Action, Kind
from acpool_model.actions import SHAPES
from acpool_spec import gate
from acpool_spec.batch import DIRECTED_RUN, Found, Sample, minimise, run_directed_batch
from acpool_spec.cli import main
from acpool_spec.gate import Plan, Progress
from acpool_spec.minimise import Failure, attempt
from acpool_spec.properties import Violation
from acpool_spec.quiet import quiet
from acpool_spec.refinement.direction import DirectedWorld, decision, told
from acpool_spec.schedule import Divergence, broken, load_schedule, run_schedule, save_schedule, schedule_of
from acpool_spec.targets import OURS, load_target
from acpool_spec.verdict import Outcome
from acpool_spec.world import DIRECTED, NotEnabled, Scope

POOL = OURS[0]
ALONE = Scope(1, 1, ("a",), DIRECTED)
LIVE = ("take ask a 1 1", "take opened a - 0", "take initialized a - 1", "take commit a - 0")


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def world() -> Iterator[DirectedWorld]:
    """One key, one client and one slot of our own pool."""
    with DirectedWorld(load_target(POOL).factory, ALONE) as world:
        yield world


@pytest.mark.no_cover
def test_a_pool_that_leaves_the_model_is_violated_with_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, path = load_target(POOL), tmp_path / "R1.json"
    with monkeypatch.context() as planted:
        keeps_the_id_through_a_reset(planted, lambda: None)
        sample = run_directed_batch(POOL)
        found = sample.found["R1"]
        assert (found.run, sample.undecided) == (DIRECTED_RUN, {})
        assert found.times > 1
        smaller = minimise(POOL, found.failure)
        assert smaller.decisions[-1] == "take reset a - 0"
        for at in range(len(smaller.decisions)):
            fewer = smaller.decisions[:at] + smaller.decisions[at + 1 :]
            assert attempt(target.factory, smaller.scope, fewer, "R1") is None, "it can be shrunk further"
        save_schedule(schedule_of(target, smaller), path)
        schedule = load_schedule(path)
        assert (schedule.scope.mode, schedule.feasible) == (DIRECTED, "reordered")
        for _ in range(2):
            assert broken(run_schedule(schedule, target), schedule) == smaller.violation
        assert main(["replay", str(path)]) == 1
        shown = capsys.readouterr().out
        assert "» a is reset" in shown
        assert "R1 refinement violated: step" in shown
    again = run_schedule(schedule, target)
    assert again.judgement.violations == {}
    assert again.judgement.tested["R1"] == len(schedule.decisions)
    assert main(["replay", str(path)]) == 0


@pytest.mark.no_cover
def test_what_the_pool_merely_lacks_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_to_cancel(core: Core, key: str) -> Entry | None:
        return None

    monkeypatch.setattr(Core, "cancel", nothing_to_cancel)
    sample = run_directed_batch(POOL)
    assert sample.found == {}
    assert sample.undecided["R1"].startswith("the pool would not do what the model does, in\n")
    assert sample.undecided["R1"].endswith(": the pool took no step")


def test_a_sampled_run_that_breaks_it_comes_first() -> None:
    def sample(run: int, decisions: int) -> Sample:
        failure = Failure(ALONE, ("turn",) * decisions, Violation("R1", "broke", 0))
        return Sample(POOL, runs=1, found={"R1": Found(run, failure)})

    progress = Progress(Plan((POOL,), schedules=2), 0.0)
    progress.add(sample(DIRECTED_RUN, 2))
    progress.add(sample(7, 30))
    assert progress.pools[POOL].found["R1"].run == 7
    schedule = schedule_of(load_target(POOL), progress.pools[POOL].found["R1"].failure)
    lines = gate._judge(progress.plan, progress, {(POOL, "R1"): schedule})  # pyright: ignore[reportPrivateUsage]  # the verdict, without sampling
    assert [line.outcome for line in lines if line.id == "R1"] == []  # nothing was followed
    progress.pools[POOL].followed = 1
    lines = gate._judge(progress.plan, progress, {(POOL, "R1"): schedule})  # pyright: ignore[reportPrivateUsage]  # as above
    assert [line.outcome for line in lines if line.id == "R1"] == [Outcome.VIOLATED]


def test_decisions_are_those_that_the_model_enables(world: DirectedWorld) -> None:
    assert world.enabled() == [
        "suspended a",
        *(f"take ask a 1 {want}" for want in (1, 2, 3)),
        "take reset a - 0",
        "take shut - - 0",
    ]
    for text in LIVE:
        assert text in world.enabled()
        world.apply(text)
    assert "take expire a - 0" in world.enabled()
    world.finish(linearize=False)
    assert world.judgement.violations == {}
    assert world.decisions == list(LIVE)


def test_a_pool_may_begin_with_a_suspended_session_and_without_patience(world: DirectedWorld) -> None:
    for text in ("suspended a", "impatient", *LIVE[:3]):
        world.apply(text)
    # The agent can load, and there is something to load: it may refuse.
    assert "take refused a - 0" in world.enabled()
    with pytest.raises(NotEnabled, match="the run has begun"):
        world.apply("impatient")


@pytest.mark.parametrize(
    "decision",
    [
        "take commit a - 0",
        "take opened b - 0",
        "take ask a 1",
        "take ask a one 1",
        "take ask a 1 -1",
        "take off - - 0",
        "take",
        "suspended b",
        "impatient 1",
        "turn",
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_happens(world: DirectedWorld, decision: str) -> None:
    with pytest.raises(NotEnabled):
        world.apply(decision)
    world.apply("suspended a")
    assert world.decisions == ["suspended a"]


def test_a_pool_that_does_not_follow_is_taken_no_further(
    world: DirectedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    skips_the_event_of_a_death(monkeypatch, lambda: None)
    for text in (*LIVE, "take expire a - 0"):
        world.apply(text)
    with pytest.raises(NotEnabled, match="could not be brought to take it"):
        world.apply("take closed a - 0")
    assert world.enabled() == []
    with pytest.raises(NotEnabled, match="the pool has left the model, or did not follow it"):
        world.apply("take reset a - 0")
    world.finish(linearize=False)
    assert world.judgement.violations == {}


def test_a_schedule_that_does_not_fit_says_what_would() -> None:
    schedule = schedule_of(load_target(POOL), Failure(ALONE, ("take commit a - 0",), Violation("R1", "", -1)))
    with pytest.raises(
        Divergence, match=r"the model does not enable it.*possible were: suspended a, take ask a 1 1"
    ):
        run_schedule(schedule, load_target(POOL))


def test_a_key_that_is_suspended_is_called_by_its_name_though_it_is_not_the_first() -> None:
    scope = Scope(1, 1, ("a", "b"), DIRECTED)
    with DirectedWorld(load_target(POOL).factory, scope) as world:
        for text in ("suspended b", "take ask b 1 1", "take opened b - 0", "take initialized b - 1"):
            assert text in world.enabled()
            world.apply(text)
        assert "take refused b - 0" in world.enabled()
        world.apply("take refused b - 0")
    assert world.judgement.violations == {}


def test_every_action_is_a_decision_and_has_words() -> None:
    keys = ("a", "b")
    actions = [
        Action(kind, key, client, arg)
        for kind, shape in SHAPES.items()
        for key, client, arg in product(
            (1, 2) if shape.key else (0,), (1, 2) if shape.client else (0,), shape.args
        )
    ]
    decisions = [decision(action, keys) for action in actions]
    assert len(set(decisions)) == len({told(text) for text in decisions}) == len(actions)
    assert decision(Action(Kind.ASK, 2, 1, 3), keys) == "take ask b 1 3"
    assert told("suspended a") == "suspended a"


def test_a_stranger_has_no_directed_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "R1.json"
    failure = Failure(ALONE, LIVE, Violation("R1", "", -1))
    save_schedule(schedule_of(load_target(POOL), failure), path)
    assert main(["replay", str(path), "--pool", "acpool_spec.pools.merged:factory"]) == 2
    assert "does not tell of its steps" in capsys.readouterr().err


def test_keys_of_a_directed_schedule_are_the_first_letters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "R1.json"
    failure = Failure(Scope(1, 1, ("z",), DIRECTED), LIVE, Violation("R1", "", -1))
    save_schedule(schedule_of(load_target(POOL), failure), path)
    assert main(["replay", str(path)]) == 2
    assert "expected the first of" in capsys.readouterr().err
