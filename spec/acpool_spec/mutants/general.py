"""Mutants that nobody thought of: those that cosmic-ray makes of a module, looked for like the declared ones.

``python -m acpool_spec.mutants.general FILE [ROOM...] [--budget SECONDS] [--sample N] [--workers N] [--explained TOML]``,
with ``pip install 'acpool[mutation]'``, looks for every mutant of the rooms until the first strategy sees one, and writes the
score and the survivors to ``FILE``. What came of each mutant is kept beside it (:mod:`~acpool_spec.mutants.kept`): the same
command goes on where a run was ended, and after a change it looks for what the change concerns.

The mutants of a room are looked for in an order drawn by a fixed seed: where the budget ends it, those that were run are a fair
sample. The rooms that matter most come first. Not installed with the package are the tests, without which more survive.

Exit status: 0 where every mutant was run, and each survivor is explained; 1 where one is not; 3 where some were not run.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from acpool_spec.mutants import kept as keeping
from acpool_spec.mutants.fork_server import ForkServer
from acpool_spec.mutants.generated import Generated, difference, generated
from acpool_spec.mutants.kept import CAUGHT, SURVIVED, UNUSABLE, Kept
from acpool_spec.mutants.mutant import PACKAGES, Mutant, folder_of
from acpool_spec.mutants.sensitivity import NO_IMPORT, Row, environment, look_for, run_mutants
from acpool_spec.mutants.strategies import LAST, that_can_see
from acpool_spec.verdict import Outcome

_FIRST: Final = (
    *("core", "slots", "shell", "lease", "pool", "closing", "bounds"),
    *("transitions", "machine", "invariants", "records", "observe", "errors", "contract", "trace"),
)
"""The rooms that matter most."""
ORDER: Final = ("directed", LAST, "sampled", "explored")
"""The strategies, cheapest first: of what directed runs do not see, the tests see most."""
SEED: Final = 5
GIVE_UP_S: Final = 3600.0
"""Seconds of one process: a night has other work, and what was not given the time to see anything has not seen it."""


RUN_S: Final = {"acpool": 5.0, "acpool_model": 20.0}
"""Seconds of CPU after which a run is taken to have no end: those of a sound pool take less than one, tests of the model some."""


def _rooms() -> dict[str, tuple[str, str]]:
    found = {
        ".".join(file.relative_to(folder_of(package)).with_suffix("").parts): package
        for package in PACKAGES
        for file in sorted(folder_of(package).rglob("*.py"))
        if file.stem != "__init__"
    }
    return {name: (found[name], name) for name in [*_FIRST, *(name for name in found if name not in _FIRST)]}


ROOMS: Final = _rooms()
"""By room: the package and the module; every module of the pool and of its model, but for those that only import."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one room: ``places`` where a mutant is another program, ``run`` of them, and ``caught``; ``unusable``: so many
    that cannot be imported, which are not among those that were run. ``survivors``: name and change."""

    room: str
    places: int
    run: int
    caught: int
    unusable: int
    survivors: tuple[tuple[str, str], ...]

    @property
    def is_whole(self) -> bool:
        """Whether none was left out."""
        return self.run + self.unusable == self.places


_ROOM_LINE: Final = re.compile(r"([\w.]+): (\d+) places, (\d+) run, (\d+) caught, (\d+) unusable \(.*\)")


def results_of(text: str) -> list[Result]:
    """What a file of results says. Raises ``ValueError`` for one that ``main`` did not write."""
    return [result for result, _ in _parts(text)]


def _parts(text: str) -> list[tuple[Result, list[str]]]:
    """Each room of a file of results, with its lines."""
    found: list[tuple[Result, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("  "):
            name, colon, change = line.strip().partition(": ")
            if not colon or not found:
                raise ValueError(f"{line!r}: expected a survivor below its room")
            result, lines = found[-1]
            found[-1] = (
                replace(result, survivors=(*result.survivors, (name, change))),
                [*lines, line],
            )
        else:
            match = _ROOM_LINE.fullmatch(line)
            if match is None:
                raise ValueError(
                    f"{line!r}: expected a room, such as core: 300 places, 300 run, 290 caught, 0 unusable (directed 290)"
                )
            places, run, caught, unusable = map(int, match.groups()[1:])
            found.append((Result(match[1], places, run, caught, unusable, ()), [line]))
    return found


def explanation_key(name: str, change: str) -> str:
    """What the explanation of a survivor is found by: the room, the function and the change, by whatever operator it is made."""
    return f"{':'.join(name.split(':')[:2])}: {change}"


def main(arguments: Sequence[str]) -> int:
    """Make the mutants, look for them, and write what came of it."""
    parser = argparse.ArgumentParser(prog="python -m acpool_spec.mutants.general")
    parser.add_argument("file", type=Path)
    parser.add_argument("room", nargs="*", help=f"of {', '.join(ROOMS)}; none named, all")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, metavar="N", help="so many of each room")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="after which none is begun any more")
    parser.add_argument("--explained", type=Path, metavar="TOML", help="why survivors are seen by nobody")
    options = parser.parse_args(arguments)
    for room in options.room:
        if room not in ROOMS:
            parser.error(f"{room}: expected one of {', '.join(ROOMS)}")
    deadline = None if options.budget is None else time.monotonic() + options.budget
    explained: dict[str, str] = (
        tomllib.loads(options.explained.read_text(encoding="utf-8")) if options.explained else {}
    )
    keeper = options.file.with_suffix(".kept")
    known = keeping.read(keeper)
    results: list[Result] = []
    for room in options.room or ROOMS:
        every = list(generated(*ROOMS[room]))
        looking = keeping.looking_for(*ROOMS[room])
        chosen = random.Random(f"{SEED} {room}").sample(every, len(every))[: options.sample]
        todo = [one for one in chosen if not keeping.is_fresh(known.get((room, one.digest)), looking)]
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        _look(todo, known, keeper, looking, options.workers, left)
        lines = _told(room, every, known, looking)
        _write(options.file, room, lines)
        results += results_of("\n".join(lines))
    return sums(results, explained)


def _look(
    todo: Sequence[Generated],
    known: keeping.Known,
    keeper: Path,
    looking: str,
    workers: int,
    seconds: float | None,
) -> None:
    """Look for ``todo``, and keep what comes of each as it is known."""
    keeping.write(keeper, known.values())  # a line that was not written to its end ends here
    of = {one.mutant.name: one for one in todo}

    def keep(row: Row) -> None:
        kept = _kept(row, of[row.mutant.name].digest, looking)
        if kept is None:
            print(f"{row.mutant.name}: not run: {row.unusable}", flush=True)
            return
        known[kept.key] = kept
        keeping.add(keeper, kept)
        print(kept, flush=True)

    if not todo:
        return
    package, room = todo[0].mutant.package, todo[0].mutant.module
    first = that_can_see(f"{package}.{room}", ORDER[:2])
    with ExitStack() as ending:
        # One for each who looks; whoever is done hands it back.
        servers = [
            ending.enter_context(ForkServer(package, room, environment(), RUN_S[package]))
            for _ in range(workers)
        ]

        def look(mutant: Mutant, deadline: float | None) -> Row | None:
            server = servers.pop()
            try:
                row = Row(
                    mutant,
                    server.look(of[mutant.name], first, deadline) if not room.startswith("acp.") else {},
                )
            finally:
                servers.append(server)
            if row.caught:
                return row
            return look_for(mutant, ORDER, deadline, first=True, run_s=RUN_S[package], give_up_s=GIVE_UP_S)

        run_mutants([one.mutant for one in todo], workers=workers, seconds=seconds, show=keep, look=look)


def _kept(row: Row, digest: str, looking: str) -> Kept | None:
    """What is to be kept; None where it is not the mutant's doing that it was not run."""
    if row.unusable:
        return Kept(row.mutant.name, digest, UNUSABLE) if row.unusable.startswith(NO_IMPORT) else None
    if not row.caught:
        return Kept(row.mutant.name, digest, SURVIVED, looking)
    strategy, broken = next((name, look.broken) for name, look in row.looks.items() if look.broken)
    return Kept(row.mutant.name, digest, CAUGHT, strategy, broken)


