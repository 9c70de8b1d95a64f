"""What readers of a counterexample get to see."""

from __future__ import annotations

from acpool_model import (
    Action,
    Answer,
    Dying,
    Kind,
    Phase,
    Prompt,
    Scope,
    Stage,
    Want,
    describe,
    enabled,
    initial,
)
from acpool_model.actions import universe
from acpool_model.state import Client, Key, State


def test_every_action_has_words_of_its_own() -> None:
    actions = universe(2, 2)
    assert len({describe(action) for action in actions}) == len(actions)


def test_every_state_can_be_described() -> None:
    keys = tuple(
        Key(stage=stage, session=1, source=1, holder=1) for stage in range(Stage.ABSENT, Stage.LEASED + 1)
    )
    clients = tuple(Client(phase=phase, key=1) for phase in range(Phase.OUT, Phase.REVOKED + 1))
    text = describe(State(1, 1, 0, 1, 2, 0, keys, clients))
    lines = text.splitlines()
    assert len(lines) == 1 + len(keys) + len(clients) == len(set(lines))
    assert lines[0] == "pool: shut, 6 of 1 slots taken"


def test_a_key_tells_all_that_is_up_with_it() -> None:
    key = Key(stage=Stage.LEASED, session=3, resumed=1, flag=1, holder=2)
    dying = Key(kept=4, kept_flag=1, dying=Dying.CLOSING, dying_session=4)
    stopping = Key(dying=Dying.STOPPING)
    client = Client(Phase.HOLDING, 1, Want.BOTH, 1, Prompt.CANCELLING)
    told = Client(answer=Answer.EXHAUSTED)
    assert describe(State(3, 1, 1, 9, 5, 0, (key, dying, stopping), (told, client))).splitlines() == [
        "pool: open, 3 of 3 slots taken",
        "a: leased to client 2 with s3, its process is dead, resumed, reset flag up",
        "b: absent, s4 suspended, reset flag suspended, a process is closing which may own s4",
        "c: absent, a defeated start is stopping",
        "client 1: out, told PoolExhausted",
        "client 2: holds a, prompt cancelled",
    ]


def test_keys_beyond_the_alphabet_have_names() -> None:
    assert describe(Action(Kind.RESET, 26)) == "z is reset"
    assert describe(Action(Kind.RESET, 27)) == "k27 is reset"


def test_the_first_choices_read_well() -> None:
    start = initial(Scope(1, 1, 1))[0]
    assert [describe(action) for action in enabled(start)][:2] == [
        "client 1 asks for the session of a",
        "client 1 asks for the lease of a",
    ]
