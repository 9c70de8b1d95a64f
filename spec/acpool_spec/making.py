"""Making a pool under test. Whatever a stranger's code does then is said in one sentence; only Ctrl-C goes through."""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any, cast

from acpool.contract import Connector

REQUIRED = ("get_or_create", "with_connection", "cleanup_idle", "shutdown")
_LONGEST = 300


class Unusable(Exception):
    """The pool under test cannot be judged; the message is one sentence that says what it did."""


class FactoryFailed(Unusable):
    """The factory of the pool under test made no pool; the message is one sentence that says why."""


def make_pool(factory: Callable[..., object], connector: Connector, max_sessions: int) -> Any:
    """A pool of ``factory`` that has the required operations. Raises :class:`FactoryFailed` for anything else."""
    call = f"factory(connector, max_sessions={max_sessions})"
    try:
        pool = factory(connector, max_sessions=max_sessions)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise FactoryFailed(f"{call} failed with {said(error)}") from error
    if type(pool) is CoroutineType:
        cast("CoroutineType[object, object, object]", pool).close()  # one that nobody awaits would warn
        raise FactoryFailed(f"{call}: factory returned a coroutine; expected a pool")
    if pool is None:
        raise FactoryFailed(f"{call}: factory returned None; expected a pool")
    missing = [name for name in REQUIRED if name not in offered(pool, REQUIRED)]
    if missing:
        raise FactoryFailed(f"the pool it makes lacks {', '.join(missing)}; expected {', '.join(REQUIRED)}")
    return pool


def offered(pool: object, operations: tuple[str, ...]) -> list[str]:
    """Those of ``operations`` that ``pool`` has. Raises :class:`FactoryFailed` when it cannot be asked."""
    found: list[str] = []
    for name in operations:
        try:
            if callable(getattr(pool, name, None)):
                found.append(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise FactoryFailed(
                f"the pool it makes cannot be asked for {name!r}: {said(error)}; expected AttributeError for what it lacks"
            ) from error
    return found


def stated(factory: object) -> dict[str, float]:
    """The bounds that ``factory`` says its pools have, by attributes of these names, in seconds; what is no number is not said.

    ``max_lease``: the age at which a lease is taken back; ``idle_ttl``: the pool cleans up by itself what was idle for so long.
    """
    found: dict[str, float] = {}
    for name in ("max_lease", "idle_ttl"):
        value: object = getattr(factory, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def said(error: BaseException) -> str:
    """``ValueError: text`` on one line, or the class alone where there is no text, or none that can be had."""
    try:
        text = clip(" ".join(str(error).split()), _LONGEST)
    except KeyboardInterrupt:
        raise
    except BaseException as second:  # noqa: BLE001 - an error that cannot be told is one all the same
        text = f"(its text cannot be had: {type(second).__name__})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def plain(text: str) -> str:
    """``text`` with an escape for each character that is not seen but does something: it moves a cursor, or turns the
    direction of what stands beside it. Line breaks stay."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def clip(text: str, longest: int = 60) -> str:
    """``text``, or its beginning and an ellipsis: ``longest`` characters at most."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
