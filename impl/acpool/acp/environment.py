"""The environment of an agent process: a short fixed list, and beyond it only what the caller names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

# The locale names are spelled out: `LC_*` as a pattern would pass anything that somebody smuggles through ssh
# as LC_TOKEN.
BASE_NAMES = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
)


def child_environment(inherit: Sequence[str], extra: Mapping[str, str]) -> dict[str, str]:
    """The variables an agent process starts with.

    :data:`BASE_NAMES` and the names in ``inherit`` are copied from this process as they are now, where they
    are set; ``extra`` is added last and wins.
    """
    environment = {name: os.environ[name] for name in (*BASE_NAMES, *inherit) if name in os.environ}
    environment.update(extra)
    return environment
