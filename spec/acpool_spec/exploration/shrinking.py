"""Cuts a failing run down to the deviations from stock asyncio that its failure needs.

Delta debugging (Zeller and Hildebrandt, TSE 2002) over the decisions that are not the first alternative: stretches of them are
put back to what stock asyncio does, long ones first, as long as the run still fails in the same way and gets smaller. What stays
is tried with a preemption held for longer, in the place of those that follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.recording import Recorded

RUNS = 1_000
HELD = 1, 2, 4, 8
"""For how many decisions more a preemption is held."""


def shrink(failing: Recorded, attempt: Callable[[Mapping[int, int]], Recorded]) -> Recorded:
    """The smallest run found that fails as ``failing`` does, in at most ``RUNS`` attempts."""
    failure = failure_of(failing.run)
    assert failure is not None
    best, runs = failing, 0
    shrunk = True
    while shrunk and runs < RUNS:
        shrunk = False
        for wanted in _candidates(best):
            runs += 1
            if runs > RUNS:
                break
            tried = attempt(wanted)
            found = failure_of(tried.run)
            if found is not None and found.kind == failure.kind and tried.size < best.size:
                best, shrunk = tried, True
                break
    return best


def _candidates(best: Recorded) -> Iterator[dict[int, int]]:
    wanted = {at: made.chosen for at, made in enumerate(best.decisions) if made.chosen}
    places = list(wanted)
    length = len(places)
    while length:
        for start in range(0, len(places), length):
            left_out = set(places[start : start + length])
            yield {at: chosen for at, chosen in wanted.items() if at not in left_out}
        length //= 2
    for at in places:
        if at + 1 not in wanted:  # the end of a stretch
            for more in HELD:
                yield {k: v for k, v in wanted.items() if k <= at} | dict.fromkeys(
                    range(at + 1, at + 1 + more), wanted[at]
                )
    for at, chosen in wanted.items():
        for less in range(1, chosen):
            yield wanted | {at: less}
    for at in places:  # one decision earlier or later, together with all that follow
        for shift in (-1, 1):
            yield {(k + shift if k >= at else k): v for k, v in wanted.items() if k + shift >= 0}
