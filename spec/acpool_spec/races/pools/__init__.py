"""Pools with one race each, as small as it allows; one file a pool, each with ``factory(connector, *, max_sessions)``."""
