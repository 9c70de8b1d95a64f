"""The named selections of the family: what a pull request explores to the end, and what a night does.

``pr`` is a fixed list of about a hundred scopes: every pair of calls, those of a session under one fault, under one
cancellation and with callbacks reordered, and deeper scopes that together have every operation, one and two slots, one to
three keys, two and three clients. ``nightly`` are whole slices of the family, ``pr`` first, and then what is slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acpool_spec.scopes.grammar import PoolScope, family

PROFILES = ("pr", "nightly")

_DEEPER = (
    # Three keys for one slot: who is evicted, who waits for whom.
    "get_or_create:a,get_or_create:b,get_or_create:c@1.fifo.f0.c0",
    # Three keys for two slots: which of two idle sessions is the victim, and that a look at one counts as use.
    "get_or_create:a,get_or_create:a+get_or_create:b+get_or_create:c@2.fifo.f0.c0",
    # An idle session, evicted as its key is asked for again; one that comes back by its id.
    "get_or_create:a+session:b,session:a@1.fifo.f0.c0",
    "session:a+session:a,session:b@1.fifo.f0.c0",
    "get_or_create:a+session:b+get_or_create:a,cleanup_idle@1.fifo.f0.c0",
    # A reset among holders and creators.
    "session:a,session:a,reset:a@1.fifo.f0.c0",
    "session:a+reset:a,session:a@1.fifo.f0.c0",
    "get_or_create:a+reset:a+session:a,get_or_create:a@1.fifo.f0.c0",
    # A cleanup and a shutdown among holders and creators.
    "session:a+cleanup_idle,session:a@1.fifo.f0.c0",
    "session:a,session:b,shutdown@1.fifo.f0.c0",
    "get_or_create:a+with_connection:a,cancel:a+cleanup_idle@2.fifo.f0.c0",
    # One fault, one cancellation, and both.
    "get_or_create:a+with_connection:a,reset:a@1.fifo.f1.c0",
    "get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f1.c0",
    "session:a,session:b@1.fifo.f1.c0",
    "session:a,session:b@1.fifo.f0.c1",
    "session:a,session:b@1.reordered.f0.c0",
    "session:a,cancel:a@1.fifo.f1.c1",
    "get_or_create:a,shutdown@1.fifo.f1.c1",
)
# Each of these costs half a minute; the night has the time.
_NOT_YET = frozenset({"session:a,reset:a@1.reordered.f0.c0", "session:a,shutdown@1.reordered.f0.c0"})


def profile(name: str) -> Sequence[PoolScope]:
    """The scopes of the profile ``name``, in a fixed order, none twice. Raises ``ValueError`` for an unknown name."""
    if name == "pr":
        return _pr()
    if name == "nightly":
        return _nightly()
    raise ValueError(f"profile {name!r}: expected {' or '.join(PROFILES)}")


def _pr() -> tuple[PoolScope, ...]:
    pairs = [
        *family(clients=(2,), slots=(1,), length=1, modes=("fifo",), faults=(0,), cancellations=(0,)),
        *family(
            clients=(2,), keys=(2,), slots=(2,), length=1, modes=("fifo",), faults=(0,), cancellations=(0,)
        ),
    ]
    of_a_session = [
        scope
        for scope in family(clients=(2,), keys=(1,), slots=(1,), length=1)
        if any(call.f == "session" for program in scope.programs for call in program)
        and scope.name not in _NOT_YET
        and (scope.mode == "reordered") + scope.faults + scope.cancellations == 1
    ]
    return _once([*pairs, *of_a_session, *map(PoolScope.parse, _DEEPER)])


def _nightly() -> tuple[PoolScope, ...]:
    return _once(
        [
            *_pr(),
            *map(_slow, family(clients=(2,), length=1, faults=(1,))),
            *family(clients=(2,), length=1),
            *family(clients=(3,), length=1, modes=("fifo",), faults=(0,), cancellations=(0,)),
            *family(
                clients=(2,),
                keys=(1, 2),
                slots=(1,),
                length=2,
                modes=("fifo",),
                faults=(0,),
                cancellations=(0,),
            ),
        ]
    )


def _slow(scope: PoolScope) -> PoolScope:
    return replace(scope, slow=True)


def _once(scopes: list[PoolScope]) -> tuple[PoolScope, ...]:
    return tuple({scope.canonical(): None for scope in scopes})
