"""Oracles: replay round trips, divergence told at the first difference, seeds."""

from __future__ import annotations

import asyncio

import pytest

from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import Choice, FirstOracle, RandomOracle, ReplayDivergence, ReplayOracle
from acpool_spec.outside import choose
from acpool_spec.simulation import OracleError, simulate


async def scenario() -> str:
    """Three tasks of two steps each, and a value: 90 orders times 3 values and more."""
    log: list[str] = []

    async def walk(name: str) -> None:
        log.append(name)
        await asyncio.sleep(0)
        log.append(name)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(walk(name))
    return "".join(log) + choose("xyz")


def test_a_random_run_replays_exactly() -> None:
    oracle = RandomOracle(7)
    for _ in range(100):
        run = simulate(scenario, oracle)
        again = simulate(scenario, ReplayOracle(run.choices))
        assert again == run
        assert len(run.choices) >= 4


def test_the_same_seed_makes_the_same_runs_and_another_makes_others() -> None:
    def results(seed: int) -> list[object]:
        oracle = RandomOracle(seed)
        return [simulate(scenario, oracle).result for _ in range(20)]

    assert results(1) == results(1)
    assert results(1) != results(2)
    assert len(set(results(1))) > 10


def test_replay_tells_the_first_difference() -> None:
    recorded = simulate(scenario, FirstOracle()).choices
    others: dict[str, tuple[Choice, ...]] = {
        f"choice {len(recorded) - 1} .* the record ends before it": recorded[:-1],
        "1 recorded choices are left": (*recorded, (0, 2)),
        r"choice 0 \(schedule\): 3 alternatives, 9 were recorded": ((0, 9), *recorded[1:]),
        rf"choice {len(recorded) - 1} \(value\): 3 alternatives, 2 were recorded": (*recorded[:-1], (1, 2)),
    }
    for sentence, choices in others.items():
        with pytest.raises(ReplayDivergence, match=sentence):
            simulate(scenario, ReplayOracle(choices))


def test_a_replay_oracle_starts_anew_with_each_run() -> None:
    recorded = simulate(scenario, RandomOracle(3))
    oracle = ReplayOracle(recorded.choices)
    assert simulate(scenario, oracle) == simulate(scenario, oracle) == recorded


@pytest.mark.parametrize("choice", [(2, 2), (-1, 2), (0, 1), (0, 0)])
def test_an_impossible_record_is_refused(choice: Choice) -> None:
    with pytest.raises(ValueError, match="choice 1"):
        ReplayOracle([(0, 2), choice])


@pytest.mark.parametrize("answer", [-1, 3])
def test_an_oracle_must_choose_what_is_there(answer: int) -> None:
    class Wrong(FirstOracle):
        def choose(self, count: int, kind: ChoiceKind) -> int:
            return answer

    with pytest.raises(OracleError, match="choice 0"):
        simulate(scenario, Wrong())


def test_choices_say_what_they_are_about() -> None:
    kinds: list[ChoiceKind] = []

    class Listening(FirstOracle):
        def choose(self, count: int, kind: ChoiceKind) -> int:
            kinds.append(kind)
            return 0

    simulate(scenario, Listening())
    assert kinds[-1] == "value"
    assert set(kinds[:-1]) == {"schedule"}
