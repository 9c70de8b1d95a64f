"""Short stories: one per decision of the pool, played step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from acpool_model import Action, Answer, Dying, Kind, Phase, Scope, Stage, State, Want, enabled, initial, step


class Player(Protocol):
    """See ``conftest.Play``."""

    state: State

    def __call__(self, *actions: Action) -> State: ...

    def live(self, key: int, client: int, want: int, *, can_load: int = 1) -> State: ...


Make = Callable[..., Player]


def _stages(state: State) -> list[int]:
    return [key.stage for key in state.keys]


def test_a_live_session_is_described_at_once_leased_or_not(play: Make) -> None:
    pool = play(1, 2, 1)
    pool.live(1, 1, Want.BOTH)
    state = pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 2, Want.ANSWER))
    assert state.clients[1].answer == Answer.ANSWERED
    assert state.keys[0].holder == 1


def test_who_joins_a_creation_gets_its_answer(play: Make) -> None:
    pool = play(1, 3, 1)
    asked = [Action(Kind.ASK, 1, client, want) for client, want in ((1, 1), (2, 3), (3, 2))]
    state = pool(*asked, Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1), Action(Kind.COMMIT, 1))
    assert state.clients[0].answer == Answer.ANSWERED
    assert [client.phase for client in state.clients[1:]] == [Phase.GRANTED, Phase.WAITING]


def test_a_lease_is_handed_to_who_waited_longest(play: Make) -> None:
    pool = play(1, 3, 1)
    pool.live(1, 1, Want.BOTH)
    pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 3, Want.LEASE), Action(Kind.ASK, 1, 2, Want.LEASE))
    assert pool(Action(Kind.RELEASE, client=1)).keys[0].holder == 3
    assert pool(Action(Kind.LEAVE, client=3)).keys[0].holder == 2
    assert pool(Action(Kind.LEAVE, client=2)).keys[0].stage == Stage.IDLE


def test_the_least_recently_used_makes_room(play: Make) -> None:
    pool = play(3, 1, 2)
    pool.live(1, 1, Want.ANSWER)
    pool.live(2, 1, Want.ANSWER)
    pool(Action(Kind.ASK, 1, 1, Want.ANSWER))
    state = pool(Action(Kind.ASK, 3, 1, Want.ANSWER))
    assert _stages(state) == [Stage.IDLE, Stage.ABSENT, Stage.PROMISED]
    assert (state.keys[1].dying, state.keys[1].kept, state.keys[2].source) == (Dying.CLOSING, 5, 2)
    assert _stages(pool(Action(Kind.CLOSED, 2)))[2] == Stage.OPENING


def test_a_dead_session_makes_room_before_a_living_one(play: Make) -> None:
    pool = play(3, 1, 2)
    pool.live(1, 1, Want.ANSWER)
    pool.live(2, 1, Want.ANSWER)
    state = pool(Action(Kind.DIE, 2), Action(Kind.ASK, 3, 1, Want.ANSWER))
    assert _stages(state) == [Stage.IDLE, Stage.ABSENT, Stage.PROMISED]


def test_capacity_is_given_in_order_of_arrival(play: Make) -> None:
    pool = play(3, 3, 1)
    pool(*[Action(Kind.ASK, key, key, Want.ANSWER) for key in (1, 3, 2)])
    state = pool(Action(Kind.FAIL, 1))
    assert _stages(state) == [Stage.ABSENT, Stage.QUEUED, Stage.OPENING]
    state = pool(Action(Kind.OPENED, 3), Action(Kind.LEAVE, client=3))
    assert (state.keys[1].stage, state.keys[1].source) == (Stage.PROMISED, 3)


def test_without_a_queue_the_refusal_comes_at_once_and_leaves_nothing(play: Make) -> None:
    pool = play(2, 2, 1, queueing=0)
    before = pool(Action(Kind.ASK, 1, 1, Want.ANSWER))
    after = pool(Action(Kind.ASK, 2, 2, Want.ANSWER))
    assert after.clients[1].answer == Answer.EXHAUSTED
    assert after.keys == before.keys


def test_a_wait_for_capacity_runs_out_for_all_who_joined(play: Make) -> None:
    pool = play(2, 3, 1)
    pool(*[Action(Kind.ASK, key, client, Want.ANSWER) for client, key in ((1, 1), (2, 2), (3, 2))])
    state = pool(Action(Kind.EXHAUST, 2))
    assert [client.answer for client in state.clients] == [Answer.NONE, Answer.EXHAUSTED, Answer.EXHAUSTED]
    assert state.keys[1].stage == Stage.ABSENT


def test_a_slot_goes_to_the_first_in_line_even_if_promised_another(play: Make) -> None:
    pool = play(3, 3, 2)
    pool.live(1, 1, Want.ANSWER)
    pool(Action(Kind.ASK, 2, 2, Want.ANSWER), Action(Kind.EXPIRE, 1), Action(Kind.ASK, 3, 1, Want.ANSWER))
    assert pool.state.keys[2].source == 1
    state = pool(Action(Kind.FAIL, 2))
    # The slot of key 2 came free at once, so key 3 does not wait for the process of key 1.
    assert _stages(state) == [Stage.ABSENT, Stage.ABSENT, Stage.OPENING]
    assert state.keys[0].dying == Dying.CLOSING


def test_a_key_waits_for_its_own_dying_process_first(play: Make) -> None:
    pool = play(2, 2, 2)
    pool.live(1, 1, Want.ANSWER)
    pool.live(2, 1, Want.ANSWER)
    pool(Action(Kind.EXPIRE, 1), Action(Kind.EXPIRE, 2))
    assert pool(Action(Kind.ASK, 2, 1, Want.ANSWER)).keys[1].source == 2


def test_a_stranger_gets_the_slot_that_has_been_closing_for_longest(play: Make) -> None:
    pool = play(3, 1, 2)
    pool.live(2, 1, Want.ANSWER)
    pool.live(1, 1, Want.ANSWER)
    pool(Action(Kind.EXPIRE, 2), Action(Kind.EXPIRE, 1))
    assert pool(Action(Kind.ASK, 3, 1, Want.ANSWER)).keys[2].source == 2


def test_a_start_waits_for_the_dying_process_of_its_key(play: Make) -> None:
    pool = play(2, 2, 2)
    pool.live(1, 1, Want.ANSWER)
    pool(Action(Kind.ASK, 2, 2, Want.ANSWER), Action(Kind.EXPIRE, 1), Action(Kind.ASK, 1, 1, Want.ANSWER))
    assert _stages(pool(Action(Kind.FAIL, 2))) == [Stage.PROMISED, Stage.ABSENT]
    assert pool.state.keys[0].source == 1
    assert _stages(pool(Action(Kind.CLOSED, 1))) == [Stage.OPENING, Stage.ABSENT]


def test_the_cleanup_begins_with_what_has_been_idle_for_longest_but_takes_all_that_is_dead(
    play: Make,
) -> None:
    pool = play(3, 1, 3)
    for key in (2, 1, 3):
        pool.live(key, 1, Want.ANSWER)
    pool(Action(Kind.DIE, 3))
    assert [action.key for action in enabled(pool.state) if action.kind == Kind.EXPIRE] == [2, 3]


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_expired_session_is_resumed_unless_its_process_was_given_up_on(
    play: Make, confirmed: bool
) -> None:
    pool = play(1, 1, 1)
    pool.live(1, 1, Want.ANSWER)
    pool(Action(Kind.EXPIRE, 1), Action(Kind.CLOSED if confirmed else Kind.GIVE_UP, 1))
    key = pool.live(1, 1, Want.ANSWER).keys[0]
    assert (key.session, key.resumed, key.flag) == ((2, 1, 0) if confirmed else (3, 0, 1))


def test_a_refused_load_raises_the_flag(play: Make) -> None:
    pool = play(1, 1, 1, suspended=True)
    pool(Action(Kind.ASK, 1, 1, Want.BOTH), Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1, arg=1))
    key = pool(Action(Kind.REFUSED, 1), Action(Kind.COMMIT, 1)).keys[0]
    assert (key.session, key.resumed, key.flag, key.kept) == (2, 0, 1, 0)


def test_a_load_that_fails_in_transit_keeps_the_id(play: Make) -> None:
    pool = play(1, 1, 1, suspended=True)
    pool(Action(Kind.ASK, 1, 1, Want.BOTH), Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1, arg=1))
    state = pool(Action(Kind.DIE, 1), Action(Kind.FAIL, 1))
    assert state.clients[0].answer == Answer.FAILED
    assert (state.keys[0].kept, state.keys[0].dying_session, state.keys[0].kept_flag) == (1, 1, 0)


def test_the_flag_survives_the_cleanup_and_ends_with_an_answer(play: Make) -> None:
    pool = play(1, 1, 1, suspended=True)
    pool.live(1, 1, Want.ANSWER, can_load=0)
    pool(Action(Kind.EXPIRE, 1), Action(Kind.CLOSED, 1))
    pool.live(1, 1, Want.BOTH)
    prompt = (Action(Kind.BEGIN, client=1), Action(Kind.PROMPT, client=1))
    assert pool(*prompt, Action(Kind.CANCEL, 1), Action(Kind.UNANSWERED, client=1)).keys[0].flag == 1
    state = pool(Action(Kind.PROMPT, client=1), Action(Kind.ANSWERED, client=1))
    assert (state.keys[0].flag, state.keys[0].resumed) == (0, 1)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_reset_makes_a_start_begin_again_without_the_old_id(play: Make, steps: int) -> None:
    pool = play(1, 2, 1, suspended=True)
    start = [Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1, arg=1)][: steps - 1]
    pool(Action(Kind.ASK, 1, 1, Want.BOTH), *start, Action(Kind.RESET, 1))
    key = pool.state.keys[0]
    assert (key.stage, key.source, key.kept) == (Stage.PROMISED, 1, 0)
    assert key.dying == (Dying.CLOSING if start else Dying.STOPPING)
    assert pool.state.clients[0].phase == Phase.WAITING
    pool(Action(Kind.CLOSED if start else Kind.STOPPED, 1), Action(Kind.OPENED, 1))
    key = pool(Action(Kind.INITIALIZED, 1, arg=1), Action(Kind.COMMIT, 1)).keys[0]
    assert (key.session, key.resumed, key.flag) == (2, 0, 0)


def test_reset_takes_the_lease_and_sends_away_who_wanted_that_session(play: Make) -> None:
    pool = play(1, 3, 1)
    pool.live(1, 1, Want.BOTH)
    pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 2, Want.LEASE), Action(Kind.ASK, 1, 3, Want.BOTH))
    state = pool(Action(Kind.RESET, 1))
    assert [client.phase for client in state.clients] == [Phase.REVOKED, Phase.OUT, Phase.WAITING]
    assert state.clients[1].answer == Answer.NO_SESSION
    assert (state.keys[0].stage, state.keys[0].kept) == (Stage.PROMISED, 0)


def test_who_lost_the_lease_before_it_ran_is_still_the_first_who_waits(play: Make) -> None:
    pool = play(1, 3, 1)
    pool.live(1, 1, Want.BOTH)
    pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 2, Want.BOTH), Action(Kind.ASK, 1, 3, Want.BOTH))
    assert pool(Action(Kind.RELEASE, client=1)).clients[1].phase == Phase.GRANTED
    state = pool(Action(Kind.RECLAIM, 1))
    assert [client.phase for client in state.clients] == [Phase.OUT, Phase.WAITING, Phase.WAITING]
    assert state.keys[0].stage == Stage.PROMISED
    pool(Action(Kind.CLOSED, 1), Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1, arg=1))
    state = pool(Action(Kind.COMMIT, 1))
    assert [client.phase for client in state.clients] == [Phase.OUT, Phase.GRANTED, Phase.WAITING]


def test_who_lost_that_lease_before_it_ran_is_told_that_there_is_none(play: Make) -> None:
    pool = play(1, 2, 1)
    pool.live(1, 1, Want.BOTH)
    pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 2, Want.LEASE), Action(Kind.RELEASE, client=1))
    state = pool(Action(Kind.RECLAIM, 1))
    assert (state.clients[1].answer, state.keys[0].stage) == (Answer.NO_SESSION, Stage.ABSENT)


def test_who_lost_the_lease_before_it_ran_is_told_that_the_pool_is_shut(play: Make) -> None:
    pool = play(1, 1, 1)
    pool.live(1, 1, Want.BOTH)
    state = pool(Action(Kind.SHUT), Action(Kind.REVOKE))
    assert (state.clients[0].answer, state.keys[0].stage) == (Answer.CLOSED, Stage.ABSENT)


def test_an_idle_session_goes_before_a_slot_that_closes_for_nobody(play: Make) -> None:
    pool = play(3, 1, 2)
    for key in (1, 2):
        pool.live(key, 1, Want.ANSWER)
    pool(Action(Kind.EXPIRE, 1))
    state = pool(Action(Kind.ASK, 3, 1, Want.ANSWER))
    assert (state.keys[2].source, state.keys[1].stage) == (2, Stage.ABSENT)
    pool(Action(Kind.LEAVE, client=1))
    assert (
        pool(Action(Kind.ASK, 3, 1, Want.ANSWER)).keys[2].source == 1
    )  # nothing is idle now: the longest dying


def test_the_last_who_leaves_abandons_the_creation(play: Make) -> None:
    pool = play(1, 2, 1)
    pool(Action(Kind.ASK, 1, 1, Want.BOTH), Action(Kind.ASK, 1, 2, Want.BOTH), Action(Kind.LEAVE, client=1))
    assert pool.state.keys[0].stage == Stage.OPENING
    assert pool(Action(Kind.LEAVE, client=2)).keys[0].dying == Dying.STOPPING
    assert pool(Action(Kind.OPENED, 1)).keys[0].dying == Dying.CLOSING
    assert pool(Action(Kind.CLOSED, 1)).keys[0].dying == Dying.NOTHING


def test_a_prompt_that_outlives_its_lease_ends_its_process(play: Make) -> None:
    pool = play(1, 1, 1)
    pool.live(1, 1, Want.BOTH)
    state = pool(Action(Kind.BEGIN, client=1), Action(Kind.PROMPT, client=1), Action(Kind.RELEASE, client=1))
    assert (state.keys[0].dying, state.keys[0].kept) == (Dying.CLOSING, 2)


def test_a_process_found_dead_leaves_its_id_to_the_next(play: Make) -> None:
    pool = play(1, 2, 1)
    pool.live(1, 1, Want.BOTH)
    state = pool(Action(Kind.BEGIN, client=1), Action(Kind.DIE, 1), Action(Kind.ASK, 1, 2, Want.ANSWER))
    assert state.clients[0].phase == Phase.REVOKED
    assert (state.keys[0].stage, state.keys[0].kept) == (Stage.PROMISED, 2)


def test_the_shutdown(play: Make) -> None:
    pool = play(3, 3, 3)
    pool.live(1, 1, Want.BOTH)
    pool.live(2, 2, Want.ANSWER)
    pool(Action(Kind.BEGIN, client=1), Action(Kind.ASK, 1, 2, Want.BOTH), Action(Kind.ASK, 3, 3, Want.ANSWER))
    state = pool(Action(Kind.SHUT))
    assert [client.answer for client in state.clients] == [Answer.NONE, Answer.CLOSED, Answer.CLOSED]
    assert _stages(state) == [Stage.LEASED, Stage.ABSENT, Stage.ABSENT]
    assert pool(Action(Kind.ASK, 1, 2, Want.ANSWER)).clients[1].answer == Answer.CLOSED
    state = pool(Action(Kind.REVOKE), Action(Kind.CLOSED, 1), Action(Kind.CLOSED, 2), Action(Kind.STOPPED, 3))
    assert [key.kept for key in state.keys] == [4, 5, 0]
    assert state.processes == 0


def test_a_lease_may_end_after_the_shut(play: Make) -> None:
    pool = play(1, 1, 1)
    pool.live(1, 1, Want.BOTH)
    state = pool(Action(Kind.SHUT), Action(Kind.BEGIN, client=1), Action(Kind.RELEASE, client=1))
    assert (state.keys[0].dying, state.keys[0].kept) == (Dying.CLOSING, 2)


def test_the_initial_states() -> None:
    states = initial(Scope(2, 1, 1))
    assert [[key.kept for key in state.keys] for state in states] == [[0, 0], [0, 2], [1, 0], [1, 2]]
    with pytest.raises(ValueError, match="at least 1 key"):
        initial(Scope(1, 0, 1))


@pytest.mark.parametrize(
    "action",
    [
        Action(0),
        Action(99, 1, 1),
        Action(Kind.ASK, 1, 1),
        Action(Kind.ASK, 0, 1, Want.ANSWER),
        Action(Kind.ASK, 1, 2, Want.ANSWER),
        Action(Kind.ASK, -1, 1, Want.ANSWER),
        Action(Kind.RESET),
        Action(Kind.RESET, 2),
        Action(Kind.RESET, 1, 1),
        Action(Kind.SHUT, 1),
        Action(Kind.REVOKE),
        Action(Kind.COMMIT, 1),
    ],
)
def test_what_is_not_enabled_changes_nothing(action: Action) -> None:
    start = initial(Scope(1, 1, 1))[0]
    assert action not in enabled(start)
    assert step(start, action) is start


def test_states_are_frozen_hashable_and_ordered() -> None:
    states = initial(Scope(2, 2, 1))
    assert sorted(states) == list(states)
    assert len({*states, *initial(Scope(2, 2, 1))}) == 4
    with pytest.raises(AttributeError):
        states[0].open = 0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - that it cannot be set is the point
