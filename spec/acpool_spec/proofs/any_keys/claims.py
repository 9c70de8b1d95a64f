"""The invariant within a step, quantified over any number of keys and clients.

Counting is said without sums: at most one is *no two*, and *somebody waits* is a quantifier. Not here: what counts who
is in line, ``nobody_queues_where_nobody_may`` and ``who_is_passed_over_is_served``. ``nothing_left_to_give``, which holds only
between steps, is in ``step_claims.py``.
"""

from __future__ import annotations

from typing import Any

from acpool_model.state import (
    Answer,
    Client,
    Dying,
    Key,
    Phase,
    Prompt,
    Stage,
    Want,
    has_process,
    is_creating,
    is_live,
)
from acpool_spec.proofs.any_keys.queues import waits
from acpool_spec.proofs.any_keys.terms import no
from acpool_spec.proofs.any_keys.view import View, slots_of, unseen_of
from acpool_spec.proofs.serving import in_line


def conjuncts(view: View) -> dict[str, Any]:
    """What holds within a step, by the name that it has in the model's ``BETWEEN``."""
    keys, clients = view.domain.all_keys, view.domain.all_clients
    return {
        "well typed": (view.capacity >= 1)
        & _within(view.queueing, 1)
        & _within(view.open, 1)
        & (view.fresh >= 1)
        & (view.now >= 1)
        & keys(lambda at: _typed_key(view.key(at)))
        & clients(lambda number: _typed_client(view.client(number))),
        "ticks are past": keys(lambda at: view.key(at).used < view.now)
        & keys(lambda a: keys(lambda b: implies(_two_dying(view, a, b), _died_apart(view, a, b)))),
        "ids belong to one key": keys(lambda at: _ids_within(view, view.key(at)))
        & keys(lambda a: keys(lambda b: implies(a != b, _ids_apart(view.key(a), view.key(b))))),
        "nothing is left over": keys(lambda at: _key_left_nothing(view.key(at)))
        & clients(lambda number: _client_left_nothing(view.client(number))),
        "answers wait for creations": clients(
            lambda number: implies(
                _is_waiting(view, number) & is_live(view.key(view.client(number).key)),
                view.client(number).want != Want.ANSWER,
            )
        ),
        "S1": (view.taken <= view.capacity) & (view.processes <= view.capacity),
        "S2": keys(lambda at: implies(view.key(at).stage >= Stage.OPENING, view.key(at).dying == 0)),
        "S4": keys(lambda at: (view.key(at).stage == Stage.LEASED) == (view.key(at).holder != 0))
        & clients(lambda number: _prompts_of_holders(view.client(number)))
        & clients(lambda number: _holds(view, number)),
        "S5": keys(lambda at: implies(view.key(at).holder != 0, _is_held(view, at))),
        "S6": keys(lambda at: _none_lost(view.key(at))),
        "S7": keys(lambda at: _honest(view.key(at))),
        "S9": keys(lambda at: implies(view.key(at).stage == Stage.IDLE, view.key(at).used < view.now))
        & keys(lambda a: keys(lambda b: implies(_two_idle(view, a, b), _used_apart(view, a, b)))),
        "S10": (view.taken == view.processes + view.unseen)
        & keys(lambda at: _on_record(view.key(at)))
        & keys(
            lambda at: implies(
                is_creating(view.key(at)), no(clients(lambda number: no(waits(view, number, at))))
            )
        ),
        "S11": keys(
            lambda at: implies(view.key(at).stage >= Stage.OPENING, view.key(at).born == view.key(at).resets)
        )
        & implies(
            view.open == 0,
            keys(lambda at: (view.key(at).stage == Stage.ABSENT) | (view.key(at).stage == Stage.LEASED))
            & clients(lambda number: no(_is_waiting(view, number))),
        ),
        "L3": keys(lambda at: _sound_promise(view, at))
        & keys(
            lambda a: keys(
                lambda b: implies(
                    (a != b) & (view.key(a).source != 0), view.key(a).source != view.key(b).source
                )
            )
        ),
        "L4": clients(lambda a: clients(lambda b: implies(a != b, _in_turn(view.client(a), view.client(b)))))
        & keys(lambda a: keys(lambda b: implies(_two_in_line(view, a, b), _came_apart(view, a, b))))
        & keys(lambda at: (view.key(at).arrival < view.now) & (view.key(at).dying_since < view.now))
        & clients(lambda number: view.client(number).arrival < view.now),
        "L5": clients(
            lambda number: implies(
                _is_waiting(view, number),
                is_creating(view.key(view.client(number).key))
                | (view.key(view.client(number).key).stage == Stage.LEASED),
            )
        ),
    }


