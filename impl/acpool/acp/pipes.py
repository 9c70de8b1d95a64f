"""Non-blocking ends of the pipes to a process, on the running loop's readiness callbacks.

Everything here happens in synchronous steps: a pipe is connected without an await, so that no cancellation
can fall between starting a process and owning its pipes, and what is readable now can be read now.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import IO

CHUNK_BYTES = 65_536
# The largest pipe an unprivileged process may ask Linux for is 1 MiB.
PIPE_CAPACITY_BYTES = 1_048_576
WRITE_BUFFER_BYTES = 65_536


class PipeReader:
    """Hands over what arrives, until the end of the stream or :meth:`close`."""

    def __init__(self, pipe: IO[bytes], on_data: Callable[[bytes], None], on_eof: Callable[[], None]) -> None:
        self._pipe = pipe
        self._on_data = on_data
        self._on_eof = on_eof
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self.read_chunk)

    def read_chunk(self) -> bool:
        """Read once, without waiting; returns whether there may be more to read now."""
        if self._pipe.closed:
            return False
        try:
            data = os.read(self._pipe.fileno(), CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        if not data:
            self.close()
            self._on_eof()
            return False
        self._on_data(data)
        return True

    def read_available(self) -> None:
        """Read what the pipe holds at this instant, at most a pipe's capacity."""
        for _ in range(PIPE_CAPACITY_BYTES // CHUNK_BYTES):
            if not self.read_chunk():
                return

    def close(self) -> None:
        """Stop and give the descriptor back; idempotent."""
        if not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()


class PipeWriter:
    """Sends bytes in order; a write never waits, :meth:`drain` does."""

    def __init__(self, pipe: IO[bytes], on_broken: Callable[[], None]) -> None:
        self._pipe = pipe
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiters: list[asyncio.Future[None]] = []
        os.set_blocking(pipe.fileno(), False)

    @property
    def buffered_bytes(self) -> int:
        """How much the reader at the other end has not taken yet, beyond what the pipe itself holds."""
        return len(self._buffer)

    def write(self, data: bytes) -> None:
        """Queue ``data``; dropped when the pipe is closed."""
        if self._pipe.closed:
            return
        idle = not self._buffer
        self._buffer += data
        if idle:
            self._flush()
            if self._buffer:
                self._loop.add_writer(self._pipe.fileno(), self._flush)

    async def drain(self) -> None:
        """Wait, without a bound, until little is queued. Raises ``ConnectionError`` when the pipe is gone."""
        if self._pipe.closed:
            raise ConnectionError("the pipe is closed")
        if len(self._buffer) <= WRITE_BUFFER_BYTES:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter
        if self._pipe.closed:
            raise ConnectionError("the pipe is closed")

    def close(self) -> None:
        """Drop what is queued, wake those who drain and give the descriptor back; idempotent."""
        if self._pipe.closed:
            return
        self._loop.remove_writer(self._pipe.fileno())
        self._buffer.clear()
        self._pipe.close()
        self._wake()

    def _flush(self) -> None:
        # One write a call, so that a fast reader of a large message does not hold the loop.
        try:
            written = os.write(self._pipe.fileno(), memoryview(self._buffer)[:PIPE_CAPACITY_BYTES])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            self._on_broken()
            return
        del self._buffer[:written]
        if not self._buffer:
            self._loop.remove_writer(self._pipe.fileno())
        if len(self._buffer) <= WRITE_BUFFER_BYTES:
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
