"""A part of the tree of all choices: what lies below a prefix of them, and a tree divided into such parts.

Subtrees are independent of each other, so that each can be explored in another process, with its own known states. How a tree
is divided depends on the scenario and on the number of parts that are wanted, and on nothing else: not on who explores them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.canonical import state_at
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.contents import NotCanonical
from acpool_spec.exploration.depth_first import NotDeterministic
from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.setting import Setting
from acpool_spec.oracles import Oracle, PrunedRun, View
from acpool_spec.simulation import DEFAULT_MAX_STEPS, Cancellable, Mode, Scenario, any_task
from acpool_spec.simulation import Outcome as RunOutcome

Prefix: TypeAlias = tuple[int, ...]
"""The alternatives taken at the first choice points of a run."""


class Below:
    """Another oracle, asked only below ``prefix``. Raises :class:`NotDeterministic` where the prefix cannot be followed."""

    def __init__(self, oracle: Oracle, prefix: Sequence[int]) -> None:
        self._oracle = oracle
        self._prefix = tuple(prefix)
        self._counts: list[int] = []
        self._position = 0

    def begin(self, view: View) -> None:
        """From the root again."""
        self._position = 0
        self._oracle.begin(view)

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As the prefix says; below it, as the other oracle does."""
        at = self._position
        if at == len(self._prefix):
            return self._oracle.choose(count, kind)
        chosen = self._prefix[at]
        if at == len(self._counts):
            self._counts.append(count)
        if chosen >= count or self._counts[at] != count:
            raise NotDeterministic(
                f"choice {at}: {count} alternatives, where the subtree begins with alternative {chosen} of "
                f"{self._counts[at]}"
            )
        self._position += 1
        return chosen

    def pause(self) -> None:
        """The other oracle's, below the prefix."""
        pause = getattr(self._oracle, "pause", None)
        if pause is not None and self._position == len(self._prefix):
            pause()

    def end(self) -> None:
        """The run came to its end, which lies below the prefix."""
        if self._position < len(self._prefix):
            raise NotDeterministic(
                f"the run ended at choice {self._position}, where the subtree begins at {len(self._prefix)}"
            )
        self._oracle.end()


@dataclass(frozen=True, slots=True)
class Division:
    """A tree divided: ``prefixes`` of its parts, in the order of a depth-first walk.

    ``certificate``: of the top of the tree; every part is one alternative that is open in it. ``failing``: the prefix of a run
    of the top that fails; what is left open then is not worth exploring.
    """

    certificate: Certificate
    prefixes: tuple[Prefix, ...]
    failing: Prefix | None = None


def divide(
    scenario: Scenario,
    parts: int,
    *,
    mode: Mode = "fifo",
    cancellations: int = 0,
    cancellable: Cancellable = any_task,
    prune: bool = True,
    max_steps: int = DEFAULT_MAX_STEPS,
) -> Division:
    """Walk the top of the tree breadth first until ``parts`` prefixes (at least 2) are open, or nothing is.

    There are more where the last choice point that was opened has many alternatives. Prefixes that lead to a state of another
    one are dropped, where states are pruned. ``certificate.merge`` puts the parts together again.
    """
    setting = Setting(scenario, mode, cancellations, cancellable, max_steps)
    return _Division(setting, prune).divide(parts)


class _Division:
    """One walk of the top of a tree."""

    def __init__(self, setting: Setting, prune: bool) -> None:
        self._setting = setting
        self._prune = prune
        self._known: set[bytes] = set()
        self._certificate = Certificate(exhaustive=True)

    def divide(self, parts: int) -> Division:
        certificate = self._certificate
        frontier: deque[tuple[Prefix, int]] = deque()
        try:
            failing = self._look((), frontier)
            while failing is None and 0 < len(frontier) < max(2, parts):
                above, count = frontier.popleft()
                certificate.choice_points += 1
                certificate.alternatives += count
                # The alternative that leads here: what is below it is counted from now on.
                certificate.taken += bool(above)
                if self._prune:
                    certificate.states += 1
                for alternative in range(count):
                    failing = self._look((*above, alternative), frontier)
                    if failing is not None:
                        break
        except NotDeterministic as error:
            certificate.skip(f"the scenario is not deterministic: {error}")
            failing = None
        return Division(certificate, tuple(sorted(prefix for prefix, _ in frontier)), failing)

    def _look(self, prefix: Prefix, frontier: deque[tuple[Prefix, int]]) -> Prefix | None:
        """Follow ``prefix`` to the next choice point, which joins the ``frontier`` unless its state is known; the prefix if that
        run fails."""
        look = _Look()
        run = self._setting.run(Below(look, prefix))
        certificate = self._certificate
        certificate.executions += 1
        if failure_of(run) is not None:
            return prefix
        if look.count is None:
            if run.outcome is RunOutcome.STEP_BOUND:
                certificate.skip(f"a run was cut after max_steps={self._setting.max_steps}")
        elif self._is_new(look):
            frontier.append((prefix, look.count))
            return None
        else:
            certificate.pruned += 1
        certificate.taken += bool(prefix)
        return None

    def _is_new(self, look: _Look) -> bool:
        if not self._prune or look.state is None:
            return True
        new = look.state not in self._known
        self._known.add(look.state)
        return new


class _Look:
    """Ends the run at the first choice point: how many alternatives there are, and in which state; None for one that cannot be
    compared, or is inside a step."""

    def __init__(self) -> None:
        self.count: int | None = None
        self.state: bytes | None = None
        self._view: View | None = None

    def begin(self, view: View) -> None:
        self._view = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        assert self._view is not None
        self.count = count
        if kind == "schedule":
            view = self._view
            with suppress(NotCanonical):  # the walk of the part below counts it
                self.state = state_at(view)
        raise PrunedRun

    def end(self) -> None:
        """Nothing to do."""
