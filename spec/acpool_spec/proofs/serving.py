"""What serving may change, however many rounds of it: how properties of a whole step follow from those of its parts.

``given`` relates the states before and after any number of rounds. It is proved of one round, and that it is transitive; and
that a property of steps which holds of what the action does, and is followed by ``given``, holds of the whole step. For S9
that takes ``steady`` as well: an action that touches an idle session leaves nothing to serve.
"""

from __future__ import annotations

from itertools import permutations

from acpool_model.invariants import every, implies, no, nothing_left_to_give
from acpool_model.state import Client, Key, Stage, State, slots


def given(before: State, after: State) -> dict[str, bool]:
    """What holds of any number of rounds between the two states, by what it is about."""
    keys = list(zip(before.keys, after.keys, strict=True))
    pairs = list(permutations(keys, 2))
    callers = list(zip(before.clients, after.clients, strict=True))
    return {
        "callers stay": every([same_client(old, new) for old, new in callers]),
        "leases stay": every([implies(old.stage == Stage.LEASED, same_use(old, new)) for old, new in keys]),
        "idle means untouched": every(
            [implies(new.stage == Stage.IDLE, same_use(old, new)) for old, new in keys]
        ),
        "victims are fair": every(
            [
                implies(
                    (old.stage == Stage.IDLE)
                    & (old.alive != 0)
                    & (new.stage != Stage.IDLE)
                    & (other.stage == Stage.IDLE),
                    old.used < other.used,
                )
                for (old, new), (_, other) in pairs
            ]
        ),
        "absent stays": every(
            [implies(old.stage == Stage.ABSENT, new.stage == Stage.ABSENT) for old, new in keys]
        ),
        "the line stays": every(
            [implies(in_line(new), in_line(old) & (old.arrival == new.arrival)) for old, new in keys]
        ),
        # Who was promised another key's slot may lose it, but only before all slots are taken, when promises are given.
        "promises come last": (slots(before) <= slots(after))
        & (before.capacity == after.capacity)
        & every(
            [
                implies(waits_for_itself(old, at), waits_for_itself(new, at))
                & implies(
                    (old.stage == Stage.PROMISED) & (new.stage == Stage.QUEUED),
                    slots(before) < before.capacity,
                )
                & implies(
                    (old.stage == Stage.QUEUED)
                    & (new.stage == Stage.PROMISED)
                    & no(waits_for_itself(new, at)),
                    slots(after) >= after.capacity,
                )
                for at, (old, new) in enumerate(keys, 1)
            ]
        ),
        "the line is served in order": every(
            [
                implies(
                    (first.stage == Stage.QUEUED)
                    & (second.stage == Stage.QUEUED)
                    & (first.arrival < second.arrival)
                    & (first_after.stage == Stage.QUEUED),
                    second_after.stage == Stage.QUEUED,
                )
                for (first, first_after), (second, second_after) in pairs
            ]
        ),
        "nothing to give changes nothing": implies(nothing_left_to_give(before), _same_line(before, after)),
    }


def steady(before: State, after: State) -> dict[str, bool]:
    """What an action leaves as it was, for the rounds after it."""
    keys = list(zip(before.keys, after.keys, strict=True))
    both_idle = [
        implies((old.stage == Stage.IDLE) & (new.stage == Stage.IDLE), same_use(old, new))
        for old, new in keys
    ]
    return {
        "touched means served": every(both_idle) | nothing_left_to_give(after),
        "the line is left to serving": every(
            [
                implies(
                    old.stage == Stage.QUEUED,
                    (new.stage == Stage.ABSENT)
                    | ((new.stage == Stage.QUEUED) & (old.arrival == new.arrival)),
                )
                for old, new in keys
            ]
        ),
    }


def in_line(key: Key) -> bool:
    """Whether its creation has no slot; of numbers or of terms, as all of these."""
    return (key.stage == Stage.QUEUED) | (key.stage == Stage.PROMISED)


def waits_for_itself(key: Key, at: int) -> bool:
    """Whether the key ``at`` is promised the slot of its own dying process."""
    return (key.stage == Stage.PROMISED) & (key.source == at)


def same_client(old: Client, new: Client) -> bool:
    """Whether nothing about a client has changed."""
    return (
        (old.phase == new.phase)
        & (old.key == new.key)
        & (old.want == new.want)
        & (old.arrival == new.arrival)
        & (old.prompt == new.prompt)
        & (old.answer == new.answer)
    )


def same_use(old: Key, new: Key) -> bool:
    """Whether a key is used as before."""
    return (
        (old.stage == new.stage)
        & (old.alive == new.alive)
        & (old.holder == new.holder)
        & (old.used == new.used)
    )


def _same_line(before: State, after: State) -> bool:
    """Whether everything is the same that says what is left to give."""
    return (
        (before.capacity == after.capacity)
        & (before.queueing == after.queueing)
        & every(
            [
                (old.stage == new.stage) & (old.source == new.source) & (old.dying == new.dying)
                for old, new in zip(before.keys, after.keys, strict=True)
            ]
        )
    )
