"""Single races about the lives of sessions: starts, resets, shutdowns, and what callers are told of them."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit, Explored, Sampled

EXHIBITS = (
    Exhibit(
        id="stuck-prompt",
        row=5,
        title="to look at a session takes its lease",
        pool="acpool_spec.races.pools.stuck_prompt:factory",
        property_id="L2",
        way=Explored("get_or_create:a+with_connection:a,get_or_create:a@1.fifo.f1.c0"),
        story="""
            get_or_create looks whether the connection is alive, under the lock that prompts hold.
            A client prompts a, and the agent never answers.
            Another client asks for a. The session is alive, and it would be told at once,
            but it waits for the lock, without a bound, and has the gate of a meanwhile (L2).
            From now on every call about a waits at the gate.
        """,
        avoided_by="a live session answers at once, leased or not: get_or_create never waits for a holder",
    ),
    Exhibit(
        id="false-notice",
        row=8,
        title="told of a loss that never was",
        pool="acpool_spec.races.pools.false_notice:factory",
        property_id="S7",
        way=Explored("get_or_create:a@1.fifo.f1.c0"),
        story="""
            The reset flag is raised whenever a start has failed.
            a is asked for the first time; its start fails, and the caller is told so.
            a is asked for again, and this time it works.
            The answer says session_reset: a conversation was lost. There was none (S7).
        """,
        avoided_by="raise the flag where an established session id is given up, and nowhere else",
    ),
    Exhibit(
        id="stale-id",
        row=9,
        title="the session that was reset comes back",
        pool="acpool_spec.races.pools.stale_id:factory",
        property_id="S11",
        way=Explored("get_or_create:a+cleanup_idle+get_or_create:a,reset:a@1.fifo.f0.c0"),
        story="""
            a has had a session, which was suspended. It is asked for again: the start reads the saved id.
            Now a is reset. The saved id is forgotten, and there is no live session to end.
            The caller of reset is told that it is done.
            The start still has the id that it read, and loads it: the old session, with all that it knows,
            answers the next prompt (S11).
        """,
        avoided_by="a reset that defeats the creation in flight; what it started can never install itself",
    ),
    Exhibit(
        id="late-start",
        row=10,
        title="a start that nobody told of the shutdown",
        pool="acpool_spec.races.pools.late_start:factory",
        property_id="S11",
        way=Explored("get_or_create:a,shutdown@1.fifo.f0.c0"),
        story="""
            a is asked for; its process takes long to start.
            shutdown ends every session that is written down. That of a is not yet, so there is nothing to do.
            shutdown returns.
            The process of a opens, its session is created and installed in a pool that is shut down (S11),
            and nobody will ever end it (S10).
        """,
        avoided_by="shutdown abandons every creation, and waits until their processes are gone",
    ),
    Exhibit(
        id="endless-shutdown",
        row=10,
        title="a shutdown that waits for a prompt which never ends",
        pool="acpool_spec.races.pools.endless_shutdown:factory",
        property_id="L2",
        way=Explored("get_or_create:a+with_connection:a@1.fifo.f1.c0"),
        story="""
            A client prompts a, and the agent never answers.
            shutdown has a timeout, and takes the lease of every session before it ends it,
            so that nobody is disturbed. It waits for that of a as long as the prompt lasts: for ever (L2).
        """,
        avoided_by="leases may finish until the deadline; what is left is revoked then",
    ),
    Exhibit(
        id="orphaned-start",
        row=11,
        title="cancelled while its process was starting",
        pool="acpool_spec.races.pools.orphaned_start:factory",
        property_id="S10",
        way=Explored("get_or_create:a@1.fifo.f0.c1"),
        story="""
            A start that fails ends its process: except Exception.
            a is asked for; its process is open and shakes hands.
            The caller is cancelled, and with it the start. CancelledError is no Exception.
            The process is in no table of the pool, and lives on, also after the shutdown (S10).
        """,
        avoided_by="creations belong to the pool; whatever ends one, a cancellation included, takes its process along",
    ),
    Exhibit(
        id="old-handle",
        row=12,
        title="a cancel that goes to a process which is gone",
        pool="acpool_spec.races.pools.old_handle:factory",
        property_id="S12",
        way=Explored("get_or_create:a+get_or_create:b,cancel:a@1.fifo.f0.c0"),
        story="""
            To cancel without the lease, the pool keeps a handle to the connection of each key.
            a is created, then evicted for b. Its handle stays.
            A client cancels a: the handle is there, and is written to.
            At its other end is a dead process, and the caller gets ConnectionLost, which is no answer of cancel
            (S12). Where descriptors are used again it may be a session of somebody else.
        """,
        avoided_by="look up the live session in the step that cancels; keep nothing that can outlive it",
    ),
    Exhibit(
        id="lost-in-transit",
        row=15,
        title="a load that failed on the way is taken for a refusal",
        pool="acpool_spec.races.pools.lost_in_transit:factory",
        property_id="S6",
        way=Explored("get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f1.c0"),
        story="""
            a has had a session, which was suspended; its id is saved.
            a is asked for again. The load of the saved id fails on the way: a pipe, a timeout, no answer.
            The pool takes that for a refusal, gets a new session from the same process, and saves its id.
            The old id is overwritten. The agent has the conversation still, and nobody will find it again (S6).
        """,
        avoided_by="only an answer of the agent is a refusal; after any other failure the id is kept for the next try",
    ),
    Exhibit(
        id="early-notice",
        row=18,
        title="the notice is lost with the prompt that carried it",
        pool="acpool_spec.races.pools.early_notice:factory",
        property_id="S7",
        way=Sampled(seed=2, runs=100),
        story="""
            The agents cannot load. The process of a has died, so its session is lost, and somebody must know.
            A caller gets the lease of a's new session. The flag is lowered: its prompt carries the notice.
            Nobody has read anything yet: the prompt is on its way, and may fail, or be cancelled.
            Another caller asks for a, and the answer says that no session was lost (S7).
            If the prompt comes to nothing, nobody will ever be told.
        """,
        avoided_by="lower the flag when a prompt on that session was answered to its caller",
    ),
)
