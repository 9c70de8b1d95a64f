"""The same run in another interpreter, with another hash seed: what one process can do twice alike, two may not.

Within one process a set of strings has one order; only another ``PYTHONHASHSEED`` shows that code depends on it. So there is a
child for each seed that is asked for, started when it is first needed and kept until this process ends; it gets the name of the
scenario, which it imports, and the choices, and answers with the trace.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, Any, cast

from acpool_spec.oracles import Choice
from acpool_spec.simulation import Cancellable, Mode, Scenario

SEEDS = (1, 2, 3)
"""Hash seeds of the children, in the order in which they are asked for; one more stands in for that of this process."""
BOUND_S = 60.0
"""Wall-clock seconds that a child may take to answer, its start included."""
INSIDE = "ACPOOL_ANSWERING"
"""Set in the children, which start no children of their own."""


class Unavailable(Exception):
    """The run cannot be made in another interpreter; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other interpreter saw: digest and lines of the trace; ``problem`` where the run could not follow its choices."""

    digest: str
    lines: list[str]
    problem: str | None


def names_of(scenario: Scenario, cancellable: Cancellable) -> list[str]:
    """``module:name`` of both, by which the child imports them. Raises :class:`Unavailable` where it could not."""
    return [_name_of(scenario), _name_of(cancellable)]


def _name_of(value: object) -> str:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module == "__main__":
        raise Unavailable("it is defined in the main program, which cannot be imported")
    if not isinstance(module, str) or not isinstance(name, str):
        raise Unavailable("it is not importable by name")
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not value:
        raise Unavailable("it is not importable by name")
    return f"{module}:{name}"


class Elsewhere:
    """One child, with hash seed ``seed``. ``ask`` starts it when it does not run; ``close`` ends and reaps it.

    ``bound_s``: wall-clock seconds for each answer; a child that takes longer is killed. ``process``: the child while it runs.
    """

    def __init__(self, seed: int, *, bound_s: float = BOUND_S) -> None:
        own = os.environ.get("PYTHONHASHSEED")
        self.seed = seed if own != str(seed) else max(SEEDS) + 1
        self._bound_s = bound_s
        self.process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def ask(
        self,
        scenario: list[str],
        *,
        mode: Mode,
        cancellations: int,
        max_steps: int,
        choices: tuple[Choice, ...],
        cut: bool,
    ) -> Answer:
        """Make one run there; ``scenario``: :func:`names_of` it. Raises :class:`Unavailable`; waits for ``bound_s`` at most."""
        question = {
            "scenario": scenario,
            "mode": mode,
            "cancellations": cancellations,
            "max_steps": max_steps,
            "choices": choices,
            "cut": cut,
        }
        try:
            answer = self._exchange(json.dumps(question).encode("ascii") + b"\n")
        except (OSError, ValueError) as error:
            self.close(kill=True)
            raise Unavailable(f"the other interpreter cannot be used: {error}") from error
        if "refused" in answer:
            raise Unavailable(str(answer["refused"]))
        return Answer(
            str(answer["digest"]), list(map(str, answer["lines"])), cast("str | None", answer["problem"])
        )

    def close(self, *, kill: bool = False) -> None:
        """End the child, and wait for it; one that does not go by itself within five seconds is killed. Idempotent."""
        child, self.process = self.process, None
        self._unread = b""
        if child is None:
            return
        if kill:
            child.kill()
        cast("IO[bytes]", child.stdin).close()
        cast("IO[bytes]", child.stdout).close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            INSIDE: "1",
            "PYTHONHASHSEED": str(self.seed),
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "acpool_spec.exploration.answering"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        os.set_blocking(cast("IO[bytes]", child.stdin).fileno(), False)
        os.set_blocking(cast("IO[bytes]", child.stdout).fileno(), False)
        return child

    def _exchange(self, question: bytes) -> dict[str, Any]:
        """Send a line and wait for one. Raises ``OSError`` when the child is gone or silent for too long."""
        if self.process is None:
            self.process = self._start()
        to, back = (cast("IO[bytes]", pipe).fileno() for pipe in (self.process.stdin, self.process.stdout))
        deadline = time.monotonic() + self._bound_s
        with selectors.DefaultSelector() as ready:
            ready.register(to, selectors.EVENT_WRITE)
            ready.register(back, selectors.EVENT_READ)
            while True:
                line, end, rest = self._unread.partition(b"\n")
                if end:
                    self._unread = rest
                    return cast("dict[str, Any]", json.loads(line))
                left = deadline - time.monotonic()
                events = ready.select(left) if left > 0 else []
                if not events:
                    raise TimeoutError(f"no answer within {self._bound_s:g} s")
                for key, _ in events:
                    if key.fd == to:
                        question = question[os.write(to, question) :]
                        if not question:
                            ready.unregister(to)
                    else:
                        data = os.read(back, 1 << 16)
                        if not data:
                            raise ConnectionError("it has ended")
                        self._unread += data


class _Children:
    """The children of this process. A process that was forked has none: those of its parent are not its own."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._by_seed: dict[int, Elsewhere] = {}
        self._inherited: list[dict[int, Elsewhere]] = []

    def of(self, seed: int) -> Elsewhere:
        if self._process != os.getpid():
            self._inherited.append(self._by_seed)  # kept, since forgetting them would try to reap them
            self._process, self._by_seed = os.getpid(), {}
        if seed not in self._by_seed:
            self._by_seed[seed] = Elsewhere(seed)
        return self._by_seed[seed]

    def close(self) -> None:
        if self._process == os.getpid():
            for child in self._by_seed.values():
                child.close()


_CHILDREN = _Children()
atexit.register(_CHILDREN.close)


def other_interpreter(seed: int) -> Elsewhere:
    """The child of this process with hash seed ``seed``. Raises :class:`Unavailable` inside such a child."""
    if INSIDE in os.environ:
        raise Unavailable("this is the other interpreter already")
    return _CHILDREN.of(seed)
