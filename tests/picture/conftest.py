"""The kept schedule as a story, and a browser to look at pages with, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from acpool_spec.picture.screenshot import find_chromium
from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.quiet import quiet
from acpool_spec.reference import default
from acpool_spec.schedule import Schedule, load_schedule
from acpool_spec.targets import Target, load_target
from acpool_spec.world import Scope

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "</script><img/src=x/onerror=\"window.hacked=1\"><svg/onload='window.hacked=1'>&amp;${hacked}"
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
def hostile(kept: Schedule, target: Target) -> Story:
    """A run of our pool whose names would be markup where they were not text."""
    decisions = (f"start 0 get_or_create {HOSTILE} 0", "turn", "turn", "answer c1.open ok")
    ours = replace(target, name=HOSTILE, factory=default)
    with quiet():
        return tell(replace(kept, scope=Scope(keys=(HOSTILE,)), decisions=decisions), ours)


@pytest.fixture(scope="module")
def browser(story: Story, hostile: Story) -> Iterator[Browser]:
    """A headless Chromium: that of the machine, or the one that ACPOOL_CHROMIUM names. Where it names one, nothing is skipped.

    Playwright keeps an event loop running in this thread, beside which there is no simulation: so the stories are told before,
    and it ends with the module.
    """
    named = os.environ.get("ACPOOL_CHROMIUM")
    if named and not shutil.which(named):
        pytest.fail(f"ACPOOL_CHROMIUM names {named!r}: expected a Chromium that can be run")
    try:
        from playwright import sync_api
    except ModuleNotFoundError:
        _do_without("playwright is not installed: pip install -e '.[dev]'", named)
    chromium = find_chromium()
    if chromium is None:
        _do_without("there is no Chromium: install Debian's chromium, or name one in ACPOOL_CHROMIUM", named)
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def _do_without(why: str, named: str | None) -> NoReturn:
    """Skip the tests; they fail where a browser was promised to them, as it is in CI."""
    if named:
        pytest.fail(f"{why}; ACPOOL_CHROMIUM says that there is one")
    pytest.skip(why)
