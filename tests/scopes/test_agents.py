"""What the outside world can do in a scope: every end of every call, deaths, and no more faults than the scope has."""

from __future__ import annotations

import pytest

from acpool import Connector, SessionPool
from acpool_spec import reference
from acpool_spec.fakes import Call, FakeConnection
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
