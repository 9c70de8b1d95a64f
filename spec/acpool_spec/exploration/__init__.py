"""Every schedule of an asyncio scenario, or an honest sample: ``explore``, ``replay`` and what they answer."""

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.estimate import Estimate
from acpool_spec.exploration.explorer import Report, explore
from acpool_spec.exploration.failures import Failure, failure_of
from acpool_spec.exploration.scenario_schedule import ScenarioSchedule, replay

__all__ = [
    "Certificate",
    "Estimate",
    "Failure",
    "Report",
    "ScenarioSchedule",
    "explore",
    "failure_of",
    "replay",
]
