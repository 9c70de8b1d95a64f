"""The core alone, driven at random: its rules hold after every step, whatever happens in whatever order."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from acpool.contract import Connection
from acpool.core import Core
from acpool.records import Close, Entry, Interrupt, Outcome, Queued, Served, Stage, Start, Stop, Waiter, Want

if TYPE_CHECKING:
    from collections.abc import Iterable

# What it reaches the tests of each decision reach too.
pytestmark = pytest.mark.no_cover

KEYS = st.sampled_from(["a", "b", "c", "d"])
PICK = st.integers(0, 30)


class Process:
    """A process that is alive or not; the core looks at nothing else."""

    alive = True


class CoreMachine(RuleBasedStateMachine):
    """Callers, processes and an operator around one core."""

    max_sessions = 2
    queueing = True

    def __init__(self) -> None:
        super().__init__()
        self.core = Core(
            self.max_sessions,
            waits_for_capacity=self.queueing,
            times_leases=True,
            suspended={"a": "old-a"},
            listening=True,
        )
        self.now = 0.0
        self.numbers = itertools.count()
        self.waiters: list[Waiter] = []
        self.starting: dict[int, Entry] = {}
        self.stopped: set[int] = set()
        self.closing: dict[int, Entry] = {}
        self.held: dict[int, tuple[Entry, Any]] = {}
        self.timed: dict[int, Any] = {}

    def take(self) -> None:
        """Take note of what the core asked for, and of who was granted what."""
        effects = list(self.core.effects)
        self.core.effects.clear()
        for effect in effects:
            match effect:
                case Start(entry):
                    assert entry.serial not in self.starting, "started twice"
                    assert not any(
                        other.key == entry.key and other is not entry for other in self.core.entries.values()
                    ), "one process per key, the dying one included"
                    self.starting[entry.serial] = entry
                case Stop(entry):
                    assert entry.serial in self.starting, "stopped, and not starting"
                    self.stopped.add(entry.serial)
                case Close(entry):
                    assert entry.opened and entry.serial not in self.closing, "closed twice, or never open"
                    assert entry.serial in self.core.entries
                    self.closing[entry.serial] = entry
                case Interrupt(token):
                    self.held = {n: hold for n, hold in self.held.items() if hold[1] is not token}
                case Queued(creation):
                    assert creation.serial not in self.timed
                    self.timed[creation.serial] = creation
                case Served(creation):
                    del self.timed[creation.serial]
                case _:
                    pass
        for waiter in [w for w in self.waiters if w.outcome is not Outcome.PENDING]:
            self.waiters.remove(waiter)
            if waiter.outcome is Outcome.GRANTED:
                assert waiter.entry is not None
                if waiter.entry.lease is waiter.token:
                    self.core.begun(waiter)
                    self.held[next(self.numbers)] = waiter.entry, waiter.token

    def pick(self, items: Iterable[Any], number: int) -> Any:
        choices = list(items)
        return choices[number % len(choices)]

    # -- callers -------------------------------------------------------------------------------------------------

    @rule(key=KEYS, want=st.sampled_from(list(Want)))
    def ask(self, key: str, want: Want) -> None:
        before = dict(self.core.idle)
        free = self.max_sessions - len(self.core.entries)
        unpromised = [e for e in self.core.dying.values() if e.heir is None]
        in_flight = key in self.core.creations
        waiter = self.core.ask(key, want, object(), self.now)
        if waiter.outcome is Outcome.EXHAUSTED:
            # Honest: every slot was leased, creating or closing for somebody else in this very step.
            assert not before and not free and not unpromised and not in_flight
        self.waiters.append(waiter)
        self.take()

    @rule(key=KEYS)
    def acquire(self, key: str) -> None:
        token = object()
        entry = self.core.acquire(key, token, self.now)
        if entry is not None:
            self.held[next(self.numbers)] = entry, token
        self.take()

    @precondition(lambda self: self.held)
    @rule(number=PICK)
    def release(self, number: int) -> None:
        chosen = self.pick(self.held, number)
        entry, token = self.held.pop(chosen)
        first = next(iter(entry.queue), None) if self.core.open and entry.connection.alive else None
        self.core.release(entry, token, self.now)
        assert first is None or entry.prompts or entry.lease is first.token, "the lease is served in order"
        self.take()

    @precondition(lambda self: self.held)
    @rule(number=PICK, answered=st.booleans())
    def prompt(self, number: int, answered: bool) -> None:
        entry, token = self.held[self.pick(self.held, number)]
        self.core.prompt_begun(entry)
        self.core.prompt_ended(entry, token, answered=answered)

    @precondition(lambda self: self.waiters)
    @rule(number=PICK)
    def leave(self, number: int) -> None:
        waiter = self.waiters.pop(number % len(self.waiters))
        self.core.leave(waiter, self.now)
        self.take()

    # -- processes -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.starting)
    @rule(number=PICK, fate=st.sampled_from(["ok", "ok", "ok", "fail", "dies", "refused"]))
    def start_goes_on(self, number: int, fate: str) -> None:
        """One step of one start: it opens, or what follows succeeds or fails."""
        entry = self.pick(self.starting.values(), number)
        core = self.core
        if entry.serial in self.stopped and fate != "ok":
            self.end_start(entry)
        elif fate == "fail":
            core.fail(entry, RuntimeError("no"))
            self.end_start(entry)
        elif not entry.opened:
            process: Any = Process()
            connection: Connection = process
            if not core.opened(entry, connection):
                self.end_start(entry)
        else:
            process = entry.connection
            process.alive = fate != "dies"
            known = core.initialized(entry, can_load=True)
            if known is not None and fate == "refused":
                core.refused(entry)
                known = None
            fresh = f"{entry.key}{next(self.numbers)}"
            core.commit(entry, known or fresh, resumed=known is not None, now=self.now)
            self.end_start(entry)
        self.take()

    def end_start(self, entry: Entry) -> None:
        del self.starting[entry.serial]
        self.core.fail(entry, RuntimeError("cancelled"))
        self.core.stopped(entry)

    @precondition(lambda self: self.closing)
    @rule(number=PICK, confirmed=st.sampled_from([True, True, True, False]))
    def closed(self, number: int, confirmed: bool) -> None:
        entry = self.closing.pop(self.pick(self.closing, number))
        self.core.closed(entry, confirmed=confirmed)
        self.take()

    @precondition(lambda self: self.core.live)
    @rule(number=PICK)
    def die(self, number: int) -> None:
        self.pick(self.core.live.values(), number).connection.alive = False

    # -- time and the operator -----------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 5.0]))
    def time(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.timed)
    @rule(number=PICK)
    def capacity_runs_out(self, number: int) -> None:
        creation = self.timed.pop(self.pick(self.timed, number))
        assert creation.entry is None and creation.source is None, "served, and its wait still timed"
        self.core.capacity_ran_out(creation)
        assert creation.key not in self.core.creations
        self.take()

    @rule(ttl=st.sampled_from([0.0, 5.0, 100.0]), max_lease=st.sampled_from([None, 10.0]))
    def expire(self, ttl: float, max_lease: float | None) -> None:
        self.core.expire(ttl, max_lease, self.now)
        self.take()

    @rule(key=KEYS)
    def reset(self, key: str) -> None:
        self.core.reset(key)
        assert key not in self.core.live and key not in self.core.suspended
        self.take()

    @precondition(lambda self: self.core.open)
    @rule(yes=st.sampled_from([False] * 15 + [True]))
    def shut(self, yes: bool) -> None:
        if yes:
            self.core.shut()
            assert not self.core.creations and not any(e.queue for e in self.core.live.values())
            self.take()

    @precondition(lambda self: not self.core.open)
    @rule()
    def revoke_all(self) -> None:
        self.core.revoke_all()
        assert not self.core.live
        self.take()

    # -- the rules -----------------------------------------------------------------------------------------------

    @invariant()
    def a_slot_is_an_entry(self) -> None:
        core = self.core
        assert len(core.entries) <= core.max_sessions
        parts = [*core.live.values(), *core.dying.values(), *self.of_creations()]
        assert sorted(e.serial for e in parts) == sorted(core.entries), "every entry is in exactly one place"
        assert all(entry.stage is Stage.CLOSING for entry in core.dying.values())
        assert all(entry.stage is Stage.CREATING for entry in self.of_creations())

    def of_creations(self) -> list[Entry]:
        return [c.entry for c in self.core.creations.values() if c.entry is not None]

    @invariant()
    def a_key_has_a_session_or_a_creation(self) -> None:
        core = self.core
        assert not core.live.keys() & core.creations.keys()
        assert not core.live.keys() & core.suspended.keys()
        assert all(creation.waiters for creation in core.creations.values()), "nobody waits for it"

    @invariant()
    def idle_is_alive_free_and_in_order(self) -> None:
        core = self.core
        free = {e.key for e in core.live.values() if e.stage is Stage.IDLE}
        assert core.idle.keys() == free
        for entry in core.idle.values():
            assert entry.lease is None and not entry.queue
        used = [entry.used_at for entry in core.idle.values()]
        assert used == sorted(used), "least recently used first"

    @invariant()
    def leased_is_held(self) -> None:
        held = {entry.serial for entry, _ in self.held.values()}
        for entry in self.core.live.values():
            assert (entry.stage is Stage.LEASED) == (entry.lease is not None) == (entry.serial in held)

    @invariant()
    def promises_are_mutual_and_once(self) -> None:
        core = self.core
        for entry in core.dying.values():
            assert entry.heir is None or entry.heir.source is entry
        for creation in core.creations.values():
            assert creation.source is None or creation.source.heir is creation
            assert creation.entry is None or creation.source is None
            assert (creation.serial in core.waiting) == (creation.entry is None)

    @invariant()
    def nobody_waits_beside_a_slot(self) -> None:
        """L3: while one waits unpromised nothing is free, idle, or closing for nobody."""
        core = self.core
        if any(creation.source is None for creation in core.waiting.values()):
            assert not core.idle and len(core.entries) == core.max_sessions
            assert all(entry.heir is not None for entry in core.dying.values())
        for creation in core.waiting.values():
            assert creation.queued == (creation.serial in self.timed)

    @invariant()
    def every_process_has_somebody_who_ends_it(self) -> None:
        for entry in self.core.entries.values():
            if entry.stage is Stage.CREATING:
                assert entry.serial in self.starting
            elif entry.stage is Stage.CLOSING:
                assert entry.serial in self.closing or entry.serial in self.starting

    def teardown(self) -> None:
        """Whatever happened, the pool comes to nothing when it is shut."""
        core = self.core
        if core.open:
            core.shut()
        core.revoke_all()
        self.take()
        for entry in list(self.starting.values()):
            self.end_start(entry)
        for entry in list(self.closing.values()):
            core.closed(entry, confirmed=True)
        left = [core.entries, core.live, core.idle, core.dying, core.creations, core.waiting]
        assert not any(left), left


class OneSlot(CoreMachine):
    """The smallest pool."""

    max_sessions = 1


class Refusing(CoreMachine):
    """A pool that refuses at once when it is full."""

    queueing = False


BUDGET = settings(max_examples=120, stateful_step_count=50, deadline=None, derandomize=True)
TestTwoSlots = CoreMachine.TestCase
TestTwoSlots.settings = BUDGET
TestOneSlot = OneSlot.TestCase
TestOneSlot.settings = BUDGET
TestRefusing = Refusing.TestCase
TestRefusing.settings = BUDGET
