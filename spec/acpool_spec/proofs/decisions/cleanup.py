"""The one decision that is any number of steps: ``Core.expire`` takes out what has rested too long or is dead, and old leases.

Times are looked at in it alone, and only whether they are too old: of the idle, that is so of the first ones, since they are in
the order of their use; of the leased, of any. So each of these choices stands for all times that make it.
"""

from __future__ import annotations

from itertools import product

from acpool_model.actions import Action, Kind
from acpool_model.state import Stage, State
from acpool_spec.proofs.decisions.embodiment import KEY_NAMES, EmbodiedCore
from acpool_spec.proofs.decisions.run import Run
from acpool_spec.proofs.decisions.structure import Values


def check_cleanup(state: State, values: Values | None = None) -> dict[str, bool]:
    """What has to hold of a cleanup in ``state``, by name, whatever is too old, and in both orders of the live sessions."""
    found: dict[str, bool] = {}
    leased = [at for at, key in enumerate(state.keys, 1) if key.stage == Stage.LEASED]
    idle = [at for at, key in enumerate(state.keys, 1) if key.stage == Stage.IDLE]
    for rested in range(len(idle) + 1):
        for too_old in product((False, True), repeat=len(leased)):
            old = [at for at, is_old in zip(leased, too_old, strict=True) if is_old]
            for backwards in (False, True):
                _check(
                    found, EmbodiedCore(state, values, backwards=backwards), rested, old, backwards=backwards
                )
    return found


def _check(
    found: dict[str, bool], core: EmbodiedCore, rested: int, old: list[int], *, backwards: bool
) -> None:
    expected: list[Action] = []
    for rank, entry in enumerate(core.idle.values()):
        entry.used_at = 0 if rank < rested else 1
        if rank < rested or not entry.connection.alive:
            expected.append(Action(Kind.EXPIRE, core.names.key(entry.key)))
    expected += [Action(Kind.RECLAIM, at) for at in (reversed(old) if backwards else old)]
    for name, entry in core.live.items():
        entry.leased_at = 0 if core.names.key(name) in old else 1
    run = Run(core, 0)
    removed = core.expire(1, 1, 1)
    run.compare()
    run.found["it takes out what is too old or dead"] = run.actions == expected
    run.found["it says what it took out"] = removed == [KEY_NAMES[action.key - 1] for action in expected]
    for name, holds in run.found.items():
        found[name] = found.get(name, True) & holds
