"""The command line: ``acpool check | explore | model | prove | replay FILE | races | history FILE``.

Exit status: 0 holds, 1 violated, 2 unusable input, 3 undecided.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

BAD_INPUT = 2
UNDECIDED = 3
_NEEDED = ("rich", "hypothesis", "crosshair", "z3")


class _Refused(Exception):
    """There is no verdict; the message is the one sentence that is left to say."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Whatever goes wrong is one sentence, never a traceback."""
    options: argparse.Namespace | None = None
    output: object = sys.stdout
    try:
        if os.name != "posix":
            raise _Refused("it runs on POSIX systems only: it needs process groups and signals")
        parser, given = _parser(), sys.argv[1:] if arguments is None else arguments
        if not given:
            parser.print_help(sys.stderr)  # whoever says nothing wants to know what there is to say
            parser.exit(BAD_INPUT)
        options = parser.parse_args(given)
        return _run(options)
    except KeyboardInterrupt:
        _say(options, "interrupted, before there was anything to say")
        return UNDECIDED
    except OSError as error:
        # Nothing more can be said to whoever reads the output, and that is no verdict.
        if output is not None:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ is not None else 1
            )
        if not isinstance(error, BrokenPipeError):
            _say(options, str(error), error)
        return BAD_INPUT
    except _Refused as error:
        _say(options, str(error), error)
        return BAD_INPUT
    except BaseException as error:  # the status of a traceback is that of a violation, which nobody has seen
        if options is None:
            raise  # argparse has said what it had to say
        from acpool_spec.making import said

        _say(options, f"{said(error)}; expected nothing of the kind: ACPOOL_TRACEBACK=1 shows where", error)
        return BAD_INPUT


def _run(options: argparse.Namespace) -> int:
    try:
        command = _command(options.command)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _NEEDED:
            raise
        raise _Refused(
            f"{error.name} is not installed: the checker needs pip install 'acpool[check]'"
        ) from error
    from acpool_spec.making import Unusable
    from acpool_spec.targets import BadInput

    output: object = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(
            errors="backslashreplace"
        )  # whatever a key is made of, and wherever this is printed
    try:
        return command(options)
    except (BadInput, Unusable) as error:
        raise _Refused(str(error)) from error


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    if name == "prove":  # alone in needing the solver, which takes a second to import
        from acpool_spec.proofs.command import prove

        return prove
    if name == "races":
        from acpool_spec.races.command import races

        return races
    from acpool_spec.campaign.command import explore
    from acpool_spec.commands import check, history, replay
    from acpool_spec.model_command import model

    return {"check": check, "explore": explore, "model": model, "replay": replay, "history": history}[name]


