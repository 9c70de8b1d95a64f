"""Asynchronous fixtures of a marked test: made anew in every execution, on its loop, and ended with it.

pytest would make them once, on another loop. So it is given a stand-in before it gets there, and each execution calls the
function of the fixture itself, after those of the fixtures that it needs. What cannot be done so is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest


class Refused(Exception):
    """The test cannot be explored; the message says why."""


@dataclass(frozen=True, slots=True)
class AsyncFixture:
    """One of them: its ``function`` takes the fixtures called ``needs``, behind the test's instance where it is a ``method``."""

    name: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    method: bool


def asynchronous(item: pytest.Function) -> tuple[AsyncFixture, ...]:
    """Those that ``item`` uses, each after those that it needs; pytest is kept from making them. Raises :class:`Refused`."""
    found: dict[str, AsyncFixture] = {}
    plain: dict[str, Sequence[str]] = {}
    info: Any = getattr(item, "_fixtureinfo")  # noqa: B009 - pytest has no public name for it
    for name in item.fixturenames:
        definitions = info.name2fixturedefs.get(name, ())
        made = [definition for definition in definitions if _is_async(definition)]
        if not made:
            plain[name] = definitions[-1].argnames if definitions else ()
        else:
            _require_usable(name, definitions)
            found[name] = _fixture(name, definitions[-1])
    for name, needs in plain.items():
        for other in needs:
            if other in found:
                raise Refused(
                    f"fixture {name!r} needs {other!r}, which is asynchronous and made in each execution, when {name!r} is there "
                    f"already; expected an asynchronous {name!r}, or the test to make it"
                )
    for name in found:
        item.funcargs[name] = None  # in its place; pytest makes what is not there
    return tuple(_in_order(found))


def _is_async(definition: Any) -> bool:
    function = inspect.unwrap(definition.func)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _require_usable(name: str, definitions: Sequence[Any]) -> None:
    last = definitions[-1]
    why = ""
    if last.scope != "function":
        why = f"of scope {last.scope!r}, so that it would outlive the loop of an execution; expected the scope 'function'"
    elif last.params is not None:
        why = "parametrized; expected the parameters at the test"
    elif name in last.argnames:
        why = "made of another one of that name; expected another name"
    if why:
        raise Refused(f"fixture {name!r} is asynchronous and {why}")


def _fixture(name: str, definition: Any) -> AsyncFixture:
    function = inspect.unwrap(definition.func)
    function = getattr(function, "__func__", function)
    names = list(inspect.signature(function).parameters)
    method = bool(names) and names[0] not in definition.argnames
    return AsyncFixture(name, function, tuple(definition.argnames), method)


def _in_order(found: Mapping[str, AsyncFixture]) -> list[AsyncFixture]:
    ordered: dict[str, AsyncFixture] = {}

    def add(name: str) -> None:
        if name in found and name not in ordered:
            for other in found[name].needs:
                add(other)
            ordered[name] = found[name]

    for name in found:
        add(name)
    return list(ordered.values())


async def within(
    fixtures: Sequence[AsyncFixture],
    given: dict[str, Any],
    instance: object,
    test: Callable[[Mapping[str, Any]], Awaitable[object]],
) -> object:
    """Make ``fixtures`` one after the other, add each to ``given``, await ``test`` of all, and end them, the last one first."""
    if not fixtures:
        return await test(given)
    first, rest = fixtures[0], fixtures[1:]
    arguments = {name: given[name] for name in first.needs}
    made = first.function(instance, **arguments) if first.method else first.function(**arguments)
    if not inspect.isasyncgen(made):
        given[first.name] = await made
        return await within(rest, given, instance, test)
    generator = cast("AsyncGenerator[Any, None]", made)
    given[first.name] = await anext(generator)
    try:
        return await within(rest, given, instance, test)
    finally:
        if await anext(generator, given) is not given:
            await generator.aclose()
            raise RuntimeError(f"fixture {first.name!r} yields more than once; expected once")
