"""Races of real processes and files."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit, Real

ROOM = "acpool_spec.races.real"

EXHIBITS: tuple[Exhibit, ...] = (
    Exhibit(
        id="late-answer",
        row=13,
        title="the late answer of one prompt ends the next",
        pool=f"{ROOM}.late_answer:LateAnswer",
        property_id="S12",
        way=Real(f"{ROOM}.late_answer:show"),
        story="""
            A prompt is sent; its bound runs out, and its caller leaves. The request is still with the agent.
            The next caller sends another prompt on the same session.
            Now the agent answers the first one. Whoever waits takes the next answer for its own.
            The second caller is told what belongs to the first, the third what belongs to the second:
            from one timeout on, every reply of this conversation is that of the prompt before it.
        """,
        avoided_by="an answer reaches its own request only; a turn that was left is cancelled, and over before the next one",
    ),
    Exhibit(
        id="late-chunk",
        row=14,
        title="the rest of a cancelled turn lands in the next one",
        pool=f"{ROOM}.late_chunk:LateChunk",
        property_id="S5",
        way=Real(f"{ROOM}.late_chunk:show"),
        story="""
            A caller gives its prompt up, and nobody tells the agent, which goes on writing.
            The lease is free; the next caller takes it and sends its own prompt.
            What the agent still streams for the first turn names the session, not the turn.
            So it is taken for the beginning of the second reply: two turns share one lease.
            Matching answers to requests by number does not help: chunks have no number.
        """,
        avoided_by="send session/cancel when a caller leaves, and drain the old turn before the next prompt is written",
    ),
    Exhibit(
        id="unwritten-ids",
        row=16,
        title="a crash loses the sessions that were alive",
        pool=f"{ROOM}.unwritten_ids:UnwrittenIdsPool",
        property_id="D1",
        way=Real(f"{ROOM}.unwritten_ids:show"),
        story="""
            The store is written when a session is suspended: that is when its id is needed.
            a gets a session, and is evicted for b: a's id is in the file.
            b gets a session. The broker is killed with kill -9.
            After the restart a can be resumed; of b, whose conversation was going on, nothing is known.
        """,
        avoided_by="write an id down when it is established, whatever becomes of its session later",
    ),
    Exhibit(
        id="recycled-group",
        row=17,
        title="the second signal hits somebody else's process group",
        pool=f"{ROOM}.recycled_group:RecycledGroupPool",
        property_id="S4",
        way=Real(f"{ROOM}.recycled_group:show"),
        story="""
            a is evicted: its group gets SIGTERM, and in 1.5 s SIGKILL, sent to the group of that number.
            The process ends at once and is reaped. Its number is free, and so is that of its group.
            b's process is started and is given the number. b sends a prompt.
            The 1.5 s are over: SIGKILL goes to the number, and b's process dies in mid-prompt.
            (Here the kernel is told which number comes next, in a namespace of its own.)
        """,
        avoided_by="reap the leader only after its group has been killed; no signal is sent once it is reaped",
    ),
    Exhibit(
        id="hung-holder",
        row=19,
        title="the process of a lease that was taken back lives on",
        pool=f"{ROOM}.hung_holder:HungHolderPool",
        property_id="S2",
        way=Real(f"{ROOM}.hung_holder:show"),
        story="""
            A holder hangs. Its lease is too old and is taken back: the holder is interrupted, the slot is free.
            The process is to end in the holder's own finally. The holder does not get there:
            it catches whatever it is interrupted with and tries again.
            The key is asked for, and gets a new session in the free slot.
            The old process and its child are alive: two sessions of one key, one more than slots.
        """,
        avoided_by="who takes a lease back kills the process group itself, and the slot is free when it is dead",
    ),
    Exhibit(
        id="repeated-load",
        row=21,
        title="every attempt at a load leaves a process that owns the session",
        pool=f"{ROOM}.repeated_load:RepeatedLoadPool",
        property_id="S3",
        way=Real(f"{ROOM}.repeated_load:show"),
        story="""
            A key is resumed: a new process loads its session, starts a helper, and is slow to answer.
            The caller's bound runs out. The pool knows a process from its answer on: it has not heard of it.
            The key is asked for again: another process loads the same session. And again.
            After three attempts six processes are alive on one session, and nobody will ever end them.
        """,
        avoided_by="a process belongs to the pool from its first instant; an abandoned creation ends it before the next one",
    ),
)
