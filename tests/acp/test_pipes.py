"""The pipe ends: nothing waits but drain, and a broken or closed pipe leaves nobody waiting."""

from __future__ import annotations

import asyncio
import os
from typing import IO

import pytest

from acpool.acp.pipes import CHUNK_BYTES, PIPE_CAPACITY_BYTES, WRITE_BUFFER_BYTES, PipeReader, PipeWriter

pytestmark = pytest.mark.asyncio


def pipe() -> tuple[IO[bytes], IO[bytes]]:
    read_end, write_end = os.pipe()
    return os.fdopen(read_end, "rb", buffering=0), os.fdopen(write_end, "wb", buffering=0)


class Sink:
    """Remembers what a reader handed over."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = asyncio.Event()

    def reader(self, source: IO[bytes]) -> PipeReader:
        return PipeReader(source, self.data.extend, self.ended.set)


async def test_everything_written_arrives_in_order_however_large() -> None:
    source, target = pipe()
    sink = Sink()
    sink.reader(source)
    writer = PipeWriter(target, lambda: pytest.fail("not broken"))
    expected = b"".join(bytes([number]) * 100_000 for number in range(20))
    for number in range(20):
        writer.write(bytes([number]) * 100_000)
    await writer.drain()
    while writer.buffered_bytes:
        await asyncio.sleep(0)
    writer.close()
    await sink.ended.wait()
    assert bytes(sink.data) == expected
    assert source.closed
    assert target.closed


async def test_drain_waits_for_a_slow_reader_and_lets_a_cancellation_through() -> None:
    source, target = pipe()
    writer = PipeWriter(target, lambda: pytest.fail("not broken"))
    writer.write(b"x" * (2 * PIPE_CAPACITY_BYTES))
    first = asyncio.create_task(writer.drain())
    second = asyncio.create_task(writer.drain())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert not second.done()
    sink = Sink()
    reader = sink.reader(source)
    await second
    assert writer.buffered_bytes <= WRITE_BUFFER_BYTES
    writer.close()
    await sink.ended.wait()
    reader.close()


async def test_a_pipe_is_watched_for_room_only_while_something_is_queued() -> None:
    source, target = pipe()
    writer = PipeWriter(target, lambda: pytest.fail("not broken"))
    sink = Sink()
    writer.write(b"x" * (PIPE_CAPACITY_BYTES + 1))
    reader = sink.reader(source)
    while writer.buffered_bytes:
        await asyncio.sleep(0)
    assert not asyncio.get_running_loop().remove_writer(target.fileno())
    writer.close()
    reader.close()


async def test_closing_wakes_those_who_drain() -> None:
    source, target = pipe()
    writer = PipeWriter(target, lambda: pytest.fail("not broken"))
    writer.write(b"x" * (2 * PIPE_CAPACITY_BYTES))
    drain = asyncio.create_task(writer.drain())
    await asyncio.sleep(0)
    writer.close()
    writer.close()
    with pytest.raises(ConnectionError):
        await drain
    with pytest.raises(ConnectionError):
        await writer.drain()
    writer.write(b"dropped")
    assert writer.buffered_bytes == 0
    source.close()


async def test_a_broken_pipe_is_told_at_once_and_wakes_those_who_drain() -> None:
    source, target = pipe()
    broken = asyncio.Event()
    writer = PipeWriter(target, broken.set)
    writer.write(b"x" * (2 * PIPE_CAPACITY_BYTES))
    drain = asyncio.create_task(writer.drain())
    await asyncio.sleep(0)
    source.close()
    with pytest.raises(ConnectionError):
        await drain
    assert broken.is_set()
    assert target.closed


async def test_what_is_in_the_pipe_can_be_read_without_waiting() -> None:
    source, target = pipe()
    sink = Sink()
    reader = sink.reader(source)
    os.write(target.fileno(), b"a" * 50_000)
    reader.read_available()
    assert len(sink.data) == 50_000
    reader.read_available()
    assert not sink.ended.is_set()
    target.close()
    reader.read_available()
    assert sink.ended.is_set()
    reader.read_available()
    assert not reader.read_chunk()


async def test_a_writer_that_keeps_up_is_left_after_a_pipes_capacity() -> None:
    source, target = pipe()
    os.set_blocking(target.fileno(), False)
    received = 0

    def refill(data: bytes) -> None:
        nonlocal received
        received += len(data)
        os.write(target.fileno(), b"b" * len(data))

    reader = PipeReader(source, refill, lambda: pytest.fail("no end"))
    os.write(target.fileno(), b"b" * CHUNK_BYTES)
    reader.read_available()
    assert 0 < received <= PIPE_CAPACITY_BYTES
    reader.close()
    target.close()
