"""What a run leaves in modules and classes is part of its state, also where only a function that it calls knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from acpool_spec.exploration import explore

SEEN: list[str] = []
last = ""


def note(name: str) -> None:
    SEEN.append(name)


def noted() -> str:
    return "".join(SEEN)


def renote(name: str) -> None:
    note(name)


def remember(name: str) -> None:
    global last  # noqa: PLW0603 - the point of this test
    last = name


def remembered() -> str:
    return "ab".replace(last, "") + last


class Book:
    pages = ""

    @classmethod
    def write(cls, name: str) -> None:
        cls.pages += name

    @staticmethod
    def write_elsewhere(name: str) -> None:
        SEEN.append(name)


def read() -> str:
    return Book.pages


def write_in_the_book(name: str) -> None:
    Book().write(name)


def counting() -> tuple[Callable[[str], None], Callable[[], str]]:
    text = ""

    def add(name: str) -> None:
        nonlocal text
        text = (text + name)[-2:]

    return add, lambda: text


ADD, ADDED = counting()


WAYS: dict[str, tuple[Callable[[str], None], Callable[[], str]]] = {
    "a function": (note, noted),
    "a function of a function": (renote, noted),
    "a global statement": (remember, remembered),
    "a class method": (write_in_the_book, read),
    "a static method": (Book.write_elsewhere, noted),
    "a closure": (ADD, ADDED),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_order_that_only_a_module_knows_of_is_found_with_states_cut_off(way: str) -> None:
    """Two tasks that are done leave the same objects behind in either order, and a list, a variable or a class that differs."""
    leave, left = WAYS[way]

    async def leaves(name: str) -> None:
        leave(name)

    async def scenario() -> None:
        SEEN.clear()
        Book.pages = ""
        first, second = asyncio.create_task(leaves("a")), asyncio.create_task(leaves("b"))
        await first
        await second
        await asyncio.sleep(1)
        assert left() != "ba"

    assert explore(scenario, mode="reordered").verdict == "violated"


async def leaves_a_note(name: str) -> None:
    renote(name)


def told() -> str:
    return noted()


def forget() -> None:
    SEEN.clear()


async def by_name() -> None:
    forget()
    first, second = asyncio.create_task(leaves_a_note("a")), asyncio.create_task(leaves_a_note("b"))
    await first
    await second
    await asyncio.sleep(1)
    assert told() != "ba"


def test_and_where_nothing_that_the_run_holds_leads_to_it() -> None:
    assert explore(by_name, mode="reordered").verdict == "violated"