def of_sums(view: View) -> Any:
    """What is true of the counts because they are sums of no negative terms: no less than those of any two keys."""
    keys = view.domain.all_keys
    return keys(
        lambda a: (view.taken >= slots_of(view.key(a))) & (view.unseen >= unseen_of(view.key(a)))
    ) & keys(
        lambda a: keys(
            lambda b: implies(
                a != b,
                (view.taken >= slots_of(view.key(a)) + slots_of(view.key(b)))
                & (view.unseen >= unseen_of(view.key(a)) + unseen_of(view.key(b))),
            )
        )
    )


def s3_one_owner_per_session(view: View) -> Any:
    """No process may own an id that another one may own; nor is such an id kept for a load."""
    keys = view.domain.all_keys
    return keys(lambda at: _owned_once(view, view.key(at))) & keys(
        lambda a: keys(lambda b: implies(a != b, _owned_apart(view.key(a), view.key(b))))
    )


def implies(premise: Any, conclusion: Any) -> Any:
    """Whether ``conclusion`` holds where ``premise`` does."""
    return no(premise) | conclusion


def _all(conditions: list[Any]) -> Any:
    found = conditions[0]
    for condition in conditions[1:]:
        found = found & condition
    return found


def _within(value: Any, last: int) -> Any:
    return (value >= 0) & (value <= last)


def _differ(one: Any, other: Any) -> Any:
    return (one == 0) | (one != other)


def _typed_key(key: Key) -> Any:
    flags = [_within(flag, 1) for flag in (key.alive, key.resumed, key.flag, key.kept_flag, key.owed)]
    ids = [session >= 0 for session in (key.session, key.kept, key.dying_session, key.established, key.relic)]
    return _all(
        [
            _within(key.stage, Stage.LEASED),
            _within(key.dying, Dying.CLOSING),
            key.source >= 0,
            key.holder >= 0,
            *flags,
            *ids,
        ]
    )


def _typed_client(client: Client) -> Any:
    return _all(
        [
            _within(client.phase, Phase.REVOKED),
            client.key >= 0,
            _within(client.want, Want.BOTH),
            _within(client.prompt, Prompt.CANCELLING),
            (client.phase == Phase.OUT) == (client.key == 0),
        ]
    )


def _two_dying(view: View, a: Any, b: Any) -> Any:
    return (a != b) & (view.key(a).dying != 0) & (view.key(b).dying != 0)


def _died_apart(view: View, a: Any, b: Any) -> Any:
    return view.key(a).dying_since != view.key(b).dying_since


def _two_idle(view: View, a: Any, b: Any) -> Any:
    return (a != b) & (view.key(a).stage == Stage.IDLE) & (view.key(b).stage == Stage.IDLE)


def _used_apart(view: View, a: Any, b: Any) -> Any:
    return view.key(a).used != view.key(b).used


def _two_in_line(view: View, a: Any, b: Any) -> Any:
    return (a != b) & in_line(view.key(a)) & in_line(view.key(b))


def _came_apart(view: View, a: Any, b: Any) -> Any:
    return view.key(a).arrival != view.key(b).arrival


def _ids(key: Key) -> tuple[Any, ...]:
    return key.established, key.dying_session, key.relic


