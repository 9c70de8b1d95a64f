"""Every bad pool is caught by a scope of the family, in mode ``fifo``, by a schedule no longer than one found by hand.

``by_hand`` counts what the outside must do out of turn, where its turn is: whoever was ready first, then whatever became possible
first, faults last.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import pytest

from acpool_spec.exploration.recording import Recorded
from acpool_spec.exploration.scenario_schedule import replay
from acpool_spec.quiet import quiet
from acpool_spec.scopes import PoolScope, PropertyViolated, cancellable, explore_scope, scenario_of


class Caught(NamedTuple):
    """A race: the pool, the property it breaks, the scope that shows it, and how many deviations a schedule by hand has."""

    pool: str
    property: str
    scope: str
    by_hand: int


CAUGHT = (
    # Both call, and nobody has done anything: the second waits for the lock that the first holds over its start.
    Caught("global_lock", "L1", "get_or_create:a,get_or_create:b@2.fifo.f0.c0", 0),
    # The prompt of the first hangs (1), under the lock.
    Caught("global_lock", "L2", "get_or_create:a+with_connection:a,get_or_create:b@2.fifo.f1.c0", 1),
    # Both call, both find nothing, both open.
    Caught("unlocked_start", "S2", "get_or_create:a,get_or_create:a@2.fifo.f0.c0", 0),
    # The second is held back until the first has a session (2) and has had it cleaned up (3): two rapid requests, one saved id.
    Caught(
        "unlocked_start",
        "S3",
        "get_or_create:a+cleanup_idle+get_or_create:a,get_or_create:a@2.fifo.f0.c0",
        3,
    ),
    # ABA: a is idle (2) and b too (5), both are cleaned up (6). a is dead and is asked for again, and has its new process (7) and
    # session (8) before b is dead. Then a is struck out by its key, and started once more beside its orphan (S10 with it).
    Caught(
        "remove_by_key",
        "S2",
        "get_or_create:a+get_or_create:b+cleanup_idle,get_or_create:a@2.fifo.f0.c0",
        8,
    ),
    # Two starts at once for one slot.
    Caught("merged", "S1", "get_or_create:a,get_or_create:b@1.fifo.f0.c0", 0),
    # a is idle (2) and is sampled as the victim of b; its prompt begins, and b is installed while it goes on (3). The next
    # request for a comes while it streams (4) …
    Caught(
        "merged", "S4", "get_or_create:a+with_connection:a,get_or_create:b+get_or_create:a@1.fifo.f0.c0", 4
    ),
    # … or has its process (4) and loads the id (5) while the old one is not dead.
    Caught(
        "merged", "S3", "get_or_create:a+with_connection:a,get_or_create:b+get_or_create:a@1.fifo.f0.c0", 5
    ),
    # b begins before c has a session (1), finds nothing to evict, and is refused though two idle ones are there by then.
    Caught("merged", "S8", "get_or_create:a+get_or_create:b,get_or_create:c@2.fifo.f0.c0", 1),
    # The prompt hangs (1), and so does whoever asks for its key.
    Caught("merged", "L2", "get_or_create:a+with_connection:a,get_or_create:a@1.fifo.f1.c0", 1),
    # The caller is cancelled in its start (1), and the process goes on alone.
    Caught("merged", "S10", "get_or_create:a,get_or_create:b@1.fifo.f0.c1", 1),
    # A reset in the start: the old session comes back.
    Caught("merged", "S11", "get_or_create:a,reset:a@1.fifo.f0.c0", 0),
    # The session is there (2), the prompt of its first holder hangs (3), and the next one waits for ever.
    Caught("no_reclaim", "L2", "get_or_create:a+with_connection:a,with_connection:a@1.fifo.f1.c0", 3),
    # The session is there (2), its process dies (3), a cleanup strikes it out (4) and a newcomer calls before it is gone (5).
    Caught("no_reclaim", "S8", "get_or_create:a+cleanup_idle,get_or_create:b@1.fifo.f1.c0", 5),
    # The reset drops the gate of a start in flight; the next request starts beside it.
    Caught("reset_drops_gate", "S2", "get_or_create:a,reset:a+get_or_create:a@1.fifo.f0.c0", 0),
    Caught("reset_drops_gate", "S11", "get_or_create:a,reset:a@1.fifo.f0.c0", 0),
)


@pytest.mark.parametrize("caught", CAUGHT, ids=lambda caught: f"{caught.pool}-{caught.property}")
@pytest.mark.no_cover
def test_a_bad_pool_is_caught(caught: Caught) -> None:
    factory = importlib.import_module(f"acpool_spec.pools.{caught.pool}").factory
    scope = PoolScope.parse(caught.scope)
    report = explore_scope(scope, factory, only={caught.property})
    assert report.verdict == "violated"
    assert report.failure is not None and report.failure.kind == f"violated {caught.property}"
    assert report.schedule is not None and report.schedule.feasible == "fifo"
    with quiet():
        run = replay(
            scenario_of(scope, factory, only={caught.property}), report.schedule, cancellable=cancellable
        )
    assert isinstance(run.exception, PropertyViolated)
    assert run.exception.property_id == caught.property
    assert Recorded(run, report.schedule.decisions).size[0] <= caught.by_hand


def test_of_all_properties_the_first_that_breaks_is_told() -> None:
    factory = importlib.import_module("acpool_spec.pools.global_lock").factory
    report = explore_scope(PoolScope.parse("get_or_create:a,get_or_create:b@2.fifo.f0.c0"), factory)
    assert report.failure is not None and report.failure.kind == "violated L1"
    waits = "get_or_create('b') of client 1 waits"
    assert str(report.failure).startswith(f"L1 (isolation): {waits}"), str(report.failure)
