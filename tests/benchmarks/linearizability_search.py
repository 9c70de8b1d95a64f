"""How fast histories are judged, beside a plain search of the same histories, in CPU time of one process.

    python tests/benchmarks/linearizability_search.py [REGISTERS]

Both sides must give the same verdicts; one that gives up has none. The second part has many clients at once and values that
are used once, where a search has too much to try, and what is forced decides: it is also told what ours makes of it when it
is never asked, and what it holds in memory at most (by tracemalloc, in a run of its own). The plain search is a textbook's,
in Python too: J. M. Wing and C. Gong (JPDC 17, 1993) with the memo of G. Lowe (CCPE 29(4), 2017), a bit mask of what is
placed beside the state. The histories are of objects that work, by clients that overlap, some with one answer changed; their
seeds are fixed.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from acpool_spec.linearizability import Operation, check_history, checked
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register
from acpool_spec.sequential import SequentialSpec
from acpool_spec.verdict import Budget, Verdict

LIMIT = 200_000
"""Configurations after which the plain search gives up a history."""

GIVE_UP = 100_000
"""The same for histories of many clients at once, of ours, too."""

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


def compare_wide(title: str, operations: list[Operation], spec: SequentialSpec[Any]) -> None:
    """Print one line: CPU seconds and memory of ours, of ours without what is forced, and of the plain search."""
    budget = Budget(states=GIVE_UP)

    def ours(history: list[Operation]) -> Verdict:
        return check_history(history, spec, budget=budget)

    seconds, (verdict,) = timed(ours, operations)
    unasked, (before,) = timed(lambda history: checked(history, spec, budget, None), operations)
    plainly, (plain,) = timed(lambda history: holds(history, spec, GIVE_UP), operations)
    assert before.undecided or before.outcome is verdict.outcome
    assert plain is None or (not verdict.undecided and verdict.holds is plain)
    tracemalloc.start()
    ours(operations)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"{title}: {seconds:.3f} s, {verdict.outcome}{bound(verdict)}, {verdict.counts['states']:,} configurations,"
        f" {most / 1e6:.1f} MB; not asked {unasked:.3f} s, {before.outcome}{bound(before)};"
        f" plain {plainly:.3f} s, {'gave up' if plain is None else 'holds' if plain else 'violated'}"
    )


def timed(judge: Callable[[list[Operation]], Any], operations: list[Operation]) -> tuple[float, list[Any]]:
    """CPU seconds, and what was said."""
    gc.collect()
    before = time.process_time()
    found = [judge(operations)]
    return time.process_time() - before, found


def bound(verdict: Verdict) -> str:
    """The bound of what is undecided."""
    return f" ({verdict.bound})" if verdict.bound is not None else ""


def holds(operations: Sequence[Operation], spec: SequentialSpec[Any], limit: int) -> bool | None:
    """Whether there is a linearization; None: ``limit`` configurations did not tell."""
    never = max((max(op.invoked_at, op.returned_at or 0) for op in operations), default=0) + 1
    order = sorted(operations, key=lambda op: op.invoked_at)
    ends = [never if op.returned_at is None else op.returned_at for op in order]
    completed = sum(1 << n for n, op in enumerate(order) if not op.pending)
    start: tuple[int, Any] = (0, spec.initial())
    seen: set[tuple[int, Any]] = {start}
    stack: list[tuple[int, Any]] = [start]
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


def register(seed: int, count: int, clients: int, *, stale: bool) -> list[Operation]:
    """A register, each value written once, half of the operations reads; ``stale``: one of them of an early value."""
    random = Random(f"register {seed}")

    def ask(random: Random, number: int) -> tuple[str, Any]:
        return ("read", None) if random.random() < 0.5 else ("write", number)

    def do(state: dict[Any, Any], name: str, argument: Any) -> Any:
        if name == "write":
            state[0] = argument
            return None
        return state.get(0)

    operations = recorded(random, clients, count, ask, do, 0.0, 0)
    if stale:
        early = next(op.argument for op in operations if op.name == "write")
        late = next(n for n in range(count * 4 // 5, count) if operations[n].name == "read")
        operations[late] = replace(operations[late], response=early)
    return operations


def queue(
    seed: int, count: int, clients: int, *, lost: float = 0.0, swapped: bool = False
) -> list[Operation]:
    """A queue, each value put in once, two in five operations dequeues; ``swapped``: two values, taken out one after the other,
    have changed places."""
    random = Random(f"queue {seed}")

    def ask(random: Random, number: int) -> tuple[str, Any]:
        return ("dequeue", None) if random.random() < 0.4 else ("enqueue", number)

    def do(state: dict[Any, Any], name: str, argument: Any) -> Any:
        inside: list[Any] = state.setdefault(0, [])
        if name == "enqueue":
            inside.append(argument)
            return None
        return inside.pop(0) if inside else None

    operations = recorded(random, clients, count, ask, do, lost, 10)
    if swapped:
        taken = [n for n, op in enumerate(operations) if op.name == "dequeue" and op.response is not None]
        one = taken[len(taken) // 2]
        other = next(
            n for n in taken if operations[n].invoked_at > (operations[one].returned_at or 0) + 4 * clients
        )
        first, second = operations[one].response, operations[other].response
        operations[one] = replace(operations[one], response=second)
        operations[other] = replace(operations[other], response=first)
    return operations


def lock(seed: int, count: int, clients: int, *, stolen: bool) -> list[Operation]:
    """A lock; who has it releases it, the others try to get it; ``stolen``: one that was refused has got it, too."""
    random = Random(f"lock {seed}")
    holder: int | None = None
    busy: dict[int, tuple[str, int, Any]] = {}
    operations: list[Operation] = []
    now = 0
    while len(operations) < count:
        now += 1
        client = random.randrange(clients)
        if client not in busy:
            name = "release" if holder == client else "acquire"
            done = holder in (None, client)
            if done:
                holder = client if name == "acquire" else None
            busy[client] = name, now, done
        else:
            name, invoked_at, done = busy.pop(client)
            operations.append(
                Operation(
                    process=client,
                    name=name,
                    argument=None,
                    response=done,
                    invoked_at=invoked_at,
                    returned_at=now,
                )
            )
    if stolen:
        refused = next(n for n in range(count * 4 // 5, count) if operations[n].response is False)
        operations[refused] = replace(operations[refused], response=True)
    return operations


def wide() -> None:
    """Print the lines about many clients."""
    for clients in (10, 50, 100):
        print(f"{clients} clients, 400 operations")
        compare_wide("  register", register(1, 400, clients, stale=False), Register())
        compare_wide(
            "  register, a late read of an early value", register(1, 400, clients, stale=True), Register()
        )
        for mistaken in (False, True):
            appended = key_value(3, 400, clients=clients, keys=1, mistaken=mistaken)
            compare_wide(f"  appends to one key{', one read wrong' * mistaken}", appended, KeyValue())
        compare_wide("  queue", queue(1, 400, clients), Queue())
        compare_wide("  queue, two values changed places", queue(1, 400, clients, swapped=True), Queue())
        compare_wide("  queue, ten operations pending", queue(1, 400, clients, lost=0.1), Queue())
        both = queue(1, 400, clients, lost=0.1, swapped=True)
        compare_wide("  queue, ten pending and two changed places", both, Queue())
        compare_wide("  lock", lock(1, 400, clients, stolen=False), Lock())
        compare_wide("  lock, given to two", lock(1, 400, clients, stolen=True), Lock())


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
    wide()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
