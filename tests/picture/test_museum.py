"""The pictures of all exhibits: each shows its property broken, what that is about, and no wait that is none."""

from __future__ import annotations

import pytest

from acpool_spec.campaign.replaying import is_scenario_schedule, load_recorded
from acpool_spec.picture.scenario_story import tell_scenario
from acpool_spec.picture.short import in_short
from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.picture.text import text_lines
from acpool_spec.quiet import quiet
from acpool_spec.races.catalogue import EXHIBITS, exhibit_of
from acpool_spec.schedule import load_schedule
from acpool_spec.targets import load_target

_CALLS = ("operation", "failed", "unknown", "pending")
_KEPT = [exhibit.id for exhibit in EXHIBITS if exhibit.schedule is not None]


def picture(name: str, *, search: bool = False) -> Story:
    """The story of the kept schedule of the exhibit called ``name``; ``search``: for one that passes, too."""
    file = exhibit_of(name).schedule
    assert file is not None
    with quiet():
        if not is_scenario_schedule(file):
            schedule = load_schedule(file)
            return tell(schedule, load_target(schedule.pool), search=search)
        recorded = load_recorded(file)
        return tell_scenario(
            recorded.subject.scenario(recorded.scope),
            recorded.schedule,
            cancellable=recorded.subject.family.cancellable,
            search=search,
        )


@pytest.mark.parametrize("name", _KEPT)
def test_the_picture_shows_what_the_exhibit_breaks(name: str) -> None:
    story = picture(name)
    broken = story.run.main
    assert broken is not None and story.bad
    assert broken.property == exhibit_of(name).property_id
    assert broken.message in story.verdict and "\n" not in story.verdict
    assert any(lane.bad for lane in story.run.lanes), "nobody is accused"
    assert broken.step == len(story.run.steps) - 1
    short = in_short(story.run)
    assert len(short) >= 3 and short[-1] == (broken.step, f"✗ {broken.property}: {broken.message}")
    assert [at for at, _ in short] == sorted(at for at, _ in short)
    for bar in story.run.bars:
        if bar.kind == "wait" and bar.lane.startswith("client "):
            assert bar.text not in ("_wait()", "the outside, to call")
            around = (b for b in story.run.bars if b.lane == bar.lane and b.kind in _CALLS)
            assert any(b.begin <= bar.begin and bar.end <= b.end for b in around), bar
    assert max(map(len, text_lines(story))) <= 100


def test_a_history_that_is_judged_when_it_is_over_is_drawn_to_where_it_cannot_be_explained() -> None:
    story = picture("gap")
    assert story.verdict == (
        "S12 linearizable violated: no linearization: session('a') failing with NoSession cannot follow:"
        " this operation does not fail so"
    )
    assert story.explanation is not None and not story.explanation.whole


def test_who_outlives_its_cancellation_is_accused_where_it_answers() -> None:
    story = picture("hidden-cancellation")
    step = story.run.steps[-1]
    assert step.lane == "client 0" and any("answers" in line for line in step.details)
    assert {"client 0"} == {lane.id for lane in story.run.lanes if lane.bad}


def test_where_no_single_decision_helps_a_second_one_is_made_otherwise() -> None:
    nearest = picture("gates-for-ever", search=True).nearest
    assert nearest is not None and nearest.run is not None and nearest.run.main is None
    one, two = nearest.edits
    assert one.startswith("decision 5 is ") and two.startswith("then decision 8 is ")
    assert nearest.bound.startswith("one decision, then two, made otherwise")
    assert nearest.diverges[0] > 0
