"""The structures of states: none is left out, none is impossible, and what is open in them is only passed on."""

from __future__ import annotations

from typing import Any

import pytest

from acpool_model import Client, State
from acpool_model.inductive import inductive
from acpool_spec.proofs.decisions import coverage, frames, numbers
from acpool_spec.proofs.decisions.frames import Frame, structures
from acpool_spec.proofs.decisions.obligations import COVERED, core_obligations
from acpool_spec.proofs.decisions.structure import Hole, examples, filled, plausible, values_type
from acpool_spec.proofs.decisions.symmetry import images, stands_for_its_like
from acpool_spec.proofs.obligations import Obligation
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.solver import Effort, Finding, of_one, prove, with_contract
from acpool_spec.verdict import Outcome

SIZE = Size(2, 1)


@pytest.mark.no_cover
def test_every_structure_is_of_a_state_that_satisfies_the_invariant() -> None:
    values = examples(SIZE)
    assert plausible(values)
    for frame in frames.frames(SIZE):
        for template in structures(frame):
            state = filled(template, values)
            assert inductive(state), state
            assert state == template, "a hole has another example than there is a value for"


@pytest.mark.no_cover
def test_no_structure_is_there_twice() -> None:
    made = [template for frame in frames.frames(SIZE) for template in structures(frame)]
    assert len({shown(template) for template in made}) == len(made)


def shown(template: State) -> str:
    """With the names of the holes: as numbers, two may be equal that are not the same."""
    numbers = [number for key in template.keys for number in key]
    named = [number.name if isinstance(number, Hole) else number for number in [template.capacity, *numbers]]
    return f"{named} {template.queueing} {template.open} {template.clients}"


def cover(size: Size) -> Finding:
    obligation = core_obligations()[COVERED]
    assert isinstance(obligation, Obligation)
    return prove(obligation, size, 120)


@pytest.mark.no_cover
def test_no_state_is_left_out() -> None:
    assert cover(SIZE).outcome is Outcome.HOLDS


@pytest.mark.no_cover
@pytest.mark.parametrize("part", ["frame", "memory", "order", "room"])
def test_a_structure_that_is_left_out_is_missed(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = SIZE if part == "order" else Size(1, 1)

    def without_last(module: Any, name: str, wanted: int) -> None:
        """All that the function gives but the last, where it gives as many as are ``wanted``."""
        made = getattr(module, name)

        def fewer(*arguments: Any) -> list[Any]:
            found = list(made(*arguments))
            return found[:-1] if len(found) == wanted else found

        monkeypatch.setattr(module, name, fewer)

    if part == "frame":
        without_last(coverage, "frames", sum(1 for _ in frames.frames(size)))
    elif part == "memory":
        without_last(coverage, "memories", 6)
    elif part == "room":
        without_last(coverage, "rooms", 2)
    else:

        def first_ones(frame: Frame) -> list[Any]:
            return [choices[:1] for choices in frames.orders(frame)]

        monkeypatch.setattr(coverage, "orders", first_ones)
    finding = cover(size)
    assert finding.outcome is Outcome.VIOLATED, finding.why
    [state] = finding.states
    assert inductive(state)


@pytest.mark.no_cover
def test_frames_that_differ_in_numbers_alone_stand_for_each_other() -> None:
    size = Size(2, 2)
    known = set(frames.frames(size))
    chosen = {frame for frame in known if stands_for_its_like(frame, 1, 0)}
    assert {image for frame in chosen for image in images(frame, 1, 0)} == known
    assert len(chosen) < len(known)
    assert all(stands_for_its_like(frame, 2, 1) for frame in known)


@pytest.mark.no_cover
def test_images_keep_who_is_whose() -> None:
    for frame in frames.frames(Size(2, 2)):
        for image in images(frame, 0, 0):
            assert sorted(map(shape_of, range(2), [image] * 2)) == sorted(
                map(shape_of, range(2), [frame] * 2)
            )


def shape_of(at: int, frame: Frame) -> tuple[Any, ...]:
    """What a key is, and who is there, without numbers."""
    key = frame.keys[at]
    source = frame.keys[key.source - 1].dying if key.source else -1
    holder = frame.clients[key.holder - 1] if key.holder else Client()
    here = sorted(client._replace(key=0) for client in frame.clients if client.key == at + 1)
    return key.stage, key.dying, source, holder._replace(key=0), here


# -- numbers that are open ---------------------------------------------------------------------------------------------


def of_values(conclude: Any) -> Outcome:
    """What CrossHair makes of ``conclude``, which gets symbolic values as they are in an untraced decision."""

    def conclusion(values: Any) -> Any:
        return numbers.untraced(conclude, values)

    contract = with_contract(of_one, {"a": values_type(Size(1, 1))}, plausible, conclusion)
    kinds = {message.state.name for message in Effort(30).analyze(contract)}
    return Outcome.HOLDS if kinds == {"CONFIRMED"} else Outcome.VIOLATED if kinds else Outcome.UNDECIDED


def both_ways(values: Any) -> bool:
    if values.flag1:
        return bool(values.flag1 == 1)
    return bool(values.flag1 == 0)


def room_for_two(values: Any) -> bool:
    return not 2 + values.room < 4


def two_ids(values: Any) -> Any:
    return values.session1 != values.lost1


def more_than_one(values: Any) -> Any:
    return 1 + values.room > 1


def two_flags(values: Any) -> Any:
    return values.flag1 == values.resumed1


def little_room(values: Any) -> Any:
    return values.room < 40


def looked_up(values: Any) -> Any:
    return values.session1 in {1: 1}


def made_an_integer(values: Any) -> Any:
    return int(values.room) > 0


def as_an_index(values: Any) -> Any:
    return "ab"[values.flag1] != "c"


def in_text(values: Any) -> Any:
    return f"{values.flag1:d}" != ""


@pytest.mark.no_cover
@pytest.mark.parametrize("conclude", [both_ways, two_ids, more_than_one])
def test_what_holds_of_open_numbers_is_confirmed(conclude: Any) -> None:
    assert of_values(conclude) is Outcome.HOLDS


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "conclude",
    [room_for_two, two_flags, little_room, looked_up, made_an_integer, as_an_index, in_text],
)
def test_what_does_not_or_looks_into_them_is_not(conclude: Any) -> None:
    assert of_values(conclude) is Outcome.VIOLATED