def _told(
    room: str, every: Sequence[Generated], known: Mapping[tuple[str, str], Kept], looking: str
) -> list[str]:
    """The lines of one room: what is known of its mutants as they are now."""
    of = {one.digest: known.get((room, one.digest)) for one in every}
    fresh = {digest: kept for digest, kept in of.items() if kept and keeping.is_fresh(kept, looking)}
    outcomes = Counter(kept.outcome for kept in fresh.values())
    by = Counter(kept.by for kept in fresh.values() if kept.outcome == CAUGHT)
    ways = ", ".join(f"{name} {by[name]}" for name in ORDER if by[name])
    survivors = [one.mutant for one in every if one.digest in fresh and fresh[one.digest].outcome == SURVIVED]
    return [
        (
            f"{room}: {len(every)} places, {outcomes[CAUGHT] + outcomes[SURVIVED]} run, {outcomes[CAUGHT]} caught,"
            f" {outcomes[UNUSABLE]} unusable ({ways})"
        ),
        *(f"  {mutant.name}: {difference(mutant)}" for mutant in survivors),
    ]


def _write(file: Path, room: str, lines: list[str]) -> None:
    """Put the lines of one room into the file of results, beside those of the others."""
    before = _parts(file.read_text(encoding="utf-8")) if file.exists() else []
    parts = {result.room: text for result, text in before if result.room in ROOMS} | {room: lines}
    file.write_text(
        "\n".join([*(line for name in ROOMS for line in parts.get(name, [])), ""]), encoding="utf-8"
    )


def sums(
    results: Sequence[Result], explained: Mapping[str, str], say: Callable[[str], object] = print
) -> int:
    """Say the score and what is not explained; the exit status."""
    run, caught = sum(one.run for one in results), sum(one.caught for one in results)
    unexplained = [
        (name, change)
        for one in results
        for name, change in one.survivors
        if explanation_key(name, change) not in explained
    ]
    for one in results:
        if not one.is_whole:
            say(f"not whole: {one.room}, {one.run + one.unusable} of {one.places}")
    for name, change in unexplained:
        say(f"not explained: {name}: {change}")
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"{cpu.ru_utime + cpu.ru_stime:.0f} s of CPU in this run")
    say(
        f"{caught} of {run} mutants caught, {caught / run:.1%}; {run - caught} survived, {len(unexplained)} of them not explained"
        if run
        else "no mutant was run"
    )
    if unexplained:
        return Outcome.VIOLATED.exit_status
    return (Outcome.HOLDS if all(one.is_whole for one in results) else Outcome.UNDECIDED).exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
