"""Inner test sessions in a folder of their own, beside the plugins that are installed here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acpool_spec import pytest_marker  # noqa: F401 - the inner sessions share it: what they import is forgotten after each

LOST_UPDATE = """
import asyncio, pytest

class Counter:
    def __init__(self):
        self.value = 0

    async def add(self):
        value = self.value
        await asyncio.sleep(0)
        self.value = value + 1
"""

Session = Callable[..., pytest.RunResult]


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Write ``tests`` below the class ``Counter``, which loses updates, into ``test_it.py`` and run pytest there, with no plugins
    but our own and those in ``arguments``: each would be imported anew."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        if tests:
            pytester.makepyfile(test_it=LOST_UPDATE + tests)
        return pytester.runpytest_inprocess(
            "-Wdefault", "-p", "no:cacheprovider", "-p", "acpool_spec.pytest_plugin", *arguments
        )

    return run
