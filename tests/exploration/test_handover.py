"""A walk left to others part by part is the walk: nothing is lost at the seams, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import pytest
from tests.exploration.programs import program

from acpool_spec import Budget, choose, explore
from acpool_spec.exploration import Certificate, merge
from acpool_spec.exploration.handover import KEY_BYTES, Walk
from acpool_spec.exploration.subtree import Below, Prefix
from acpool_spec.simulation import Mode, simulate

Scenario = Callable[[], Coroutine[Any, Any, object]]


class Walked(NamedTuple):
    """What a walk, or several that left their rest to each other, came to."""

    ends: set[str]
    runs: int
    known: set[bytes]
    certificate: Certificate
    walks: int


class Ends(set[str]):
    """How runs ended: beside the runs, no part of their states."""

    def canonical_state(self) -> object:
        return None


def walked(scenario: Scenario, at_once: int | None, *, prune: bool, **options: Any) -> Walked:
    """Explore ``scenario`` by walks of at most ``at_once`` executions each."""
    ends = Ends()
    known: set[bytes] = set()
    walks = 0

    async def noting() -> None:
        ends.add(str(await scenario()))

    def below(prefix: Prefix, before: bytes) -> Certificate:
        nonlocal walks
        walks += 1
        walk = Walk(Certificate(exhaustive=True), prefix=prefix, known=before, prune=prune)
        oracle = Below(walk, prefix)
        while not walk.finished and walk.certificate.executions != at_once:
            simulate(noting, oracle, **options)
            walk.certificate.executions += 1
        left = walk.leave()
        known.update(left.known[at : at + KEY_BYTES] for at in range(0, len(left.known), KEY_BYTES))
        if walk.finished:
            assert not left.parts
            return walk.certificate
        parts = {str(part.prefix): below(part.prefix, before + left.known) for part in left.parts}
        return merge(walk.certificate, parts)

    certificate = below((), b"")
    return Walked(set(ends), certificate.executions, known, certificate, walks)


@pytest.mark.parametrize("number", [0, 2, 5, 8])
@pytest.mark.parametrize(("mode", "cancellations"), [("reordered", 0), ("fifo", 1)])
@pytest.mark.no_cover
def test_in_parts_it_is_the_same(number: int, mode: Mode, cancellations: int) -> None:
    options: dict[str, Any] = {"mode": mode, "cancellations": cancellations}
    whole, brute = (walked(program(number), None, prune=prune, **options) for prune in (True, False))
    for at_once in (1, 7, 40):
        parts = walked(program(number), at_once, prune=True, **options)
        assert (parts.walks > 1) is (whole.runs > at_once)
        assert parts.certificate.outcome() == whole.certificate.outcome() == "holds"
        assert parts.ends == whole.ends
        assert parts.known == whole.known  # every state that can be reached, and no other
        assert parts.runs >= whole.runs
    parts = walked(program(number), 7, prune=False, **options)
    assert (parts.ends, parts.runs) == (brute.ends, brute.runs)
    for member in ("choice_points", "alternatives", "taken"):
        assert getattr(parts.certificate, member) == getattr(brute.certificate, member)


async def three_levels() -> None:
    """Two choices of two, and one of three below each of them."""
    for values in ("ab", "ab", "xyz"):
        choose(values)


def test_what_is_left_is_told_in_the_order_of_the_walk() -> None:
    walk = Walk(Certificate(exhaustive=True))
    assert walk.behind == 0.0
    explore(three_levels, strategy=walk, budget=Budget(executions=4))
    assert walk.behind == pytest.approx(4 / 12)
    left = walk.leave()
    assert [part.prefix for part in left.parts] == [(0, 1, 1), (0, 1, 2), (1,)]
    assert [part.share for part in left.parts] == pytest.approx([1 / 12, 1 / 12, 1 / 2])
    assert walk.certificate.open == len(left.parts)


def test_what_was_chosen_on_the_path_below_a_prefix_is_no_part() -> None:
    walk = Walk(Certificate(exhaustive=True), prefix=(1,))
    explore(three_levels, strategy=walk, prefix=(1,), budget=Budget(executions=2))
    assert [part.prefix for part in walk.leave().parts] == [(1, 0, 2), (1, 1)]


def test_another_order_of_visits_leaves_what_it_has_not_visited() -> None:
    walk = Walk(Certificate(exhaustive=True), seed=5)
    seen: list[Prefix] = []

    async def noting() -> None:
        seen.append((choose(range(3)), choose(range(3))))

    for _ in range(4):
        simulate(noting, walk)
    parts = [part.prefix for part in walk.leave().parts]
    covered = {
        whole for whole in (divmod(n, 3) for n in range(9)) if any(whole[: len(p)] == p for p in parts)
    }
    assert len(seen) == 4
    assert covered == {divmod(n, 3) for n in range(9)} - set(seen)


def test_the_share_behind_grows_to_the_whole() -> None:
    walk = Walk(Certificate(exhaustive=True))
    shares: list[float] = []
    while not walk.finished:
        shares.append(walk.behind)
        simulate(three_levels, walk)
    assert shares == pytest.approx([runs / 12 for runs in range(12)])
    assert walk.behind == 1.0
