"""How fast histories are judged, beside a plain search of the same histories, in CPU time of one process.

    python tests/benchmarks/linearizability_search.py [REGISTERS]

Both sides must give the same verdicts. The plain search is a textbook's, in Python as ours: J. M. Wing and C. Gong (JPDC 17, 1993)
with the memo of G. Lowe (CCPE 29(4), 2017), a bit mask of what is placed beside the state. The histories are of objects that
work, by clients that overlap, some with one answer changed; their seeds are fixed.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import CasRegister, KeyValue
from acpool_spec.sequential import SequentialSpec

LIMIT = 200_000
"""Configurations after which the plain search gives up a history."""

Histories = Sequence[list[Operation]]


Ask = Callable[[Random, int], tuple[str, Any]]
Do = Callable[[dict[Any, Any], str, Any], Any]


def spent(
    judge: Callable[[list[Operation]], bool | None], histories: Histories
) -> tuple[float, list[bool | None]]:
    """CPU seconds for all of ``histories``, and the verdicts."""
    gc.collect()
    before = time.process_time()
    verdicts = [judge(history) for history in histories]
    return time.process_time() - before, verdicts


def compare(title: str, histories: Histories, spec: SequentialSpec[Any], *, plainly: bool = True) -> None:
    """Print one line: seconds of ours and, if ``plainly``, of the plain search, and their ratio."""
    ours, verdicts = spent(lambda history: check_history(history, spec).holds, histories)
    print(
        f"{title}: {ours:.3f} s, {len(histories) / ours:.1f} a second, {verdicts.count(True)} hold",
        end="",
        flush=True,
    )
    if not plainly:
        print()
        return
    plain, same = spent(lambda history: holds(history, spec, LIMIT), histories)
    assert all(b is None or a is b for a, b in zip(verdicts, same, strict=True)), "the two searches disagree"
    least = f", gave up {same.count(None)}: at least" if None in same else ":"
    print(f"; plain {plain:.3f} s, {len(histories) / plain:.1f} a second{least} {plain / ours:.1f} x")


def holds(operations: Sequence[Operation], spec: SequentialSpec[Any], limit: int) -> bool | None:
    """Whether there is a linearization; None: ``limit`` configurations did not tell."""
    never = max((max(op.invoked_at, op.returned_at or 0) for op in operations), default=0) + 1
    order = sorted(operations, key=lambda op: op.invoked_at)
    ends = [never if op.returned_at is None else op.returned_at for op in order]
    completed = sum(1 << n for n, op in enumerate(order) if not op.pending)
    start = (0, spec.initial())
    seen, stack = {start}, [start]
    while stack:
        if len(seen) > limit:
            return None
        placed, state = stack.pop()
        if placed & completed == completed:
            return True
        # What may come next was invoked before anything that is not placed returned.
        first = min(end for n, end in enumerate(ends) if not placed >> n & 1)
        next_ones: list[tuple[int, Any]] = []
        for n, op in enumerate(order):
            if op.invoked_at > first:
                break
            if placed >> n & 1:
                continue
            for after in spec.step(state, op):
                found = (placed | 1 << n, after)
                if found not in seen:
                    seen.add(found)
                    next_ones.append(found)
        # What was invoked first is tried first.
        stack.extend(reversed(next_ones))
    return False


def recorded(
    random: Random, clients: int, count: int, ask: Ask, do: Do, lost: float, most_lost: int
) -> list[Operation]:
    """``count`` operations; each client has one at a time, and goes on after one that was ``lost``."""
    state: dict[Any, Any] = {}
    operations: list[Operation] = []
    busy: list[list[Any] | None] = [None] * clients
    now = begun = lost_so_far = 0
    while begun < count or any(busy):
        place = random.randrange(clients)
        call = busy[place]
        now += 1
        if call is None:
            if begun < count:
                name, argument = ask(random, begun)
                busy[place] = [name, argument, now, False, None]
                begun += 1
        elif not call[3]:
            call[3], call[4] = True, do(state, call[0], call[1])
        else:
            name, argument, invoked_at, _, response = call
            pending = lost_so_far < most_lost and random.random() < lost
            lost_so_far += pending
            operations.append(
                Operation(
                    process=begun,
                    name=name,
                    argument=argument,
                    response=None if pending else response,
                    invoked_at=invoked_at,
                    returned_at=None if pending else now,
                )
            )
            busy[place] = None
    return operations


def cas_register(seed: int) -> list[Operation]:
    """A compare-and-set register, five clients, 75 to 90 operations, up to 19 pending; in two of three a read is wrong."""
    random = Random(f"cas {seed}")

    def ask(random: Random, _: int) -> tuple[str, Any]:
        name = random.choice(["read", "write", "cas"])
        return name, {"read": None, "write": random.randrange(5)}.get(
            name, [random.randrange(5), random.randrange(5)]
        )

    def do(state: dict[Any, Any], name: str, argument: Any) -> Any:
        if name == "read":
            return state.get(0)
        matched = name == "write" or state.get(0) == argument[0]
        if matched:
            state[0] = argument if name == "write" else argument[1]
        return None if name == "write" else matched

    operations = recorded(random, 5, random.randrange(75, 91), ask, do, 0.25, random.randrange(20))
    return operations if seed % 3 == 0 else wrong(random, operations, "read", lambda old: (old or 0) + 1)


def key_value(seed: int, count: int, *, clients: int = 10, keys: int = 10, mistaken: bool) -> list[Operation]:
    """A map to whose entries unique texts are appended; three in ten are reads; ``mistaken``: one is wrong."""
    random = Random(seed)

    def ask(random: Random, number: int) -> tuple[str, Any]:
        key = str(random.randrange(keys))
        return ("get", key) if random.random() < 0.3 else ("append", [key, f"{number};"])

    def do(state: dict[Any, Any], name: str, argument: Any) -> Any:
        if name == "get":
            return state.get(argument)
        state[argument[0]] = state.get(argument[0], "") + argument[1]
        return None

    operations = recorded(random, clients, count, ask, do, 0.0, 0)
    return wrong(random, operations, "get", lambda old: (old or "") + "never;") if mistaken else operations


def wrong(
    random: Random, operations: list[Operation], name: str, change: Callable[[Any], Any]
) -> list[Operation]:
    """The same with another answer to one operation of the first fifth after the first tenth, or to the next."""
    later = [n for n in range(len(operations) // 10, len(operations)) if operations[n].name == name]
    answered = [n for n in later if not operations[n].pending]
    chosen = random.choice([n for n in answered if n < len(operations) // 5] or answered[:1])
    changed = replace(operations[chosen], response=change(operations[chosen].response))
    return [*operations[:chosen], changed, *operations[chosen + 1 :]]


def main(registers: int) -> None:
    """Print the lines."""
    histories = [cas_register(seed) for seed in range(registers)]
    sizes = sorted(len(history) for history in histories)
    pending = max(sum(op.pending for op in history) for history in histories)
    print(f"{registers} histories of {sizes[0]} to {sizes[-1]} operations, up to {pending} of them pending")
    compare("compare-and-set register", histories, CasRegister())
    one = [key_value(2, 400, mistaken=True)]
    compare("key-value map, 400 operations, one wrong, unpartitioned", one, KeyValue(partitioned=False))
    many = [key_value(0, 2000, mistaken=False)]
    compare("key-value map, 2,000 operations, partitioned by key", many, KeyValue(), plainly=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
