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
)
