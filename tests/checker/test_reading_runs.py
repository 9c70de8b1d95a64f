"""What a reader is shown of a run: the timeline, where a task stands, and what a pool still remembers."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from acpool_spec.clients import Program
from acpool_spec.events import Event
from acpool_spec.fakes import FakeConnector, Outside
from acpool_spec.loop import DeterministicLoop
from acpool_spec.properties import Violation
from acpool_spec.reference import default
from acpool_spec.residue import residue
from acpool_spec.targets import load_target
from acpool_spec.timeline import WIDTH, Watcher, describe_event, render
from acpool_spec.whereabouts import whereabouts
from acpool_spec.world import Scope, World


def watched(decisions: list[str], scope: Scope, violation: Violation | None = None) -> list[str]:
    watcher = Watcher()
    with World(default, scope, watch=watcher.watch) as world:
        for decision in decisions:
            world.apply(decision)
            while world.loop.has_ready:
                world.apply("turn")
        world.finish(linearize=False)
    return list(render(watcher, world, violation))


CREATE = ["start 0 get_or_create a 0", "answer c1.open ok", "answer c1.initialize fail"]


def test_a_timeline_says_who_ran_where_it_stands_and_what_was_seen() -> None:
    lines = watched(CREATE, Scope())
    text = "\n".join(lines)
    assert "» client 0 calls get_or_create('a')" in text
    assert "client-0: get_or_create('a'), now at pool.py:" in text
    assert "waits for c1.open" in text
    assert "» c1.open is answered" in text
    assert "» c1.initialize fails" in text
    assert "· client 0: get_or_create('a') ends with SessionStartError" in text
    assert "· client 3: shutdown() answers None" in text
    assert max(map(len, lines)) <= WIDTH


def test_a_timeline_ends_where_the_violation_was_seen() -> None:
    whole = watched(CREATE, Scope())
    cut = watched(CREATE, Scope(), Violation("S1", "broke", 2))
    assert len(cut) < len(whole)
    assert cut[:-1] == whole[: len(cut) - 1]
    assert cut[-1].endswith("more rows, after the violation")
    last = watched([], Scope(max_sessions=1, keys=()), Violation("S1", "broke", 10**6))
    assert "more rows" not in last[-1]


def test_every_kind_of_decision_has_words() -> None:
    decisions = [
        *["start 0 get_or_create a b 0", "answer c1.open ok", "answer c1.initialize ok", "answer c1.new ok"],
        *["start 0 session a b 1", "answer c1.prompt hang", "start 1 cleanup_idle - 30"],
        *["start 1 with_connection a b 1", "cancel 1", "start 1 reset a b 0"],
    ]
    text = "\n".join(watched(decisions, Scope(keys=("a b",))))
    assert "» client 0 calls get_or_create('a b')" in text
    assert "» client 1 calls cleanup_idle\n" in text
    assert "» client 1 is cancelled" in text
    assert "» c1.prompt will never be answered" in text
    assert "holds the lease of c1 ('a b', session 's1')" in text
    assert "gives back c1" in text


def test_deaths_and_time_have_words() -> None:
    created = ["start 0 get_or_create a 0", "answer c1.open ok"]
    assert "» the process c1 dies" in "\n".join(watched([*created, "die c1"], Scope()))
    watcher = Watcher()
    with World(default, Scope(), watch=watcher.watch) as world:
        for decision in (*created, "answer c1.initialize hang"):
            world.apply(decision)
            while world.loop.has_ready:
                world.apply("turn")
        while "dead c1" not in world.answers():
            world.apply((world.ready() or world.timer() or world.answers())[0])
        world.apply("outlive c1")
        world.finish(linearize=False)
    text = "\n".join(render(watcher, world, None))
    assert "» time passes until the next timer" in text
    assert "» the killed process c1 will never be confirmed dead" in text


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"type": "ok", "f": "reset", "process": 1, "key": "a", "value": True},
            "client 1: reset('a') answers True",
        ),
        (
            {"type": "info", "f": "shutdown", "process": 1, "error": "CancelledError"},
            "client 1: shutdown() ends with",
        ),
        (
            {"type": "event", "f": "answered", "process": 1, "key": "a", "connection": "c"},
            "client 1 got its answer from c",
        ),
        ({"type": "event", "f": "given_up", "key": "a", "connection": "c"}, "c ('a'): given up"),
    ],
)
def test_events_in_words(members: dict[str, Any], words: str) -> None:
    assert describe_event(Event(index=0, time=0, **members)).startswith(words)


def test_a_reordered_run_has_a_timeline_too() -> None:
    pool = load_target("acpool_spec.pools.unlocked_start:factory")
    watcher = Watcher()
    with World(pool.factory, Scope(mode="reordered"), watch=watcher.watch) as world:
        for number, key in ((0, "a"), (1, "b")):
            world.apply(f"start {number} {Program('get_or_create', key)}")
        world.apply("step client-1")
        world.finish(linearize=False)
    rows = list(render(watcher, world, None))
    first = next(row for row in rows if " client-" in row and "»" not in row)
    assert first.split()[1].startswith("client-1")


# -- where a task stands -----------------------------------------------------------------------------------------------


def run(loop: DeterministicLoop) -> None:
    while loop.has_ready:
        loop.run_iteration()


def test_a_task_waits_for_its_turn_a_call_a_task_or_something_of_its_own(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector
) -> None:
    async def opens() -> object:
        return await connector.open("a")

    async def waits(task: asyncio.Task[object]) -> object:
        return await task

    async def idles() -> None:
        await asyncio.Event().wait()

    async def waits_for_all(tasks: list[asyncio.Task[Any]]) -> None:
        await asyncio.wait(tasks)

    opening = loop.create_task(opens(), name="opening")
    assert whereabouts(opening, outside)[1] == "its turn"
    waiting, idling = loop.create_task(waits(opening)), loop.create_task(idles())
    run(loop)
    where, waits_for = whereabouts(opening, outside)
    assert where is not None
    assert (where.function, waits_for) == ("opens", "c1.open")
    assert whereabouts(waiting, outside)[1] == "task opening"
    where, waits_for = whereabouts(idling, outside)
    assert where is not None
    assert (where.function, waits_for) == ("idles", "wait()")
    # Of what asyncio.wait waits for each is named, one that has no name of its own by what it runs.
    several = loop.create_task(waits_for_all([opening, loop.create_task(idles())]))
    run(loop)
    assert re.fullmatch(r"idles\(\) in Task-\d+ and task opening", whereabouts(several, outside)[1])
    outside.answer(outside.calls["c1.open"], "hang")
    assert whereabouts(opening, outside)[1] == "c1.open, which hangs"
    for task in (opening, idling, several):
        task.cancel()
    run(loop)
    assert whereabouts(opening, outside)[0] is None


# -- what is remembered ------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    things: dict[str, object] = field(default_factory=dict[str, object])


class Slotted:
    __slots__ = ("__weakref__", "inner", "never_set")

    def __init__(self, inner: object) -> None:
        self.inner = inner


class OneSlot:
    __slots__ = "inner"  # noqa: PLC0205 - a single name is allowed, too, and must be searched

    def __init__(self, inner: object) -> None:
        self.inner = inner


def holding(value: object) -> Shelf:
    return Shelf({"x": value})


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1},
        {"a"},
        frozenset({"a"}),
        ["a"],
        ("a",),
        deque(["a"]),
        {("a", 7): 1},
        [("lease", "a")],
        Slotted({"a": 1}),
        OneSlot({"a": 1}),
        [{"deep": Slotted([Shelf({"a": 1})])}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_key_is_found_wherever_a_container_has_it(value: object) -> None:
    found = residue(holding(value), ["a", "b"])
    assert list(found) == ["a"]
    assert found["a"].startswith("Shelf.things")


@pytest.mark.parametrize("value", ["a", {"b": "ab"}, {1: 2}, [None], (("b", 1),)], ids=repr)
def test_a_key_that_no_container_has_is_not_found(value: object) -> None:
    assert residue(holding(value), ["a"]) == {}


def test_the_walk_ends_though_the_pool_refers_to_itself() -> None:
    shelf = Shelf()
    shelf.things["self"] = shelf
    shelf.things["list"] = [shelf, shelf.things]
    assert residue(shelf, ["a"]) == {}


def test_what_is_not_the_pools_is_not_searched(outside: Outside, loop: DeterministicLoop) -> None:
    outside.calls.clear()
    task = loop.create_task(FakeConnector(outside).open("a"))
    assert residue(holding([outside, loop.create_future()]), ["a"]) == {}
    task.cancel()
    run(loop)


def test_all_keys_are_told_in_order() -> None:
    assert list(residue(holding({"b": 1, "a": 2, "c": 3}), ["c", "b", "a"])) == ["a", "b", "c"]
