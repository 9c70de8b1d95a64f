"""A schedule's picture as an image: ``python -m acpool_spec.picture.screenshot SCHEDULE OUT.png``.

The page is opened in a headless Chromium, with Playwright (both are for developers), and what is above its panels is taken. The
schedule is replayed on today's code, whatever it was made for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acpool_spec.picture.page import write_page
from acpool_spec.picture.png import with_palette
from acpool_spec.picture.telling import tell
from acpool_spec.quiet import quiet
from acpool_spec.schedule import load_schedule
from acpool_spec.targets import BadInput, load_target

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FloatRect

WIDTH, HEIGHT = 1200, 900  # pixels of the window
_MISSING = 2


def find_chromium() -> str | None:
    """The Chromium to use: that which ``ACPOOL_CHROMIUM`` names, or the machine's."""
    return os.environ.get("ACPOOL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def take(page: Path, image: Path, chromium: str, *, dark: bool = False) -> None:
    """Take the figures of the ``page``, with what is above them, as a PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            take_with(browser, page, image, dark=dark)
        finally:
            browser.close()


def take_with(browser: Browser, page: Path, image: Path, *, dark: bool = False) -> None:
    """The same with a ``browser`` that runs already."""
    shown = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if dark else "light"
    )
    try:
        shown.goto(page.resolve().as_uri())
        shown.evaluate("document.getElementById('controls').hidden = true")  # there is nothing to press
        box = shown.locator("#figures").bounding_box()
        assert box is not None
        clip: FloatRect = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": box["y"] + box["height"] + 2}
        taken = shown.screenshot(full_page=True, clip=clip)
    finally:
        shown.close()
    image.write_bytes(with_palette(taken))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the image. Exit status 2, and a sentence, where something for it is missing."""
    parser = argparse.ArgumentParser(description="A schedule's picture as an image.")
    parser.add_argument("schedule", type=Path, metavar="SCHEDULE")
    parser.add_argument("image", type=Path, metavar="OUT.png")
    parser.add_argument("--dark", action="store_true", help="as somebody sees it who prefers dark colours")
    options = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        return _sorry("there is no Chromium; expected one on the path, or in ACPOOL_CHROMIUM")
    try:
        schedule = load_schedule(options.schedule)
        with quiet():
            story = tell(schedule, load_target(schedule.pool))
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "story.html"
            write_page(story, page)
            take(page, options.image, chromium, dark=options.dark)
    except BadInput as error:
        return _sorry(str(error))
    except ModuleNotFoundError as error:
        return _sorry(f"{error.name} is not installed: expected pip install -e '.[dev]'")
    return 0


def _sorry(sentence: str) -> int:
    sys.stderr.write(f"screenshot: {sentence}\n")
    return _MISSING


if __name__ == "__main__":
    sys.exit(main())
