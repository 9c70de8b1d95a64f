"""Whether the pool takes no step that the model lacks: each run followed through the model, step by step (R1)."""

from acpool_spec.refinement.difference import Difference
from acpool_spec.refinement.follower import Follower, follow

__all__ = ["Difference", "Follower", "follow"]
