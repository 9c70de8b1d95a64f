"""Text that any reader can take: keys and messages of a pool under test may consist of anything."""

from __future__ import annotations


def plain(text: str) -> str:
    """``text`` with an escape in place of every character that is no printable one, line breaks and tabs aside.

    What is left may stand in XML, in JSON, in HTML and on a terminal, once the marks of that format are escaped.
    """
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)
