"""Campaigns over the toy family, carried out in this process unless a test is about others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acpool_spec.campaign.campaign import Plan
from acpool_spec.campaign.results import Counts
from acpool_spec.campaign.subject import python_version, subject_of
from acpool_spec.campaign.work import Post

ROOT = Path(__file__).parents[2]
FAMILY = "tests.campaign.toy_family"
POOL = "acpool_spec.reference:default"


class Here(Executor):
    """Carries out what it is given at once. ``before``: called before each."""

    def __init__(self, before: Callable[[Any], object] = lambda _: None) -> None:
        self.before = before

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.before(args[0])
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as every executor does
            future.set_exception(error)
        return future


@dataclass
class Crew:
    """Workers that are all in this process."""

    executor: Executor = field(default_factory=Here)
    workers: int = 2
    stopped: bool = False
    topic: str = ""

    def told(self, post: Post) -> Counts | None:
        return None

    def renew(self) -> None:
        raise AssertionError("nothing here breaks")

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        """Nothing to let go."""

    def given_up(self) -> str:
        return ""

    def is_loss(self, error: BaseException) -> bool:
        return False


@pytest.fixture
def plan() -> Callable[..., Plan]:
    """A plan for the toy scopes of these names."""

    def make(*scopes: str, **options: Any) -> Plan:
        return Plan(FAMILY, POOL, subject_of(FAMILY, POOL).digest, python_version(), scopes, **options)

    return make


@pytest.fixture(autouse=True)
def toys_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker imports the toy family by its name; so does this process, or the two would disagree about the code."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
