"""Single races about slots: who is evicted, who is refused, and who only seems to be there."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit, Explored, Sampled

EXHIBITS = (
    Exhibit(
        id="busy-victim",
        row=1,
        title="a session that became busy is evicted",
        pool="acpool_spec.races.pools.busy_victim:factory",
        property_id="S4",
        way=Explored("get_or_create:a+with_connection:a,get_or_create:b@1.fifo.f0.c0"),
        story="""
            a is idle. b needs its slot: a is sampled as the victim, and kept until b is ready.
            b's process takes long to start.
            Meanwhile a client takes the lease of a and prompts it.
            b is ready. The victim is still the entry that was sampled, so it is ended: identity is compared,
            idleness is not. A leased session is closed under its holder (S4).
            While both live there is one process too many as well (S1).
        """,
        avoided_by="take the victim out in the step that decides to create, before the start, not after it",
    ),
    Exhibit(
        id="stampede",
        row=2,
        title="capacity is looked at on insertion only",
        pool="acpool_spec.races.pools.stampede:factory",
        property_id="S1",
        way=Explored("get_or_create:a,get_or_create:b@1.fifo.f0.c0"),
        story="""
            There is one slot, and nothing in it.
            Two clients ask for a and for b. Neither has a session yet, so neither counts.
            Both processes are started: two are alive where one may be (S1).
            With eight cold keys there are eight processes, and most of them were started to be refused.
        """,
        avoided_by="reserve the slot in the step that decides to create: creating sessions count",
    ),
    Exhibit(
        id="same-victim",
        row=2,
        title="two newcomers sample one victim, and the loser is refused",
        pool="acpool_spec.races.pools.same_victim:factory",
        property_id="S8",
        way=Explored("get_or_create:a+get_or_create:b,get_or_create:c@1.fifo.f0.c0"),
        story="""
            a is idle. b and c are asked for, and each samples a as its victim before it starts.
            c is ready first: a makes room for it. c is idle now.
            b is ready: its victim is gone. It does not look for another one.
            b is refused with PoolExhausted, though at every instant a slot was idle: a's, then c's (S8).
        """,
        avoided_by="choose the victim and take it out in one step, so that nobody else can have chosen it",
    ),
    Exhibit(
        id="stale-sample",
        row=3,
        title="nothing to evict when it was sampled, something when it mattered",
        pool="acpool_spec.races.pools.stale_sample:factory",
        property_id="S8",
        way=Explored("get_or_create:a+get_or_create:b,get_or_create:c@2.fifo.f0.c0"),
        story="""
            There are two slots, and a is idle in one. b and c are asked for.
            For each there is room at that instant, so neither samples a victim. Both start.
            c is ready and takes the other slot.
            b is ready: now there is no room, and of a victim nothing was noted.
            b is refused with PoolExhausted while a sits idle in the pool, as it did all the time (S8).
        """,
        avoided_by="reserve a slot before the start; what was true when somebody looked is no ground for a refusal later",
    ),
    Exhibit(
        id="gap",
        row=4,
        title="created, and gone before it could be leased",
        pool="acpool_spec.races.pools.gap:factory",
        property_id="S12",
        way=Explored("session:a,get_or_create:b@1.fifo.f0.c0"),
        story="""
            session(a) is made of get_or_create(a) and then the lease, as every caller without it has to do.
            a is created. For an instant its session is idle: nobody has its lease, and nobody waits for it.
            In that instant b is asked for, and evicts the least recently used idle session: that of a.
            The caller goes on to the lease and finds nothing: NoSession, which session(a) may not answer.
            No order of atomic steps explains that answer (S12).
        """,
        avoided_by="session(key): creation and lease in one step, with no instant between them",
    ),
    Exhibit(
        id="dead-entry",
        row=6,
        title="a start that fails puts the dead session back into its slot",
        pool="acpool_spec.races.pools.dead_entry:factory",
        property_id="L1",
        way=Sampled(seed=2, runs=100),
        story="""
            Two slots: a is idle, and the process of b has died.
            b is asked for. Its dead entry is removed, and a new process is started, which hangs.
            The start fails when its time is up, and what was there before is put back: the dead entry.
            It has a slot again, though nothing lives in it, and nobody will be told of its death any more.
            A newcomer finds all slots taken. It evicts a, which is alive, and waits for the end of that
            process, while a slot has been free all along (L1).
        """,
        avoided_by="remove the dead entry before the start, so that a start that fails leaves nothing behind",
    ),
    Exhibit(
        id="gates-for-ever",
        row=7,
        title="the map of gates has every key that was ever asked for",
        pool="acpool_spec.races.pools.gates_for_ever:factory",
        property_id="S10",
        way=Explored("get_or_create:a,get_or_create:b@1.fifo.f0.c0"),
        story="""
            Each key gets a gate when it is first asked for, and nothing ever removes one.
            b is asked for while a has the only slot: it is refused, and never has a session.
            Everything comes to rest. No call, no answer and no process shows anything wrong.
            The checker walks the containers of the pool at rest, and finds b in the map of gates (S10).
            A thousand such keys an hour are a leak that no limit on sessions bounds.
        """,
        avoided_by="the last one to leave a gate takes it along",
    ),
    Exhibit(
        id="clock-jump",
        row=20,
        title="the clock was set, and a session in use looks old",
        pool="acpool_spec.races.pools.clock_jump:factory",
        property_id="S12",
        way=Sampled(seed=2, runs=100),
        story="""
            The age of a session is a difference of two times of day.
            a is created, and answered to its caller.
            Somebody sets the clock forward by an hour: the pool's own clock does so at its third reading.
            cleanup_idle(30) finds that a was not used for an hour, and suspends it, no second after its use.
            From outside the age is known by the clock of the checker, which nobody sets: no order of atomic
            steps explains that a was expired (S12).
        """,
        avoided_by="monotonic time only: the running loop's",
    ),
)
