"""The pool as a sequential object: its abstract state and where each atomic action may lead.

Permissive where the contract is (when, within its interval, something is decided; which of several causes removed a
session), strict where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from acpool_spec.pool_knowledge import NEVER, Knowledge
from acpool_spec.sequential import Operation

_SLACK_NS = 1_000
"""Rounding of times that went through seconds."""


class Session(NamedTuple):
    """A live session: the agent, its holder (a process, or -1), and the last use, in nanoseconds, at least and at most."""

    agent: int
    holder: int
    used_from: int
    used_to: int


class Memory(NamedTuple):
    """What is remembered of a key: the suspended session id, and whether a lost session is still to be told (1; 2: perhaps)."""

    suspended: str | None
    lost: int


class PoolState(NamedTuple):
    """``place``: the last event passed. ``live``: least recently used first. ``gone``: mask of agents that were removed or
    defeated and have not begun to close. ``evicted``: mask of agents whose slot somebody was promised, until they end or
    nobody may want it any more."""

    place: int
    open: bool
    live: tuple[Session, ...]
    memory: tuple[Memory, ...]
    gone: int
    evicted: int


_Steps = Iterable[PoolState]
_Seen = tuple[int, int, int]  # the place of an event, the agent and the process concerned, or -1
_NO: tuple[PoolState, ...] = ()
_FORGOTTEN = Memory(None, 0)


class PoolSpec:
    """The sequential specification of a pool, for the actions of one history."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known
        self._agents = known.agents
        self._key_of = [agent.key for agent in known.agents]
        self._names = {number: name for name, number in known.keys.items()}
        self._slots = known.max_sessions
        self._of_key = [0] * len(known.keys)
        for agent in known.agents:
            self._of_key[agent.key] |= 1 << agent.number
        self._closed = sum(1 << agent.number for agent in known.agents if agent.closing < NEVER)
        self._mentioned = {agent.session_id for agent in known.agents if not agent.loaded}
        self._acts: dict[str, Callable[[PoolState, Any], _Steps]] = {
            name.removeprefix("_do_"): getattr(self, name) for name in dir(self) if name.startswith("_do_")
        }

    def initial(self) -> PoolState:
        """An open pool with nothing in it."""
        return PoolState(-1, True, (), (_FORGOTTEN,) * len(self._known.keys), 0, 0)

    def step(self, state: PoolState, operation: Operation) -> _Steps:
        """Where the action may lead; empty: it cannot happen here."""
        return self._acts[operation.name](state, operation.argument)

    def partition(self, operation: Operation) -> Hashable:
        """Capacity couples all keys: one part."""
        return None

    # -- what was seen -----------------------------------------------------------------------------------------------

    def _do_note(self, state: PoolState, argument: _Seen) -> _Steps:
        place = argument[0]
        evicted = 0 if self._known.lapsing[place] else state.evicted
        return (state._replace(place=place, evicted=evicted),)

    def _do_opening(self, state: PoolState, argument: _Seen) -> _Steps:
        """A process starts: somebody wants it, nobody has one, and there is a slot."""
        place, number, _ = argument
        known, key = self._known, self._key_of[number]
        # Wanted before: a cancelled caller may have wanted this process, and no other after it.
        wanted = place > 0 and known.wanted[place - 1] >> key & 1
        if place > known.down or not wanted or self._live(state, key) is not None:
            return _NO
        if self._slots is not None and known.running[place].bit_count() > self._slots:
            return _NO
        others = self._of_key[key] & ~(1 << number)
        if self._creating(state._replace(place=place)) & others:
            return _NO
        return (
            self._do_opened(state, argument)
            if place == self._agents[number].opened
            else self._do_note(state, argument)
        )

    def _do_opened(self, state: PoolState, argument: _Seen) -> _Steps:
        """A process runs: the only one of its key."""
        place, number, _ = argument
        others = self._of_key[self._key_of[number]] & ~(1 << number)
        return _NO if self._known.running[place] & others else self._do_note(state, argument)

    def _do_loading(self, state: PoolState, argument: tuple[int, int, str | None]) -> _Steps:
        """A process is asked to load what is suspended under its key, unless its start was defeated or the id is unheard of."""
        place, number, session_id = argument
        suspended = state.memory[self._key_of[number]].suspended
        foreign = session_id in self._mentioned and session_id != suspended and not state.gone >> number & 1
        return _NO if foreign else (state._replace(place=place),)

    def _do_closing(self, state: PoolState, argument: _Seen) -> _Steps:
        """A process begins to close, or is confirmed dead: its session was removed before, or is evicted now."""
        place, number, _ = argument
        entry = self._live(state, self._key_of[number])
        if entry is None or entry.agent != number:
            return (self._passed(state, place, number),)
        if not state.open:
            return (self._passed(self._suspend(state, entry), place, number),)
        return tuple(self._passed(after, place, number) for after in self._do_evict(state, number))

    def _do_died(self, state: PoolState, argument: _Seen) -> _Steps:
        place, number, _ = argument
        entry = self._live(state, self._key_of[number])
        if entry is not None and entry.agent == number:
            state = self._suspend(state, entry)
        return (self._passed(state, place, number),)

    def _do_acquire(self, state: PoolState, argument: _Seen) -> _Steps:
        """A holder begins: the session is live and nobody else's. One that died since its lease was granted is let pass."""
        place, number, process = argument
        entry = self._live(state, self._key_of[number])
        if entry is not None and entry.agent == number:
            if entry.holder not in (-1, process):
                return _NO
            live = tuple(s._replace(holder=process) if s is entry else s for s in state.live)
            return (state._replace(place=place, live=live),)
        agent = self._agents[number]
        return (state._replace(place=place),) if agent.died and agent.ended < place else _NO

    def _do_told(self, state: PoolState, argument: _Seen) -> _Steps:
        """The agent answered a prompt: whoever was to be told of a lost session may have been."""
        return self._lower(state, argument, 1, 2)

    def _do_answered(self, state: PoolState, argument: _Seen) -> _Steps:
        """A holder got the answer to its prompt: it has been told."""
        return self._lower(state, argument, 0, 0)

    def _lower(self, state: PoolState, argument: _Seen, at_least: int, to: int) -> _Steps:
        place, number, _ = argument
        key = self._key_of[number]
        entry, memory = self._live(state, key), state.memory[key]
        own = (
            entry.agent == number
            if entry is not None
            else memory.suspended == self._agents[number].session_id
        )
        state = state._replace(place=place)
        if own and memory.lost and (to == 0 or memory.lost == at_least):
            return (self._remember(state, key, memory._replace(lost=to)),)
        return (state,)

    def _do_down(self, state: PoolState, argument: _Seen) -> _Steps:
        """A shutdown has answered: every process has ended or was given up on."""
        place, running = argument[0], self._known.running[argument[0]]
        # One that is being opened does not exist yet.
        alive = any(running >> a.number & 1 and min(a.opened, a.established) < place for a in self._agents)
        return _NO if alive and self._known.connected else (state._replace(place=place),)

    # -- what was decided about a process ----------------------------------------------------------------------------

    def _do_commit(self, state: PoolState, number: int) -> _Steps:
        """Install a started session, unless its start was defeated."""
        agent = self._agents[number]
        key, memory = agent.key, state.memory[agent.key]
        if (
            not state.open
            or state.gone >> number & 1
            or agent.left <= state.place
            or self._live(state, key) is not None
        ):
            return _NO
        if agent.loaded and memory.suspended != agent.session_id and agent.session_id in self._mentioned:
            return _NO
        lost = 1 if memory.suspended is not None and not agent.loaded else memory.lost
        entry = Session(number, -1, *self._now(state))
        after = self._remember(state, key, Memory(None, lost))
        return (after._replace(live=(*state.live, entry)),)

    def _do_evict(self, state: PoolState, number: int) -> _Steps:
        """Remove an idle session, the least recently used, for somebody for whom there is no slot; or by an unseen cleanup."""
        known, place = self._known, state.place
        key = self._key_of[number]
        entry = self._live(state, key)
        if entry is None or entry.agent != number:
            return _NO
        unseen_cleanup = not known.connected or known.periodic or known.sweeping[place]
        if entry.holder != -1:
            too_old = unseen_cleanup and self._reclaimable(state, entry)
            return (self._suspend(state, entry),) if too_old else _NO
        if unseen_cleanup:
            return (self._suspend(state, entry),)
        arriving = known.arriving[place]
        for other in state.live:
            if other is entry:
                break
            if other.holder == -1 and not arriving >> self._key_of[other.agent] & 1:
                return _NO
        if self._slots is None:
            return (self._suspend(state, entry),) if known.wanted[place] & ~(1 << key) else _NO
        # A slot that closes for another reason may be waited for, or not.
        unheard = known.unheard_of[place]
        promised = (state.evicted & (known.running[place] | unheard)).bit_count()
        at_hand = self._slots - (known.holding[place] | unheard).bit_count() + promised
        # Where more slots are taken than there are, since an ending may not have been heard of, somebody must want one all
        # the same.
        if max(at_hand, 0) >= (self._short(state) & ~(1 << key)).bit_count():
            return _NO
        return (self._suspend(state, entry)._replace(evicted=state.evicted | 1 << number),)

    def _do_give_up(self, state: PoolState, number: int) -> _Steps:
        """Give up on a process that does not die: it may still own its session, or the one that it was to load."""
        agent = self._agents[number]
        suspended = state.memory[agent.key].suspended
        if suspended is None or agent.session_id not in (None, suspended):
            return _NO
        return (self._remember(state, agent.key, Memory(None, 1)),)

    # -- what was answered -------------------------------------------------------------------------------------------

    def _do_observe(self, state: PoolState, argument: tuple[int, Any, Any, Any]) -> _Steps:
        """``get_or_create`` describes the live session, which counts as a use."""
        key, session_id, resumed, reset = argument
        entry = self._live(state, key)
        if entry is None or not state.open:
            return _NO
        agent, lost = self._agents[entry.agent], state.memory[key].lost
        if session_id not in (None, agent.session_id) or resumed not in (None, agent.loaded):
            return _NO
        if reset is not None and lost != 2 and bool(lost) is not reset:
            return _NO
        state = self._use(state, entry, entry.holder)
        if reset is False and lost == 2:
            state = self._remember(state, key, state.memory[key]._replace(lost=0))
        return (state,)

    def _do_lease(self, state: PoolState, argument: tuple[int, Any]) -> _Steps:
        """A lease of which only the call was recorded; its prompts may have told somebody of a lost session."""
        key, session_id = argument
        entry = self._live(state, key)
        if entry is None or entry.holder != -1 or not state.open:
            return _NO
        if session_id not in (None, self._agents[entry.agent].session_id):
            return _NO
        memory = state.memory[key]
        return (
            self._remember(self._use(state, entry, -1), key, memory._replace(lost=2 if memory.lost else 0)),
        )

    def _do_release(self, state: PoolState, argument: tuple[int, int]) -> _Steps:
        """The end of a lease, which counts as a use; of one that was taken back, nothing."""
        entry = self._live(state, argument[0])
        if entry is None or entry.holder != argument[1]:
            return (state,)
        return (self._use(state, entry, -1),)

    def _do_perhaps_use(self, state: PoolState, key: int) -> _Steps:
        entry = self._live(state, key)
        return (state,) if entry is None else (state, self._use(state, entry, entry.holder))

    def _do_exhausted(self, state: PoolState, argument: tuple[int, int, bool]) -> _Steps:
        """Every slot is leased, creating or closing, and no start of the key is to be joined."""
        key, known, place = argument[0], self._known, state.place
        if not state.open or self._live(state, key) is not None or self._creating(state) & self._of_key[key]:
            return _NO
        if self._slots is None:
            return (state,)
        arriving = known.arriving[place]
        if any(s.holder == -1 and not arriving >> self._key_of[s.agent] & 1 for s in state.live):
            return _NO
        unseen = known.creators[place] & ~known.housed[place] & ~(1 << key)
        held = known.holding[place] | known.unheard_of[place] & self._closed
        return (state,) if held.bit_count() + unseen.bit_count() >= self._slots else _NO

    def _do_no_session(self, state: PoolState, argument: tuple[int, int, bool]) -> _Steps:
        """The key has no live session, and no start that comes to something."""
        if not self._known.connected:
            return (state,)
        key = argument[0]
        if not state.open or self._live(state, key) is not None or self._creating(state) & self._of_key[key]:
            return _NO
        return (state,)

    def _do_fail(self, state: PoolState, argument: tuple[int, int, bool]) -> _Steps:
        """A start came to nothing: then the key has no live session."""
        if not state.open or (self._known.connected and self._live(state, argument[0]) is not None):
            return _NO
        return (state,)

    def _do_busy(self, state: PoolState, argument: tuple[int, int, bool]) -> _Steps:
        """Others hold the lease, or are about to."""
        return (state,) if state.open and self._known.shared[state.place] >> argument[0] & 1 else _NO

    def _do_revoked(self, state: PoolState, argument: tuple[int, int, bool]) -> _Steps:
        """The lease was taken back: its holder holds nothing."""
        key, process, began = argument
        entry = self._live(state, key)
        if not state.open or (not began and not self._known.connected):
            return (state,)
        return (
            _NO
            if entry is not None and entry.holder in ((process,) if began else (-1, process))
            else (state,)
        )

    def _do_open(self, state: PoolState, _: None) -> _Steps:
        return (state,) if state.open else _NO

    def _do_closed(self, state: PoolState, _: object) -> _Steps:
        return _NO if state.open else (state,)

    def _do_impossible(self, state: PoolState, _: object) -> _Steps:
        return _NO

    def _do_cancel(self, state: PoolState, argument: tuple[int, bool | None]) -> _Steps:
        """Whether a prompt runs on the live session; None: the pool did not say."""
        key, found = argument
        known, place = self._known, state.place
        if not state.open:
            return _NO
        if found is None:
            return (state,)
        if found:
            return (state,) if known.perhaps_prompting[place] >> key & 1 or not known.prompts_seen else _NO
        entry = self._live(state, key)
        busy = entry is not None and entry.holder != -1 and known.prompting[place] >> key & 1
        return _NO if busy else (state,)

    # -- what the operator does --------------------------------------------------------------------------------------

    def _do_expire(self, state: PoolState, argument: tuple[int, float | None]) -> _Steps:
        """A cleanup suspends an idle session that is old enough, takes back an old lease, or drops what was dead."""
        key, ttl_ns = argument
        if not state.open or key < 0:
            return _NO
        entry = self._live(state, key)
        if entry is None:
            passed = [agent for agent in self._agents if agent.key == key and agent.opening <= state.place]
            unnoticed = not self._known.connected or (
                passed and passed[-1].died and passed[-1].ended <= state.place
            )
            return (state,) if unnoticed else _NO
        idle = entry.holder == -1 and (
            ttl_ns is None or self._now(state)[1] - entry.used_from + _SLACK_NS >= ttl_ns
        )
        return (self._suspend(state, entry),) if idle or self._reclaimable(state, entry) else _NO

    def _reclaimable(self, state: PoolState, entry: Session) -> bool:
        """Whether the lease of ``entry`` is old enough to be taken back: also one that its holder has not begun."""
        known, place = self._known, max(state.place, 0)
        if entry.holder == -1:
            since = known.leases.given_since(entry.agent, self._names[self._key_of[entry.agent]], place)
        else:
            since = known.leases.held_since(entry.agent, entry.holder, place)
        if since is None:
            return False
        age = self._now(state)[1] - since
        return age > 0 if known.max_lease_ns is None else age + _SLACK_NS >= known.max_lease_ns

    def _do_keep(self, state: PoolState, argument: tuple[int, float | None]) -> _Steps:
        """A cleanup leaves alone what is not idle, or not for long enough."""
        key, ttl_ns = argument
        entry = self._live(state, key)
        if (
            entry is None
            or not state.open
            or entry.holder != -1
            or self._known.arriving[state.place] >> key & 1
        ):
            return (state,)
        unused = self._now(state)[0] - entry.used_to
        old = ttl_ns is not None and unused >= (ttl_ns + _SLACK_NS if ttl_ns else 0)
        return _NO if old else (state,)

    def _do_reset(self, state: PoolState, argument: tuple[int, bool | None]) -> _Steps:
        """Forget the key and defeat its start; whether there was anything to forget."""
        key, found = argument
        if not state.open:
            return _NO
        entry, memory = self._live(state, key), state.memory[key]
        certain = entry is not None or memory.suspended is not None
        if found is False and certain and self._known.connected:
            return _NO
        starting = self._known.running[state.place] & self._of_key[key]
        creator = self._known.wanted[state.place] >> key & 1
        shared = self._known.resetting[state.place] >> key & 1
        if found is True and not (certain or memory.lost or starting or creator or shared):
            return _NO
        live = tuple(s for s in state.live if s is not entry)
        after = self._remember(state, key, _FORGOTTEN)
        return (after._replace(live=live, gone=state.gone | starting),)

    def _do_perhaps_reset(self, state: PoolState, argument: tuple[int, bool | None]) -> _Steps:
        return (state, *self._do_reset(state, argument))

    def _do_shut(self, state: PoolState, _: None) -> _Steps:
        """Refuse new work from now on; what is live leaves as its process closes."""
        return (state._replace(open=False),)

    def _do_perhaps_shut(self, state: PoolState, _: None) -> _Steps:
        return (state, state._replace(open=False))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _live(self, state: PoolState, key: int) -> Session | None:
        for entry in state.live:
            if self._key_of[entry.agent] == key:
                return entry
        return None

    def _now(self, state: PoolState) -> tuple[int, int]:
        """The times, in nanoseconds, between which an action after ``state.place`` happens."""
        known, place = self._known, max(state.place, 0)
        return known.times[place], known.until[place]

    def _passed(self, state: PoolState, place: int, number: int) -> PoolState:
        """The state after agent ``number`` began to close or ended at ``place``.

        A slot that comes free goes to whoever came first, and whatever that one was promised to nobody or to somebody else.
        """
        unheard = self._known.unheard_of[place]
        evicted = state.evicted & (self._known.running[place] | unheard)
        if self._agents[number].ended <= place and evicted & ~(1 << number):
            evicted = 0
        return state._replace(place=place, gone=state.gone & ~(1 << number), evicted=evicted)

    def _use(self, state: PoolState, entry: Session, holder: int) -> PoolState:
        used = Session(entry.agent, holder, *self._now(state))
        return state._replace(live=(*(s for s in state.live if s is not entry), used))

    def _remember(self, state: PoolState, key: int, memory: Memory) -> PoolState:
        known = state.memory
        return state._replace(memory=(*known[:key], memory, *known[key + 1 :]))

    def _suspend(self, state: PoolState, entry: Session) -> PoolState:
        agent = self._agents[entry.agent]
        memory = Memory(agent.session_id, state.memory[agent.key].lost)
        live = tuple(s for s in state.live if s is not entry)
        return self._remember(state, agent.key, memory)._replace(
            live=live, gone=state.gone | 1 << entry.agent
        )

    def _creating(self, state: PoolState) -> int:
        """Mask of the processes that are starting and will certainly be installed."""
        known, place = self._known, state.place
        mask = known.running[place] & known.proven & ~known.closing[place] & ~state.gone
        for entry in state.live:
            mask &= ~(1 << entry.agent)
        return mask

    def _short(self, state: PoolState) -> int:
        """Mask of the keys that somebody wants a slot for and that certainly have none."""
        mask = self._known.wanted[state.place]
        for entry in state.live:
            mask &= ~(1 << self._key_of[entry.agent])
        creating = self._creating(state)
        for key, agents in enumerate(self._of_key):
            if creating & agents:
                mask &= ~(1 << key)
        return mask
