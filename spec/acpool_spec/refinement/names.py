"""The model's numbers for what the pool calls by name: keys, session ids, callers.

Keys are numbered as they are met. Session ids take the model's number when they are established, each under its key. A caller
has a number from its call to its answer, or to the end of its block: the lowest that is free, since the model's clients are
all alike.
"""

from __future__ import annotations

from acpool.records import Waiter

UNKNOWN = 900
"""Where the numbers begin of session ids that were never established under their key."""


class AtOnce:
    """Somebody who was answered within the step in which he asked: the pool has no record of him."""


class Names:
    """The numbers of one run; 0 is nobody and nothing."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.seats: list[tuple[object, Waiter | None] | None] = []
        self._key_numbers: dict[str, int] = {}
        self._seat_numbers: dict[int, int] = {}  # by the caller's identity; ``seats`` keeps it alive
        self._sessions: dict[tuple[str, str], int] = {}
        self._established: dict[int, tuple[str, str]] = {}

    def key(self, name: str) -> int:
        """The number of a key, a new one where it was not met before."""
        number = self._key_numbers.get(name)
        if number is None:
            self.keys.append(name)
            number = self._key_numbers[name] = len(self.keys)
        return number

    def session(self, key: str, session_id: str | None) -> int:
        """The number of a session id of ``key``; one that was never established there has a number beyond all others."""
        if session_id is None:
            return 0
        return self._sessions.setdefault((key, session_id), UNKNOWN + len(self._sessions))

    def flag(self, up: bool) -> int:
        """A flag of a record, as a number."""
        return int(up)

    def establish(self, key: str, session_id: str, number: int) -> None:
        """From now on ``session_id`` of ``key`` is ``number``; whatever was called so is nowhere any more."""
        former = self._established.get(number)
        if former is not None:
            self._sessions.pop(former, None)
        self._sessions[key, session_id] = number
        self._established[number] = (key, session_id)

    def seat(self, caller: object) -> int:
        """The number of a caller, the lowest that is free where it has none."""
        who = _who(caller)
        number = self._seat_numbers.get(id(who))
        if number is None:
            number = 1 + next((at for at, taken in enumerate(self.seats) if taken is None), len(self.seats))
            if number > len(self.seats):
                self.seats.append(None)
            self._seat_numbers[id(who)] = number
            self.seats[number - 1] = (who, caller if isinstance(caller, Waiter) else None)
        return number

    def seated(self, caller: object) -> int:
        """The number of a caller, 0 where it has none."""
        return self._seat_numbers.get(id(_who(caller)), 0)

    def stand_up(self, number: int) -> None:
        """The call of client ``number`` is over."""
        taken = self.seats[number - 1]
        if taken is not None:
            del self._seat_numbers[id(taken[0])]
            self.seats[number - 1] = None


def _who(caller: object) -> object:
    """The lease that a waiter waits for, itself where it waits for an answer alone."""
    return caller if not isinstance(caller, Waiter) or caller.token is None else caller.token
