"""``acpool model``: the pool's model explored to the end in one scope, or its state graph as a picture."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from acpool_model import Account, Action, Counterexample, Exploration, Scope, State, describe
from acpool_model.exhaust import exhaust
from acpool_model.picture import FORMATS, VIEWS, picture
from acpool_spec.campaign.progress import duration, short
from acpool_spec.console import Terminal, count, say, verdict
from acpool_spec.verdict import Outcome

_EVERY = 500  # states between two looks at the clock
_PLAIN_EVERY_S = 10.0
_KILOBYTES = 1 if sys.platform != "darwin" else 1024  # what ru_maxrss counts in


def model(options: argparse.Namespace) -> int:
    """``acpool model``."""
    console = Terminal()
    scope = Scope(options.keys, options.clients, options.capacity, int(not options.no_queue))
    if options.picture is not None:
        drawn = FORMATS[options.format](picture(scope, VIEWS[options.picture]))
        console.print(drawn, end="", markup=False, emoji=False, soft_wrap=True)
        return Outcome.HOLDS.exit_status
    queue = "creations may wait for capacity" if scope.queueing else "no creation may wait for capacity"
    what = f"{count(scope.keys, 'key')}, {count(scope.clients, 'client')}, {count(scope.capacity, 'slot')}"
    say(console, f"exploring the model: {what}; {queue}")
    with Watcher(console, options.budget, options.memory) as watcher:
        found = exhaust(scope, max_states=options.states, watch=watcher, every=_EVERY)
    _report(console, found, watcher)
    return Outcome(found.verdict).exit_status


def memory_mb() -> int:
    """The most memory that this process has used so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTES // 1024


@dataclass
class Watcher:
    """Shows how far an exploration is and ends it at its bounds; a context manager, called as a ``Watch``.

    ``seconds`` of real time and ``megabytes`` of memory; None: unbounded. ``clock`` is monotonic, in seconds.
    """

    console: Console
    seconds: float | None = None
    megabytes: int | None = None
    clock: Callable[[], float] = time.monotonic
    memory: Callable[[], int] = memory_mb
    _began: float = field(init=False)
    _said: float = field(init=False)
    _live: Live | None = None

    def __enter__(self) -> Self:
        self._began = self._said = self.clock()
        if self.console.is_terminal:
            self._live = Live(console=self.console, transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self.clock() - self._began

    def __call__(self, account: Account) -> str | None:
        """The name of the bound that ran out, or None."""
        now = self.clock()
        if self._live is not None:
            self._live.update(self.line(account))
        elif now - self._said >= _PLAIN_EVERY_S:
            self._said = now
            say(self.console, self.line(account))
        if self.seconds is not None and now - self._began >= self.seconds:
            return f"the budget of {self.seconds:g} s"
        if self.megabytes is not None and self.memory() >= self.megabytes:
            return f"the memory of {self.megabytes:,} MB"
        return None

    def line(self, account: Account) -> str:
        """How far the exploration is, in one line."""
        expanded = account.states - account.frontier
        rate = expanded / self.elapsed_s if self.elapsed_s > 0 else 0.0
        return (
            f"{short(account.states)} states ({short(account.frontier)} open), {short(account.transitions)} transitions, "
            f"depth {account.depth}, {short(round(rate))}/s, {self.memory():,} MB, {duration(self.elapsed_s)}"
        )


def _report(console: Console, found: Exploration[State, Action], watcher: Watcher) -> None:
    figures = (
        f"{count(found.states, 'state')}, {count(found.transitions, 'transition')}, depth {found.depth}, "
        f"{duration(watcher.elapsed_s)}, {memory_mb():,} MB"
    )
    outcome = Outcome(found.verdict)
    if outcome is Outcome.HOLDS:
        say(console, f"{verdict(outcome)}: every state was seen: {figures}")
    elif outcome is Outcome.UNDECIDED:
        say(console, f"{verdict(outcome)}: {found.bound} ran out after {figures}")
    else:
        assert found.counterexample is not None
        say(console, f"{verdict(outcome)}: {', '.join(found.counterexample.violated)} after {figures}")
        console.print(escape("\n".join(shown(found.counterexample))), soft_wrap=True)


def shown(counterexample: Counterexample[State, Action]) -> list[str]:
    """The steps of a counterexample, one a line, and the state that they lead to."""
    steps = [f"{at:3}. {describe(action)}" for at, action in enumerate(counterexample.actions, 1)]
    return [*steps, *describe(counterexample.states[-1]).splitlines()]
