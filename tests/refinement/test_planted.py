"""Each defect that changes one step of the pool is seen by R1, in the first run that takes the step."""

from __future__ import annotations

import pytest
from tests.refinement.planted import PLANTS, Plant

from acpool_spec import reference
from acpool_spec.quiet import quiet
from acpool_spec.sampling import Walk
from acpool_spec.world import World

RUNS = 200
# No run before these takes the step; making them all every time would be most of the cost.
FIRST = {
    "evicts_though_one_is_dead": 330,
    "keeps_the_id_of_a_process_given_up_on": 110,
    "tells_one_of_those_who_ran_out_of_time": 90,
    "skips_the_event_of_a_refusal": 75,
    "lowers_the_flag_when_a_prompt_is_sent": 70,
    "leaves_the_flag_up_after_an_answer": 70,
}


@pytest.mark.no_cover
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_the_first_run_that_takes_the_step_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[int] = []
    plant(monkeypatch, lambda: times.append(1))
    first = FIRST.get(plant.__name__, 0)
    for number in range(first, first + RUNS):
        patient = number % 4 >= 2
        walk = Walk(1, number, reclaims=patient)
        with quiet(), World(reference.patient if patient else reference.default, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=False)
        found = world.judgement.violations.get("R1")
        if times:
            assert found is not None, f"run {number}"
            return
        assert found is None, found.message
    pytest.fail(f"in {RUNS} runs nobody took the step")
