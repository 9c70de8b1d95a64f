"""Hypothesis makes the choices: it knows which it has made already, and what small examples look like.

It cannot be asked for a choice, it calls a function with ``data`` to draw from. So this strategy is two things: an oracle of
three methods over ``data``, for any test of yours under ``@given(data())``, and the exploration called by Hypothesis.
A failure is shrunk by the explorer, as that of any strategy, so that what counts as small is the same for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning, StopTest

from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import Oracle, View

UNBOUNDED = 10**9
"""Examples that Hypothesis is told to make where the budget does not count executions; what ends them is the budget."""
HOPELESS = 50
"""After so many runs in a row that Hypothesis broke off, it is not asked for more: the runs are too long for it."""


class DrawnOracle:
    """Draws every choice of one run from ``data``; smaller choices are drawn by simpler data, 0 by the simplest.

    A choice is drawn as booleans, by halving what is left: Hypothesis draws one integer in twenty from the constants that it
    finds in the modules imported so far, and then the same seed would not be the same runs. Where halves differ in size, the
    lower ones, which are less strange, get the greater probability. A run of more choices than Hypothesis has data for (some
    thousands) is broken off by it.
    """

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw

    def begin(self, view: View) -> None:
        """Nothing to do: ``data`` is of this run alone."""

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """What the data says."""
        low, high = 0, count
        while high - low > 1:
            middle = (low + high) // 2
            if self._draw(_COIN):
                low = middle
            else:
                high = middle
        return low

    def end(self) -> None:
        """Nothing to do."""


_COIN = st.booleans()


class _EnoughError(BaseException):
    """Ends Hypothesis from within; not an Exception, which it would take for a failure and try again."""


def under_hypothesis(
    one_more: Callable[[Oracle], bool],
    seed_: int,
    executions: int | None,
    broken_off: Callable[[], object] = lambda: None,
) -> None:
    """Let Hypothesis call ``one_more`` with an oracle for each run, until that says that it is enough. ``broken_off`` is called
    for each run that it ends before its time, for want of data or because it knows how the run begins.

    Decided by ``seed_``; no database is read or written, no clock looked at. Ends as well after ``executions``, where
    Hypothesis knows nothing that it has not tried, and after ``HOPELESS`` runs broken off in a row. Raises what ``one_more``
    raises.
    """
    raised: list[Exception] = []
    in_a_row = 0

    @seed(seed_)
    @settings(
        max_examples=executions or UNBOUNDED,
        database=None,
        deadline=None,
        derandomize=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),
        suppress_health_check=(
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
            HealthCheck.nested_given,
        ),
        print_blob=False,
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        nonlocal in_a_row
        try:
            enough = not one_more(DrawnOracle(data))
        except StopTest:
            broken_off()
            in_a_row += 1
            if in_a_row == HOPELESS:
                raise _EnoughError from None
            raise
        except Exception as error:
            raised.append(error)
            raise _EnoughError from error
        in_a_row = 0
        if enough:
            raise _EnoughError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            run()
    except _EnoughError:
        pass
    if raised:
        raise raised[0]
