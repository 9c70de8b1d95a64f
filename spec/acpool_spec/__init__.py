"""What must hold of a keyed session pool, and the machinery that decides whether it does.

The names below are the interfaces that others write against: a pool under test, a history against a sequential
specification, a scenario under every schedule. They are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acpool_spec.async_machine import AsyncRuleBasedStateMachine
    from acpool_spec.exploration import Certificate, Estimate, Report, ScenarioSchedule, explore, replay
    from acpool_spec.exploration.coverage import covered
    from acpool_spec.linearizability import check_history
    from acpool_spec.outside import choose, happens, offer
    from acpool_spec.sequential import Operation, SequentialSpec
    from acpool_spec.verdict import Bound, Budget, Outcome, Verdict
    from acpool_spec.world import PoolFactory, PoolUnderTest

_HOME = {
    "AsyncRuleBasedStateMachine": "async_machine",
    "Bound": "verdict",
    "Budget": "verdict",
    "Certificate": "exploration",
    "Estimate": "exploration",
    "Operation": "sequential",
    "Outcome": "verdict",
    "PoolFactory": "world",
    "PoolUnderTest": "world",
    "Report": "exploration",
    "ScenarioSchedule": "exploration",
    "SequentialSpec": "sequential",
    "Verdict": "verdict",
    "check_history": "linearizability",
    "choose": "outside",
    "covered": "exploration.coverage",
    "explore": "exploration",
    "happens": "outside",
    "offer": "outside",
    "replay": "exploration",
}

__all__ = [
    "AsyncRuleBasedStateMachine",
    "Bound",
    "Budget",
    "Certificate",
    "Estimate",
    "Operation",
    "Outcome",
    "PoolFactory",
    "PoolUnderTest",
    "Report",
    "ScenarioSchedule",
    "SequentialSpec",
    "Verdict",
    "check_history",
    "choose",
    "covered",
    "explore",
    "happens",
    "offer",
    "replay",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
