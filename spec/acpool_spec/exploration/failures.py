"""What is wrong with a run of a scenario, if anything: an exception out of it, a deadlock, or something left over."""

from __future__ import annotations

from dataclasses import dataclass

from acpool_spec.findings import describe
from acpool_spec.refusals import LoopRefusal
from acpool_spec.simulation import Outcome, Run


@dataclass(frozen=True, slots=True)
class Failure:
    """``kind``: what went wrong, such as ``raised KeyError``, ``deadlock`` or ``leftover task``; an exception that carries a
    ``failure_kind`` says it itself. ``message``: in a sentence. As text it is both, nothing said twice."""

    kind: str
    message: str

    def __str__(self) -> str:
        if self.kind.startswith(_RAISED):  # the message begins with the class as well
            return f"raised {self.message}"
        words = self.kind.removeprefix(_VIOLATED)
        return self.message if self.message.startswith(words) else f"{words}: {self.message}"


_RAISED = "raised "
_VIOLATED = "violated "


def failure_of(run: Run) -> Failure | None:
    """The failure of ``run``; None where it passed, was cut, or ended at a state known already.

    Raises :class:`LoopRefusal` where the scenario needs what the deterministic loop refuses, such as a thread: that is no
    failure of the code under test, and nothing can be said about it.
    """
    for finding in run.findings:
        if isinstance(finding.exception, LoopRefusal):
            raise finding.exception
    if run.outcome is Outcome.RAISED:
        assert run.exception is not None
        kind: object = getattr(run.exception, "failure_kind", None)
        if isinstance(kind, str):
            return Failure(kind, str(run.exception) or type(run.exception).__name__)
        return Failure(f"{_RAISED}{type(run.exception).__name__}", describe(run.exception))
    if run.outcome is Outcome.DEADLOCK:
        stuck = "; ".join(str(finding) for finding in run.findings if finding.kind == "leftover task")
        return Failure("deadlock", f"nothing is left that could happen: {stuck}")
    # A run that did not come to its end has left-over tasks and exceptions that somebody would still have looked at.
    ended = run.outcome is Outcome.RETURNED
    for finding in run.findings:
        if ended or finding.kind == "reported error":
            return Failure(finding.kind, str(finding))
    return None
