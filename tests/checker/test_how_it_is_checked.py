"""The figures of docs/how-it-is-checked.md are those of the code and of the tables that the tests keep; no other is on it.

Run this file as a script to write them anew.
"""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from acpool_model import INVARIANTS, STEP_INVARIANTS, Client, Key, Scope
from acpool_model.actions import SHAPES
from acpool_model.counts import Line, scope_of
from acpool_spec import canary, gate
from acpool_spec.cli import _parser  # pyright: ignore[reportPrivateUsage]  # what the command takes, without running it
from acpool_spec.mutants.mutant import declared
from acpool_spec.mutants.strategies import STRATEGIES
from acpool_spec.mutants.table import read as read_mutants
from acpool_spec.pages import Page, by_hand
from acpool_spec.proofs.any_keys.obligations import of_any_number
from acpool_spec.proofs.any_keys.sameness import same
from acpool_spec.proofs.command import CORE_PROVED_AT, PROVED_AT, expected
from acpool_spec.proofs.decisions.obligations import COVERED, core_obligations
from acpool_spec.properties import EVERY, REFINEMENT
from acpool_spec.races.catalogue import EXHIBITS
from acpool_spec.refinement.abstraction import COMPARED
from acpool_spec.refinement.coverage import GOALS
from acpool_spec.refinement.directed import TOURS, WALKED
from acpool_spec.sampling import Walk
from acpool_spec.scopes.catalogue import profile
from acpool_spec.scopes.grammar import PoolScope
from acpool_spec.scopes.table import Line as Explored
from acpool_spec.steering import steered

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
ID = re.compile(r"\b([SLDR]\d{1,2}|z3)\b")
IDS = [known.id for known in EVERY]


# -- what the figures are taken from -----------------------------------------------------------------------------------


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def elements(path: str, name: str) -> tuple[ast.expr, ...]:
    """What the list, tuple or dictionary ``name`` of the module at ``path`` is made of, as it is written there."""
    for node in ast.parse(read(path)).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=found)], value=value)
                | ast.AnnAssign(target=ast.Name(id=found), value=value)
            ) if found == name:
                match value:
                    case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                        return tuple(parts)
                    case _:
                        raise ValueError(f"{path}: {name} is no list, tuple or dictionary")
            case _:
                pass
    raise ValueError(f"{path} has no {name}")


def scopes_in(text: str) -> list[Scope]:
    """Every ``Scope(…)`` of literal numbers in ``text``."""
    return [Scope(*map(int, found.split(","))) for found in re.findall(r"\bScope\(([\d, ]+)\)", text)]


def counts() -> list[Line]:
    return [Line.parse(line) for line in read("tests/model/counts.txt").splitlines()]


def explored_again() -> list[str]:
    """The lines of the table of counts that tests explore anew: the cheap ones, and those that a test names."""
    [below] = re.findall(r"line\.states < (\d+)\]", read("tests/model/test_counts.py"))
    named = set(re.findall(r'_pinned\("(\S+)"\)', read("tests/model/test_exploration.py")))
    return [line.scope for line in counts() if line.states < int(below) or line.scope in named]


def small_scopes() -> list[Explored]:
    _, *lines = read("tests/scopes/pr.txt").splitlines()
    return [Explored.parse(line) for line in lines]


def several(keys: int, slots: int) -> bool:
    """Whether a third key can find several sessions idle, so that a victim is chosen among them."""
    return keys > slots > 1


# -- how they are told -------------------------------------------------------------------------------------------------


def ids(wanted: Iterable[str]) -> str:
    """Ids in their order, as ranges: ``S1–S3, S12, L1``."""
    chosen = set(wanted)
    runs: list[list[str]] = []
    for before, name in pairwise(["", *IDS]):
        if name in chosen:
            if before in chosen and before[0] == name[0]:
                runs[-1].append(name)
            else:
                runs.append([name])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def shape(scope: Scope) -> str:
    return f"{scope.keys}×{scope.clients}×{scope.capacity}"


