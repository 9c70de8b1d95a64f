"""The table of counts: the cheap lines explored again, the smallest derived by hand.

``counts.txt`` is what ``python -m acpool_model.counts`` prints; the largest scope is explored again in ``test_exploration.py``,
the other dear ones only when the table is written.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from acpool_model import Dying, Phase, Scope, Stage, State, canonical, enabled, initial, step
from acpool_model.counts import SCOPES, Line, counted, main, name_of, scope_of

TABLE = [
    Line.parse(text)
    for text in (Path(__file__).parent / "counts.txt").read_text(encoding="utf-8").splitlines()
]
CHEAP = [scope for scope, line in zip(SCOPES, TABLE, strict=True) if line.states < 1500]


def test_the_table_is_that_of_the_scopes() -> None:
    assert [line.scope for line in TABLE] == [name_of(scope) for scope in SCOPES]
    assert [scope_of(line.scope) for line in TABLE] == list(SCOPES)
    assert {line.verdict for line in TABLE} == {"holds"}


@pytest.mark.parametrize("scope", CHEAP, ids=name_of)
def test_a_line_of_the_table(scope: Scope) -> None:
    assert counted(scope) == TABLE[SCOPES.index(scope)]


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(SCOPES[:1])
    assert capsys.readouterr().out == f"{TABLE[0]}\n"


def test_a_single_client_never_queues() -> None:
    # It never finds the only slot leased or creating for another key, so whether it might queue is all one.
    one, other = (TABLE[SCOPES.index(Scope(2, 1, 1, queueing))] for queueing in (1, 0))
    assert one[1:] == other[1:]


def _group(state: State) -> tuple[int, int, int, int]:
    return state.open, state.keys[0].stage, state.keys[0].dying, state.clients[0].phase


def test_one_key_one_client_by_hand() -> None:
    """All states there are, each group with what tells its members apart."""
    met = list({canonical(state): None for state in initial(Scope(1, 1, 1))})
    known = set(met)
    for state in met:
        for action in enabled(state):
            after = canonical(step(state, action))
            if after not in known:
                known.add(after)
                met.append(after)
    # A session is suspended or not, and a lost one is still to be told of or not.
    memory = 2 * 2
    # A session in use has its flag up or down, and its process lives or is dead.
    live = 2 * 2
    # Who waits for a creation wants the answer or (as good as) the lease: with_connection alone begins none, and both
    # others may be waiting. The process of a creation may be dead from its opening on; what is loaded is suspended.
    want, alive, flag = 2, 2, 2
    prompt = 3  # none, running, told to end
    # A dying process owns what is suspended, or nothing, or what was reset, and then nothing is left to be told of.
    dying = flag + memory + 1
    taken_back = flag + 1  # the process owned a session, which was suspended, or reset
    stopping, closing = Dying.STOPPING, Dying.CLOSING
    either_way = {  # open or shut
        (Stage.ABSENT, Dying.NOTHING, Phase.OUT): memory,
        (Stage.ABSENT, Dying.NOTHING, Phase.REVOKED): memory * prompt,
        (Stage.ABSENT, stopping, Phase.OUT): memory,
        (Stage.ABSENT, closing, Phase.OUT): dying,
        (Stage.ABSENT, closing, Phase.REVOKED): taken_back * prompt,
        (Stage.LEASED, Dying.NOTHING, Phase.GRANTED): live,
        (Stage.LEASED, Dying.NOTHING, Phase.HOLDING): live * prompt,
    }
    while_open = {
        (Stage.IDLE, Dying.NOTHING, Phase.OUT): live,
        (Stage.OPENING, Dying.NOTHING, Phase.WAITING): memory * want,
        (Stage.INITIALIZING, Dying.NOTHING, Phase.WAITING): memory * want * alive,
        (Stage.LOADING, Dying.NOTHING, Phase.WAITING): flag * want * alive,
        (Stage.NEW, Dying.NOTHING, Phase.WAITING): memory * want * alive,
        (Stage.PROMISED, stopping, Phase.WAITING): memory * want,
        (Stage.PROMISED, closing, Phase.WAITING): dying * want,
    }
    expected = Counter(
        {(is_open, *group): count for group, count in either_way.items() for is_open in (0, 1)}
    )
    expected.update({(1, *group): count for group, count in while_open.items()})
    assert Counter(map(_group, met)) == expected
    assert expected.total() == TABLE[0].states
