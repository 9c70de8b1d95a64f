"""What the tests of the known-bad pools share."""

from __future__ import annotations

import pytest

from acpool_spec.pools.staging import Outside


@pytest.fixture
def outside() -> Outside:
    """A fresh outside world in which every call is let through."""
    return Outside()