def most(scopes: Iterable[Scope]) -> str:
    """The largest number of keys, of clients and of slots among ``scopes``, and whether there is no scope with all of these."""
    sizes = {scope[:3] for scope in scopes}
    largest = keys, clients, slots = tuple(max(column) for column in zip(*sizes, strict=True))
    told = f"at most {keys} keys, {clients} clients and {slots} slot{'s' * (slots > 1)}"
    return told if largest in sizes else f"{told} (not all at once)"


def items(*lines: str) -> str:
    return "".join(filled(f"* {line}", "  ") for line in lines)


def filled(text: str, indent: str = "") -> str:
    broken = textwrap.fill(
        text, 120, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return f"{broken}\n"


# -- the places of the page --------------------------------------------------------------------------------------------


def claim() -> str:
    kept = [name for name in IDS if name != REFINEMENT.id]
    return filled(
        f"The pool keeps {len(kept)} properties ({ids(kept)}: [their statements](../spec/SPEC.md#properties)), and each"
        f" atomic step of its code is one of its model ({REFINEMENT.id})."
    )


def proofs() -> str:
    proved = expected()
    # The rest of the obligations carry these: see tests/checker/test_spec_page.py.
    assert {"initial", "serve", "rounds", "step"} <= proved.keys()
    any_number, the_same = proved.keys() & of_any_number().keys(), proved.keys() & same().keys()
    return items(
        f"{len(proved) - len(any_number) - len(the_same)} obligations over {len(SHAPES)} kinds of action, on symbolic states of"
        f" {PROVED_AT.keys} keys and {PROVED_AT.clients} clients; slots, times and session ids have no bound.",
        f"Proved of every state: {ids(proved.keys() & INVARIANTS.keys())}; of every step: {ids(STEP_INVARIANTS)}.",
        f"{len(any_number)} more with any number of keys and clients, over z3's arrays: most of the invariant, kept by"
        f" all steps, {ids(STEP_INVARIANTS)} of each step, and that rounds of serving end, in a second encoding.",
        f"{len(the_same)} of {len(same())} that say that this encoding is the model, on the symbolic states.",
    )


def model() -> str:
    lines = counts()
    assert {line.verdict for line in lines} == {"holds"}
    largest = max(lines, key=lambda line: line.states)
    again = explored_again()
    assert largest.scope in again
    scopes = [scope_of(line.scope) for line in lines]
    return items(
        f"{len(lines)} scopes, {most(scopes)}. The largest is {shape(scope_of(largest.scope))}: {largest.states:,} states,"
        f" {largest.transitions:,} transitions.",
        f"The tests explore {len(again)} of them anew, the largest included; the others were explored when their counts"
        " were written down.",
        f"Scopes with a choice of victim (S9): {sum(several(scope.keys, scope.capacity) for scope in scopes)}.",
    )


def agreement() -> str:
    lines = read("tests/pool_spec/agreement.txt").splitlines()
    both = sum(int(found) for line in lines for found in re.findall(r"both (\d+);", line))
    more = sum(int(found) for line in lines for found in re.findall(r"[a-z_]+ (\d+)(?:,|$)", line))
    reasons = elements("tests/pool_spec/test_model_agrees.py", "REASONS")
    cases = elements("tests/pool_spec/test_model_agrees.py", "CASES")
    scopes = [scope for case in cases for scope in scopes_in(ast.unparse(case))]
    longest = [
        int(ast.literal_eval(case.args[2])) for case in cases if isinstance(case, ast.Call) and case.args[2:]
    ]
    assert len(cases) == len(scopes) == len(lines)
    return items(
        f"{len(cases)} cases, {most(scopes)}; {len(longest)} of them end after {min(longest)} to {max(longest)} events.",
        f"{both:,} histories in both, none in the model alone, {more:,} in the specification alone, each for one of"
        f" {len(reasons)} reasons that the test states.",
    )


def steps() -> str:
    proved, all_of_them = expected(core=True), core_obligations()
    assert proved.keys() <= all_of_them.keys()
    in_ci = "repeats it" if "prove --core" in read(".ci/run") else "does not repeat it"
    left_out = "" if COVERED in proved else " That they leave no state out is not among them."
    most_clients = max(obligation.clients for obligation in all_of_them.values())
    structures = sum(proof.number for name, proof in proved.items() if name != COVERED)
    return items(
        f"In every run, compared are {COMPARED} of {len(Key._fields)} fields of a key (the others are ghosts, which the pool"
        f" does not have), the {len(Client._fields)} of a caller, the number of processes, and whether the pool is open.",
        f"Proved of the decisions themselves: {len(proved)} of {len(all_of_them)} obligations, at {CORE_PROVED_AT.keys} keys"
        f" and {CORE_PROVED_AT.clients} or {most_clients} clients, in {structures:,} structures gone through one by one; slots,"
        f" session ids and the number of prompts have no bound. `.ci/run` {in_ci}.{left_out}",
    )


def walks() -> str:
    source = read("tests/refinement/test_model_to_code.py")
    walked = {
        Scope(*map(int, scope.split(","))): (int(states), int(transitions))
        for scope, states, transitions in re.findall(r"\(Scope\(([\d, ]+)\), (\d+), (\d+)\),", source)
    }
    # All there are, as the model's own exploration counts them.
    assert (
        walked.items() <= {scope_of(line.scope): (line.states, line.transitions) for line in counts()}.items()
    )
    assert WALKED in walked
    told = [f"{transitions:,} of {shape(scope)}" for scope, (_, transitions) in walked.items()]
    return items(
        f"Transitions, all of them taken: {', '.join(told)}.",
        f"`acpool check` takes those of {shape(WALKED)} again and makes {len(TOURS)} tours elsewhere. It is undecided while one"
        f" of {len(GOALS)} goals was never seen: actions, branches, rare situations.",
    )


def schedules() -> str:
    lines = small_scopes()
    assert {line.verdict for line in lines} == {"holds"}
    scopes = [line.scope for line in lines]
    modes = Counter(scope.mode for scope in scopes)
    python = read("tests/scopes/pr.txt").splitlines()[0].removeprefix("# python ")
    calls = max(len(program) for scope in scopes for program in scope.programs)
    nightly = profile("nightly")
    sizes = [Scope(len(scope.keys), len(scope.programs), scope.max_sessions) for scope in scopes]

    def wide(some: Iterable[PoolScope]) -> int:
        return sum(several(len(scope.keys), scope.max_sessions) for scope in some)

    return items(
        f"{len(lines)} scopes, {most(sizes)}, each with at most {calls} calls a client, {max(s.faults for s in scopes)} fault and"
        f" {max(s.cancellations for s in scopes)} cancellation a run.",
        f"In {modes['fifo']} of them callbacks run in asyncio's order, in {modes['reordered']} in any that keeps each"
        " task's own.",
        f"{sum(line.executions for line in lines):,} runs and {sum(line.states for line in lines):,} states, on CPython"
        f" {python}; each scope came to its end.",
        f"Scopes with a choice of victim (S9): {wide(scopes)}; in the profile `nightly` {wide(nightly)} of {len(nightly):,}.",
    )


def samples() -> str:
    drawn = [Walk(0, number).scope for number in range(500)]
    sizes = [Scope(len(scope.keys), scope.clients, scope.max_sessions) for scope in drawn]
    one_in = len(drawn) / sum(map(steered, range(len(drawn))))
    pr, nightly = gate.PROFILES["pr"], gate.PROFILES["nightly"]
    return items(
        f"Random runs, {most(sizes)}, of the pool as it comes and with every optional bound in use: as many as fit into"
        f" {pr.seconds:g} s. With fewer than {pr.floor:,} nothing holds. One in {one_in:g} is made of others that were the"
        " first to take a transition of the model, as soon as there are such.",
        f"{pr.examples} runs of a Hypothesis state machine, for each of the two.",
        f"With the profile `nightly` {nightly.seconds:g} s, {nightly.floor:,} random runs at least, and {nightly.examples:,} of"
        " the machine.",
        f"Before them {canary.SCHEDULES} random runs of a pool that breaks {canary.PROPERTY}: where that is not seen, nothing"
        " holds.",
    )


def awake() -> str:
    in_ci = re.findall(r"\b[a-z_]+:([SL]\d+)\b", read(".ci/run"))
    caught = elements("tests/scopes/test_bad_pools.py", "CAUGHT")
    made_up = elements("tests/pool_spec/test_defects.py", "CASES")
    _, _, table = read("CONTRIBUTING.md").partition("## What it has found in our own pool")
    found, accused = (
        part.count("acpool replay") for part in table.partition(" more schedules are kept")[::2]
    )
    corpus = list((TESTS / "corpus").glob("*.json"))
    assert found + accused == len(corpus)
    planted = [
        len(elements("tests/proofs/conftest.py", "PLANTED")),
        len(elements("tests/proofs/test_decisions.py", "PLANTED")),
        len(elements("tests/model/test_planted.py", "PLANTED")),
        len(elements("tests/refinement/planted.py", "PLANTS")),
        len(made_up),
    ]
    mutants = declared()
    looked = read_mutants(read("tests/mutants/caught.txt"))
    seen = sum(looked[name].caught for name in mutants if name in looked)
    checker = sum(
        any(looked[name].seen.get(by, ("",))[0] for by in STRATEGIES) for name in mutants if name in looked
    )
    return items(
        f"{len(EXHIBITS)} races of the museum: CI fails unless each is found anew by its own property, in a pool that has it,"
        f" and our pool holds in the same place. {len(in_ci)} of them are sampled as well, and have to replay alike under other"
        f" hash seeds. `acpool explore` catches {len(caught)} in its family of small scopes.",
        f"{len(mutants)} mutants of the pool, its guards taken out one at a time: {seen} were caught, {checker} by the checker"
        " and the others by the pool's own tests, which alone see what talks to real agents. [Which by what](mutation.md).",
        "Planted defects, all caught: {} by the proofs of the model, {} by those of decisions, {} by exploring the model,"
        " {} by R1 in the first run that takes the step, {} histories by S12.".format(*planted),
        f"Defects found in this pool: {found}; false accusations: {accused}. All {len(corpus)} schedules are"
        " [kept and replayed](../CONTRIBUTING.md#what-it-has-found-in-our-own-pool).",
    )


PAGE = Page(
    ROOT / "docs" / "how-it-is-checked.md",
    "tests/checker/test_how_it_is_checked.py",
    {
        "claim": claim,
        "proofs": proofs,
        "model": model,
        "agreement": agreement,
        "steps": steps,
        "walks": walks,
        "schedules": schedules,
        "samples": samples,
        "awake": awake,
    },
)


def plain(text: str) -> str:
    """What of the page nobody generates, without code, links and ids."""
    return ID.sub("", re.sub(r"`[^`]*`|\]\([^)]*\)", "", by_hand(text)))


def typed(text: str) -> list[str]:
    """The lines with a figure that nobody generates. The links of the chain are numbered, and spoken of by their numbers."""
    unnumbered = re.sub(r"(?m)^(### |\| )\d\b|\blinks? \d( and \d)?", "", plain(text))
    return re.findall(r"[^\n]*\d[^\n]*", unnumbered)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read()


def test_the_figures_are_those_of_the_code(page: str) -> None:
    assert PAGE.filled(page) == page


def test_no_figure_is_typed_by_hand(page: str) -> None:
    assert typed(page) == []
    assert len(typed(f"{page}\nS12 holds of 12 states, as link 6 shows\n")) == 1


def test_every_command_of_the_page_is_one(page: str) -> None:
    commands = re.findall(r"`((?:acpool|pytest) [^`]+)`", page)
    assert {shlex.split(command)[1] for command in commands if command.startswith("acpool ")} >= {
        "check",
        "explore",
        "model",
        "prove",
    }
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "acpool":
            _parser().parse_args(arguments)
        else:
            assert all((ROOT / argument).exists() for argument in arguments), command


def test_every_file_that_the_page_names_is_there(page: str) -> None:
    for path in re.findall(r"\]\(([^)#]+)[^)]*\)", page):
        assert (PAGE.path.parent / path).exists(), path


def test_the_readme_leads_to_it() -> None:
    assert "(docs/how-it-is-checked.md)" in read("README.md")


def test_ids_are_told_as_ranges() -> None:
    assert ids(["S1", "S3", "S2", "S11", "S12", "L1"]) == "S1–S3, S11, S12, L1"


if __name__ == "__main__":
    PAGE.write()
