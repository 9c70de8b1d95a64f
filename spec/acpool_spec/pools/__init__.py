"""Known-bad pools: each a keyed session pool that works when used calmly and has the races that such pools had in practice.

They keep the checker awake: a gate that finds nothing wrong with one of them is itself broken. One file a pool; each
offers ``factory(connector, *, max_sessions)`` and says which race it has, which property that breaks, and what avoids it.
"""

from __future__ import annotations
