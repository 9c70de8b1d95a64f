"""All obligations on processes, each in one of its own: what CrossHair does to an interpreter does not reach the next proof.

A process that dies, or does not end in time, leaves its obligation undecided and is replaced.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from acpool_spec.making import said
from acpool_spec.proofs.any_keys.obligations import AnyNumber, of_any_number, prove_any
from acpool_spec.proofs.any_keys.sameness import same
from acpool_spec.proofs.decisions.obligations import OfStructures, core_obligations
from acpool_spec.proofs.decisions.prover import prove_structures
from acpool_spec.proofs.obligations import Obligation, obligations
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.solver import Finding, prove
from acpool_spec.verdict import Outcome

_PATIENCE = 20  # times the seconds of CPU that an obligation has, on the wall clock: the machine may be busy
_LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to prove: the obligations called ``names``, over states of ``size``, for ``seconds`` of CPU each.

    ``core``: they are about the decisions of the pool's core, not about the model.
    """

    names: Sequence[str]
    size: Size
    seconds: float
    workers: int
    core: bool = False


@dataclass
class Running:
    """One obligation being tried; ``began`` on the monotonic clock, in seconds."""

    name: str
    process: BaseProcess
    ends: Connection
    began: float = field(default_factory=time.monotonic)


def prove_all(order: Order, look: Callable[[Sequence[Running]], None]) -> Iterator[Finding]:
    """The findings as they come; ``look`` sees what is being tried, about twice a second.

    Raises whatever ``look`` raises. However it ends, no process is left.
    """
    # Each process begins as a copy of one that has imported everything and done nothing with it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    waiting = list(order.names)[::-1]
    running: list[Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < order.workers:
                here, there = context.Pipe(duplex=False)
                name = waiting.pop()
                process = context.Process(target=_work, args=(there, name, order))
                process.start()
                there.close()
                running.append(Running(name, process, here))
            look(running)
            wait([one.ends for one in running], _LOOK_S)
            for one in list(running):
                finding = _finding_of(one, order)
                if finding is not None:
                    running.remove(one)
                    yield finding
    finally:
        for one in running:
            _end(one)


def _finding_of(one: Running, order: Order) -> Finding | None:
    """What came of it; None while it goes on."""
    late = time.monotonic() - one.began > _PATIENCE * order.seconds
    if not one.ends.poll() and not late:
        return None
    try:
        finding = (
            one.ends.recv()
            if one.ends.poll()
            else _undecided(one.name, order.seconds, "it did not end, and was ended")
        )
    except EOFError:
        one.process.join()
        finding = _undecided(one.name, 0.0, f"its process ended with {one.process.exitcode}")
    _end(one)
    assert isinstance(finding, Finding)
    return finding


def _end(one: Running) -> None:
    one.process.kill()
    one.process.join()
    one.ends.close()


def _undecided(name: str, seconds: float, why: str) -> Finding:
    return Finding(name=name, outcome=Outcome.UNDECIDED, seconds=seconds, why=why)


AnyObligation = Obligation | AnyNumber | OfStructures


def table_of(size: Size, *, core: bool) -> dict[str, AnyObligation]:
    """The obligations about the model for states of this ``size`` and of any, or those about the decisions of the core."""
    return {**core_obligations()} if core else {**obligations(size), **of_any_number(), **same()}


def _work(answer: Connection, name: str, order: Order) -> None:
    """In a process of its own: try one obligation."""
    try:
        obligation = table_of(order.size, core=order.core)[name]
        if isinstance(obligation, AnyNumber):
            finding = prove_any(obligation, order.seconds)
        else:
            size = order.size._replace(clients=max(order.size.clients, obligation.clients))
            if isinstance(obligation, OfStructures):
                finding = prove_structures(obligation, size, order.seconds)
            else:
                finding = prove(obligation, size, order.seconds)
    except Exception as error:  # noqa: BLE001 - whatever CrossHair stumbles over, this obligation is undecided
        finding = _undecided(name, time.process_time(), said(error))
    answer.send(finding)
    answer.close()
