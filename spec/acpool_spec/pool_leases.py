"""Since when a lease may have been held, as far as a history shows: it is given to somebody before he is seen with it.

Of a holder who was seen it is not before his call, nor before the holder before him was seen to give it back, nor before the
session was there. Whoever waits for the lease may have been given it since then, and may lose it before anybody sees him.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from acpool_spec.events import Event

NEVER = 1 << 60
LEASING = ("with_connection", "session")
CANCELLED = "CancelledError"
"""What an operation ends with whose caller was cancelled: it may have had its effect, and has none from then on."""


class Leases:
    """The leases of one history. Places are ordinals of events, times nanoseconds. ``agents``: the number of each connection."""

    def __init__(self, events: Iterable[Event], agents: Mapping[str, int]) -> None:
        self._agents = agents
        self._times: list[int] = []
        # By agent, where nobody was seen to hold it any more; by agent and process, where each lease was seen to begin and since
        # when it may have lasted; by key, where each call began to wait, and where it ceased to.
        self._free: dict[int, list[int]] = {}
        self._held: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._waits: dict[str | None, list[tuple[int, int]]] = {}
        self._open: dict[int, Event] = {}
        self._since: dict[int, int] = {}
        for place, event in enumerate(events):
            self._times.append(event.time)
            if event.type == "event":
                self._connection(event, place)
            elif event.process is not None:
                self._call(event, event.process, place)
        for process in list(self._open):
            self._wait_ends(process, NEVER)

    def _call(self, event: Event, process: int, place: int) -> None:
        if event.type == "invoke":
            self._since[process] = place
            if event.f in LEASING:
                self._open[process] = event
        elif event.type != "info" or event.error == CANCELLED:
            self._wait_ends(process, place)

    def _wait_ends(self, process: int, place: int) -> None:
        call = self._open.pop(process, None)
        if call is not None:
            self._waits.setdefault(call.key, []).append((self._since[process], place))

    def _connection(self, event: Event, place: int) -> None:
        agent = self._agents.get(event.connection or "")
        if agent is None:
            return
        if event.f in ("created", "loaded", "release"):
            self._free.setdefault(agent, []).append(place)
        elif event.f == "acquire" and event.process is not None:
            since = max(self._since.get(event.process, 0), self._freed(agent, place))
            self._held.setdefault((agent, event.process), []).append((place, since))
            self._wait_ends(event.process, place)

    def _freed(self, agent: int, place: int) -> int:
        places = self._free.get(agent, [])
        found = bisect_right(places, place)
        return places[found - 1] if found else 0

    def held_since(self, agent: int, process: int, place: int) -> int:
        """The earliest time of the lease that ``process``, after event ``place``, was last seen to have of ``agent``."""
        known = self._held.get((agent, process), [])
        found = bisect_right(known, (place, NEVER))
        return self._times[known[found - 1][1] if found else self._freed(agent, place)]

    def given_since(self, agent: int, key: str, place: int) -> int | None:
        """The earliest time of a lease of ``agent`` that whoever waits for ``key`` after event ``place`` may have been given;
        None: nobody waits."""
        waits = [called for called, ceased in self._waits.get(key, ()) if called <= place < ceased]
        return self._times[max(min(waits), self._freed(agent, place))] if waits else None
