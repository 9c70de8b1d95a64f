"""Mutants that nobody thought of: those that cosmic-ray makes of a module, looked for like the declared ones.

``python -m acpool_spec.mutants.general FILE [ROOM...] [--budget SECONDS] [--sample N] [--workers N] [--explained TOML]``,
with ``pip install 'acpool[mutation]'``, looks for every mutant of the rooms until the first strategy sees one, and writes the
score and the survivors to ``FILE``. What came of each mutant is kept beside it (:mod:`~acpool_spec.mutants.kept`): the same
command goes on where a run was ended, and after a change it looks for what the change concerns.

What is cheap looks first, in every room: directed runs and the tests, in forks of a process that has everything loaded. What
that does not see is *open* until the rest has looked for it, each in a process of its own. The mutants of a room are looked for
in an order drawn by a fixed seed: where the budget ends it, those that were begun are a fair sample, of which the open ones count
as not caught. The rooms that matter most come first. Not installed with the package are the tests, without which more survive.

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
from acpool_spec.mutants.kept import CAUGHT, FINAL, OPEN, SURVIVED, UNUSABLE, Kept
from acpool_spec.mutants.mutant import PACKAGES, Mutant, folder_of
from acpool_spec.mutants.nursery import Nursery
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
    that cannot be imported, which are not among those that were run. ``survivors``: name and change; ``open``: likewise, of those
    that nothing cheap has seen, and for which the rest has not looked."""

    room: str
    places: int
    run: int
    caught: int
    unusable: int
    survivors: tuple[tuple[str, str], ...]
    open: tuple[tuple[str, str], ...] = ()

    @property
    def score(self) -> float:
        """The share of those that were caught, as if none of the open ones were; 1 where none was run."""
        run = self.run + len(self.open)
        return self.caught / run if run else 1.0

    @property
    def is_whole(self) -> bool:
        """Whether none was left out."""
        return self.run + self.unusable == self.places


_ROOM_LINE: Final = re.compile(
    r"([\w.]+): (\d+) places, (\d+) run, (\d+) caught, (\d+) unusable, (\d+) open \(.*\)"
)
_OPEN: Final = "? "


def results_of(text: str) -> list[Result]:
    """What a file of results says. Raises ``ValueError`` for one that ``main`` did not write."""
    return [result for result, _ in _parts(text)]


