"""The designs that pools of this kind had, one after the other; each was somebody's mending of the one before it."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit, Explored

EXHIBITS = (
    Exhibit(
        id="global-lock",
        row="global_lock",
        title="one lock for everything",
        pool="acpool_spec.pools.global_lock:factory",
        property_id="L1",
        way=Explored("get_or_create:a,get_or_create:b@2.fifo.f0.c0"),
        story="""
            One lock is held across the start, the initialization and the whole prompt.
            A client asks for key a; its process takes long to start.
            Another client asks for key b. A slot is free, and nothing of b's exists.
            It waits all the same: for the lock, and so for the process of somebody else's key.
            If that process hangs, every conversation hangs, and so do cleanup_idle and shutdown (L2).
        """,
        avoided_by="decide in one synchronous step, and do the slow work outside, with no lock held across it",
    ),
    Exhibit(
        id="unlocked-start",
        row="unlocked_start",
        title="two starts of one key",
        pool="acpool_spec.pools.unlocked_start:factory",
        property_id="S3",
        way=Explored("get_or_create:a+cleanup_idle+get_or_create:a,get_or_create:a@1.fifo.f0.c0"),
        story="""
            The start runs outside every lock, and what it started is written down without looking again.
            Key a has had a session, which was suspended; its id is remembered.
            Two clients ask for a, one right after the other. Both find nothing.
            Both open a process, and both read the same saved id.
            Both load it: one session lives in two processes (S3), and the key has two of them (S2).
            The second insertion covers the first, whose process nobody will ever end (S10).
        """,
        avoided_by="write the creation down in the step that decides it, so that whoever comes second joins it",
    ),
    Exhibit(
        id="remove-by-key",
        row="remove_by_key",
        title="the fresh session is struck out instead of the old one",
        pool="acpool_spec.pools.remove_by_key:factory",
        property_id="S10",
        way=Explored("get_or_create:a+get_or_create:b+cleanup_idle,get_or_create:a@2.fifo.f0.c0"),
        story="""
            Cleanup samples the idle sessions of a and b, ends both processes, and waits for both deaths.
            a's process is dead already, b's is not.
            A client asks for a: it finds the old entry unusable, replaces it, and starts a fresh session.
            Now b's process is dead as well, and cleanup goes on: it deletes what it had sampled, by key.
            Under a there is the fresh entry by now (ABA), and that is what it strikes out.
            Its process runs on, owned by nobody (S10); the next request of a starts another beside it (S2).
        """,
        avoided_by="compare the entry's identity before anything is done to it after an await",
    ),
    Exhibit(
        id="merged",
        row="merged",
        title="one session id in two live processes",
        pool="acpool_spec.pools.merged:factory",
        property_id="S3",
        way=Explored("get_or_create:a+with_connection:a,get_or_create:b+get_or_create:a@1.fifo.f0.c0"),
        story="""
            A lock per connection, a gate per key. The pool samples a victim, starts, and inserts.
            a is idle. b is asked for, and samples a as its victim; b's process takes long to start.
            Meanwhile a client takes the lease of a, and its prompt begins to stream.
            b is ready. Its victim is still the same entry, so it is suspended, though not idle any more.
            a's next request finds nothing live under its key, and loads the id in a second process,
            while the first is still alive: one session, two owners (S3). Every call answered well.
            The same pool starts any number of processes (S1), refuses though others are idle (S8), and more.
        """,
        avoided_by="reserve the slot and take the victim in the one step that decides to create",
    ),
    Exhibit(
        id="reset-drops-gate",
        row="reset_drops_gate",
        title="a reset opens a second door",
        pool="acpool_spec.pools.reset_drops_gate:factory",
        property_id="S2",
        way=Explored("get_or_create:a,reset:a+get_or_create:a@1.fifo.f0.c0"),
        story="""
            One gate per key is held across the start. reset throws it away, so that nobody waits for it.
            A client asks for a; its process is starting.
            Another one resets a: the gate is gone, and the start goes on as if nothing had happened.
            It asks for a again, finds no gate, makes a new one, and starts beside the old start.
            Two processes of one key live (S2).
            If the old one is ready first it is installed after the reset that should have ended it (S11).
        """,
        avoided_by="a reset that defeats the creation in flight itself, by identity, so that it cannot install anything",
    ),
    Exhibit(
        id="no-reclaim",
        row="no_reclaim",
        title="a prompt that hangs is out of sight",
        pool="acpool_spec.pools.no_reclaim:factory",
        property_id="L2",
        way=Explored("get_or_create:a+with_connection:a,with_connection:a@1.fifo.f1.c0"),
        story="""
            Eviction and cleanup look only at sessions whose lock they can have at once.
            A client prompts a, and the agent never answers.
            Another client wants the lease of a, and waits for the lock: without a bound, so for ever (L2).
            Cleanup passes the session over each time, since it is locked; so does every eviction.
            The slot is gone for good, even when the process itself has died (S8).
        """,
        avoided_by="a bound on waiting for the lease, and a cleanup that takes back leases older than max_lease",
    ),
)
