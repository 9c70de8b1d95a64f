"""What the README promises, taken out of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def marked_block(text: str, mark: str) -> str:
    """The one fenced block below ``<!-- mark -->``."""
    found = re.findall(rf"^<!-- {re.escape(mark)} -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks are marked {mark!r}"
    return str(found[0])


@pytest.fixture
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture
def block() -> Callable[[str], str]:
    """A block of the README by its mark."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return lambda mark: marked_block(text, mark)
