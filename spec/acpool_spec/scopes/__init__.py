"""The family of small scopes of a pool: which there are, and every run of one, explored."""

from acpool_spec.scopes.catalogue import profile
from acpool_spec.scopes.grammar import PoolScope, family
from acpool_spec.scopes.monitor import PropertyViolated
from acpool_spec.scopes.scenario import cancellable, conclude, explore_scope, scenario_of

__all__ = [
    "PoolScope",
    "PropertyViolated",
    "cancellable",
    "conclude",
    "explore_scope",
    "family",
    "profile",
    "scenario_of",
]
