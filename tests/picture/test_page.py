"""The page as text: nothing that it holds can become markup, and nothing in it may reach the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from acpool_spec.making import plain
from acpool_spec.picture import screenshot
from acpool_spec.picture.page import page, write_page
from acpool_spec.picture.png import with_palette
from acpool_spec.picture.story import Lane, Run, Step, Story
from acpool_spec.targets import BadInput

from .conftest import KEPT

HOSTILE = "</script><img src=x onerror=alert(1)><!--'\"&\u2028\ud800"


class Tags(HTMLParser):
    """Every element of a page, its attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._inside, []).append(data)


def hostile_story() -> Story:
    steps = (Step(0.0, 1, HOSTILE, (HOSTILE,), f"client {HOSTILE}", notable=True),)
    return Story(
        HOSTILE,
        ((HOSTILE, HOSTILE),),
        HOSTILE,
        True,
        Run(HOSTILE, steps, (Lane("client 0", "client", HOSTILE),)),
    )


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(story: Story) -> None:
    tags = Tags(page(story))
    policy = next(a["content"] for tag, a in tags.found if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    script, style = tags.texts["script"][-1], tags.texts["style"][0]
    for name, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}


def test_the_page_names_nothing_that_could_be_fetched(story: Story) -> None:
    tags = Tags(page(story))
    assert not [a for _, a in tags.found if {"src", "href", "action", "style"} & a.keys()]
    assert not [name for _, a in tags.found for name in a if name.startswith("on")]
    (style,) = tags.texts["style"]
    assert "@import" not in style and "url(" not in style
    script = tags.texts["script"][-1]
    for reaching in (
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "innerHTML",
        "insertAdjacentHTML",
        "eval(",
        "http://",
        "https://",
    ):
        assert reaching not in script.replace("http://www.w3.org/2000/svg", ""), reaching


def test_hostile_text_stays_text() -> None:
    written = page(hostile_story())
    tags = Tags(written)
    assert [tag for tag, _ in tags.found].count("script") == 2
    assert "img" not in [tag for tag, _ in tags.found]
    data = json.loads(tags.texts["script"][0])
    assert data["runs"][0]["steps"][0]["what"] == plain(HOSTILE)
    assert data["verdict"] == plain(HOSTILE)
    # Not even in the block of data is there a character that HTML knows.
    block = re.search(r'id="story">(.*?)</script>', written, re.DOTALL)
    assert block is not None and not re.search("[<>&']", block[1]) and block[1].isascii()


def test_what_is_long_or_turns_its_neighbours_can_be_read_all_the_same() -> None:
    turned = f"\u202e{'k' * 10_000}\x00"
    run = Run(turned, (Step(0.0, 0, turned),), (Lane("client 0", "client", turned),))
    written = page(Story(turned, (("pool", turned),), turned, False, run))
    data = json.loads(Tags(written).texts["script"][0])
    shown = data["verdict"]
    assert shown.startswith("\\u202ekkk") and shown.endswith("k\\x00 (10,002 characters)")
    assert len(shown) < 500
    assert data["facts"] == [["pool", shown]] and data["runs"][0]["steps"][0]["what"] == shown
    assert len(written) < 60_000 and "\u202e" not in written and "\x00" not in written


def test_a_page_that_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(BadInput, match=r"folder: the picture cannot be written: Is a directory; expected"):
        write_page(hostile_story(), folder)
    assert [*tmp_path.iterdir()] == [folder]


def test_a_page_can_be_written_whatever_it_says(tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    write_page(hostile_story(), file)
    assert file.read_bytes().decode("utf-8").startswith("<!DOCTYPE html>")


# -- the screenshot ----------------------------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, lines: list[bytes], kind: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    data = zlib.compress(b"".join(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pixels(image: bytes) -> list[bytes]:
    """The colours of an image with a palette, row by row."""
    found: dict[bytes, bytes] = {}
    place = 8
    while place < len(image):
        (length,) = struct.unpack_from(">I", image, place)
        found[image[place + 4 : place + 8]] = image[place + 8 : place + 8 + length]
        place += 12 + length
    width, height = struct.unpack_from(">II", found[b"IHDR"])
    data, palette = zlib.decompress(found[b"IDAT"]), found[b"PLTE"]
    rows = [data[n * (width + 1) + 1 : (n + 1) * (width + 1)] for n in range(height)]
    return [palette[3 * number : 3 * number + 3] for row in rows for number in row]


def test_every_filter_of_png_is_undone() -> None:
    above, row = bytes([30, 20, 30, 50, 60, 70, 5, 6, 7]), bytes([10, 22, 33, 31, 61, 99, 5, 200, 1])
    # Left, above and the corner between them; at one byte at least Paeth's choice is the corner, which tells it from the others.
    left, corner = bytes(3) + row[:-3], bytes(3) + above[:-3]
    paeth = list(row)
    chosen: set[str] = set()
    for n in range(9):
        options = {"left": left[n], "up": above[n], "corner": corner[n]}
        base = left[n] + above[n] - corner[n]
        name = min(
            options, key=lambda name: (abs(base - options[name]), ["left", "up", "corner"].index(name))
        )
        paeth[n] = options[name]
        chosen |= {name} if len(set(options.values())) == 3 else set()
    guesses = [[0] * 9, left, above, [(a + b) // 2 for a, b in zip(left, above, strict=True)], paeth]
    for kind, guess in enumerate(guesses):
        line = bytes((value - at) % 256 for value, at in zip(row, guess, strict=True))
        image = with_palette(png(3, 2, [b"\0" + above, bytes([kind]) + line]))
        assert pixels(image) == [(above + row)[n : n + 3] for n in range(0, 18, 3)], kind
    assert "corner" in chosen


def test_more_colours_than_a_palette_has_become_the_nearest() -> None:
    line = b"".join(bytes([n % 256, n // 256 * 3, 0]) for n in range(300)) + bytes([5, 0, 0]) * 40
    image = with_palette(png(340, 1, [b"\0" + line]))
    found = pixels(image)
    assert len(set(found)) == 256
    assert found[5] == bytes([5, 0, 0])
    assert (
        max(
            abs(a - b)
            for pixel, n in zip(found, range(300), strict=False)
            for a, b in zip(pixel, line[3 * n :], strict=False)
        )
        < 50
    )


def test_another_kind_of_image_is_refused() -> None:
    with pytest.raises(ValueError, match="colour type 0"):
        with_palette(png(1, 1, [b"\0\0"], kind=0))
    with pytest.raises(ValueError, match="no PNG"):
        with_palette(b"GIF89a")


def test_the_readmes_picture_is_small_and_has_a_palette() -> None:
    image = KEPT.with_suffix(".png").read_bytes()
    assert len(image) < 200_000
    width, height, depth, kind = struct.unpack_from(">IIBB", image, 16)
    assert (width, depth, kind) == (screenshot.WIDTH, 8, 3) and height > 500


def test_without_a_chromium_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(screenshot, "find_chromium", lambda: None)
    assert screenshot.main([str(KEPT), str(tmp_path / "x.png")]) == 2
    assert (
        capsys.readouterr().err
        == "screenshot: there is no Chromium; expected one on the path, or in ACPOOL_CHROMIUM\n"
    )
    monkeypatch.setattr(screenshot, "find_chromium", lambda: "chromium")
    assert screenshot.main([str(tmp_path / "none.json"), str(tmp_path / "x.png")]) == 2
    assert "none.json" in capsys.readouterr().err