def _say(options: argparse.Namespace | None, sentence: str, error: BaseException | None = None) -> None:
    if error is not None and os.environ.get("ACPOOL_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error)
    print(f"acpool {options.command}: {sentence}" if options else f"acpool: {sentence}", file=sys.stderr)


def _add_workers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--workers",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: the cores)",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="acpool",
        description="Checks keyed session pools on asyncio against their specification.",
        epilog="exit status: 0 holds, 1 violated, 2 unusable input, 3 undecided",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="sample schedules of a pool and judge every property")
    check.add_argument(
        "--pool", metavar="MODULE:FACTORY", help="the pool to check (default: acpool's own, twice configured)"
    )
    check.add_argument("--seed", type=int, default=0, help="seed of the sample (default: %(default)s)")
    check.add_argument(
        "--profile",
        choices=("pr", "nightly"),
        default="pr",
        help="how much where nothing else is said: about a minute, or half an hour (default: %(default)s)",
    )
    check.add_argument(
        "--budget", type=_seconds, metavar="SECONDS", help="time to sample (default: the profile's)"
    )
    check.add_argument(
        "--schedules", type=_count, metavar="N", help="sample exactly N schedules, whatever time it takes"
    )
    _add_workers(check)
    check.add_argument(
        "--coverage", action="store_true", help="list how many runs exercised each part of the specification"
    )
    check.add_argument(
        "--failures",
        type=Path,
        default=Path("acpool-failures"),
        metavar="DIR",
        help="where schedules go, and where old ones are replayed from (default: %(default)s)",
    )
    check.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    check.add_argument("--sarif", type=Path, metavar="FILE", help="write the violations as SARIF 2.1.0")
    check.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write a page, both of these and the schedules into a folder",
    )
    check.add_argument(
        "--github",
        action="store_true",
        help="annotate the lines of offending steps, and append to the summary of the job",
    )
    check.add_argument(
        "--sensitivity",
        nargs="*",
        metavar="N|MODULE|MUTANT",
        help="look for mutants of acpool's own pool instead, all, N, or those of that module or name: each must be caught",
    )

    explore = commands.add_parser(
        "explore",
        help="explore every schedule of small scopes of a pool, to the end where that can be reached",
    )
    explore.add_argument("scope", nargs="*", metavar="SCOPE", help="names of scopes (default: the profile's)")
    explore.add_argument(
        "--profile", choices=("pr", "nightly"), default="pr", help="which scopes (default: %(default)s)"
    )
    explore.add_argument("--list", action="store_true", help="print the names of the scopes, explore nothing")
    explore.add_argument(
        "--pool",
        metavar="MODULE:FACTORY",
        default="acpool_spec.reference:explored",
        help="the pool to explore (default: acpool's own)",
    )
    explore.add_argument(
        "--scopes",
        metavar="MODULE",
        default="acpool_spec.scopes",
        help="where the scopes are (default: %(default)s)",
    )
    explore.add_argument(
        "--budget", type=_seconds, metavar="SECONDS", help="time for all of it (default: as long as it takes)"
    )
    _add_workers(explore)
    explore.add_argument(
        "--dask", metavar="ADDRESS", help="explore on a Dask cluster, such as tcp://host:8786"
    )
    explore.add_argument(
        "--strategy",
        choices=("exhaustive", "portfolio", "random", "pct", "surw", "coverage", "hypothesis"),
        default="exhaustive",
        help="who chooses: exhaustive explores to the end; portfolio walks and samples by turns; the others sample",
    )
    explore.add_argument(
        "--executions",
        type=_count,
        metavar="N",
        help="runs of each scope, at most, with another strategy than exhaustive (default: a sampler makes 1000)",
    )
    explore.add_argument("--paranoid", action="store_true", help="make every run twice")
    explore.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="where results are kept (default: one for each code in acpool-explored)",
    )
    explore.add_argument(
        "--fresh", action="store_true", help="forget what the journal has, and explore it again"
    )
    explore.add_argument(
        "--failures",
        type=Path,
        default=Path("acpool-failures"),
        metavar="DIR",
        help="where schedules go, and where old ones are replayed from (default: %(default)s)",
    )

    model = commands.add_parser(
        "model", help="explore the pool's model to the end in one scope, or draw its state graph"
    )
    for name, what in (("keys", "keys"), ("clients", "callers at once"), ("capacity", "sessions at most")):
        model.add_argument(
            f"--{name}", type=_count, default=1, metavar="N", help=f"{what} (default: %(default)s)"
        )
    model.add_argument("--no-queue", action="store_true", help="no creation may wait for capacity")
    model.add_argument(
        "--budget", type=_seconds, metavar="SECONDS", help="time for it (default: as long as it takes)"
    )
    model.add_argument("--states", type=_count, metavar="N", help="states at most (default: all)")
    model.add_argument("--memory", type=_count, metavar="MB", help="memory at most (default: all)")
    model.add_argument(
        "--picture",
        choices=("life", "stages", "states"),
        help="draw the graph instead: the life of a key, its stages, or every state",
    )
    model.add_argument(
        "--format", choices=("dot", "mermaid"), default="dot", help="of the picture (default: %(default)s)"
    )

    prove = commands.add_parser("prove", help="prove that every step of the model preserves its invariant")
    prove.add_argument(
        "obligation", nargs="*", metavar="OBLIGATION", help="names of obligations (default: all)"
    )
    prove.add_argument("--list", action="store_true", help="print the obligations, prove nothing")
    prove.add_argument(
        "--core", action="store_true", help="that the decisions of the pool's core are steps of the model"
    )
    prove.add_argument(
        "--keys", type=_count, metavar="N", help="of a symbolic state (default: 3, with --core 2)"
    )
    prove.add_argument(
        "--clients",
        type=_count,
        metavar="N",
        help="of a symbolic state (default: 2, with --core 1, or 2 where others wait)",
    )
    prove.add_argument(
        "--seconds",
        type=_seconds,
        default=300.0,
        metavar="N",
        help="of CPU, for each obligation (default: %(default)g)",
    )
    _add_workers(prove)

    replay = commands.add_parser("replay", help="run a schedule file again and print its interleaving")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument(
        "--pool", metavar="MODULE:FACTORY", help="replay on this pool instead of the one in the file"
    )
    replay.add_argument(
        "--anyway",
        action="store_true",
        help="replay although the code has changed since the file was written",
    )
    replay.add_argument(
        "--html", type=Path, metavar="OUT", help="write the picture of it as a page that stands alone"
    )

    races = commands.add_parser(
        "races",
        help="the museum of races: list them, tell the story of one, find it anew",
        epilog="exit status of run ID: 1 when the race shows; of run --all: 0 when every one shows and acpool has none",
    )
    races.add_argument(
        "action",
        nargs="?",
        choices=("list", "show", "run"),
        default="list",
        help="what to do (default: %(default)s)",
    )
    races.add_argument("exhibit", nargs="?", metavar="ID", help="of the exhibit to show or to run")
    races.add_argument(
        "--all", action="store_true", help="run every exhibit, and acpool's own pool beside it"
    )
    _add_workers(races)

    history = commands.add_parser("history", help="judge a recorded history (JSON lines)")
    history.add_argument("file", type=Path, metavar="FILE")
    history.add_argument("--max-sessions", type=_count, metavar="N", help="where the file does not say it")
    history.add_argument(
        "--html", type=Path, metavar="OUT", help="write the picture of it as a page that stands alone"
    )
    history.add_argument(
        "--spec",
        choices=("register", "cas-register", "key-value", "lock", "queue"),
        help="judge it as a history of such objects, one for each key (default: of a session pool)",
    )
    history.add_argument(
        "--states",
        type=_count,
        default=200_000,
        metavar="N",
        help="configurations to explore at most between two cuts, with --spec (default: %(default)s)",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of seconds above 0, such as 60")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
