"""Writes the history of a correct pool, as long as is asked for: the same bytes for the same arguments.

    python tests/benchmarks/long_pool_history.py EVENTS FILE [SEED]
    acpool history FILE

Eight clients share eleven keys and four slots. Sessions are opened, leased, prompted, evicted, suspended, resumed, reset,
refused by their agents and lost with their processes; calls are cancelled, and fail where no slot is to be had. The pool
here is a table and a few rules: each client takes one step at a time, and whose turn it is is drawn.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

CLIENTS, KEYS, SLOTS = 8, 11, 4
Steps = Iterator[None]


@dataclass(eq=False)
class Session:
    """A process that is there, or is about to be."""

    connection: str
    id: str = ""
    ready: bool = False
    leased: bool = False
    used: int = 0


class Pool:
    """The table of sessions; what happens goes to ``lines``, one event each."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[dict[str, Any]] = []
        self.live: dict[str, Session] = {}
        self.suspended: dict[str, str] = {}
        self.untold: set[str] = set()
        self.resetting: set[str] = set()
        self.numbers, self.places, self.uses, self.processes = count(), count(), count(), count(CLIENTS)

    def log(self, type_: str, f: str, **members: Any) -> None:
        """One event more."""
        place = next(self.places)
        self.lines.append({"index": place, "time": place * 1000, "type": type_, "f": f, **members})

    def seen(self, f: str, key: str, session: Session, **members: Any) -> None:
        """An event of a connection."""
        self.log("event", f, key=key, connection=session.connection, **members)

    def close(self, key: str, *, suspend: bool) -> Steps:
        """Close the session of ``key``; its slot is taken until that is over."""
        session = self.live[key]
        session.ready = False
        self.seen("closing", key, session)
        yield
        self.seen("closed", key, session)
        del self.live[key]
        if suspend:
            self.suspended[key] = session.id

    def start(self, key: str) -> Iterator[bool]:
        """Give ``key`` a session, True at the end, False if there is no slot for it."""
        if len(self.live) >= SLOTS:
            idle = [(s.used, k) for k, s in self.live.items() if s.ready and not s.leased]
            if not idle:
                yield False
                return
            victim = min(idle)[1]
            session = self.live[key] = Session("")  # the slot changes hands at once
            for _ in self.close(victim, suspend=True):
                yield True
        else:
            session = self.live[key] = Session("")
        session.connection = f"c{next(self.numbers)}"
        for f in ("opening", "opened", "initialized"):
            self.seen(f, key, session)
            yield True
        old = self.suspended.pop(key, None)
        refused = old is not None and self.random.random() < 0.05
        if old is not None:
            self.seen("loading", key, session, session_id=old)
            yield True
            if refused:
                self.untold.add(key)
                self.seen("refused", key, session, session_id=old)
                yield True
        session.id = old if old is not None and not refused else f"s-{session.connection}"
        self.seen("loaded" if session.id == old else "created", key, session, session_id=session.id)
        session.ready, session.used = True, next(self.uses)

    def obtain(self, key: str) -> Iterator[bool]:
        """Wait until ``key`` has a session that is ready and free; ends at the instant at which it has.

        False where there is no slot for it now; whoever asks again waits for one.
        """
        while True:
            session = self.live.get(key)
            if session is not None and session.ready and not session.leased:
                return
            if session is None and key not in self.resetting:
                yield from self.start(key)
                continue
            yield True

    def get_or_create(self, process: int, key: str) -> Steps:
        """As a client calls it."""
        self.log("invoke", "get_or_create", key=key, process=process)
        yield
        for going_on in self.obtain(key):
            if not going_on:
                self.log("fail", "get_or_create", key=key, process=process, error="PoolExhausted")
                return
            yield
        session = self.live[key]
        session.used = next(self.uses)
        value = {
            "session_id": session.id,
            "resumed": not session.id.endswith(session.connection),
            "session_reset": key in self.untold,
        }
        self.log("ok", "get_or_create", key=key, process=process, value=value)

    def with_connection(self, process: int, key: str) -> Steps:
        """A lease with one prompt."""
        self.log("invoke", "with_connection", key=key, process=process)
        yield
        for _ in self.obtain(key):
            yield
        session = self.live[key]
        session.leased = True
        self.seen("acquire", key, session, process=process)
        yield
        self.seen("prompt_begin", key, session, process=process, session_id=session.id)
        yield
        self.untold.discard(key)
        self.seen(
            "prompt_end", key, session, process=process, session_id=session.id, value={"answered": True}
        )
        yield
        session.leased, session.used = False, next(self.uses)
        self.seen("release", key, session, process=process)
        gone = self.random.random() < 0.02
        self.log("info" if gone else "ok", "with_connection", key=key, process=process)

    def reset(self, process: int, key: str) -> Steps:
        """Once nobody uses it."""
        while key in self.resetting or (key in self.live and not self._idle(key)):
            yield
        self.resetting.add(key)
        self.log("invoke", "reset", key=key, process=process)
        if key in self.live:
            yield from self.close(key, suspend=False)
        self.suspended.pop(key, None)
        self.untold.discard(key)
        yield
        self.resetting.discard(key)
        self.log("ok", "reset", key=key, process=process)

    def cleanup_idle(self, process: int) -> Steps:
        """Suspend what is idle."""
        self.log("invoke", "cleanup_idle", process=process, ttl=60.0)
        closed = 0
        for key in [key for key in self.live if self._idle(key)]:
            if key in self.live and self._idle(key):
                closed += 1
                yield from self.close(key, suspend=True)
        yield
        self.log("ok", "cleanup_idle", process=process, value=closed)

    def die(self) -> None:
        """An idle process ends of itself; the pool hears of it at once, and remembers its session."""
        idle = [key for key in self.live if self._idle(key)]
        if idle:
            key = self.random.choice(idle)
            session = self.live.pop(key)
            self.seen("died", key, session)
            self.seen("closed", key, session)
            self.suspended[key] = session.id

    def _idle(self, key: str) -> bool:
        return self.live[key].ready and not self.live[key].leased

    def client(self, number: int) -> Steps:
        """One call after the other, for ever."""
        while True:
            process = number
            what, key = self.random.random(), f"key{self.random.randrange(KEYS)}"
            if what < 0.55:
                yield from self.with_connection(process, key)
                if self.lines[-1]["type"] == "info":
                    number = next(self.processes)  # who was cancelled calls no more
            elif what < 0.93:
                yield from self.get_or_create(process, key)
            elif what < 0.96:
                yield from self.reset(process, key)
            elif what < 0.98:
                yield from self.cleanup_idle(process)
            else:
                self.die()
            yield

    def run(self) -> Iterator[dict[str, Any]]:
        """The events, without end."""
        clients = [self.client(number) for number in range(CLIENTS)]
        while True:
            self.lines.clear()
            next(self.random.choice(clients))
            yield from self.lines


def write(events: int, path: Path, seed: int = 0) -> None:
    """``events`` events of the history that belongs to ``seed``; the last calls of it are in progress."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"type": "pool", "max_sessions": SLOTS}) + "\n")
        for event in islice(Pool(seed).run(), events):
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0)
