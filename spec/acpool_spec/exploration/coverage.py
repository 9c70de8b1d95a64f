"""What a run of a scenario has come by: told by the code under test, heard by whoever wants to see more of it.

``covered("evicted")`` in simulated code says that something worth telling apart has happened: a branch, a transition of a
model, a state of a protocol. It changes nothing. Nobody listens but the strategy ``coverage``, during its runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

_listener: Callable[[Hashable], object] | None = None


def covered(feature: Hashable) -> None:
    """``feature`` has happened. Costs one test where nobody listens. Equal features are one: use values, such as names."""
    if _listener is not None:
        _listener(feature)


def somebody_listens() -> bool:
    """Whether :func:`covered` is heard: what is costly to tell need not be told otherwise."""
    return _listener is not None


def listen(listener: Callable[[Hashable], object] | None) -> None:
    """From now on ``listener`` hears what is covered, and nobody else; None: nobody."""
    global _listener  # noqa: PLW0603 - a global is what makes the silence cheap
    _listener = listener
