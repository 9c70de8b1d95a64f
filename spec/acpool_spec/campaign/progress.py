"""What a campaign shows while it lasts: a few lines that stay where they are on a terminal, elsewhere a line now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from acpool_spec.campaign.campaign import Campaign
from acpool_spec.campaign.results import Counts, Unit
from acpool_spec.console import count, say

_EVERY_S = 0.4  # thousands of scopes take a while to add up
_PLAIN_EVERY_S = 10.0
_BAR = 20  # columns
_SHOWN = 4  # scopes that are being explored, at most


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a campaign is, the units included that are being explored.

    ``rate``: executions a second since it began. ``explored``: how much of the work is done, from 0 to 1, if every scope is as
    much as every other; ``left_s``: how many more seconds it will take then, and by what is seen of the scopes that are being
    explored, None before anything can be said. ``underway``: the
    scopes that are being explored, each with its counts; None where nothing is known of it.
    """

    done: int
    scopes: int
    executions: int
    states: int
    rate: float
    explored: float
    left_s: float | None
    underway: dict[str, Counts | None]

    def __str__(self) -> str:
        return f"{self.counts}, {self.estimate}"

    @property
    def counts(self) -> str:
        """What has been counted."""
        return (
            f"{self.done:,}/{self.scopes:,} scopes, {short(self.executions)} executions, {short(self.states)} states, "
            f"{short(round(self.rate))}/s"
        )

    @property
    def estimate(self) -> str:
        """What is believed."""
        left = "" if self.left_s is None else f", about {duration(self.left_s)} left"
        return f"{percent(self.explored)} explored{left}"

    def scopes_underway(self) -> Iterator[str]:
        """A line for each scope that is being explored, a few at most."""
        for name, counts in [*self.underway.items()][:_SHOWN]:
            if counts is None:
                yield f"{name}: counts unknown so far"
            else:
                yield f"{name}: {short(counts.executions)} executions, {percent(counts.behind)} explored"
        if len(self.underway) > _SHOWN:
            yield f"and {count(len(self.underway) - _SHOWN, 'scope')} more"


def standing_of(campaign: Campaign, executions_before: int, scopes_before: float) -> Standing:
    """How far ``campaign`` is. So many executions, and scopes with parts of scopes, were there when it began."""
    accounts = campaign.accounts
    now = campaign.counts()
    known = {unit: counts for unit, counts in now.items() if counts is not None}
    results = [result for account in accounts.values() for result in account.results]
    executions = sum(result.certificate.executions for result in results)
    states = sum(result.certificate.states for result in results)
    executions += sum(counts.executions for counts in known.values())
    states += sum(counts.states for counts in known.values())
    behind = {
        name: account.behind
        + sum(account.share(unit) * each.behind for unit, each in known.items() if unit.scope == name)
        if account.left()
        else 1.0  # also where it was sampled: there is no more to do
        for name, account in accounts.items()
    }
    seconds, explored = campaign.seconds, sum(behind.values())
    new = explored - scopes_before
    left = (len(accounts) - explored) * seconds / new if new > 0 and seconds > 0 else None
    rate = (executions - executions_before) / seconds if seconds > 0 else 0.0
    underway = {unit.scope: _scope_counts(campaign, unit, known, behind[unit.scope]) for unit in now}
    ahead = [
        each.executions * (1 - each.behind) / each.behind
        for each in underway.values()
        if each and each.behind
    ]
    if left is not None and rate > 0:
        left = max(left, *(more / rate for more in ahead), 0.0)
    if campaign.plan.seconds is not None:
        remains = max(0.0, campaign.plan.seconds - seconds)
        left = remains if left is None else min(left, remains)
    return Standing(
        sum(not account.left() for account in accounts.values()),
        len(accounts),
        executions,
        states,
        rate,
        explored / len(accounts) if accounts else 1.0,
        left,
        underway,
    )


def _scope_counts(campaign: Campaign, unit: Unit, known: dict[Unit, Counts], behind: float) -> Counts | None:
    """The counts of the whole scope that ``unit`` is of."""
    results = campaign.accounts[unit.scope].results
    counts = [counts for other, counts in known.items() if other.scope == unit.scope]
    if not results and not counts:
        return None
    return Counts(
        sum(result.certificate.executions for result in results) + sum(each.executions for each in counts),
        sum(result.certificate.states for result in results) + sum(each.states for each in counts),
        behind,
    )


class Display:
    """Shows how far a campaign is; a context manager, whose ``show`` is called whenever there is news."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        # Elsewhere than on a terminal it would leave an empty line.
        self._live = (
            Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        )
        self._before: tuple[int, float] | None = None
        self._shown = clock()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, campaign: Campaign) -> None:
        """There is news of ``campaign``; the first call is made before anything is explored."""
        if self._before is None:
            begin = standing_of(campaign, 0, 0.0)
            self._before = begin.executions, begin.explored * begin.scopes
        if self._clock() - self._shown < (_PLAIN_EVERY_S if self._live is None else _EVERY_S):
            return
        self._shown = self._clock()
        standing = standing_of(campaign, *self._before)
        if self._live is None:
            say(self._console, escape(str(standing)))
        else:
            self._live.update(_drawn(standing), refresh=True)


def _drawn(standing: Standing) -> Group:
    """The display, no line of which is longer than the terminal is wide."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=1.0, completed=standing.explored, width=_BAR), _line(standing.estimate))
    scopes = [_line(f"  {text}") for text in standing.scopes_underway()]
    return Group(_line(standing.counts), bar, *scopes)


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def short(number: int) -> str:
    """A number of at most five characters: ``4,321``, ``43.2k``, ``4.3M``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= limit:
            scaled = number / (1e3 if unit == "k" else limit)
            return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"
    return f"{number:,}"


def percent(share: float) -> str:
    """A share from 0 to 1 in percent; it is 0 or 100 % only where it is exactly that."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    return f"{min(share, 0.999):.1%}"


def duration(seconds: float) -> str:
    """A time in few characters: ``42 s``, ``7 min``, ``3 h``, ``12 days``."""
    if seconds >= 365 * 86_400:
        return "over a year"
    for limit, of, unit in ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min")):
        if seconds >= limit:
            return f"{seconds / of:.0f} {unit}"
    return f"{seconds:.0f} s"
