"""Whether the checker is awake: every mutant in a process of its own, on a copy of the pool, looked for by every strategy.

Nothing of the user's is touched: the copy lies in a temporary directory, which comes first where the process looks for modules,
so digests, tracebacks and sources are those of the mutant. A run that does not end and a process that dies are failures that
somebody noticed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import acpool
import acpool_model
import acpool_spec
from acpool_spec.mutants.child import NOT_RUN, READY
from acpool_spec.mutants.mutant import Mutant, file_of, folder_of
from acpool_spec.mutants.nursery import Nursery
from acpool_spec.mutants.room_tests import TESTS, repository
from acpool_spec.mutants.strategies import LAST, STRATEGIES, Look, that_can_see
from acpool_spec.verdict import Outcome

RUN_S: Final = 20.0
"""Seconds of CPU after which a run is taken to have no end; a sound pool's take far below one."""
END_S: Final = 10.0
"""Seconds that a child process has to end what it started, once it was told to."""
GIVE_UP_S: Final = 600.0
"""Seconds of one child process, whatever it does with them."""
NO_IMPORT: Final = "it cannot be imported"
"""How the reason begins why a mutant is no program."""


class Unusable(Exception):
    """The mutant is no pool that could be run; the message says why in a sentence."""


@dataclass(slots=True)
class Row:
    """One mutant and what each strategy saw of it."""

    mutant: Mutant
    looks: dict[str, Look] = field(default_factory=dict[str, Look])
    unusable: str = ""

    @property
    def caught(self) -> bool:
        """Whether a strategy saw it."""
        return any(look.broken for look in self.looks.values())

    @property
    def expected(self) -> bool:
        """Whether one of them saw a property broken that was said to break; of other failures the first word counts."""
        return any(look.broken.partition(" ")[0] in self.mutant.breaks for look in self.looks.values())


@dataclass(slots=True)
class Report:
    """The rows in the order of the list; those that the budget left out are ``missing``.

    ``untested``: those that only tests can see, where there are none.
    """

    rows: list[Row]
    missing: list[Mutant]
    untested: list[Mutant]
    seconds: float

    @property
    def survivors(self) -> list[Row]:
        """The mutants that no strategy saw."""
        return [row for row in self.rows if not row.caught and not row.unusable]

    @property
    def unusable(self) -> list[Row]:
        """Those that could not be run at all."""
        return [row for row in self.rows if row.unusable]

    @property
    def outcome(self) -> Outcome:
        """Violated where one survived, undecided where one was left out."""
        if self.survivors:
            return Outcome.VIOLATED
        return Outcome.UNDECIDED if self.missing or self.untested else Outcome.HOLDS


def run_mutants(
    mutants: Sequence[Mutant],
    *,
    workers: int = 1,
    seconds: float | None = None,
    show: Callable[[Row], object] = lambda _: None,
    strategies: Sequence[str] = STRATEGIES,
    first: bool = False,
    look: Callable[[Mutant, float | None], Row | None] | None = None,
) -> Report:
    """Look for every one of ``mutants`` on ``workers`` processes; ``show`` each when it is known, in any order.

    ``first``: as for :func:`look_for`, which is asked for each mutant where there is no ``look`` to be asked, with the deadline.
    ``seconds``: after so many none is begun any more, and those under way are ended.
    """
    began = time.monotonic()
    deadline = None if seconds is None else began + seconds
    untested = [] if repository() is not None else [one for one in mutants if for_tests_alone(one)]
    wanted = [mutant for mutant in mutants if mutant not in untested]
    waiting = deque(enumerate(wanted))
    rows: dict[int, Row] = {}
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        nursery = Nursery()
        try:
            while not failures and (deadline is None or time.monotonic() < deadline):
                with lock:
                    if not waiting:
                        return
                    number, mutant = waiting.popleft()
                row = (
                    look(mutant, deadline)
                    if look is not None
                    else look_for(mutant, strategies, deadline, first=first, nursery=nursery)
                )
                if row is None:
                    return
                with lock:
                    rows[number] = row
                    show(row)
        except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits
            failures.append(error)
        finally:
            nursery.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    known = [rows[number] for number in sorted(rows)]
    missing = [mutant for number, mutant in enumerate(wanted) if number not in rows]
    return Report(known, missing, untested, time.monotonic() - began)


