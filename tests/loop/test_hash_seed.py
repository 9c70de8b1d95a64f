"""Same choices, same run: in other processes, under any hash seed, with other addresses."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import asyncio, hashlib, random, sys
from acpool_spec.oracles import RandomOracle
from acpool_spec.simulation import simulate

ballast = [object() for _ in range(int(sys.argv[1]))]
trace = []

async def worker(name, locks, queue):
    try:
        async with locks[name[0]]:
            await asyncio.sleep(len(name))
            await queue.put(name)
    except asyncio.CancelledError:
        trace.append((asyncio.current_task().get_name(), "cancelled"))
        raise

async def scenario():
    locks = {letter: asyncio.Lock() for letter in "ab"}
    queue = asyncio.Queue(maxsize=2)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker(name, locks, queue)) for name in ("a", "aa", "b", "bb", "bbb", "a" * 9)]
            trace.append(await queue.get())
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            trace.extend(task.get_name() for task in done)
            raise ValueError("abort: the group cancels a set of tasks")
    except* ValueError:
        pass

oracle = RandomOracle(5)
for _ in range(30):
    run = simulate(scenario, oracle, on_step=lambda lane: trace.append(lane.name))
    trace.append((run.outcome.value, run.choices, run.steps, run.time))
print(len(trace), hashlib.sha256(repr(trace).encode()).hexdigest())
"""


def test_same_choices_same_trace_under_any_hash_seed() -> None:
    """Groups abort sets of tasks and ``asyncio.wait`` returns sets: their order must not depend on addresses."""
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, ballast],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, ballast in [("0", "0"), ("1", "17"), ("42", "1003"), ("4294967295", "50021")]
    }
    assert len(answers) == 1
    (answer,) = answers
    assert int(answer.split()[0]) > 1000
