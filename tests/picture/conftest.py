"""The kept schedule as a story, and a browser to look at pages with, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Schedule, load_schedule
from acpool_spec.targets import Target, load_target

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEPT = Path(__file__).parents[2] / "docs" / "picture" / "busy-session-evicted.json"


@pytest.fixture(scope="session")
def kept() -> Schedule:
    """The schedule of the README's picture."""
    return load_schedule(KEPT)


@pytest.fixture(scope="session")
def target(kept: Schedule) -> Target:
    """The pool that it is about."""
    return load_target(kept.pool)


@pytest.fixture(scope="session")
def story(kept: Schedule, target: Target) -> Story:
    """The story of it."""
    with quiet():
        return tell(kept, target)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: that of the machine, or the one that ACPOOL_CHROMIUM names."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    chromium = (
        os.environ.get("ACPOOL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if chromium is None:
        pytest.skip("there is no Chromium: install Debian's chromium, or name one in ACPOOL_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
