"""Footprints of steps: what each reads and writes, and one run of each class of those that differ in what does not matter.

``stack`` sees what an instruction is about to work on; ``kinds``, ``notes``, ``calls`` and ``opcodes`` know what it does to that;
``commuting`` knows callbacks of asyncio whose order does not matter; ``cells`` name what was touched; ``observer`` watches a run
with all of these. ``happens_before`` finds the races of a run, and ``source_sets`` takes their reversals. Whatever is not
known to any of them puts an end to the use of footprints, never to the soundness of what is concluded.
"""

from acpool_spec.exploration.footprints.observer import Observer
from acpool_spec.exploration.footprints.source_sets import SourceSets

__all__ = ["Observer", "SourceSets"]
