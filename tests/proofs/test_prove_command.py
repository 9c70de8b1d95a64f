"""``acpool prove``: its table, its exit status, and what it says of what is not proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from acpool_model import Scope, initial
from acpool_spec.cli import main
from acpool_spec.proofs import command
from acpool_spec.proofs.crew import Order, Running
from acpool_spec.proofs.solver import Finding
from acpool_spec.verdict import Outcome

Look = Callable[[Sequence[Running]], None]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the crew finds, in the order in which it does."""
    findings: list[Finding] = []

    def prove_all(order: Order, look: Look) -> Iterator[Finding]:
        look([])
        yield from findings

    monkeypatch.setattr(command, "prove_all", prove_all)
    return findings


def test_what_holds_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--keys", "1", "--clients", "1", "--workers", "1", "die", "S5", "die"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("proving 2 obligations on 1 process, symbolic states of 1 key and 1 client")
    table = lines[lines.index("obligation  verdict  seconds  paths") + 1 :]
    assert [line.split()[:2] for line in table[:2]] == [["die", "proved"], ["S5", "proved"]]
    assert lines[-1] == "verdict: holds (2 proved)"


def test_without_time_nothing_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    # Enough for the process to begin: it gives up by itself.
    assert main(["prove", "--seconds", "1", "serve"]) == 3
    text = capsys.readouterr().out
    assert "serve: undecided, which used to be proved: a round of serving keeps" in text
    assert "    not within 1 s of CPU: " in text
    assert text.splitlines()[-1] == "verdict: undecided (1 undecided)"


def test_of_larger_states_nothing_used_to_be_proved(
    found: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    found.append(Finding(name="S1", outcome=Outcome.UNDECIDED, seconds=1.0, why="no luck"))
    assert main(["prove", "--keys", "4", "S1"]) == 3
    assert "S1: undecided: S1 follows from the invariant" in capsys.readouterr().out.splitlines()


def test_a_refutation_is_shown_in_words(found: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    state = initial(Scope(1, 1, 1))[0]._replace(processes=2)
    found += [
        Finding(name="S1", outcome=Outcome.UNDECIDED, seconds=1.0, why="no luck"),
        Finding(name="shut", outcome=Outcome.VIOLATED, seconds=2.0, paths=3, states=(state,)),
    ]
    assert main(["prove", "shut", "S1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["S1: undecided, 1.0 s", "shut: refuted, 2.0 s"]
    said = lines[
        lines.index(
            "shut: refuted, which used to be proved: what shut does leads from the invariant to what"
            " holds within a step"
        ) :
    ]
    assert said[1:] == [
        "    pool: open, 0 of 1 slots taken",
        "    a: absent",
        "    client 1: out",
        "    -->",
        "    the pool is shut, and then",
        "    pool: shut, 0 of 1 slots taken",
        "    a: absent",
        "    client 1: out",
        "    broken: S1, S10",
        "S1: undecided, which used to be proved: S1 follows from the invariant",
        "    no luck",
        "3 paths, 3 s of CPU, 0 s",
        "verdict: violated (1 refuted, 1 undecided)",
    ]


def test_what_there_is_to_prove_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(command.expected())


def test_what_is_not_there_cannot_be_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "dies"]) == 2
    assert capsys.readouterr().err.startswith("acpool prove: OBLIGATION 'dies': expected one of initial, ")
