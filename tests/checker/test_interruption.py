"""Ctrl-C is noted, looked at between waits, and never lost; a second one interrupts as it would have without."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from acpool_spec.interruption import Interruption, interruption
from acpool_spec.workers import begin_worker, held_back


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def as_it_was(interruptible: None) -> Iterator[None]:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


def test_the_first_is_noted_and_the_second_interrupts() -> None:
    with interruption() as asked:
        assert not asked.requested
        interrupt()
        assert asked.requested
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_afterwards_the_first_interrupts() -> None:
    with interruption() as asked:
        pass
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not asked.requested


def test_an_exception_out_of_it_leaves_the_handler_that_was_there() -> None:
    with pytest.raises(LookupError), interruption():
        raise LookupError


def test_one_inside_another_takes_the_first() -> None:
    with interruption() as outer, interruption() as inner:
        interrupt()
        assert (outer.requested, inner.requested) == (False, True)
        interrupt()
        assert outer.requested


def test_a_handler_of_somebody_else_gets_the_second() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda signum, _: seen.append(signum))
    with interruption() as asked:
        interrupt()
        assert (asked.requested, seen) == (True, [])
        interrupt()
    assert seen == [signal.SIGINT]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruption() as asked:
        interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert not asked.requested
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_outside_the_main_thread_nothing_is_changed() -> None:
    seen: list[tuple[Interruption, object]] = []

    def look() -> None:
        with interruption() as asked:
            seen.append((asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    ((asked, handler),) = seen
    assert handler is signal.default_int_handler
    assert not asked.requested


def test_what_is_held_back_comes_at_the_end() -> None:
    with interruption() as asked:
        with held_back():
            interrupt()
            assert not asked.requested
        assert asked.requested


def test_a_worker_that_is_interrupted_before_it_can_say_so_lives() -> None:
    """It inherits that SIGINT is held back, and what has come is forgotten when it ignores the signal."""
    with ProcessPoolExecutor(1, get_context("spawn")) as workers:
        with held_back():
            struck = workers.submit(signal.raise_signal, signal.SIGINT)
        assert struck.result(timeout=60) is None
        workers.submit(begin_worker).result(timeout=60)
        assert workers.submit(signal.getsignal, signal.SIGINT).result(timeout=60) is signal.SIG_IGN
        assert workers.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result(timeout=60) == set()
