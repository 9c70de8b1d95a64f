"""What the picture of a run says: lanes, bars, marks, states, the first bad step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from acpool_spec.picture.points import effects_of
from acpool_spec.picture.recording import record
from acpool_spec.picture.story import Bar, Run, Story
from acpool_spec.picture.telling import run_of, tell
from acpool_spec.quiet import quiet
from acpool_spec.reference import default
from acpool_spec.schedule import Schedule
from acpool_spec.targets import Target
from acpool_spec.world import NotEnabled, Scope, World


def run(decisions: Sequence[str], scope: Scope | None = None, property_id: str = "S1") -> Run:
    with quiet():
        recording = record(default, scope or Scope(), decisions, linearize=False)
    return run_of(recording, property_id, "a run")[0]


def bars(run: Run, lane: str) -> list[Bar]:
    return [bar for bar in run.bars if bar.lane == lane]


def texts(run: Run, lane: str, kind: str) -> list[str]:
    found = sorted(run.marks, key=lambda mark: mark.at)
    return [mark.text for mark in found if (mark.lane, mark.kind) == (lane, kind)]


CREATE = [
    "start 0 get_or_create a 0",
    "turn",
    "turn",
    "answer c1.open ok",
    "turn",
    "answer c1.initialize ok",
    "turn",
]


# -- the race of the README --------------------------------------------------------------------------------------------


def test_the_kept_race_ends_with_one_session_alive_in_two_processes(story: Story) -> None:
    main = story.run.main
    assert main is not None
    assert (main.property, main.step) == ("S3", len(story.run.steps) - 1)
    assert "loaded of 's1' on c3 while c1 is alive" in main.message
    at = main.step + 0.9
    alive = [
        bar for bar in story.run.bars if bar.lane.startswith("connection ") and bar.begin <= at <= bar.end
    ]
    assert {(bar.lane, bar.kind) for bar in alive} == {
        ("connection c1", "prompt"),
        ("connection c2", "live"),
        ("connection c3", "live"),
    }
    under_a = [bar for bar in bars(story.run, "key a") if bar.kind != "memory" and bar.begin <= at <= bar.end]
    assert sorted(bar.row for bar in under_a) == [0, 1]
    assert all(bar.bad for bar in under_a)


def test_the_busy_session_is_evicted_before_it_is_loaded_again(story: Story) -> None:
    broken = {b.property: b.step for b in story.run.breaks}
    assert broken["S4"] < broken["S3"]
    leased = next(bar for bar in bars(story.run, "key a") if bar.kind == "leased")
    assert leased.open
    evicted = next(
        bar for bar in bars(story.run, "key a") if bar.kind == "memory" and "_suspended" in bar.text
    )
    assert leased.begin < evicted.begin < broken["S4"]
    assert any("'a' in _suspended" in line for step in story.run.steps for line in step.details)


def test_only_the_lanes_that_the_broken_property_is_about_are_bad(story: Story) -> None:
    assert {lane.id for lane in story.run.lanes if lane.bad} == {"key a", "connection c1", "connection c3"}


def test_the_schedule_beside_it_passes_and_parts_where_it_says(
    story: Story, kept: Schedule, target: Target
) -> None:
    nearest = story.nearest
    assert nearest is not None and nearest.run is not None
    assert nearest.run.main is None
    ours = [pair.failing[1] for pair in nearest.pairs if pair.failing[0]]
    theirs = [pair.passing[1] for pair in nearest.pairs if pair.passing[0]]
    assert ours == list(kept.decisions)
    with World(target.factory, kept.scope) as world:
        for decision in theirs:
            world.apply(decision)  # nothing was made up: every decision can be made
        world.finish(linearize=False)
        assert "S3" not in world.judgement.violations
    part = next(n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other)
    for number, diverges in enumerate(nearest.diverges):
        drawn = (story.run, nearest.run)[number]
        assert drawn.steps[diverges].decision == part + 1
        assert drawn.steps[diverges - 1].decision == part
    assert story.run.steps[: nearest.diverges[0]] == nearest.run.steps[: nearest.diverges[1]]


def test_a_pool_that_breaks_down_in_other_schedules_is_shown_all_the_same(
    kept: Schedule, target: Target
) -> None:
    runs: list[int] = []

    def only_twice(*arguments: Any, **named: Any) -> Any:
        runs.append(len(runs))
        if len(runs) > 1:
            raise SystemExit
        return target.factory(*arguments, **named)

    with quiet():
        told = tell(kept, replace(target, factory=only_twice))
    assert told.bad and told.nearest is not None
    assert told.nearest.run is None and told.nearest.tried > 100


def test_each_decision_of_the_kept_schedule_is_needed(kept: Schedule, target: Target) -> None:
    def shows(decisions: Sequence[str]) -> bool:
        """Whether the busy session is evicted and then alive twice, its holder still at it."""
        with World(target.factory, kept.scope) as world:
            for decision in decisions:
                try:
                    world.apply(decision)
                except NotEnabled:
                    continue
            found = world.judgement.violations
            held = world.judgement.ledger.processes.get("c1")
            return {"S3", "S4"} <= found.keys() and held is not None and held.holder is not None

    with quiet():
        assert shows(kept.decisions)
        for left_out in range(len(kept.decisions)):
            assert not shows([*kept.decisions[:left_out], *kept.decisions[left_out + 1 :]]), left_out


def test_a_story_is_the_same_every_time(story: Story, kept: Schedule, target: Target) -> None:
    with quiet():
        assert tell(kept, target) == story


def test_a_schedule_that_holds_has_no_bad_step_and_no_search(kept: Schedule, target: Target) -> None:
    with quiet():
        told = tell(replace(kept, decisions=kept.decisions[:8]), target)
    assert (told.bad, told.run.main, told.nearest) == (False, None, None)
    assert told.verdict == "S3 one owner per session holds in this schedule"


# -- bars and marks ----------------------------------------------------------------------------------------------------


def test_waits_lie_between_the_steps_of_a_client_and_say_what_for() -> None:
    found = run([*CREATE, "start 1 session a 0", "turn"])
    waits = [bar for bar in bars(found, "client 0") if bar.kind == "wait"]
    assert "SessionPool.core.creations['a'].waiters[0]" in waits[0].text
    own_steps = {int(mark.at) for mark in found.marks if (mark.lane, mark.kind) == ("client 0", "step")}
    for bar in waits:
        assert not own_steps & set(range(int(bar.begin), int(bar.end)))
    call = next(bar for bar in bars(found, "client 0") if bar.kind == "operation")
    assert call.begin < waits[0].begin and waits[-1].end < call.end


def test_a_connection_goes_through_its_stages_without_a_gap() -> None:
    stages = bars(run([*CREATE, "answer c1.new ok"]), "connection c1")
    assert [bar.kind for bar in stages] == ["opening", "initialize", "new", "live"]
    for one, following in pairwise(stages):
        assert one.end == following.begin
    assert stages[-1].open


def test_faults_and_cancellations_are_marks_where_they_happen() -> None:
    found = run(
        [*CREATE[:-2], "answer c1.initialize hang", "start 1 get_or_create a 0", "turn", "cancel 1", "die c1"]
    )
    assert texts(found, "client 1", "cancel") == ["client 1 is cancelled"]
    assert texts(found, "connection c1", "fault") == [
        "c1.initialize will never be answered",
        *["the process dies", "the process c1 dies"],
    ]
    ended = [bar.kind for bar in bars(found, "client 1")]
    assert "unknown" in ended


def test_a_lease_lies_inside_its_operation() -> None:
    found = run([*CREATE, "answer c1.new ok", *["turn"] * 3, "start 0 with_connection a 1", "turn"])
    lease = next(bar for bar in bars(found, "client 0") if bar.kind == "lease")
    call = next(bar for bar in bars(found, "client 0") if "with_connection" in bar.text)
    assert call.begin < lease.begin and lease.end < call.end
    assert "holds the lease of c1, session s1" in lease.detail
    assert any(bar.kind == "leased" and "client 0" in bar.text for bar in bars(found, "key a"))


def test_a_key_is_leased_also_where_nothing_is_prompted() -> None:
    found = run([*CREATE, "answer c1.new ok", *["turn"] * 3, "start 0 with_connection a 0", "turn"])
    phases = [bar.kind for bar in bars(found, "key a") if bar.kind != "memory"]
    assert phases == ["creating", "idle", "leased", "idle"]


def test_operations_take_effect_between_call_and_answer() -> None:
    found = run([*CREATE, "answer c1.new ok"])
    call = next(bar for bar in bars(found, "client 0") if bar.kind == "operation")
    point = next(mark for mark in found.marks if mark.lane == "client 0" and mark.kind == "point")
    assert call.begin < point.at < call.end
    assert texts(found, "connection c1", "point") == ["the commit of 's1' on c1"]


def test_the_state_follows_the_steps() -> None:
    found = run([*CREATE, "answer c1.new ok"])
    states = [{part.title: part.lines for part in found.states[n]} for n in found.state_at]
    assert len(states) == len(found.steps)
    assert states[0]["keys"] == ("none yet",)
    assert any("'a': c1 starting" in state["keys"] for state in states)
    assert states[-1]["keys"] == ("'a': c1 live s1, idle",)
    assert states[-1]["processes"] == ("1 of max_sessions=1: c1",)
    assert any("'a' → Creation" in line for state in states for line in state["what the pool remembers"])


def test_steps_of_plumbing_are_left_out_and_time_passes_at_its_step() -> None:
    found = run(["start 0 get_or_create a 0", "turn", "turn", "answer c1.open hang"])
    assert not any(step.what.startswith("callbacks of") for step in found.steps)
    times = [step.time for step in found.steps]
    assert times == sorted(times) and times[0] == 0 and times[-1] > 0


# -- histories without a linearization ---------------------------------------------------------------------------------


def test_the_first_bad_step_of_s12_is_the_event_that_cannot_be_explained(
    kept: Schedule, target: Target
) -> None:
    with quiet():
        told = tell(replace(kept, property_id="S12"), target, search=False)
        recording = record(target.factory, kept.scope, kept.decisions, linearize=True)
    effects = effects_of(recording.history)
    assert effects.shortest is not None
    before = replace(recording.history, events=recording.history.events[: effects.shortest - 1])
    assert effects_of(before).explanation.whole
    main = told.run.main
    assert main is not None
    assert any("c2 ('b'): opening" in line for line in told.run.steps[main.step].details)
    explained = told.explanation
    assert explained is not None and not explained.whole
    assert any("c2: opening" in what for what, _ in explained.stuck)
    assert "live (least recently used first): 'a' 's1'" in explained.state


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_our_own_pool_can_be_drawn_in_either_mode(mode: str) -> None:
    turn = "turn" if mode == "fifo" else "step client-0"
    found = run(["start 0 get_or_create a 0", turn], Scope(mode=mode))
    assert [bar.text for bar in bars(found, "client 0") if bar.kind == "operation"] == [
        "get_or_create('a') → s1"
    ]
