"""Single races of asyncio's own: what a cancellation does between a wake-up and the step that it wakes."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit, Explored, Sampled

EXHIBITS = (
    Exhibit(
        id="lost-handover",
        row=22,
        title="a slot is handed to somebody who is cancelled already",
        pool="acpool_spec.races.pools.lost_handover:factory",
        property_id="L5",
        way=Explored("get_or_create:a,get_or_create:b@1.fifo.f0.c1"),
        story="""
            One slot, that of a. b is asked for: a is ended, and b's creation waits for the place.
            The process of a is dead. Its place is handed to b's creation, whose wake-up is queued.
            Before it runs, the caller of b is cancelled, and so is the creation.
            It leaves the queue, and does not look whether it had been given something.
            The place is nobody's now. Whoever needs one from now on waits for ever (L5).
            Under a storm of cancellations such a pool loses one slot after the other.
        """,
        avoided_by="who is cancelled after it was handed something hands it on",
    ),
    Exhibit(
        id="hidden-cancellation",
        row=23,
        title="wait_for returns what it should have been cancelled out of",
        pool="acpool_spec.races.pools.hidden_cancellation:factory",
        property_id="L2",
        way=Explored("get_or_create:a@1.fifo.f0.c1"),
        story="""
            The wait for a creation is bounded by wait_for, as asyncio had it up to CPython 3.11.
            The creation of a is over, and in the same iteration its caller is cancelled.
            wait_for sees both, and returns the result: it would be a pity to lose it.
            The cancellation is gone. The caller goes on, and whoever cancelled it waits in vain (L2).
        """,
        avoided_by="asyncio.timeout, which lets a cancellation through; and hand on what the cancelled caller was given",
    ),
    Exhibit(
        id="lost-wakeup",
        row=23,
        title="a Condition that notifies a waiter which is cancelled",
        pool="acpool_spec.races.pools.lost_wakeup:factory",
        property_id="L5",
        way=Sampled(seed=1, runs=100),
        story="""
            Leases are waited for as by asyncio.Condition up to CPython 3.12: one waiter is notified at a time.
            A client has the lease of a, and two others wait for it.
            The lease is given back, and the first of the two is notified.
            Before it runs it is cancelled. It does not tell the other one.
            The lease is free, and the other one waits for ever for a wake-up that was spent (L5).
        """,
        avoided_by="hand the lease over instead of telling somebody to look; who is cancelled hands it on",
    ),
    Exhibit(
        id="abandoned-close",
        row=24,
        title="the process that its closer left",
        pool="acpool_spec.races.pools.abandoned_close:factory",
        property_id="S10",
        way=Explored("get_or_create:a+reset:a@1.fifo.f0.c1"),
        story="""
            reset takes the entry out of the pool, and then awaits close() in the task of its caller.
            The agent takes its time to end.
            The caller is cancelled, and close() with it. Nobody goes on with it.
            The process is in no table of the pool any more, and lives on, also after the shutdown (S10).
        """,
        avoided_by="a task of the pool ends the process, kills it when its time is up, and keeps its slot until then",
    ),
    Exhibit(
        id="swallowed-cancellation",
        row=25,
        title="a cancellation that is caught and forgotten",
        pool="acpool_spec.races.pools.swallowed:factory",
        property_id="L2",
        way=Explored("get_or_create:a@1.fifo.f0.c1"),
        story="""
            a is asked for by a caller with a timeout of its own; the process takes long to start.
            The timeout is over, and cancels the caller.
            The pool catches CancelledError and goes on waiting: the session is on its way anyway.
            The timeout that should have ended the call has not, and will not (L2).
            If the process hangs, so does the caller, whatever bound it had set.
        """,
        avoided_by="a caller that is cancelled leaves at once; the creation goes on for the others, or is abandoned",
    ),
)