def _parts(text: str) -> list[tuple[Result, list[str]]]:
    """Each room of a file of results, with its lines."""
    found: list[tuple[Result, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("  "):
            name, colon, change = line.strip().removeprefix(_OPEN).partition(": ")
            if not colon or not found:
                raise ValueError(f"{line!r}: expected a survivor below its room")
            result, lines = found[-1]
            one = (name, change)
            if line.startswith(f"  {_OPEN}"):
                result = replace(result, open=(*result.open, one))
            else:
                result = replace(result, survivors=(*result.survivors, one))
            found[-1] = (result, [*lines, line])
        else:
            match = _ROOM_LINE.fullmatch(line)
            if match is None:
                raise ValueError(
                    f"{line!r}: expected a room, such as core: 300 places, 300 run, 290 caught, 0 unusable, 0 open (directed 290)"
                )
            places, run, caught, unusable, _ = map(int, match.groups()[1:])
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
    options = parser.parse_intermixed_args(arguments)
    for room in options.room:
        if room not in ROOMS:
            parser.error(f"{room}: expected one of {', '.join(ROOMS)}")
    deadline = None if options.budget is None else time.monotonic() + options.budget
    explained: dict[str, str] = (
        tomllib.loads(options.explained.read_text(encoding="utf-8")) if options.explained else {}
    )
    keeper = options.file.with_suffix(".kept")
    known = keeping.read(keeper)
    keeping.write(keeper, known.values())  # a line that was not written to its end ends here
    rooms: list[_Room] = []
    for name in options.room or ROOMS:
        every = list(generated(*ROOMS[name]))
        chosen = random.Random(f"{SEED} {name}").sample(every, len(every))[: options.sample]
        looking = keeping.looking_for(*ROOMS[name])
        rooms.append(_Room(name, every, chosen, looking, known, keeper, options.workers))
    told: dict[str, list[str]] = {}
    for look in (_Room.quickly, _Room.thoroughly):
        for room in rooms:
            look(room, None if deadline is None else max(0.0, deadline - time.monotonic()))
            told[room.name] = _told(room.name, room.every, known, room.looking)
            _write(options.file, room.name, told[room.name])
    return sums([result for lines in told.values() for result in results_of("\n".join(lines))], explained)


@dataclass(slots=True)
class _Room:
    """The mutants of one room that were asked for, what is known of them, and how more comes to be known."""

    name: str
    every: Sequence[Generated]
    chosen: Sequence[Generated]
    looking: str
    known: keeping.Known
    keeper: Path
    workers: int

    def quickly(self, seconds: float | None) -> None:
        """Look by what is cheap, in forks of what is loaded; what that does not see is open."""
        package, module = ROOMS[self.name]
        first = that_can_see(f"{package}.{module}", ORDER[:2])
        todo = [one for one in self.chosen if not self._is_known(one, OPEN)]
        if not todo or module.startswith("acp."):  # whose tests start agents
            return
        of = {one.mutant.name: one for one in todo}
        with ExitStack() as ending:
            # One for each who looks; whoever is done hands it back.
            servers = [
                ending.enter_context(ForkServer(package, module, environment(), RUN_S[package]))
                for _ in range(self.workers)
            ]

            def look(mutant: Mutant, deadline: float | None) -> Row | None:
                server = servers.pop()
                looks = server.look(of[mutant.name], first, deadline)
                servers.append(server)
                return None if deadline is not None and time.monotonic() >= deadline else Row(mutant, looks)

            self._run(todo, seconds, look, OPEN)

    def thoroughly(self, seconds: float | None) -> None:
        """Look for the rest by everything there is, each in a process of its own."""
        package, _ = ROOMS[self.name]
        nurseries = [Nursery() for _ in range(self.workers)]

        def look(mutant: Mutant, deadline: float | None) -> Row | None:
            nursery = nurseries.pop()
            row = look_for(
                mutant,
                ORDER,
                deadline,
                first=True,
                run_s=RUN_S[package],
                nursery=nursery,
                give_up_s=GIVE_UP_S,
            )
            nurseries.append(nursery)
            return row

        try:
            self._run([one for one in self.chosen if not self._is_known(one)], seconds, look, SURVIVED)
        finally:
            for nursery in nurseries:
                nursery.close()

    def _is_known(self, one: Generated, *enough: str) -> bool:
        kept = self.known.get((self.name, one.digest))
        return kept is not None and keeping.is_fresh(kept, self.looking) and kept.outcome in (*FINAL, *enough)

    def _run(
        self,
        todo: Sequence[Generated],
        seconds: float | None,
        look: Callable[[Mutant, float | None], Row | None],
        unseen: str,
    ) -> None:
        digests = {one.mutant.name: one.digest for one in todo}

        def keep(row: Row) -> None:
            kept = _kept(row, digests[row.mutant.name], unseen, self.looking)
            if kept is None:
                print(f"{row.mutant.name}: not run: {row.unusable}", flush=True)
                return
            self.known[kept.key] = kept
            keeping.add(self.keeper, kept)
            print(kept, flush=True)

        run_mutants([one.mutant for one in todo], workers=self.workers, seconds=seconds, show=keep, look=look)


def _kept(row: Row, digest: str, unseen: str, looking: str) -> Kept | None:
    """What is to be kept; None where it is not the mutant's doing that it was not run."""
    if row.unusable:
        return Kept(row.mutant.name, digest, UNUSABLE) if row.unusable.startswith(NO_IMPORT) else None
    if not row.caught:
        return Kept(row.mutant.name, digest, unseen, looking)
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
    return [
        (
            f"{room}: {len(every)} places, {outcomes[CAUGHT] + outcomes[SURVIVED]} run, {outcomes[CAUGHT]} caught,"
            f" {outcomes[UNUSABLE]} unusable, {outcomes[OPEN]} open ({ways})"
        ),
        *(
            f"  {mark}{one.mutant.name}: {difference(one.mutant)}"
            for outcome, mark in ((SURVIVED, ""), (OPEN, _OPEN))
            for one in every
            if one.digest in fresh and fresh[one.digest].outcome == outcome
        ),
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
            say(
                f"undecided: {one.room}, {one.run + one.unusable} of {one.places} mutants run, {len(one.open)} open"
            )
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
