"""Which planted defects of the pool's decisions the proofs of decisions refute: ``python tests/benchmarks/planted_decisions.py``.

Each defect that R1 has to see in runs is planted, and every decision is looked at in every structure, with two choices of values
in its holes, until one does not hold. So it takes no CrossHair: a structure with these values is one that a proof would meet.
Prints a line for each defect: the obligation that is refuted, and by what; or how many structures were looked at in vain.
"""

from __future__ import annotations

import sys

import pytest
from tests.refinement.planted import PLANTS, Plant

from acpool_spec.proofs.decisions.embodiment import Process
from acpool_spec.proofs.decisions.obligations import OfStructures, core_obligations
from acpool_spec.proofs.decisions.prover import FAILS
from acpool_spec.proofs.decisions.structure import examples
from acpool_spec.proofs.shapes import Size


def main(names: list[str]) -> int:
    """Those called ``names``, or all; the number that nothing refutes."""
    unseen = 0
    for plant in PLANTS:
        if not names or plant.__name__ in names:
            found = refuted_by(plant)
            unseen += found.startswith("not refuted")
            print(f"{plant.__name__}: {found}", flush=True)
    return unseen


SMALL = (Size(1, 1), Size(1, 2))
"""Sizes at which every obligation is looked at."""
LARGER = (
    ("core-ask-both", Size(2, 1)),
    ("core-ask-answer", Size(2, 1)),
    ("core-cleanup", Size(2, 1)),
    ("core-ask-both", Size(3, 1)),
    ("core-leave-waiting", Size(1, 3)),
    ("core-commit", Size(1, 3)),
    ("core-exhaust", Size(2, 3)),
    ("core-exhaust", Size(3, 2)),
    ("core-closed", Size(3, 2)),
)
"""What else is looked at where nothing was seen: decisions that take somebody's place in a line or an order."""


def refuted_by(plant: Plant) -> str:
    """The first obligation that does not hold with the defect, and what of it; the smallest states first."""
    table = {name: one for name, one in core_obligations().items() if isinstance(one, OfStructures)}
    looked_at = 0
    for name, size in (*((name, size) for size in SMALL for name in table), *LARGER):
        found, number = _broken(plant, table[name], size)
        looked_at += number
        if found:
            return f"{name} at {size.keys} keys and {size.clients} clients: {found}"
    return f"not refuted in {looked_at:,} structures"


def _broken(plant: Plant, obligation: OfStructures, size: Size) -> tuple[str, int]:
    """What does not hold, and how many structures were looked at: with every flag down, and with every flag up."""
    down = examples(size)
    flags = [name for name in down._fields if name.startswith(("flag", "resumed"))]
    up = down._replace(**dict.fromkeys(flags, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Process, "dead", property(_is_dead, _die), raising=False)  # as the plants call it
        plant(patch, lambda: None)
        number = 0
        for number, template in enumerate(obligation.templates(size), 1):
            for values in (down, up):
                try:
                    broken = obligation.broken(template, values)
                except FAILS as error:
                    return f"{type(error).__name__}: {error}", number
                if broken:
                    return ", ".join(broken), number
    return "", number


def _is_dead(process: Process) -> bool:
    return not process.alive


def _die(process: Process, dead: bool) -> None:
    process.alive = not dead


if __name__ == "__main__":
    main(sys.argv[1:])
