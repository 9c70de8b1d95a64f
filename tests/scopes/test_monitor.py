"""What is judged during a run: planted defects of our own pool, each told by its property, and states that merge soundly."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from acpool.core import Core
from acpool.errors import PoolExhausted
from acpool.pool import SessionPool
from acpool.records import Creation, Entry, Outcome, Suspended, Waiter
from acpool_spec import reference
from acpool_spec.events import Event, EventType
from acpool_spec.properties.judgement import Judgement
from acpool_spec.scopes import PoolScope, explore_scope, scenario_of
from acpool_spec.scopes.monitor import Monitor
from acpool_spec.scopes.normal_form import normal_form
from acpool_spec.scopes.scenario import Histories

SCOPE = PoolScope.parse("get_or_create:a,get_or_create:a@2.fifo.f0.c0")
Plant = Callable[[pytest.MonkeyPatch], None]


def hand_over_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio's classic: who is cancelled after the lease was handed over does not give it back, and the slot is lost."""
    leave = Core.leave

    def keeps(core: Core, waiter: Waiter, now: float) -> None:
        if waiter.outcome is not Outcome.GRANTED:
            leave(core, waiter, now)

    monkeypatch.setattr(Core, "leave", keeps)


def start_leaked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A creation that nobody waits for goes on."""

    def keeps(core: Core, creation: Creation, cause: str) -> None:
        """Leave it as it is."""

    monkeypatch.setattr(Core, "_abandon", keeps)


def slot_freed_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot of what a cleanup suspends is free while its process is dying."""
    expire = Core.expire

    def frees(core: Core, ttl: float, max_lease: float | None, now: float) -> list[str]:
        removed = expire(core, ttl, max_lease, now)
        for key in removed:
            del core.entries[core.dying[key].serial]
        return removed

    monkeypatch.setattr(Core, "expire", frees)


def id_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every new process gets a new session."""

    def forgets(core: Core, entry: Entry, *, can_load: bool) -> str | None:
        core.suspended.pop(entry.key, None)
        return None

    monkeypatch.setattr(Core, "initialized", forgets)


def id_kept_by_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset leaves the id of what it ended."""
    reset = Core.reset

    def keeps(core: Core, key: str) -> bool:
        entry = core.live.get(key)
        found = reset(core, key)
        if entry is not None and entry.session_id is not None:
            core.suspended[key] = Suspended(entry.session_id)
        return found

    monkeypatch.setattr(Core, "reset", keeps)


