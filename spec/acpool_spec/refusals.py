"""What a simulated run cannot have: threads, sockets, processes, signals and files, refused by name.

A scenario that touches the real world is not decided by its choices alone, so none of it may pass in silence.
"""

from __future__ import annotations

import asyncio
from typing import Any


class LoopRefusal(RuntimeError):
    """The deterministic loop was asked for something that its choices do not decide; simulate it instead."""


def refuse(name: str, why: str) -> Any:
    """A method that raises :class:`LoopRefusal` for ``name``."""

    def refused(self: Refusals, *_args: object, **_kwargs: object) -> Any:
        raise self.refusal(f"the deterministic loop has no {name}: {why}")

    return refused


_THREADS = "a thread runs when it likes; make the work a coroutine or let choose() decide its outcome"
_NETWORK = "the network decides for itself; replace it by a fake that uses offer() or choose()"
_PROCESSES = "a process decides for itself; replace it by a fake that uses offer() or choose()"
_SIGNALS = "a signal comes when it likes; use offer() for what its handler does"
_DRIVEN = "a scheduler above drives it; use simulate(), or run_lane() and run_iteration()"
_FACTORY = "names and hashes of tasks must be the same in every run; use create_task()"


class Refusals(asyncio.AbstractEventLoop):
    """The methods of an asyncio loop that the deterministic loop refuses."""

    def refusal(self, sentence: str) -> LoopRefusal:
        """The exception to raise for what is refused."""
        return LoopRefusal(sentence)

    run_in_executor = refuse("run_in_executor (asyncio.to_thread)", _THREADS)
    set_default_executor = refuse("set_default_executor", _THREADS)
    getaddrinfo = refuse("getaddrinfo", _NETWORK)
    getnameinfo = refuse("getnameinfo", _NETWORK)
    create_connection = refuse("create_connection", _NETWORK)
    create_server = refuse("create_server", _NETWORK)
    create_unix_connection = refuse("create_unix_connection", _NETWORK)
    create_unix_server = refuse("create_unix_server", _NETWORK)
    create_datagram_endpoint = refuse("create_datagram_endpoint", _NETWORK)
    connect_accepted_socket = refuse("connect_accepted_socket", _NETWORK)
    start_tls = refuse("start_tls", _NETWORK)
    sendfile = refuse("sendfile", _NETWORK)
    add_reader = refuse("add_reader", _NETWORK)
    remove_reader = refuse("remove_reader", _NETWORK)
    add_writer = refuse("add_writer", _NETWORK)
    remove_writer = refuse("remove_writer", _NETWORK)
    sock_recv = refuse("sock_recv", _NETWORK)
    sock_recv_into = refuse("sock_recv_into", _NETWORK)
    sock_recvfrom = refuse("sock_recvfrom", _NETWORK)
    sock_recvfrom_into = refuse("sock_recvfrom_into", _NETWORK)
    sock_sendall = refuse("sock_sendall", _NETWORK)
    sock_sendto = refuse("sock_sendto", _NETWORK)
    sock_sendfile = refuse("sock_sendfile", _NETWORK)
    sock_connect = refuse("sock_connect", _NETWORK)
    sock_accept = refuse("sock_accept", _NETWORK)
    connect_read_pipe = refuse("connect_read_pipe", _PROCESSES)
    connect_write_pipe = refuse("connect_write_pipe", _PROCESSES)
    subprocess_exec = refuse("subprocess_exec", _PROCESSES)
    subprocess_shell = refuse("subprocess_shell", _PROCESSES)
    add_signal_handler = refuse("add_signal_handler", _SIGNALS)
    remove_signal_handler = refuse("remove_signal_handler", _SIGNALS)
    run_forever = refuse("run_forever", _DRIVEN)
    run_until_complete = refuse("run_until_complete", _DRIVEN)
    stop = refuse("stop", _DRIVEN)
    set_task_factory = refuse("set_task_factory (eager tasks)", _FACTORY)
