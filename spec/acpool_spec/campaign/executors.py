"""Who carries out units: processes of this machine, or a Dask cluster. Both are executors of ``concurrent.futures``."""

from __future__ import annotations

import importlib
import multiprocessing
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing.synchronize import Event
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from acpool_spec.campaign.results import Counts
from acpool_spec.campaign.work import Post, stop_when, tell_with
from acpool_spec.making import clip, said
from acpool_spec.targets import BadInput
from acpool_spec.workers import begin_worker

_CONNECT_S = 15
_WORKERS_S = 30


class Crew(Protocol):
    """Workers. ``workers``: how many units they can carry out at the same time; ``topic``: under which they tell how far those
    are, where it takes one."""

    workers: int
    topic: str

    @property
    def executor(self) -> Executor:
        """Whom to give units to, now."""
        ...

    def renew(self) -> None:
        """The executor is broken: get another."""
        ...

    def stop(self) -> None:
        """Units that are being explored are to end early, as far as they can be told."""
        ...

    def told(self, post: Post) -> Counts | None:
        """How far the unit at ``post`` says that it is; None: it has not said anything yet."""
        ...

    def given_up(self) -> str:
        """Why nothing more is to be expected of these workers; empty while there is something."""
        ...

    def close(self) -> None:
        """Let the workers go. Bound on waiting: until the units end that are being explored; see :meth:`stop`."""
        ...

    def is_loss(self, error: BaseException) -> bool:
        """Whether ``error`` says that the unit was given up on after its workers died."""
        ...


Board: TypeAlias = Any
"""Shared memory, of ``_FIELDS`` numbers for each place: the number of a unit, and its counts. Nobody waits for a lock that a
killed process has held; who reads while a worker writes has counts of two instants, for the display alone."""
_FIELDS = 1 + len(Counts._fields)


class Processes:
    """``workers`` processes on this machine, which end with this one, however it ends."""

    topic = ""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        # Spawned, not forked: a worker that begins from nothing behaves like the process that replays its schedules.
        self._context = multiprocessing.get_context("spawn")
        self._stopped = self._context.Event()
        self._board: Board = self._context.RawArray("d", _FIELDS * workers)
        self._executor = self._begin()

    @property
    def executor(self) -> Executor:
        """The pool of processes."""
        return self._executor

    def renew(self) -> None:
        """A new pool, after a process of the old one was killed."""
        self._executor.shutdown()
        self._executor = self._begin()

    def stop(self) -> None:
        """Every unit ends after the execution that it is at."""
        self._stopped.set()

    def told(self, post: Post) -> Counts | None:
        """What stands at its place on the board, if it is of that unit."""
        at = _FIELDS * post.place
        number, executions, states, behind = self._board[at : at + _FIELDS]
        return Counts(int(executions), int(states), behind) if number == post.number else None

    def given_up(self) -> str:
        """Never: a process that died is replaced."""
        return ""

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown(cancel_futures=True)

    def is_loss(self, error: BaseException) -> bool:
        """Never: who was lost is found out by the campaign."""
        return False

    def _begin(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, self._context, _begin_worker, (self._stopped, self._board))


def _begin_worker(stopped: Event, board: Board) -> None:
    """What a worker process does first."""

    def tell(post: Post, counts: Counts) -> None:
        at = _FIELDS * post.place
        board[at : at + _FIELDS] = [post.number, *counts]

    begin_worker()
    stop_when(stopped.is_set)
    tell_with(tell)


class Cluster:
    """A Dask cluster, by the address of its scheduler, such as ``tcp://host:8786``. It decides what runs where, and again where a
    worker dies.

    ``patience_s``: how long it is waited for while it has no workers. Raises :class:`BadInput` where ``distributed`` is not
    installed, where nobody answers at that address, and where the cluster has no workers for so long.
    """

    def __init__(self, address: str, *, patience_s: float = _WORKERS_S) -> None:
        place = f"--dask {clip(repr(address), 200)}"
        try:
            distributed: Any = importlib.import_module("distributed")
        except ModuleNotFoundError as error:
            raise BadInput(
                f"{place}: {error.name} is not installed: pip install 'acpool[cluster]'"
            ) from error
        self._patience_s = patience_s
        self._alone_since: float | None = None
        self._killed: type[BaseException] = distributed.KilledWorker
        try:
            self._client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise BadInput(f"{place}: no scheduler answers there: {said(error)}") from error
        try:
            self._client.wait_for_workers(1, timeout=patience_s)
        except OSError as error:
            self._client.close()
            raise BadInput(f"{place}: the cluster has no workers after {patience_s:g} s") from error
        self.workers = sum(self._client.nthreads().values())
        self.topic = f"acpool-{uuid4().hex}"
        self._told: dict[int, tuple[int, Counts]] = {}
        self._client.subscribe_topic(self.topic, self._hear)
        self._executor: Executor = self._client.get_executor(pure=False)

    @property
    def executor(self) -> Executor:
        """The executor of the client."""
        return self._executor

    def renew(self) -> None:
        """Nothing breaks it: the cluster gives what a dead worker had to another."""

    def stop(self) -> None:
        """Units that have not begun are taken back; those that have are bounded by their seconds."""
        self._executor.shutdown(wait=False)

    def told(self, post: Post) -> Counts | None:
        """What its worker said last, if it was of that unit."""
        number, counts = self._told.get(post.place, (0, None))
        return counts if number == post.number else None

    def _hear(self, event: tuple[float, list[Any]]) -> None:
        _, (place, number, *counts) = event
        self._told[place] = (number, Counts(*counts))

    def given_up(self) -> str:
        """That the cluster has had no workers for ``patience_s``: without this, a unit that nobody explores is waited for."""
        if self._client.status == "running" and self._client.nthreads():
            self._alone_since = None
            return ""
        now = time.monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        late = now - self._alone_since >= self._patience_s
        return f"the cluster has had no workers for {self._patience_s:g} s" if late else ""

    def close(self) -> None:
        """Leave the cluster."""
        self._executor.shutdown(wait=False)
        self._client.close()

    def is_loss(self, error: BaseException) -> bool:
        """Whether the cluster has given up on a unit, after several of its workers died on it."""
        return isinstance(error, self._killed)
