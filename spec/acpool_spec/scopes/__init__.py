"""The family of small scopes of a pool: which there are, and every run of one, explored."""

from acpool_spec.scopes.grammar import PoolScope, family
from acpool_spec.scopes.monitor import PropertyViolated
from acpool_spec.scopes.scenario import cancellable, explore_scope, scenario_of

__all__ = ["PoolScope", "PropertyViolated", "cancellable", "explore_scope", "family", "scenario_of"]
