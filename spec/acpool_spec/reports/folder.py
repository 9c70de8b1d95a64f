"""Writing the reports that were asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from acpool_spec.json_file import write_whole
from acpool_spec.picture.page import write_page
from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.quiet import quiet
from acpool_spec.reports.github import append_summary
from acpool_spec.reports.junit import junit
from acpool_spec.reports.page import page
from acpool_spec.reports.result import Case, Result
from acpool_spec.reports.sarif import sarif
from acpool_spec.schedule import Schedule
from acpool_spec.targets import BadInput, load_target
from acpool_spec.world import DIRECTED


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports: the files for JUnit and SARIF, the folder for all of them, and whether GitHub gets a summary."""

    junit: Path | None = None
    sarif: Path | None = None
    report: Path | None = None
    github: bool = False

    def __bool__(self) -> bool:
        return self.github or any(path is not None for path in (self.junit, self.sarif, self.report))


def require_room(wanted: Wanted) -> None:
    """Make the folders of what is wanted, before anything else takes its time. Raises :class:`BadInput` where that cannot be."""
    files = (("--junit", wanted.junit), ("--sarif", wanted.sarif))
    for option, folder in (
        ("--report", wanted.report),
        *((name, file and file.parent) for name, file in files),
    ):
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadInput(f"{option}: {folder}: {error.strerror or error}; expected a folder") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise BadInput(f"{option}: {folder} cannot be written to; expected a folder that can")
    for option, file in files:
        if file is not None and file.is_dir():
            raise BadInput(f"{option}: {file} is a folder; expected the name of a file")


def write_reports(result: Result, wanted: Wanted) -> list[str]:
    """Write what is wanted; a sentence for each report that cannot be written, which costs no verdict by itself."""
    problems: list[str] = []

    def attempt(what: object, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            problems.append(f"{what} cannot be written: {error.strerror or error}")

    folder = wanted.report
    if folder is not None:
        attempt(folder, lambda: _fill(folder, result))
    if wanted.junit is not None:
        path = wanted.junit
        attempt(path, lambda: write_whole(path, junit(result)))
    if wanted.sarif is not None:
        file = wanted.sarif
        attempt(file, lambda: write_whole(file, sarif(result)))
    if wanted.github:
        attempt("the summary of the job", lambda: append_summary(_in_folder(result, folder)))
    return problems


def _fill(folder: Path, result: Result) -> None:
    """The page, both machine-readable reports, copies of the schedules and pictures of them: the folder is whole by itself."""
    kept = _in_folder(result, folder)
    for before, after in zip(result.cases, kept.cases, strict=True):
        if before.file is not None and after.file is not None:
            after.file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(before.file, after.file)
        if after.schedule is not None and after.picture is not None:
            write_page(_story(after.schedule), after.picture)
    write_whole(folder / "index.html", page(kept, folder))
    write_whole(folder / "junit.xml", junit(result))
    write_whole(folder / "acpool.sarif", sarif(result))


def _in_folder(result: Result, folder: Path | None) -> Result:
    """The same result, its files where the folder has them."""
    if folder is None:
        return result
    return replace(result, cases=tuple(_moved(case, folder) for case in result.cases))


def _moved(case: Case, folder: Path) -> Case:
    if case.file is None:
        return case
    drawn = case.schedule is not None and case.schedule.scope.mode != DIRECTED and case.place is not None
    picture = folder / "pictures" / case.file.with_suffix(".html").name if drawn else None
    return replace(case, file=folder / "schedules" / case.file.name, picture=picture)


def _story(schedule: Schedule) -> Story:
    with quiet():
        return tell(schedule, load_target(schedule.pool))
