"""Old failures come before anything else, whichever command has found them; none is passed over unnoticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.campaign.conftest import FAMILY, POOL

from acpool_spec.campaign.old_failures import replay_old
from acpool_spec.campaign.subject import subject_of
from acpool_spec.cli import main
from acpool_spec.exploration import ScenarioSchedule, explore
from acpool_spec.schedule import Schedule, load_schedule, save_schedule
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome
from acpool_spec.world import Scope

CORPUS = Path(__file__).parents[1] / "corpus"
BAD = "acpool_spec.pools.unlocked_start:factory"


def sampled(folder: Path, *decisions: str, pool: str = BAD) -> Path:
    """What ``acpool check`` writes of two calls that both open, which ``decisions`` lead to."""
    scope = Scope(max_sessions=1, clients=2, keys=("b",), mode="fifo")
    path = folder / "a-sample.json"
    save_schedule(Schedule(pool, "0" * 16, "0" * 16, "3.9", scope, decisions, "S2", "long ago"), path)
    return path


def explored(folder: Path, scope: str, pool: str = POOL) -> Path:
    """What ``acpool explore`` writes of the toy ``scope``."""
    subject = subject_of(FAMILY, pool)
    found = subject.family.scope(scope)
    schedule = explore(subject.scenario(found), mode=found.mode).schedule
    assert schedule is not None
    path = folder / "of-a-scope.json"
    replace(schedule, about=subject.about(found)).save(path)
    return path


def test_what_check_found_in_our_pool_is_replayed_for_explore() -> None:
    """They are of other factories of the same module: the same pool, differently configured."""
    found = [*replay_old(CORPUS, "acpool_spec.reference:explored")]
    assert [replayed.path for replayed in found] == sorted(CORPUS.glob("*.json"))
    assert {replayed.outcome for replayed in found} == {Outcome.HOLDS}


def test_what_still_fails_is_said_once(tmp_path: Path) -> None:
    path = sampled(tmp_path, "start 1 get_or_create b 0", "start 0 get_or_create b 0")
    (found,) = replay_old(tmp_path, BAD)
    assert found.outcome is Outcome.VIOLATED
    assert str(found) == (
        f"{path}: still violated: S2 (one process per key): 'b' has 2 live processes: c1, c2"
    )


def test_both_kinds_are_one_folder(tmp_path: Path) -> None:
    sampled(tmp_path, "start 0 get_or_create b 0", pool=POOL)
    path = explored(tmp_path, "loses")
    holds, fails = replay_old(tmp_path, POOL)
    assert (holds.outcome, fails.outcome) == (Outcome.HOLDS, Outcome.VIOLATED)
    assert str(fails) == f"{path}: still violated: raised ArithmeticError: an update was [lost]"


def test_those_of_other_pools_are_passed_over_unloaded(tmp_path: Path) -> None:
    sampled(tmp_path, "start 0 get_or_create b 0", pool="no_such_module:factory")
    explored(tmp_path, "loses")
    assert [*replay_old(tmp_path, BAD)] == []


def test_what_cannot_be_followed_is_said_and_the_next_one_replayed(tmp_path: Path) -> None:
    path = sampled(tmp_path, "start 0 get_or_create b 0", "answer c7.open ok", pool=POOL)
    explored(tmp_path, "loses")
    lost, fails = replay_old(tmp_path, POOL)
    assert (lost.outcome, fails.outcome) == (Outcome.UNDECIDED, Outcome.VIOLATED)
    assert str(lost).startswith(f"{path}: cannot be followed any more: line ")
    assert 'decision 2 cannot be made: the string "answer c7.open ok"' in lost.why


def test_a_scope_is_followed_as_nearly_as_can_be(tmp_path: Path) -> None:
    path = explored(tmp_path, "fails ba")
    schedule = ScenarioSchedule.load(path)
    replace(schedule, decisions=tuple(made._replace(of=made.of + 1) for made in schedule.decisions)).save(
        path
    )
    (found,) = replay_old(tmp_path, POOL)
    assert (found.outcome, found.why) == (Outcome.VIOLATED, "raised LookupError: ba")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "bad.json, line 1: found broken JSON"),
        ("{}", "bad.json: member 'format' is missing; expected one of 'acpool-schedule'"),
        (
            '{"format": "acpool-schedule", "version": 9}',
            "expected 1, the one version that this program reads",
        ),
    ],
)
def test_a_bad_file_is_one_sentence_and_status_2(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        list(replay_old(tmp_path, POOL))
    options = ["--scopes", FAMILY, "--workers", "1", "--failures", "."]
    assert main(["explore", "orders 2", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("acpool explore: ") and said in line


def test_a_scope_that_is_no_more_is_named(tmp_path: Path) -> None:
    path = explored(tmp_path, "loses")
    schedule = ScenarioSchedule.load(path)
    replace(schedule, about={**schedule.about, "scope": "gone"}).save(path)
    with pytest.raises(BadInput, match=r"of-a-scope\.json: scope 'gone': ValueError: expected one of"):
        list(replay_old(tmp_path, POOL))


def test_the_corpus_is_what_the_tests_read(tmp_path: Path) -> None:
    assert not [*replay_old(tmp_path / "no such folder", POOL)]
    assert all(
        load_schedule(path).pool.startswith("acpool_spec.reference:") for path in CORPUS.glob("*.json")
    )
