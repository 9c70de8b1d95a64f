"""What locks force: from the acquire of a process to its release nobody else acquires or releases.

That is a block (``blocks``) for each process that does one thing after the other. What was refused is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from acpool_spec.forced.blocks import Block, apart
from acpool_spec.forced.facts import Forced, Orders, Seen
from acpool_spec.verdict import Contradiction

CLAIM = "from an acquire to the release by the same process nobody else acquires or releases"


def locks(seen: Seen[int | None]) -> Forced:
    """What the operations of one lock force; its state is who holds it."""
    found = Forced(orders := Orders(seen))
    by_process: dict[int, list[int]] = {}
    for op, operation in enumerate(seen.operations):
        if operation.pending or operation.response is not False:
            by_process.setdefault(operation.process, []).append(op)
    blocks: list[Block] = []
    for process, ops in by_process.items():
        held = {state == process for state in seen.begin}
        if len(held) > 1 or any(op in seen.placed for op in ops) or not _one_by_one(ops, seen):
            continue
        turns = _turns(ops, seen, held=held == {True})
        if isinstance(turns, Contradiction):
            found.contradiction = turns
            return found
        blocks += turns
    found.contradiction = apart(blocks, seen, orders, CLAIM)
    return found


def _one_by_one(ops: Sequence[int], seen: Seen[int | None]) -> bool:
    """Whether each of ``ops`` returned before the next was invoked; completed ones come in the order of their returns."""
    return all(seen.span(earlier)[1] < seen.span(later)[0] for earlier, later in pairwise(ops))


def _turns(ops: Sequence[int], seen: Seen[int | None], *, held: bool) -> list[Block] | Contradiction:
    blocks: list[Block] = []
    block = Block(first=True, last=True) if held else None
    latest: int | None = None
    for op in ops:
        if op >= seen.completed:
            # Its last operation, of which nobody knows whether it happened.
            if block is not None and seen.operations[op].name == "release":
                block.last = False
            break
        acquires = seen.operations[op].name == "acquire"
        if acquires is (block is not None):
            around = (op,) if latest is None else (latest, op)
            return Contradiction("a process acquires and releases by turns", around)
        if acquires:
            blocks.append(block := Block([(0, op)], last=True))
        else:
            assert block is not None
            if not block.members:
                blocks.append(block)
            block.members.append((1, op))
            block.last = False
            block = None
        latest = op
    # What it held from the beginning, and did nothing about, has no place in an order.
    return blocks
