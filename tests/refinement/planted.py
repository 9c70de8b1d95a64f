"""Defects of the pool's decisions, each of which changes one step; every one tells when it made a difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool import Step
from acpool.core import Core
from acpool.records import Creation, Entry, Outcome, Stage, Suspended, Waiter, Wake, Want

Took = Callable[[], None]
Plant = Callable[[pytest.MonkeyPatch, Took], None]

# The methods as they are, before any test replaces one.
_as_is: dict[str, Any] = {name: getattr(Core, name) for name in dir(Core) if not name.startswith("__")}


def evicts_the_most_recently_used(patch: pytest.MonkeyPatch, took: Took) -> None:
    def evict(core: Core) -> Entry | None:
        if len(core.idle) > 1:
            took()
        victim = next(reversed(core.idle.values()), None)
        if victim is not None:
            _as_is["_take_out"](core, victim, "evict", kill=False)
        return victim

    patch.setattr(Core, "_evict", evict)


def evicts_though_one_is_dead(patch: pytest.MonkeyPatch, took: Took) -> None:
    def dead(core: Core) -> Entry | None:
        first = next(iter(core.idle.values()), None)
        if (
            first is not None
            and first.connection.alive
            and any(not e.connection.alive for e in core.idle.values())
        ):
            took()
        return None

    patch.setattr(Core, "_dead", dead)


def takes_the_slot_that_closes_before_its_own(patch: pytest.MonkeyPatch, took: Took) -> None:
    def own(core: Core, creation: Creation) -> Entry | None:
        found = _as_is["_own"](core, creation)
        others = [e for e in core.dying.values() if e.heir is None and e is not found]
        if found is not None and (others or core.idle):
            took()
            return None
        return found  # type: ignore[no-any-return]

    patch.setattr(Core, "_own", own)


def hands_the_lease_to_the_last(patch: pytest.MonkeyPatch, took: Took) -> None:
    def hand_over(core: Core, entry: Entry, now: float) -> None:
        if len(entry.queue) > 1:
            took()
            entry.queue = dict(reversed(entry.queue.items()))
        _as_is["_hand_over"](core, entry, now)

    patch.setattr(Core, "_hand_over", hand_over)


def hands_the_lease_to_nobody(patch: pytest.MonkeyPatch, took: Took) -> None:
    def hand_over(core: Core, entry: Entry, now: float) -> None:
        took()
        _as_is["_rest"](core, entry)

    patch.setattr(Core, "_hand_over", hand_over)


def forgets_the_flag_when_it_suspends(patch: pytest.MonkeyPatch, took: Took) -> None:
    def take_out(core: Core, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        if entry.session_reset and keep:
            took()
            entry.session_reset = False
        _as_is["_take_out"](core, entry, cause, kill=kill, keep=keep)

    patch.setattr(Core, "_take_out", take_out)


def forgets_the_id_when_it_suspends(patch: pytest.MonkeyPatch, took: Took) -> None:
    def take_out(core: Core, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        if keep:
            took()
        _as_is["_take_out"](core, entry, cause, kill=kill, keep=False)

    patch.setattr(Core, "_take_out", take_out)


def keeps_the_flag_down(patch: pytest.MonkeyPatch, took: Took) -> None:
    def commit(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        if entry.stage is Stage.CREATING and entry.connection.alive and not resumed:
            kept = core.suspended.pop(entry.key, None)
            if kept is not None:
                took()
        done: bool = _as_is["commit"](core, entry, session_id, resumed=resumed, now=now)
        return done

    patch.setattr(Core, "commit", commit)


def lowers_the_flag_when_a_prompt_is_sent(patch: pytest.MonkeyPatch, took: Took) -> None:
    def prompt_begun(core: Core, entry: Entry) -> None:
        if entry.session_reset:
            took()
            entry.session_reset = False
        _as_is["prompt_begun"](core, entry)

    patch.setattr(Core, "prompt_begun", prompt_begun)


def leaves_the_flag_up_after_an_answer(patch: pytest.MonkeyPatch, took: Took) -> None:
    def prompt_ended(core: Core, entry: Entry, token: object, *, answered: bool) -> None:
        up = entry.session_reset
        if up and answered and entry.lease is token:
            took()
            entry.prompts -= 1
            _as_is["_took"](core, "answered", entry, token, prompts=entry.prompts)
            return
        _as_is["prompt_ended"](core, entry, token, answered=answered)

    patch.setattr(Core, "prompt_ended", prompt_ended)


def does_not_count_a_look_as_use(patch: pytest.MonkeyPatch, took: Took) -> None:
    def get(core: Core, key: str, now: float) -> Any:
        order = list(core.idle.items())
        trace, core.trace = core.trace, None
        found = _as_is["get"](core, key, now)
        core.trace = trace
        if found is not None:
            if list(core.idle.items()) != order:
                took()
                core.idle.clear()
                core.idle.update(order)
            _as_is["_took"](core, "ask", core.live[key], want=Want.ANSWER)
        return found

    patch.setattr(Core, "get", get)


def _mute(patch: pytest.MonkeyPatch, took: Took, action: str) -> None:
    def tell(core: Core, said: Any, entry: Entry, caller: object = None, **besides: Any) -> None:
        if said == action:
            took()
        else:
            _as_is["_took"](core, said, entry, caller, **besides)

    patch.setattr(Core, "_took", tell)


def skips_the_event_of_a_begin(patch: pytest.MonkeyPatch, took: Took) -> None:
    _mute(patch, took, "begin")


def skips_the_event_of_a_commit(patch: pytest.MonkeyPatch, took: Took) -> None:
    _mute(patch, took, "commit")


def skips_the_event_of_a_death(patch: pytest.MonkeyPatch, took: Took) -> None:
    _mute(patch, took, "closed")


def skips_the_event_of_a_refusal(patch: pytest.MonkeyPatch, took: Took) -> None:
    _mute(patch, took, "refused")


def tells_of_a_commit_before_it(patch: pytest.MonkeyPatch, took: Took) -> None:
    def commit(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        if entry.stage is Stage.CREATING and entry.connection.alive:
            took()
            _as_is["_took"](core, "commit", entry)
        trace, core.trace = core.trace, None
        done: bool = _as_is["commit"](core, entry, session_id, resumed=resumed, now=now)
        core.trace = trace
        return done

    patch.setattr(Core, "commit", commit)


def commits_a_dead_process(patch: pytest.MonkeyPatch, took: Took) -> None:
    dead: list[Any] = []

    def commit(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        connection: Any = entry.connection
        if entry.stage is Stage.CREATING and connection.dead:
            took()
            dead.append(connection)
            connection.dead = False  # it is not seen that it is
        done: bool = _as_is["commit"](core, entry, session_id, resumed=resumed, now=now)
        return done

    def emit(core: Core, *said: Any, **besides: Any) -> None:
        while dead:
            dead.pop().dead = True
        _as_is["_emit"](core, *said, **besides)

    patch.setattr(Core, "commit", commit)
    patch.setattr(Core, "_emit", emit)


def spares_the_start_at_a_reset(patch: pytest.MonkeyPatch, took: Took) -> None:
    def reset(core: Core, key: str) -> bool:
        creation = core.creations.get(key)
        if creation is None or creation.entry is None:
            found: bool = _as_is["reset"](core, key)
            return found
        took()
        core.suspended.pop(key, None)
        assert core.trace is not None
        core.trace(Step("reset", key))
        return True

    patch.setattr(Core, "reset", reset)


def keeps_the_id_through_a_reset(patch: pytest.MonkeyPatch, took: Took) -> None:
    def reset(core: Core, key: str) -> bool:
        kept = core.suspended.get(key)
        trace, core.trace = core.trace, None
        found: bool = _as_is["reset"](core, key)
        core.trace = trace
        if kept is not None:
            took()
            core.suspended[key] = kept
        assert core.trace is not None
        core.trace(Step("reset", key))
        return found

    patch.setattr(Core, "reset", reset)


def leaves_idle_sessions_at_the_shutdown(patch: pytest.MonkeyPatch, took: Took) -> None:
    def remove(core: Core, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        if cause == "shutdown" and entry.stage is Stage.IDLE:
            took()
        else:
            _as_is["_remove"](core, entry, cause, kill=kill, keep=keep)

    patch.setattr(Core, "_remove", remove)


def drops_the_id_of_a_failed_start(patch: pytest.MonkeyPatch, took: Took) -> None:
    def fail(core: Core, entry: Entry, cause: BaseException) -> None:
        starting = entry.stage is Stage.CREATING and entry.creation is not None
        if starting and core.suspended.pop(entry.key, None) is not None:
            took()
        _as_is["fail"](core, entry, cause)

    patch.setattr(Core, "fail", fail)


def keeps_the_id_of_a_process_given_up_on(patch: pytest.MonkeyPatch, took: Took) -> None:
    def free(core: Core, entry: Entry, *, confirmed: bool) -> None:
        kept = core.suspended.get(entry.key)
        if not confirmed and kept is not None and kept.session_id == entry.claimed_id is not None:
            took()
            entry.claimed_id = None
        _as_is["_free"](core, entry, confirmed=confirmed)

    patch.setattr(Core, "_free", free)


def serves_the_last_in_line_first(patch: pytest.MonkeyPatch, took: Took) -> None:
    def serve(core: Core) -> None:
        unserved = [c for c in core.waiting.values() if c.source is None]
        if len(unserved) > 1 and len(core.entries) < core.max_sessions:
            took()
            last = unserved[-1].serial
            core.waiting.move_to_end(last, last=False)
        _as_is["_serve"](core)

    patch.setattr(Core, "_serve", serve)


def has_one_slot_too_many(patch: pytest.MonkeyPatch, took: Took) -> None:
    def serve(core: Core) -> None:
        waits = any(c.source is None and c.key not in core.dying for c in core.waiting.values())
        if waits and len(core.entries) == core.max_sessions:
            took()
            core.max_sessions += 1
            _as_is["_serve"](core)
            core.max_sessions -= 1
        else:
            _as_is["_serve"](core)

    patch.setattr(Core, "_serve", serve)


def starts_beside_the_dying_process(patch: pytest.MonkeyPatch, took: Took) -> None:
    def give(core: Core, creation: Creation) -> None:
        if creation.key in core.dying:
            took()
            _as_is["_grant"](core, creation)
        else:
            _as_is["_give"](core, creation)

    patch.setattr(Core, "_give", give)


def keeps_a_creation_that_nobody_waits_for(patch: pytest.MonkeyPatch, took: Took) -> None:
    def abandon(core: Core, creation: Creation, cause: str) -> None:
        if cause == "abandoned":
            took()
        else:
            _as_is["_abandon"](core, creation, cause)

    patch.setattr(Core, "_abandon", abandon)


def leaves_a_caller_in_the_queue(patch: pytest.MonkeyPatch, took: Took) -> None:
    def leave(core: Core, waiter: Waiter, now: float) -> None:
        entry, pending = waiter.entry, waiter.outcome is Outcome.PENDING
        _as_is["leave"](core, waiter, now)
        if pending and entry is not None and waiter.creation is None and entry.stage is Stage.LEASED:
            entry.queue[waiter] = None
            took()

    patch.setattr(Core, "leave", leave)


def tells_one_of_those_who_ran_out_of_time(patch: pytest.MonkeyPatch, took: Took) -> None:
    def capacity_ran_out(core: Core, creation: Creation) -> None:
        if creation.queued and len(creation.waiters) > 1:
            took()
            first, *_ = creation.waiters
            creation.waiters = {first: None}
        _as_is["capacity_ran_out"](core, creation)

    patch.setattr(Core, "capacity_ran_out", capacity_ran_out)


def does_not_note_what_it_loads(patch: pytest.MonkeyPatch, took: Took) -> None:
    def initialized(core: Core, entry: Entry, *, can_load: bool) -> str | None:
        trace, core.trace = core.trace, None
        found: str | None = _as_is["initialized"](core, entry, can_load=can_load)
        core.trace = trace
        if found is not None:
            took()
            entry.claimed_id = None
        if entry.stage is Stage.CREATING:
            _as_is["_took"](core, "initialized", entry, can_load=can_load)
        return found

    patch.setattr(Core, "initialized", initialized)


def calls_every_session_resumed(patch: pytest.MonkeyPatch, took: Took) -> None:
    def commit(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        if not resumed and entry.stage is Stage.CREATING and entry.connection.alive:
            took()
        done: bool = _as_is["commit"](core, entry, session_id, resumed=True, now=now)
        return done

    patch.setattr(Core, "commit", commit)


def cleans_up_the_youngest_first(patch: pytest.MonkeyPatch, took: Took) -> None:
    def expire(core: Core, ttl: float, max_lease: float | None, now: float) -> list[str]:
        old = [e for e in core.idle.values() if now - e.used_at >= ttl or not e.connection.alive]
        if len(old) > 1 and all(e.connection.alive for e in core.idle.values()):
            took()
            order = list(reversed(core.idle.items()))
            core.idle.clear()
            core.idle.update(order)
        removed: list[str] = _as_is["expire"](core, ttl, max_lease, now)
        return removed

    patch.setattr(Core, "expire", expire)


def suspends_a_leased_session(patch: pytest.MonkeyPatch, took: Took) -> None:
    def expire(core: Core, ttl: float, max_lease: float | None, now: float) -> list[str]:
        busy = next((e for e in core.live.values() if e.stage is Stage.LEASED), None)
        if busy is not None and core.open:
            took()
            _as_is["_remove"](core, busy, "expire", kill=False)
            _as_is["_took"](core, "expire", busy)
        removed: list[str] = _as_is["expire"](core, ttl, max_lease, now)
        return removed

    patch.setattr(Core, "expire", expire)


def forgets_who_asked_for_any_session(patch: pytest.MonkeyPatch, took: Took) -> None:
    def take_out(core: Core, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        for waiter in [w for w in entry.queue if w.want is Want.BOTH]:
            took()
            del entry.queue[waiter]
            _as_is["_decide"](core, waiter, Outcome.NO_SESSION)
        _as_is["_take_out"](core, entry, cause, kill=kill, keep=keep)

    patch.setattr(Core, "_take_out", take_out)


def loses_a_caller_at_the_commit(patch: pytest.MonkeyPatch, took: Took) -> None:
    def commit(core: Core, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        creation = entry.creation
        done: bool = _as_is["commit"](core, entry, session_id, resumed=resumed, now=now)
        if done and creation is not None and len(entry.queue) > 0:
            took()
            waiter = next(iter(entry.queue))
            del entry.queue[waiter]
            core.effects.append(Wake(waiter))
        return done

    patch.setattr(Core, "commit", commit)


def remembers_a_session_that_never_was(patch: pytest.MonkeyPatch, took: Took) -> None:
    def fail(core: Core, entry: Entry, cause: BaseException) -> None:
        if entry.stage is Stage.CREATING and entry.creation is not None and entry.key not in core.suspended:
            took()
            core.suspended[entry.key] = Suspended("made up")
        _as_is["fail"](core, entry, cause)

    patch.setattr(Core, "fail", fail)


PLANTS: list[Plant] = [
    evicts_the_most_recently_used,
    evicts_though_one_is_dead,
    takes_the_slot_that_closes_before_its_own,
    hands_the_lease_to_the_last,
    hands_the_lease_to_nobody,
    forgets_the_flag_when_it_suspends,
    forgets_the_id_when_it_suspends,
    keeps_the_flag_down,
    lowers_the_flag_when_a_prompt_is_sent,
    leaves_the_flag_up_after_an_answer,
    does_not_count_a_look_as_use,
    skips_the_event_of_a_begin,
    skips_the_event_of_a_commit,
    skips_the_event_of_a_death,
    skips_the_event_of_a_refusal,
    tells_of_a_commit_before_it,
    commits_a_dead_process,
    spares_the_start_at_a_reset,
    keeps_the_id_through_a_reset,
    leaves_idle_sessions_at_the_shutdown,
    drops_the_id_of_a_failed_start,
    keeps_the_id_of_a_process_given_up_on,
    serves_the_last_in_line_first,
    has_one_slot_too_many,
    starts_beside_the_dying_process,
    keeps_a_creation_that_nobody_waits_for,
    leaves_a_caller_in_the_queue,
    tells_one_of_those_who_ran_out_of_time,
    does_not_note_what_it_loads,
    calls_every_session_resumed,
    cleans_up_the_youngest_first,
    suspends_a_leased_session,
    forgets_who_asked_for_any_session,
    loses_a_caller_at_the_commit,
    remembers_a_session_that_never_was,
]
