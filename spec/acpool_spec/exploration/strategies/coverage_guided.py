"""Runs that came by something new are kept, and changed a little to make further runs: a fuzzer's way, on schedules.

After AFL's corpus and mutations (Zalewski, "Technical whitepaper for afl-fuzz"), with features in the place of branches: what
the code under test says with ``covered``, and each two of them that follow one another, as AFL counts edges and not blocks.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import cast

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.coverage import listen
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import View

FRESH = 4
"""One run in so many is a random one, kept runs or not: what is kept may all be on one side of the tree."""


class CoverageGuided:
    """Random runs until something is covered; then mostly mutations of the runs that covered something first.

    ``features`` and ``pairs``: how many different ones were seen; ``certificate`` is told. Where nothing calls ``covered`` it is
    a random walk.
    """

    def __init__(self, seed: int, certificate: Certificate) -> None:
        self._certificate = certificate
        self._random = random.Random(seed)
        self._seen: set[Hashable] = set()
        self._pairs: set[tuple[Hashable, Hashable]] = set()
        self._kept: list[tuple[int, ...]] = []
        self._plan: list[int | None] = []
        self._made: list[int] = []
        self._before: Hashable = None
        self._new = False
        self._loop: DeterministicLoop | None = None

    @property
    def features(self) -> int:
        """Different features seen."""
        return len(self._seen)

    @property
    def pairs(self) -> int:
        """Different pairs of a feature and the one before it in the same run, the beginning of a run included."""
        return len(self._pairs)

    @property
    def kept(self) -> int:
        """Runs kept, each for something that it was the first to cover."""
        return len(self._kept)

    def begin(self, view: View) -> None:
        """A plan for the run, and ears for what it covers."""
        self._plan = self._mutated() if self._kept and self._random.randrange(FRESH) else []
        self._made = []
        self._before, self._new = None, False
        self._loop = cast("DeterministicLoop", view.loop)
        listen(self._hear)

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As planned, as far as that is possible here; at random beyond the plan."""
        at = len(self._made)
        planned = self._plan[at] if at < len(self._plan) else None
        chosen = self._random.randrange(count) if planned is None else min(planned, count - 1)
        self._made.append(chosen)
        return chosen

    def end(self) -> None:
        """Keep the run if it covered anything first."""
        listen(None)
        if self._new:
            self._kept.append(tuple(self._made))

    def _hear(self, feature: Hashable) -> None:
        if self._loop is None or not self._loop.is_running():
            listen(None)  # the run was broken off, without an end
            return
        pair = (self._before, feature)
        self._before = feature
        if pair not in self._pairs:
            self._pairs.add(pair)
            self._new = True
        if feature not in self._seen:
            self._seen.add(feature)
            self._certificate.features += 1

    def _mutated(self) -> list[int | None]:
        """A kept run with one choice made anew, or cut and gone on from at random, or cut and gone on from as another one."""
        draw = self._random
        plan: list[int | None] = [*draw.choice(self._kept)]
        if not plan:
            return plan
        at = draw.randrange(len(plan))
        match draw.randrange(3):
            case 0:
                plan[at] = None
            case 1:
                del plan[at:]
            case _:
                plan[at:] = draw.choice(self._kept)[at:]
        return plan
