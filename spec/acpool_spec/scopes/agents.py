"""Agent processes for the explorer: their calls end when the outside world lets them, and faults are events of that world.

They are the fake processes of ``acpool check``, with the loop's offers in place of a scheduler that answers. A call that is
pending is one offer; how it ends (well, refused, failed, never) is chosen when it is accepted, so that one call ends once. A
process may die at any moment between its opening and its end; a killed one is confirmed dead when the outside says so, or
never. Each of these but the good ends costs one of the scope's ``faults``. ``initialize`` and ``cancel`` end where they begin:
nothing else in a pool's reach could tell a moment in between from one before or after.

Where faults are ``slow``, nothing goes wrong, it takes long: time passes before the call ends, so that a bound may run out before
it, or at the same instant. An agent whose caller has given up does later what it was asked for, unless its process ends
first: a session is created or loaded of which nobody hears. A killed process that was given up on dies after all.
"""

from __future__ import annotations

from acpool_spec.driven import Offer
from acpool_spec.fakes import Call, FakeConnection, Outside
from acpool_spec.loop import DeterministicLoop
from acpool_spec.outside import choose
from acpool_spec.recorder import Recorder

AT_ONCE = ("initialize", "cancel")
_GOES_ON = (
    "initialize",
    "new",
    "load",
)  # what an agent does though its caller has gone, as long as its process lives


