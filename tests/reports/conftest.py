"""A result with everything in it that a report has to tell, in texts that are as hostile as keys can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_spec.campaign.old_failures import Replayed
from acpool_spec.canary import Canary
from acpool_spec.properties import BY_ID
from acpool_spec.reports.places import Place
from acpool_spec.reports.result import Case, Result
from acpool_spec.verdict import Outcome

HOSTILE = "]]></failure><script>alert('1')</script> | **b** `c` %0A ::error::x, y: \x00\x1b[31m\ud800\ufffe &amp; ünï☂"
POOL = "broker.pool:factory"


def case(known: str, outcome: Outcome, why: str = "", **more: object) -> Case:
    return Case(known, BY_ID[known].name, BY_ID[known].statement, POOL, outcome, 7, why, **more)  # type: ignore[arg-type]  # whatever the test gives


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """S1 violated, S2 undecided, S3 holds; of three old failures one as before, one gone, one that cannot be followed."""
    file = tmp_path / "fail ures" / "pool-S1.json"
    file.parent.mkdir()
    file.write_text("{}")
    violated = case(
        "S1",
        Outcome.VIOLATED,
        f"{HOSTILE}\nsecond line",
        feasible="fifo",
        decisions=3,
        fingerprint="0123456789abcdef",
        file=file,
        place=Place("src/a b,c:%/pool.py", 42, "get_or_create"),
        timeline=("time/s  what happened", HOSTILE),
    )
    undecided = case("S2", Outcome.UNDECIDED, "never put to the test in 9 schedules")
    old = (
        Replayed(Path("f/one.json"), Outcome.VIOLATED, HOSTILE),
        Replayed(Path("f/two.json"), Outcome.HOLDS),
        Replayed(Path("f/three.json"), Outcome.UNDECIDED, "decision 1 cannot be made"),
    )
    return Result(
        (POOL,),
        5,
        "pr",
        "a sample of 9 schedules, seed 5",
        1.5,
        Canary(True),
        old,
        (violated, undecided, case("S3", Outcome.HOLDS)),
    )
