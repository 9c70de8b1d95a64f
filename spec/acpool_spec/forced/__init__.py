"""What a history forces without a search: which operation comes before which, who is needed, what is all the same.

A value that was written once tells who read it from whom (P. Gibbons and E. Korach, *Testing shared memories*, SIAM J. Comput.
26(4), 1997), and from that follow orders that real time does not give. Where they contradict each other there is no
linearization; where they do not, every linearization keeps them, so that a search need not try anything else.
"""

from __future__ import annotations

from acpool_spec.forced.facts import Forced, Forces, Orders, Seen, forces_of

__all__ = ["Forced", "Forces", "Orders", "Seen", "forces_of"]
