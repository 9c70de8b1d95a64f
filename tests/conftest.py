"""What tests of several rooms share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator, Iterator

import pytest

_TRACED = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage has the processes traced that a test starts, which makes them twice as slow."""


@pytest.fixture
def untraced_children() -> Iterator[None]:
    """The processes that the test starts reach nothing that is measured, or nothing that is not reached otherwise."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv(_TRACED, raising=False)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What a test marked ``no_cover`` starts is not traced either."""
    traced = os.environ.pop(_TRACED, None) if item.get_closest_marker("no_cover") else None
    try:
        return (yield)
    finally:
        if traced is not None:
            os.environ[_TRACED] = traced


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test marked ``no_cover`` is traced by nobody: that pytest-cov pauses leaves the tracer of the process where it is."""
    if item.get_closest_marker("no_cover") is None:
        return (yield)
    before = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(before)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts this process and those that it starts, also where the tests run in the background of a shell, which has
    them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
