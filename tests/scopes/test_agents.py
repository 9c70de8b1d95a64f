"""What the outside world can do in a scope: every end of every call, deaths, and no more faults than the scope has."""

from __future__ import annotations

import pytest

from acpool import Connector, SessionPool
from acpool_spec import reference
from acpool_spec.driven import ChoiceKind
from acpool_spec.events import PoolFacts
from acpool_spec.fakes import Call, FakeConnection
from acpool_spec.loop import DeterministicLoop
from acpool_spec.recorder import Recorder
from acpool_spec.scopes import PoolScope, explore_scope
from acpool_spec.scopes.agents import Agents
from acpool_spec.world import PoolFactory


def ends_in(
    name: str, monkeypatch: pytest.MonkeyPatch, factory: PoolFactory = reference.explored
) -> tuple[set[str], int]:
    """How calls and processes end in the runs of a scope, and the most faults of one of them."""
    ends: set[str] = set()
    faults: dict[Agents, int] = {}
    answer, end, outlive, fault = Agents.answer, Agents.end, Agents.outlive, Agents.goes_wrong

    def answered(agents: Agents, call: Call, how: str) -> None:
        ends.add(f"{call.stage} {how}")
        answer(agents, call, how)

    def ended(agents: Agents, connection: FakeConnection, event: str) -> None:
        ends.add(event)
        end(agents, connection, event)

    def outlived(agents: Agents, connection: FakeConnection) -> None:
        ends.add("never")
        outlive(agents, connection)

    def spent(agents: Agents) -> None:
        faults[agents] = faults.get(agents, 0) + 1
        fault(agents)

    monkeypatch.setattr(Agents, "answer", answered)
    monkeypatch.setattr(Agents, "end", ended)
    monkeypatch.setattr(Agents, "outlive", outlived)
    monkeypatch.setattr(Agents, "goes_wrong", spent)
    assert explore_scope(PoolScope.parse(name), factory, only=()).verdict == "holds"  # nothing is judged
    return ends, max(faults.values(), default=0)


GOOD = {f"{stage} ok" for stage in ("open", "initialize", "new", "load", "prompt", "cancel", "close")} | {
    "closed"
}
BAD = {
    f"{stage} {how}"
    for stage in ("open", "initialize", "new", "load", "prompt", "cancel", "close")
    for how in ("fail", "hang")
} | {"load refuse", "died", "never"}


def resuming(connector: Connector, *, max_sessions: int) -> SessionPool:
    """A pool that knows a session of ``a`` from before."""
    return SessionPool(connector, max_sessions=max_sessions, close_timeout=3.0, suspended={"a": "s-a0"})


@pytest.mark.no_cover
def test_every_fault_can_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    one, most = ends_in("get_or_create:a,reset:a@1.fifo.f1.c0", monkeypatch)
    other, _ = ends_in("session:a,cancel:a@1.fifo.f1.c0", monkeypatch, resuming)
    third, _ = ends_in("get_or_create:a,cleanup_idle@1.fifo.f1.c0", monkeypatch)
    assert one | other | third == GOOD | BAD
    assert most == 1


def test_without_a_budget_nothing_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, most = ends_in("session:a,reset:a@1.fifo.f0.c0", monkeypatch)
    assert ends <= GOOD and "cancel ok" in ends
    assert most == 0


LATE = {f"{stage} ends late" for stage in ("open", "initialize", "new", "load", "prompt", "cancel", "close")}
TOO_LATE = {f"{stage} is done late" for stage in ("initialize", "new", "load")} | {"process dies late"}


@pytest.mark.no_cover
def test_what_is_slow_comes_after_a_bound_or_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    faults: dict[Agents, int] = {}
    ended, died, fault = Agents.ends_late, Agents.dies_late, Agents.goes_wrong

    def ends_late(agents: Agents, call: Call) -> None:
        before = len(agents.recorder.history().events)
        how = "ends" if call.answers else "is done"
        ended(agents, call)
        if (
            len(agents.recorder.history().events) > before or call.stage == "cancel"
        ):  # the agent did something
            seen.add(f"{call.stage} {how} late")

    def dies_late(agents: Agents, call: Call) -> None:
        assert call.connection.stuck and call.connection.alive
        seen.add("process dies late")
        died(agents, call)
        assert not call.connection.alive

    def spent(agents: Agents) -> None:
        faults[agents] = faults.get(agents, 0) + 1
        fault(agents)

    monkeypatch.setattr(Agents, "ends_late", ends_late)
    monkeypatch.setattr(Agents, "dies_late", dies_late)
    monkeypatch.setattr(Agents, "goes_wrong", spent)
    for name, factory in (
        ("get_or_create:a,reset:a@1.fifo.s1.c0", reference.explored),
        ("session:a,cancel:a@1.fifo.s1.c0", resuming),
        ("get_or_create:a,cleanup_idle@1.fifo.s1.c0", reference.explored),
    ):
        assert explore_scope(PoolScope.parse(name), factory, only=()).verdict == "holds"  # nothing is judged
    assert seen >= LATE | TOO_LATE
    assert max(faults.values()) == 1


def test_a_slow_call_is_not_waited_for_by_time() -> None:
    """Time passes while it is out, as it does not while an ordinary call is; in the end it is a call that hangs."""
    loop = DeterministicLoop()
    agents = Agents(loop, Recorder(loop.time, PoolFacts(max_sessions=1)), faults=1, slow=True)

    def last(count: int, _: ChoiceKind) -> int:
        return count - 1

    loop.chooser = last
    with loop.running():
        call = Call("a1.open", "open", FakeConnection(agents, "a1", "a"), loop.create_future())
        agents.calls[call.name] = call
        agents.began(call)
        (offer,) = loop.offers()
        assert (offer.name, agents.quiet) == ("a1.open ends", False)
        agents.end_call(call)
        (offer,) = loop.offers()
        assert (offer.name, offer.rare, agents.quiet) == ("a1.open ends late", True, True)
        agents.calm()
        assert not loop.offers()
        assert call.hung
    loop.dispose()
