"""The page in a real browser: what shows, what keys and the mouse do, light and dark, long runs, hostile keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acpool_spec.linearizability import check_history
from acpool_spec.objects.register import Register
from acpool_spec.picture import screenshot
from acpool_spec.picture.history_story import story_of_operations
from acpool_spec.picture.page import write_page
from acpool_spec.picture.story import Story
from acpool_spec.sequential import Operation

from .conftest import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a story's page; at the end nothing may have gone wrong in it, and nothing may have been asked of a network."""
    wrong: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def open_page(story: Story, *, width: int = 1300, dark: bool = False) -> Page:
        file = tmp_path / "story.html"
        write_page(story, file)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        opened = context.new_page()
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("console", lambda message: wrong.append(message.text))
        opened.on("dialog", lambda dialog: wrong.append(dialog.message))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(file.as_uri())
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
    assert asked == [(tmp_path / "story.html").as_uri()] * len(contexts)


def until(page: Page, condition: str) -> None:
    """Wait until ``condition`` holds in the page, which draws at the next frame. The page's policy forbids to wait inside it."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never came to be: {condition}")


def step(page: Page) -> str:
    """Title of the panel that tells of the step under the cursor."""
    return page.locator("#at h2").inner_text()


def test_the_first_bad_step_is_in_red_with_the_property_in_words(show: Open, story: Story) -> None:
    page = show(story)
    heading = page.locator("#verdict")
    assert (
        heading.inner_text()
        == "S3 one owner per session violated: loaded of 's1' on c3 while c1 is alive and holds it"
    )
    assert heading.evaluate("e => getComputedStyle(e).color") == "rgb(198, 16, 46)"
    assert "S3 says: no session id is created, loaded or prompted" in page.locator("#statement").inner_text()
    assert step(page).startswith("Step 25 of 25, at 0 s, decision 22")
    assert page.locator("svg .bad-step").count() == 1
    assert page.locator("svg .bar.bad").count() >= 4
    labels = (
        page.locator("figure")
        .first.locator(".labels text.bad-text")
        .evaluate_all("texts => texts.map((t) => t.firstChild.textContent)")
    )
    assert labels == ["✗ S3 broken", "key 'a'", "c1 of 'a'", "c3 of 'a'"]
    state = page.locator("#state").inner_text()
    assert "'a': c1 live s1, leased by client 0 AND c3 live s1, idle" in state
    assert "_suspended: 'a' → 's1'" in state


def test_the_passing_schedule_lies_below_with_the_first_divergence_in_both(show: Open, story: Story) -> None:
    page = show(story)
    figures = page.locator("figure")
    assert figures.count() == 2
    assert "S3 holds" in figures.nth(1).locator("figcaption").inner_text()
    assert page.locator("svg .part-line").count() == 2
    first, second = (page.locator("svg .part-line").nth(n).bounding_box() for n in (0, 1))
    assert first is not None and second is not None and abs(first["x"] - second["x"]) < 1
    assert "decision 16, 'start 2 get_or_create a 0', is made before" in page.locator("#nearest").inner_text()
    assert page.locator("#nearest tr.part td").all_inner_texts()[-1] == "start 2 get_or_create a 0"
    assert "7 of 9 actions can be placed" in page.locator("#explanation").inner_text()


def test_keys_move_the_cursor(show: Open, story: Story) -> None:
    page = show(story)
    for key, expected in (
        ("Home", 1),
        ("ArrowRight", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("n", 3),
        ("p", 2),
        ("b", 25),
        ("d", 17),
        ("End", 27),
        ("ArrowRight", 27),
        ("Home", 1),
        ("ArrowLeft", 1),
    ):
        page.keyboard.press(key)
        assert step(page).split(",")[0].split(" of")[0] == f"Step {expected}", key
    assert "client 0 calls get_or_create('a')" in page.locator("#at").inner_text()
    assert "'a'" not in page.locator("#state").inner_text()


def test_keys_and_buttons_zoom(show: Open, story: Story) -> None:
    page = show(story)

    def wide() -> float:
        box = page.locator("svg .cursor").first.bounding_box()
        assert box is not None
        return box["width"]

    before = wide()
    page.keyboard.press("+")
    until(page, f"document.querySelector('svg .cursor').getBoundingClientRect().width > {before + 1}")
    larger = wide()
    page.get_by_role("button", name="smaller (-)").click()
    until(page, f"document.querySelector('svg .cursor').getBoundingClientRect().width < {larger - 1}")
    page.keyboard.press("0")
    until(
        page, f"Math.abs(document.querySelector('svg .cursor').getBoundingClientRect().width - {before}) < 2"
    )


def test_the_mouse_shows_and_keeps_details(show: Open, story: Story) -> None:
    page = show(story)
    wait = page.locator("figure").first.locator("svg .hatched[data-detail='waits for c1.prompt']")
    box = wait.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 5)
    tip = page.locator("#tip")
    tip.wait_for(state="visible")
    assert tip.inner_text() == "waits for c1.prompt"
    page.mouse.click(box["x"] + box["width"] / 3, box["y"] + 5)
    assert "waits for c1.prompt" in page.locator("#selected").inner_text()
    assert step(page).startswith("Step 17 of 25")
    page.mouse.move(5, 5)
    tip.wait_for(state="hidden")
    page.get_by_role("button", name="previous event (p)").click()
    assert step(page).startswith("Step 15 of 25")  # nothing is to be seen of step 16


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(show: Open, story: Story, dark: bool) -> None:
    page = show(story, dark=dark)
    # Contrast as WCAG 2.2 defines it: at least 4.5 for text. Bars are what their texts lie on.
    contrasts = page.evaluate(
        """() => {
          const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((n) => n / 255)
              .map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4));
            return .2126 * r + .7152 * g + .0722 * b;
          };
          const ratio = (one, other) => {
            const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
            return (a + .05) / (b + .05);
          };
          const ground = getComputedStyle(document.body).backgroundColor;
          const found = {};
          for (const [name, element] of Object.entries({
            body: document.body, verdict: document.getElementById("verdict"),
            facts: document.getElementById("facts"),
          })) found[name] = ratio(getComputedStyle(element).color, ground);
          for (const text of document.querySelectorAll(".labels text")) {
            found["label " + text.getAttribute("class")] = ratio(getComputedStyle(text).fill, ground);
          }
          for (const bar of document.querySelectorAll("svg .bar")) {
            const text = bar.nextSibling;
            const fill = getComputedStyle(bar).fill;
            if (text && text.tagName === "text" && fill.startsWith("rgb")) {
              found["bar " + bar.getAttribute("class")] = ratio(getComputedStyle(text).fill, fill);
            }
          }
          return found;
        }"""
    )
    assert len(contrasts) > 10
    assert {name: ratio for name, ratio in contrasts.items() if ratio < 4.5} == {}


def test_two_thousand_steps_are_drawn_as_far_as_they_are_in_view(show: Open) -> None:
    operations = [
        Operation(
            process=n % 7, name="write", argument=n, response=None, invoked_at=2 * n, returned_at=2 * n + 1
        )
        for n in range(1_000)
    ]
    verdict = check_history(operations, Register(0))
    page = show(story_of_operations(operations, verdict, title="a thousand writes"))
    assert step(page).startswith("Step 1 of 2000")
    drawn = "document.querySelectorAll('.scroll svg *').length"
    assert page.evaluate(drawn) < 1_000
    assert page.evaluate("document.querySelectorAll('.scroll svg .bar').length") < 60
    page.keyboard.press("End")
    until(page, "document.querySelector('.scroll').scrollLeft > 10000")
    assert step(page).startswith("Step 2000 of 2000")
    until(page, "document.querySelector('[data-detail^=\"operation 999: write\"]') !== null")
    assert page.evaluate(drawn) < 1_000
    page.keyboard.press("0")
    until(
        page,
        "document.querySelectorAll('.scroll svg .bar').length >= 900 || document.querySelector('.scroll').scrollLeft === 0",
    )
    assert page.evaluate(drawn) < 6_000
    page.locator(".scroll").hover()
    page.keyboard.press("Home")
    assert step(page).startswith("Step 1 of 2000")


def test_hostile_keys_are_shown_and_nothing_of_them_runs(hostile: Story, show: Open) -> None:
    page = show(hostile)
    for _ in range(len(hostile.run.steps)):
        page.keyboard.press("ArrowRight")
    page.locator("#text summary").click()
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('img, [onload], [onerror]').length") == 0
    assert HOSTILE[:40] in page.evaluate(
        "[...document.querySelectorAll('.labels title')].map((t) => t.textContent).join()"
    )
    assert HOSTILE in page.locator("#facts").inner_text()
    page.locator("svg .bar").first.click()
    assert "onerror" in page.locator("#selected").inner_text()


def test_the_policy_stops_a_script_that_came_in_all_the_same(
    browser: Browser, story: Story, tmp_path: Path
) -> None:
    file = tmp_path / "story.html"
    write_page(story, file)
    injected = (
        "<script>window.hacked = 1</script><img src='https://example.org/x.png' onerror='window.hacked = 1'>"
    )
    file.write_text(file.read_text().replace("<header>", f"{injected}<header>"))
    context = browser.new_context()
    answered: list[str] = []
    page = context.new_page()
    page.on("response", lambda response: answered.append(response.url))
    page.goto(file.as_uri())
    assert page.evaluate("window.hacked") is None
    assert page.locator("figure").count() == 2
    assert answered in ([], [file.as_uri()])
    context.close()


def test_a_screenshot_is_taken_of_the_figures(
    browser: Browser, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bytes] = []
    monkeypatch.setattr(screenshot, "with_palette", lambda image: taken.append(image) or image)  # type: ignore[func-returns-value]
    page, image = tmp_path / "story.html", tmp_path / "story.png"
    write_page(story, page)
    chromium = screenshot.find_chromium()
    assert chromium is not None and shutil.which(chromium)
    screenshot.take_with(browser, page, image)
    assert image.read_bytes() == taken[0]
    assert taken[0].startswith(b"\x89PNG")
    assert int.from_bytes(taken[0][16:20], "big") == screenshot.WIDTH
