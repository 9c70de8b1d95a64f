"""Every schedule of an asyncio scenario, or an honest sample: ``explore``, ``replay`` and what they answer."""

from acpool_spec.exploration.certificate import Certificate, merge
from acpool_spec.exploration.estimate import Estimate
from acpool_spec.exploration.explorer import Report, explore
from acpool_spec.exploration.failures import Failure, failure_of
from acpool_spec.exploration.scenario_schedule import ScenarioSchedule, replay
from acpool_spec.exploration.subtree import Division, divide

__all__ = [
    "Certificate",
    "Division",
    "Estimate",
    "Failure",
    "Report",
    "ScenarioSchedule",
    "divide",
    "explore",
    "failure_of",
    "merge",
    "replay",
]
