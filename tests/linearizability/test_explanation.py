"""Why a history has no linearization, as a value and in words."""

from __future__ import annotations

from random import Random
from typing import Any

from acpool_spec.explanation import explanation, lines_of
from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import KeyValue, Register


def stale_read(toolbox: Any) -> list[Operation]:
    op = toolbox.operation
    return [
        op(0, "write", 1, at=(0, 1)),
        op(0, "write", 2, at=(2, 5)),
        op(1, "read", None, 2, at=(3, 4)),
        op(2, "write", 7, at=(3, None)),
        op(1, "read", None, 1, at=(6, 7)),
    ]


def test_what_can_follow_is_named_with_the_reason(toolbox: Any) -> None:
    history = stale_read(toolbox)
    found = explanation(history, Register(), check_history(history, Register()))
    assert found is not None
    assert [placed.operation for placed in found.placed] == [0, 1, 2]
    assert [placed.state for placed in found.placed] == [1, 2, 2]
    assert (found.start, found.state, found.quiet, found.state_at_rest) == (None, 2, 3, 2)
    assert [blocked.operation for blocked in found.blocked] == [4, 3]
    text = list(lines_of(found, history))
    assert text[0] == "no linearization: of 5 operations 3 can be placed in an order, and no more"
    assert text[-2] == "  process 1: read() → 1 [6–7]: not with this answer"
    assert "may never have happened" in text[-1]


def test_what_holds_has_nothing_to_explain(toolbox: Any) -> None:
    history = stale_read(toolbox)[:-1]
    assert explanation(history, Register(), check_history(history, Register())) is None


def test_what_came_before_the_last_quiet_instant_is_counted_and_not_shown(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "put", ["a", n], at=(10 * n, 10 * n + 5)) for n in range(50)]
    history += [op(1, "get", "a", 48, at=(494, 499)), op(1, "get", "a", 47, at=(500, 501))]
    found = explanation(history, KeyValue(), check_history(history, KeyValue()))
    assert found is not None
    assert (len(found.placed), found.quiet) == (51, 51)
    assert len(list(lines_of(found, history))) < 6


def test_the_states_lead_from_one_to_the_next_also_where_there_is_a_choice(toolbox: Any) -> None:
    """A bag of which pending takes may have taken any value, and a register that loses writes."""
    random = Random(5)
    seen = 0
    for spec, kind in ((toolbox.Bag(), "bag"), (toolbox.LossyRegister(), "lossy")):
        for _ in range(150):
            history = toolbox.small_history(random, kind, pending=0.3)
            found = explanation(history, spec, verdict := check_history(history, spec))
            if found is None:
                continue
            seen += 1
            state = found.start
            for placed in found.placed:
                assert placed.state in toolbox.follow([state], history[placed.operation], spec)
                state = placed.state
            assert state == verdict.stuck[0].state
            assert 0 <= found.quiet <= len(found.placed)
            assert list(lines_of(found, history))
    assert seen > 50
