"""The rule by which guards are found: on a module made up for it, and that what it finds can be put in place of."""

from __future__ import annotations

from textwrap import dedent

import pytest

from acpool_spec.mutants.guards import guards_of, removed
from acpool_spec.mutants.mutant import DoesNotApply, Mutant

SOURCE = dedent(
    """
    class Door:
        def enter(self, who, now):
            assert who is not None
            if self.trace is not None:
                self.trace("é")
            if who is self.owner or not (self.open and now > 3):
                return None
            if who is self.owner:
                self.timer.cancel()
            try:
                self.perform()
            except (KeyError, ValueError):
                pass
            finally:
                self.bell.set()
            match who:
                case Guest(name) if name:
                    return set()
                case _:
                    return [one for one in self.inside if one != who]


    def shut(door):
        late = door.closes_at <= 0
        while True:
            return door if late else shield(door.closed)
    """
)
NAMES = [
    "Door.enter: test who is self.owner",
    "Door.enter: test self.open",
    "Door.enter: test now > 3",
    "Door.enter: test who is self.owner #2",
    "Door.enter: call self.timer.cancel()",
    "Door.enter: call self.perform()",
    "Door.enter: except (KeyError, ValueError)",
    "Door.enter: call self.bell.set()",
    "Door.enter: finally self.bell.set()",
    "Door.enter: case Guest(name)",
    "Door.enter: test name",
    "Door.enter: test one != who",
    "shut: test door.closes_at <= 0",
    "shut: test late",
    "shut: call shield(door.closed)",
]


def test_every_guard_is_found_and_nothing_else() -> None:
    assert [guard.name for guard in guards_of(SOURCE)] == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if ": finally" not in name])
def test_a_guard_is_replaced_where_it_stands(name: str) -> None:
    guard = next(guard for guard in guards_of(SOURCE) if guard.name == name)
    becomes = "Ghost(name)" if guard.kind == "case" else "()"
    mutant = Mutant(name="m", module="door", keeps="it", breaks=("S1",), guard=name, becomes=becomes)
    after = mutant.apply(SOURCE)
    assert len(after.encode()) == len(SOURCE.encode()) - (guard.end - guard.start) + len(becomes)
    assert after[: after.index(becomes)] == SOURCE[: after.index(becomes)]
    compile(after, "door.py", "exec")


def test_what_is_gone_is_told_by_name() -> None:
    gone = SOURCE.replace("who is self.owner or ", "").replace("finally", "else")
    # Of two that are alike the second is the one that is missing.
    assert removed(SOURCE, gone) == [
        "Door.enter: test who is self.owner #2",
        "Door.enter: finally self.bell.set()",
    ]
    assert removed(SOURCE, SOURCE) == []


@pytest.mark.parametrize(
    ("members", "why"),
    [
        (
            {"guard": "Door.enter: test nothing", "becomes": "True"},
            "m: door.py has no guard 'Door.enter: test nothing'",
        ),
        (
            {"before": "who is self.owner", "after": "True"},
            "m: 'before' occurs 2 times in door.py; expected once",
        ),
        ({"before": "nowhere", "after": "True"}, "m: 'before' occurs 0 times in door.py; expected once"),
    ],
)
def test_a_mutant_of_other_code_is_refused(members: dict[str, str], why: str) -> None:
    with pytest.raises(DoesNotApply) as caught:
        Mutant(name="m", module="door", keeps="it", breaks=("S1",), **members).apply(SOURCE)
    assert str(caught.value) == why
