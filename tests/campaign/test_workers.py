"""Workers in other processes, killed at known points: nothing is lost, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.campaign.conftest import Crew as InProcess

from acpool_spec.campaign.account import Line
from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.executors import Cluster, Crew, Processes
from acpool_spec.campaign.journal import Journal
from acpool_spec.campaign.work import Post
from acpool_spec.verdict import Outcome

Plans = Callable[..., Plan]
DIVIDED: dict[str, Any] = {"whole": 5}


def counted(lines: list[Line]) -> dict[str, tuple[Outcome, int, int]]:
    return {line.scope: (line.outcome, line.executions, line.states) for line in lines}


@contextmanager
def closing(crew: Crew) -> Generator[Crew]:
    try:
        yield crew
    finally:
        crew.stop()
        crew.close()


def test_processes_count_as_one_does_and_survive_the_death_of_a_worker(plan: Plans, tmp_path: Path) -> None:
    dies = f"dies {tmp_path / 'once'}"
    wanted = plan("orders 2", dies, "deadly", "deep 6", **DIVIDED)
    journal = Journal(tmp_path / "journal", {})
    with closing(Processes(2)) as crew:
        lines = Campaign(wanted, crew, journal).run()
    journal.close()
    found = counted(lines)
    assert (tmp_path / "once").exists()
    assert found[dies] == (Outcome.HOLDS, 1, 0)
    assert found["deadly"][0] is Outcome.UNDECIDED
    assert next(line for line in lines if line.scope == "deadly").why == "its worker process died 2 times"
    assert {name: found[name] for name in ("orders 2", "deep 6")} == counted(
        Campaign(plan("orders 2", "deep 6", **DIVIDED), InProcess()).run()
    )
    assert len(journal.finished) == len({(unit.scope, unit.prefix) for unit in journal.finished})
    assert not any(unit.scope == "deadly" for unit in journal.finished)


async def _until_empty(cluster: Any) -> None:
    while cluster.scheduler.workers:
        await asyncio.sleep(0.01)


@pytest.mark.filterwarnings("default")  # what a cluster of another maker warns of is its own business
def test_a_cluster_counts_as_one_process_does_and_survives_the_death_of_a_worker(
    plan: Plans, tmp_path: Path
) -> None:
    distributed: Any = pytest.importorskip("distributed", reason="the extra cluster is not installed")
    dies = f"dies {tmp_path / 'once'}"
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(tmp_path),
            silence_logs=50,
        ) as cluster,
        closing(Cluster(cluster.scheduler_address, patience_s=20)) as crew,
        closing(Cluster(cluster.scheduler_address, patience_s=0)) as hasty,
    ):
        assert crew.workers == 2
        found = counted(Campaign(plan("orders 2", dies, "deep 6", **DIVIDED), crew).run())
        places = [Post(place, number, crew.topic) for place in (0, 1) for number in range(1, 100)]
        while not any(map(crew.told, places)):  # workers tell how far they are through the scheduler
            time.sleep(0.01)
        cluster.scale(0)  # whoever explores "blocks" is taken away
        cluster.sync(_until_empty, cluster)
        alone = Campaign(plan(f"blocks {tmp_path / 'gate'}", seconds=20.0), hasty)
        (line,) = alone.run()
    assert (line.outcome, line.why) == (Outcome.UNDECIDED, "the cluster has had no workers for 0 s")
    assert (tmp_path / "once").exists()
    assert found[dies] == (Outcome.HOLDS, 1, 0)
    assert {name: found[name] for name in ("orders 2", "deep 6")} == counted(
        Campaign(plan("orders 2", "deep 6", **DIVIDED), InProcess()).run()
    )
