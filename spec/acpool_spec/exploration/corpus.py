"""A folder of old failures of scenarios: what is replayed before anything else is tried, and what a new failure is added to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from acpool_spec.exploration.scenario_schedule import FORMAT, WHAT, ScenarioSchedule, name_of
from acpool_spec.json_file import JsonObject, read_text
from acpool_spec.simulation import Mode, Scenario
from acpool_spec.targets import BadInput

FORMATS = ("acpool-schedule", FORMAT)
"""What may lie in such a folder: what ``acpool check`` writes, and schedules of scenarios."""


def files_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files ``*.json`` in ``folder``, by name, and the format of each; none where there is no such folder.

    Raises :class:`BadInput` for a file of another format, or of none, and for a folder that cannot be read: an old failure must
    not get lost unnoticed.
    """
    try:
        names = os.listdir(folder)  # where ``glob`` finds nothing, and says nothing
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"{folder}: {error.strerror or error}; expected a folder of failures") from error
    for path in sorted(folder / name for name in names if name.endswith(".json")):
        found = JsonObject(read_text(path, WHAT), str(path), WHAT)
        kind = found.members.get("format")
        if kind not in FORMATS:
            raise found.refusal(f"one of {', '.join(map(repr, FORMATS))}", "format")
        yield path, kind


def old_failures(
    folder: Path, scenario: Scenario, mode: Mode, cancellations: int
) -> Iterator[ScenarioSchedule]:
    """The schedules of ``scenario`` in ``folder``, by file name, that this ``mode`` and so many ``cancellations`` can make.

    Those of other code count, since they are tried and judged by what comes of it; those of other scenarios are passed over.
    Raises :class:`BadInput` as :func:`files_in` does.
    """
    for path, kind in files_in(folder):
        if kind != FORMAT:
            continue
        schedule = ScenarioSchedule.load(path)
        reaches = schedule.mode == "fifo" or mode == "reordered"
        if schedule.scenario == name_of(scenario) and reaches and schedule.cancellations <= cancellations:
            yield schedule


def keep(schedule: ScenarioSchedule, folder: Path) -> Path:
    """Write ``schedule`` into ``folder``, under a name that says what it is about; the same failure has the same name."""
    short = re.sub(r"\W+", "-", schedule.scenario.replace("<locals>", "")).strip("-")[-60:]
    kind = re.sub(r"\W+", "-", schedule.failure.kind)
    made = repr((schedule.mode, schedule.cancellations, schedule.decisions)).encode("utf-8", "surrogatepass")
    path = folder / f"{short}-{kind}-{blake2b(made, digest_size=4).hexdigest()}.json"
    schedule.save(path)
    return path
