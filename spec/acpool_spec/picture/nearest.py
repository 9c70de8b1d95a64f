"""The nearest passing schedule: the failing one with the fewest edits after which its property holds.

An edit moves one decision, has the outside answer otherwise, or drops one decision; moves first, since they keep every call
and every answer, the shortest move first, and what is near the failure first. Two edits are tried only when no single one helps.
Decisions that an edit makes impossible are left out: they are its consequence, and no edits. What follows the last decision is
calm, as in any schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

from acpool_spec.picture.story import Pair

RUNS = 400
"""Runs that a search may make."""
DECISIONS = 20_000
"""Decisions that all its runs together may begin with: long schedules get fewer runs."""
_FARTHEST = 8
"""Places by which one decision is moved at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passing:
    """A schedule that passes: the decisions ``made``, and the edits that lead to it ``in_words``."""

    made: tuple[str, ...]
    in_words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search came to. ``complete``: every schedule of one edit was looked at."""

    passing: Passing | None
    tried: int
    complete: bool

    @property
    def bound(self) -> str:
        """What was looked at, in words."""
        reach = "every schedule of one edit" if self.complete else "the first schedules of one edit"
        farthest = f"moves by at most {_FARTHEST} places"
        return f"{reach} ({farthest}), {self.tried} runs of at most {RUNS}"


Attempt = Callable[[Sequence[str]], tuple[Sequence[int], bool]]
"""Runs a schedule, leaving out what cannot be made; the places, from 0, of what was made, and whether the run passes."""


def nearest_passing(decisions: Sequence[str], attempt: Attempt) -> Search:
    """Look for the nearest schedule to ``decisions`` that passes."""
    original = tuple(decisions)
    runs = min(RUNS, max(10, DECISIONS // max(1, len(original))))
    known = {original}
    tried = 0
    singles = list(_single(original))
    doubles = (
        _Edited(two.decisions, two.place, (*one.words, *two.words))
        for one in singles
        for two in _single(one.decisions)
    )
    for single, candidates in ((True, iter(singles)), (False, doubles)):
        for candidate in candidates:
            if candidate.decisions in known:
                continue
            if tried >= runs:
                return Search(None, tried, complete=not single)
            known.add(candidate.decisions)
            tried += 1
            places, passes = attempt(candidate.decisions)
            # Where the very decision that was edited cannot be made, it was dropped, which is another edit.
            if not passes or (candidate.place is not None and candidate.place not in places):
                continue
            made = tuple(candidate.decisions[place] for place in places)
            if made != original:
                words = (*candidate.words, *_left_out(candidate.decisions, made))
                return Search(Passing(made, words), tried, complete=not single)
    return Search(None, tried, complete=True)


@dataclass(frozen=True, slots=True)
class _Edited:
    """An edited schedule. ``place``: of the decision that was edited last, None: it was dropped."""

    decisions: tuple[str, ...]
    place: int | None
    words: tuple[str, ...]


def _left_out(candidate: Sequence[str], made: Sequence[str]) -> tuple[str, ...]:
    number = len(candidate) - len(made)
    if not number:
        return ()
    return ("one decision is impossible then" if number == 1 else f"{number} decisions are impossible then",)


def _single(decisions: tuple[str, ...]) -> Iterator[_Edited]:
    """Every schedule of one edit."""
    count = len(decisions)
    for by in range(1, _FARTHEST + 1):
        for place in reversed(range(count)):
            for to in (place - by, place + by):
                # A swap of neighbours is one move, not two.
                if 0 <= to < count and not (by == 1 and to > place):
                    yield _moved(decisions, place, to)
    for place in reversed(range(count)):
        verb, *words = decisions[place].split(" ")
        if verb == "answer":
            for how in ("fail", "ok"):
                if words[-1] != how:
                    other = " ".join([verb, *words[:-1], how])
                    text = f"decision {place + 1} is {other!r} instead of {decisions[place]!r}"
                    yield _Edited((*decisions[:place], other, *decisions[place + 1 :]), place, (text,))
    for starts in (False, True):
        for place in reversed(range(count)):
            if decisions[place].startswith("start ") is starts:
                text = f"decision {place + 1}, {decisions[place]!r}, is left out"
                yield _Edited((*decisions[:place], *decisions[place + 1 :]), None, (text,))


def _moved(decisions: tuple[str, ...], place: int, to: int) -> _Edited:
    rest = [*decisions[:place], *decisions[place + 1 :]]
    rest.insert(to, decisions[place])
    where = "before" if to < place else "after"
    text = f"decision {place + 1}, {decisions[place]!r}, is made {where} decision {to + 1}, {decisions[to]!r}"
    return _Edited(tuple(rest), to, (text,))


def parting(one: Sequence[T], other: Sequence[T]) -> int:
    """How many decisions both begin with alike."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def side_by_side(failing: Sequence[str], passing: Sequence[str]) -> tuple[Pair, ...]:
    """Both schedules line by line, equal decisions beside each other."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, failing, passing, autojunk=False)
    for _, a, b, c, d in matcher.get_opcodes():
        for n in range(max(b - a, d - c)):
            one = (a + n + 1, failing[a + n]) if a + n < b else (0, "")
            other = (c + n + 1, passing[c + n]) if c + n < d else (0, "")
            pairs.append(Pair(one, other))
    return tuple(pairs)
