"""Makes a PNG of a browser smaller: from three bytes a pixel to one, by a palette of the commonest colours.

For drawings: a photograph would lose by it. PNG (Portable Network Graphics) Specification, third edition, W3C 2025.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256


def with_palette(image: bytes) -> bytes:
    """The PNG ``image``, of 8 bits a channel, opaque, not interlaced, with a palette of at most 256 colours.

    Every other colour becomes the nearest of these. Raises ``ValueError`` for an image of another kind.
    """
    width, height, rows = _rows(image)
    pixels = [row[place : place + 3] for row in rows for place in range(0, 3 * width, 3)]
    counts = Counter(pixels)
    palette = sorted(
        colour for colour, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_COLOURS]
    )
    number = {colour: place for place, colour in enumerate(palette)}
    for colour in counts:
        if colour not in number:
            number[colour] = min(
                range(len(palette)), key=lambda place: (_distance(colour, palette[place]), place)
            )
    lines = (bytes(number[pixel] for pixel in pixels[n * width : (n + 1) * width]) for n in range(height))
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", data), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not image.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    place = len(_SIGNATURE)
    while place < len(image):
        (length,) = struct.unpack_from(">I", image, place)
        yield image[place + 4 : place + 8], image[place + 8 : place + 8 + length]
        place += 12 + length


def _rows(image: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height, and the rows of pixels, three bytes each."""
    chunks = list(_chunks(image))
    width, height, depth, kind, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if (depth, kind, rest) != (8, 2, [0, 0, 0]):
        raise ValueError(
            f"a PNG of {depth} bits, colour type {kind}, {rest}; expected 8 bits, type 2, not interlaced"
        )
    data = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    length = 3 * width + 1
    before, rows = bytes(3 * width), list[bytes]()
    for number in range(height):
        line = data[number * length : (number + 1) * length]
        before = _unfiltered(line[0], line[1:], before)
        rows.append(before)
    return width, height, rows


def _unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    found = bytearray(line)
    for place, value in enumerate(line):
        left = found[place - 3] if place >= 3 else 0
        up = above[place]
        corner = above[place - 3] if place >= 3 else 0
        guess = (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]
        found[place] = (value + guess) & 0xFF
    return bytes(found)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