def _ids_within(view: View, key: Key) -> Any:
    return _all([_differ(key.established, key.relic), *[session < view.fresh for session in _ids(key)]])


def _ids_apart(one: Key, other: Key) -> Any:
    return _all([_differ(mine, theirs) for mine in _ids(one) for theirs in _ids(other)])


def _owned(key: Key) -> tuple[Any, ...]:
    return key.session, key.kept, key.dying_session, key.relic


def _owned_once(view: View, key: Key) -> Any:
    known = [session < view.fresh for session in (*_owned(key), key.established)]
    apart = [_differ(key.session, key.dying_session), _differ(key.session, key.relic)]
    return _all([*apart, _differ(key.kept, key.relic), *known])


def _owned_apart(one: Key, other: Key) -> Any:
    return _all([_differ(mine, theirs) for mine in _owned(one) for theirs in _owned(other)])


def _key_left_nothing(key: Key) -> Any:
    return (
        implies(key.stage < Stage.IDLE, (key.flag == 0) & (key.resumed == 0))
        & implies((key.stage == Stage.ABSENT) & (key.dying == Dying.NOTHING), key.alive == 0)
        & implies(key.dying == Dying.STOPPING, key.dying_session == 0)
    )


def _client_left_nothing(client: Client) -> Any:
    return implies(
        client.phase != Phase.OUT, (client.want >= Want.ANSWER) & (client.answer == Answer.NONE)
    ) & implies(client.phase >= Phase.GRANTED, client.want != Want.ANSWER)


def _is_waiting(view: View, number: Any) -> Any:
    return view.client(number).phase == Phase.WAITING


def _has_lease(client: Client) -> Any:
    return (client.phase == Phase.GRANTED) | (client.phase == Phase.HOLDING)


def _prompts_of_holders(client: Client) -> Any:
    return implies(
        client.prompt != Prompt.NONE, (client.phase == Phase.HOLDING) | (client.phase == Phase.REVOKED)
    )


def _holds(view: View, number: Any) -> Any:
    """S4, S5: whoever believes to have a lease has it."""
    client = view.client(number)
    return implies(_has_lease(client), view.key(client.key).holder == number)


def _is_held(view: View, at: Any) -> Any:
    """S5: whoever has the lease knows, and of this key."""
    holder = view.client(view.key(at).holder)
    return _has_lease(holder) & (holder.key == at)


def _none_lost(key: Key) -> Any:
    return (
        implies(is_live(key), (key.session == key.established) & (key.session != 0) & (key.kept == 0))
        & implies(no(is_live(key)), key.kept == key.established)
        & ((key.dying_session == 0) | (key.kept == 0) | (key.dying_session == key.kept))
    )


def _honest(key: Key) -> Any:
    return implies(is_live(key), (key.flag == key.owed) & (key.kept_flag == 0)) & implies(
        no(is_live(key)), (key.kept_flag == key.owed) & (key.flag == 0)
    )


def _on_record(key: Key) -> Any:
    return (
        implies((key.stage < Stage.LOADING) | (key.stage == Stage.NEW), key.session == 0)
        & implies(no(has_process(key)), key.alive == 0)
        & implies(key.dying == Dying.NOTHING, key.dying_session == 0)
        & implies(key.stage == Stage.LOADING, (key.session != 0) & (key.session == key.kept))
    )


def _sound_promise(view: View, at: Any) -> Any:
    key = view.key(at)
    return ((key.stage == Stage.PROMISED) == (key.source != 0)) & implies(
        key.source != 0, view.key(key.source).dying != Dying.NOTHING
    )


def _in_turn(one: Client, other: Client) -> Any:
    same = (one.key == other.key) & (other.phase == Phase.WAITING)
    return implies(
        same,
        implies(_has_lease(one), one.arrival < other.arrival)
        & implies(one.phase == Phase.WAITING, one.arrival != other.arrival),
    )