def refused_at_will(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is exhausted before it begins."""

    async def refuses(pool: SessionPool, key: str) -> Any:
        raise PoolExhausted("no slot")

    monkeypatch.setattr(SessionPool, "get_or_create", refuses)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("plant", "property_id", "name"),
    [
        (hand_over_lost, "S8", "session:a,session:a@1.fifo.f0.c1"),
        (start_leaked, "S10", "get_or_create:a,cancel:a@1.fifo.f0.c1"),
        (slot_freed_early, "S1", "get_or_create:a+cleanup_idle,get_or_create:b@1.fifo.f0.c0"),
        (id_forgotten, "S6", "get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f0.c0"),
        (id_kept_by_reset, "S11", "get_or_create:a,reset:a@1.fifo.f0.c0"),
        (refused_at_will, "S8", "get_or_create:a,get_or_create:b@1.fifo.f0.c0"),
    ],
)
def test_a_planted_defect_is_told_by_its_property(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, property_id: str, name: str
) -> None:
    scope = PoolScope.parse(name)
    plant(monkeypatch)
    report = explore_scope(scope, reference.explored, only={property_id})
    assert report.failure is not None
    assert report.failure.kind == f"violated {property_id}"
    assert report.schedule is not None and report.schedule.feasible == "fifo"


CASES = [
    ("merged", "get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f0.c0"),
    ("merged", "get_or_create:a,reset:a@1.fifo.f0.c0"),
    ("reset_drops_gate", "get_or_create:a,reset:a@1.fifo.f0.c0"),
]


@pytest.mark.parametrize(("pool", "name"), CASES)
@pytest.mark.no_cover
def test_cut_or_not_the_same_properties_break(monkeypatch: pytest.MonkeyPatch, pool: str, name: str) -> None:
    """No violation ends a run here; which properties break in some run must not depend on which runs are cut."""
    factory = importlib.import_module(f"acpool_spec.pools.{pool}").factory
    broken: set[str] = set()

    def note(_: Histories, monitor: Monitor) -> None:
        broken.update(monitor.judgement.violations)

    monkeypatch.setattr(Histories, "judge", note)
    found: list[set[str]] = []
    for prune in (True, False):
        report = explore_scope(PoolScope.parse(name), factory, only=(), prune=prune)
        assert report.verdict == "holds", report.why
        found.append(set(broken))
        broken.clear()
    assert found[0] == found[1]
    assert found[0]


def test_a_history_without_a_linearization_is_found_in_a_run_that_was_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S12 alone, of a pool whose ``reset`` says it found nothing: told by the history, which lies beside the run."""
    reset = Core.reset

    def denies(core: Core, key: str) -> bool:
        reset(core, key)
        return False

    monkeypatch.setattr(Core, "reset", denies)
    scope = PoolScope.parse("session:a,reset:a@1.fifo.f0.c0")
    report = explore_scope(scope, reference.explored)
    assert report.failure is not None and report.failure.kind == "violated S12"
    assert report.schedule is not None
    assert explore_scope(scope, reference.explored, only={"S1"}).verdict == "holds"


Told = tuple[EventType, str, dict[str, Any]]


def judged(events: Iterable[Told], stretch: int = 1) -> Judgement:
    judgement = Judgement(1, reclaims=False, agents_load=True, sees_rest=True)
    for number, (kind, f, members) in enumerate(events):
        judgement.see(Event(index=number * stretch, time=0, type=kind, f=f, **members))
    return judgement


START: list[Told] = [
    ("invoke", "session", {"process": 0, "key": "a"}),
    ("event", "opening", {"connection": "a1", "key": "a"}),
    ("event", "opened", {"connection": "a1", "key": "a"}),
    ("event", "created", {"connection": "a1", "key": "a", "session_id": "s"}),
    ("event", "acquire", {"connection": "a1", "key": "a", "process": 0, "session_id": "s"}),
]


def test_places_do_not_matter_and_their_order_does() -> None:
    assert normal_form(judged(START)) == normal_form(judged(START, stretch=7))
    reset: Told = ("invoke", "reset", {"process": 1, "key": "a"})
    assert normal_form(judged([reset, *START])) != normal_form(judged([*START, reset]))


def told(kind: EventType, f: str, **members: Any) -> Told:
    return (kind, f, {"key": "a", **members})


ENDED = [*START[1:4], told("event", "closing", connection="a1"), told("event", "closed", connection="a1")]
RESET = [told("invoke", "reset", process=1), told("ok", "reset", process=1, value=True)]
CLEANUP = [told("invoke", "cleanup_idle", process=1), told("ok", "cleanup_idle", process=1)]
ASKED = [told("invoke", "session", process=0), told("invoke", "session", process=1)]
OPENED = START[1:4]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Before a reset or after it: what the id may be used for depends on it.
        ([*RESET, *ENDED, *CLEANUP], [*ENDED, *RESET, *CLEANUP]),
        # An end before a call or in it: whether the call may count on the slot.
        ([*ENDED, ASKED[0]], [*ENDED[:-1], ASKED[0], ENDED[-1]]),
        # Who holds the lease, also where its call is not known.
        (
            [*OPENED, told("event", "acquire", connection="a1", process=7)],
            [*OPENED, told("event", "acquire", connection="a1", process=8)],
        ),
        # Who asked first.
        (ASKED, ASKED[::-1]),
    ],
)
def test_what_may_be_asked_again_is_remembered(one: list[Told], other: list[Told]) -> None:
    assert normal_form(judged(one)) != normal_form(judged(other))


@pytest.mark.no_cover
def test_a_decision_of_which_nothing_is_to_be_seen_yet_is_no_violation() -> None:
    """A run cut between an eviction and the closing that shows it: found by this exploration in a program of the family."""
    scope = PoolScope.parse("get_or_create:a+session:b,get_or_create:a+with_connection:a@1.fifo.f0.c0")
    report = explore_scope(scope, reference.default)
    assert report.verdict == "holds", report.why


@pytest.mark.no_cover
def test_the_history_of_a_run_that_was_cut_is_that_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its coroutines do when they are closed is not in it: it is the beginning of one that came to its end."""
    kept: list[tuple[str, ...]] = []

    def keep(_: Histories, monitor: Monitor) -> None:
        kept.append(tuple(map(str, monitor.notes.events)))

    monkeypatch.setattr(Histories, "judge", keep)
    scope = PoolScope.parse("session:a,session:a@1.fifo.f0.c0")
    explore_scope(scope, reference.explored, prune=False)
    whole = set(kept)
    kept.clear()
    explore_scope(scope, reference.explored)
    cut = set(kept) - whole
    assert cut
    for beginning in cut:
        assert any(known[: len(beginning)] == beginning for known in whole)


def test_a_lease_that_came_and_went_leaves_what_a_lease_leaves() -> None:
    release: Told = ("event", "release", START[-1][2])
    once = [*START, release]
    twice = [*once, START[-1], release]
    assert normal_form(judged(once)) == normal_form(judged(twice))
    assert normal_form(judged(once)) != normal_form(judged(START))


@pytest.mark.parametrize(
    ("one", "other"),
    [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5)],
)
def test_another_past_with_other_facts_is_another_state(one: int, other: int) -> None:
    assert normal_form(judged(START[:one])) != normal_form(judged(START[:other]))


@pytest.mark.no_cover
def test_states_of_the_pool_can_all_be_compared() -> None:
    for name in ("session:a,reset:a@1.fifo.f0.c0", "get_or_create:a,shutdown@1.fifo.f1.c0"):
        assert not explore_scope(PoolScope.parse(name), reference.explored).certificate.not_canonical


def test_a_scenario_has_the_name_and_the_code_of_its_pool() -> None:
    scenario: Any = scenario_of(SCOPE, reference.explored)
    assert scenario.__module__ == "acpool_spec.reference"
    assert scenario.__qualname__ == f"explored in {SCOPE.name}"