class Agents(Outside):
    """Every process of one run. ``faults_left``: how much may still go wrong, or be ``slow``; :meth:`calm` ends all of that."""

    def __init__(
        self, loop: DeterministicLoop, recorder: Recorder, *, faults: int, slow: bool = False
    ) -> None:
        super().__init__(recorder, agents_load=True)
        self.faults_left = faults
        self._slow = slow
        self._loop = loop
        self._calm = False
        self._ends: dict[str, Offer] = {}  # of pending calls, and of killed processes, by their names
        self._deaths: dict[str, Offer] = {}  # of live processes
        self._late: dict[str, Offer] = {}  # what is slow, by the names of calls and processes
        self._will_die_late: FakeConnection | None = None

    @property
    def quiet(self) -> bool:
        """Whether nothing outside is about to happen that is no fault: time does not pass before it has."""
        return len(self._loop.offers()) == len(self._deaths) + len(self._late)

    def calm(self) -> None:
        """From now on every call ends well where it begins, and nothing goes wrong; what hangs still does, and so does what is
        still slow: time has passed to its end."""
        self._calm = True
        for name in list(self._late):
            self._withdraw_late(name)
            if name in self.calls:
                self.calls[name].hung = True
        self._no_more_faults()

    def new_name(self, key: str) -> str:
        """``a1``, ``a2``, …: numbered by key, so that it does not show which of two keys came first."""
        return f"{key}{1 + sum(known.key == key for known in self.connections)}"

    def new_session_id(self, key: str) -> str:
        """``s-a1``, ``s-a2``, …: numbered by key as well."""
        made = {c.session_id for c in self.connections if c.key == key and c.session_id is not None}
        return f"s-{key}{1 + len(made)}"

    # -- calls -------------------------------------------------------------------------------------------------------

    def began(self, call: Call) -> None:
        """The call ends now, or when its offer is accepted."""
        if not call.answers:
            return  # it hangs, or is the close of a killed process
        if self._calm or call.stage in AT_ONCE:
            self.end_call(call)
        else:
            self._offer(call.name, f"{call.name} ends", self.end_call, call)

    def ended(self, call: Call) -> None:
        """Its caller was cancelled or has its answer: nothing of it can happen any more, unless it was slow."""
        self._withdraw(call.name)
        if self._withdraw_late(call.name) and call.stage in _GOES_ON and not self._calm:
            self._be_late(call.name, f"{call.name} is done late", self.ends_late, call)
        if call.connection is self._will_die_late and call.stage == "close" and not self._calm:
            # Whoever waited for its death has given up.
            self._will_die_late = None
            self._be_late(call.connection.name, f"{call.connection.name} dies late", self.dies_late, call)

    def end_call(self, call: Call) -> None:
        """The outside lets ``call`` end, and chooses how."""
        if not call.answers:
            return
        how = choose(("ok", "slow") if self._slow else call.answers) if self.faults_left else "ok"
        if how != "ok":
            self.goes_wrong()
        if how == "slow":
            self._withdraw(call.name)
            self._be_late(call.name, f"{call.name} ends late", self.ends_late, call)
            return
        connection, opened = call.connection, call.connection.opened
        self.answer(call, how)
        if connection.opened and not opened and self.faults_left and not self._slow:
            self._deaths[connection.name] = self._loop.offer(
                self._die, connection, name=f"{connection.name} dies", rare=True
            )

    def ends_late(self, call: Call) -> None:
        """A slow call ends; where its caller has gone the agent does what nobody waits for any more."""
        self._withdraw_late(call.name)
        if call.answers:
            self.answer(call, "ok")
        elif call.stage in _GOES_ON and call.connection.alive:
            call.connection.did(call.stage)

    def dies_late(self, call: Call) -> None:
        """A process that was given up on is dead."""
        self._withdraw_late(call.connection.name)
        self.end(call.connection, "died")

    def _die(self, connection: FakeConnection) -> None:
        if self.faults_left and connection.alive and not connection.killed:
            self.goes_wrong()
            self.end(connection, "died")

    # -- processes ---------------------------------------------------------------------------------------------------

    def killed(self, connection: FakeConnection) -> None:
        """It is dead when the offer of its end is accepted, or never."""
        for call in self.calls.values():
            if call.connection is connection and call.stage == "close":
                self._withdraw(call.name)
        death = self._deaths.pop(connection.name, None)
        if death is not None:
            death.cancel()
        if self._calm or not connection.opened:
            self._end_killed(connection)
        else:
            self._offer(connection.name, f"killed {connection.name} ends", self._end_killed, connection)

    def _end_killed(self, connection: FakeConnection) -> None:
        self._withdraw(connection.name)
        if not connection.alive or connection.stuck:
            return
        if self.faults_left and choose(("dead", "never")) == "never":
            self.goes_wrong()
            self._will_die_late = connection if self._slow else None
            self.outlive(connection)
        else:
            self.end(connection, "closed")

    def end(self, connection: FakeConnection, event: str) -> None:
        """The process is gone, and with it whatever could have happened to it."""
        for call in self.calls.values():
            if call.connection is connection:
                self._withdraw(call.name)
        self._withdraw(connection.name)
        self._withdraw_late(connection.name)
        for name in [name for name in self._late if name.startswith(f"{connection.name}.")]:
            self._withdraw_late(name)
        death = self._deaths.pop(connection.name, None)
        if death is not None:
            death.cancel()
        super().end(connection, event)

    def answer(self, call: Call, how: str) -> None:
        """Decide ``call``: it is about to end no more."""
        self._withdraw(call.name)
        super().answer(call, how)

    # -- offers ------------------------------------------------------------------------------------------------------

    def _offer(self, name: str, words: str, callback: object, of: Call | FakeConnection) -> None:
        assert callable(callback)
        self._ends[name] = self._loop.offer(callback, of, name=words)

    def _withdraw(self, name: str) -> None:
        offer = self._ends.pop(name, None)
        if offer is not None:
            offer.cancel()

    def _be_late(self, name: str, words: str, callback: object, call: Call) -> None:
        assert callable(callback)
        self._late[name] = self._loop.offer(callback, call, name=words, rare=True)

    def _withdraw_late(self, name: str) -> bool:
        """Whether it was late, and no longer is."""
        offer = self._late.pop(name, None)
        if offer is not None:
            offer.cancel()
        return offer is not None

    def goes_wrong(self) -> None:
        """One fault of the budget is spent."""
        self.faults_left -= 1
        if not self.faults_left:
            self._no_more_faults()

    def _no_more_faults(self) -> None:
        self.faults_left = 0
        for offer in self._deaths.values():
            offer.cancel()
        self._deaths.clear()
