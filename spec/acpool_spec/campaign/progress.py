"""What a campaign shows while it lasts: one line that stays where it is on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from acpool_spec.campaign.campaign import Campaign
from acpool_spec.console import say

_PLAIN_EVERY_S = 10.0
_BAR = 10  # columns


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a campaign is. ``rate``: executions a second since it began; ``left_s``: how many more seconds it will take if the
    scopes that are left are like those that are done, None before anything can be said."""

    done: int
    scopes: int
    executions: int
    states: int
    parts: str
    rate: float
    left_s: float | None

    def __str__(self) -> str:
        left = "" if self.left_s is None else f", {duration(self.left_s)} left"
        return (
            f"{self.done}/{self.scopes} scopes{self.parts}, {short(self.executions)} executions, "
            f"{short(self.states)} states, {short(round(self.rate))}/s{left}"
        )


def standing_of(campaign: Campaign, taken_over: int, done_before: int) -> Standing:
    """How far ``campaign`` is. ``taken_over`` executions and ``done_before`` scopes were done when it began."""
    accounts = list(campaign.accounts.values())
    done = sum(not account.left() for account in accounts)
    results = [result for account in accounts for result in account.results]
    executions = sum(result.certificate.executions for result in results)
    states = sum(result.certificate.states for result in results)
    seconds, new = campaign.seconds, done - done_before
    left = (len(accounts) - done) * seconds / new if new and seconds > 0 else None
    if campaign.plan.seconds is not None:
        remains = max(0.0, campaign.plan.seconds - seconds)
        left = remains if left is None else min(left, remains)
    divided = [account for account in accounts if account.divided and account.left()]
    parts = sum(1 for account in divided for _ in account.units())
    open_parts = sum(len(account.left()) for account in divided)
    return Standing(
        done,
        len(accounts),
        executions,
        states,
        f" ({parts - open_parts}/{parts} parts)" if parts else "",
        (executions - taken_over) / seconds if seconds > 0 else 0.0,
        left,
    )


class Display:
    """Shows how far a campaign is; a context manager, whose ``show`` is called whenever there is news."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR),
            console=console,
            transient=True,
            refresh_per_second=4,
            disable=not self._live,  # elsewhere all it leaves is an empty line
        )
        self._task = self._bar.add_task("starting", total=None)
        self._before: tuple[int, int] | None = None
        self._shown = clock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, campaign: Campaign) -> None:
        """There is news of ``campaign``; the first call is made before anything is explored."""
        if self._before is None:
            begin = standing_of(campaign, 0, 0)
            self._before = begin.executions, begin.done
        standing = standing_of(campaign, *self._before)
        text = escape(str(standing))
        if self._live:
            self._bar.update(self._task, description=text, completed=standing.done, total=standing.scopes)
        elif self._clock() - self._shown >= _PLAIN_EVERY_S:
            self._shown = self._clock()
            say(self._console, text)


def short(number: int) -> str:
    """A number of at most five characters: ``4,321``, ``43.2k``, ``4.3M``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= limit:
            scaled = number / (1e3 if unit == "k" else limit)
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"
    return f"{number:,}"


def duration(seconds: float) -> str:
    """A time of at most six characters: ``42 s``, ``7 min``, ``3 h``."""
    for limit, unit in ((7200, "h"), (120, "min")):
        if seconds >= limit:
            return f"{seconds / (3600 if unit == 'h' else 60):.0f} {unit}"
    return f"{seconds:.0f} s"