def look_for(
    mutant: Mutant,
    strategies: Sequence[str] = STRATEGIES,
    deadline: float | None = None,
    *,
    first: bool = False,
    run_s: float = RUN_S,
    nursery: Nursery | None = None,
    give_up_s: float = GIVE_UP_S,
) -> Row | None:
    """What each strategy sees of ``mutant``; None where the ``deadline``, of ``time.monotonic``, came before that.

    ``first``: the strategies after the first that sees anything are left out. ``run_s``: seconds of CPU that one run may take.
    ``give_up_s``: seconds that one process may take with all of it.
    ``nursery``: whose children run the tests, which begin sooner there.
    """
    row = Row(mutant)
    with tempfile.TemporaryDirectory(prefix="acpool-mutant-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        write_mutant(mutant, place)
        left = list(that_can_see(f"{mutant.package}.{mutant.module}", strategies))
        while left:
            if not _one_child(row, place, left, deadline, first, run_s, give_up_s, nursery):
                return None
            if row.unusable or (first and row.caught):
                return row
            left = [name for name in left if name not in row.looks]
            if not left and not row.caught and LAST not in row.looks and repository() is not None:
                left = [LAST]
    return row


def for_tests_alone(mutant: Mutant) -> bool:
    """Whether nothing but the tests of the pool can see it."""
    seen_by = that_can_see(f"{mutant.package}.{mutant.module}")
    return set(mutant.breaks) == {TESTS} or set(seen_by) == {LAST}


def write_mutant(mutant: Mutant, place: Path) -> Path:
    """A copy of its package in the folder ``place`` with ``mutant`` in it; the file that differs. Raises ``DoesNotApply``."""
    copy = place / mutant.package
    shutil.copytree(
        folder_of(mutant.package), copy
    )  # with what was compiled: times of change are copied as well
    file = copy / file_of(mutant.module)
    for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
        compiled.unlink()
    file.write_text(mutant.apply(file.read_text(encoding="utf-8")), encoding="utf-8")
    return file


def _one_child(
    row: Row,
    place: Path,
    strategies: Sequence[str],
    deadline: float | None,
    first: bool,
    run_s: float,
    give_up_s: float,
    nursery: Nursery | None,
) -> bool:
    """Run the strategies that are left in one process and take in what it wrote; False where the deadline ended it."""
    results, errors = place / "results", place / "errors"
    results.write_text("", encoding="utf-8")
    what = [
        str(results),
        f"{row.mutant.package}.{row.mutant.module}",
        "first" if first else "all",
        str(run_s),
        *strategies,
    ]
    left = give_up_s if deadline is None else max(0.0, min(give_up_s, deadline - time.monotonic()))
    if nursery is not None and list(strategies) == [LAST]:
        status = nursery.run(what, place, environment(place), errors, left)
    else:
        status = _status_of_child(what, place, errors, left)
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    for line in lines[1:]:
        name = line.pop("strategy")
        if name == NOT_RUN:
            row.unusable = f"the tests cannot be run: {line['why']}"
        else:
            row.looks[name] = Look(**line)
    last = (errors.read_text(encoding="utf-8").strip().splitlines() or [""])[-1]
    if not lines or lines[0]["strategy"] != READY:
        if status is None:
            return False
        row.unusable = f"{NO_IMPORT}: {last}"
    elif lines[0]["folders"][row.mutant.package] != str(place / row.mutant.package):
        row.unusable = f"it was not what was imported: {lines[0]['folders']}"
    elif status is None and deadline is not None and time.monotonic() >= deadline:
        return False
    elif status != 0 and not row.unusable:
        name = next(name for name in strategies if name not in row.looks)
        how = (
            f"it did not end in {give_up_s:g} s"
            if status is None
            else f"it ended with status {status}: {last}"
        )
        row.looks[name] = Look("process lost", 1, 0.0, how)
    return True


def _status_of_child(arguments: Sequence[str], place: Path, errors: Path, timeout_s: float) -> int | None:
    """The exit status of a child process with these arguments; None where it was ended after ``timeout_s`` seconds."""
    with errors.open("w", encoding="utf-8") as stderr:
        # In a group of its own, so that Ctrl-C is for whoever reads the report, and an end takes everything with it.
        child = subprocess.Popen(
            [sys.executable, "-m", "acpool_spec.mutants.child", *arguments],
            cwd=place,
            env=environment(place),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            return child.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def environment(place: Path | None = None) -> Mapping[str, str]:
    """Where a process looks for modules: at the mutant in ``place``, then where this one has the checker and the model from."""
    roots = [str(Path(str(package.__file__)).parents[1]) for package in (acpool_spec, acpool_model, acpool)]
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([*([str(place)] if place else []), *roots, *([before] if before else [])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
