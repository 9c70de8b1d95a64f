"""The races of real processes: each shows on the design that has it, and not on the one that avoids it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from acpool_spec.races.catalogue import real
from acpool_spec.races.exhibit import Exhibit, Real, Sighting
from acpool_spec.races.finding import find, sight
from acpool_spec.races.matrix import Matrix, Row
from acpool_spec.races.real import repeated_load
from acpool_spec.races.real.stage import Stage, is_alive
from acpool_spec.races.survey import survey
from acpool_spec.verdict import Outcome

of_each = pytest.mark.parametrize("exhibit", real.EXHIBITS, ids=lambda exhibit: exhibit.id)


def _sight(exhibit: Exhibit, *, avoided: bool) -> Sighting:
    assert isinstance(exhibit.way, Real)
    seen = sight(exhibit.way.run, avoided=avoided)
    if seen.undecided:
        pytest.skip(seen.undecided)
    return seen


@of_each
def test_it_shows(exhibit: Exhibit) -> None:
    seen = _sight(exhibit, avoided=False)
    assert list(seen.broken) == [exhibit.property_id]
    assert len(seen.lines) >= 2


@of_each
def test_the_design_that_avoids_it_does_not_have_it(exhibit: Exhibit) -> None:
    seen = _sight(exhibit, avoided=True)
    assert not seen.broken
    assert len(seen.lines) >= 2


@of_each
def test_what_has_it_is_there_by_its_name(exhibit: Exhibit) -> None:
    module, _, name = exhibit.pool.partition(":")
    assert name in vars(sys.modules.get(module) or __import__(module, fromlist=[name]))


@pytest.mark.parametrize("avoided", [False, True])
def test_no_process_is_left(avoided: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []
    close = Stage.close

    def closed(stage: Stage) -> None:
        close(stage)
        pids.extend(stage.pids)

    monkeypatch.setattr(Stage, "close", closed)
    repeated_load.show(avoided)
    assert len(pids) == 6
    assert not [pid for pid in pids if is_alive(pid)]


def test_who_is_alive_is_known_of_the_dead_that_nobody_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(process.pid)


def _refused(_avoided: bool) -> Sighting:
    return Sighting(undecided="no such thing here")


def test_a_system_that_cannot_show_it_leaves_it_undecided() -> None:
    shown = real.EXHIBITS[0]
    exhibit = Exhibit(
        id="unshown",
        row=13,
        title=shown.title,
        pool=shown.pool,
        property_id="S12",
        way=Real(f"{__name__}:_refused"),
        story=shown.story,
        avoided_by=shown.avoided_by,
    )
    sys.modules.setdefault(__name__, sys.modules[_refused.__module__])
    found = find(exhibit)
    assert (found.outcome, found.message) == (Outcome.UNDECIDED, "no such thing here")
    row = Row(exhibit, survey(exhibit), survey(exhibit, ours=True))
    assert Matrix((row,)).outcome == Outcome.UNDECIDED
