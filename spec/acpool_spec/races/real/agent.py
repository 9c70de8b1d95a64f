"""A small ACP agent for the exhibits: the standard library only, one JSON-RPC message a line; run as a script.

    agent.py BULLETIN [helper] [slow-load]

``BULLETIN``: a FIFO to which it tells, a line of JSON each, what it has done and by which processes. ``helper``: each session
gets a child process, which ends with the process group alone. ``slow-load``: a load is done, and never answered. A prompt's first
word says what becomes of it: ``say`` is answered; ``late`` is answered when the next message comes, before that is looked at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

Message = dict[str, Any]

HELPER = "import signal; signal.pause()"
bulletin = os.open(sys.argv[1], os.O_WRONLY)
traits = frozenset(sys.argv[2:])
unanswered: list[Message] = []


def _send(message: Message) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def _tell(what: str, session_id: str) -> None:
    pids = [os.getpid()]
    if "helper" in traits and what in ("created", "loaded"):
        pids.append(subprocess.Popen([sys.executable, "-c", HELPER]).pid)
    os.write(bulletin, json.dumps({"what": what, "session_id": session_id, "pids": pids}).encode() + b"\n")


def _chunk(prompt: Message) -> None:
    update = {
        "sessionUpdate": "agent_message_chunk",
        "content": {"type": "text", "text": prompt["params"]["prompt"][0]["text"]},
    }
    params = {"sessionId": prompt["params"]["sessionId"], "update": update}
    _send({"method": "session/update", "params": params})


def _answer_prompt(prompt: Message) -> None:
    _chunk(prompt)
    _send({"id": prompt["id"], "result": {"stopReason": "end_turn"}})


def _handle(message: Message) -> None:
    method, number = message.get("method"), message.get("id")
    params: Message = message.get("params") or {}
    if method == "initialize":
        _send({"id": number, "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}})
    elif method == "session/new":
        session_id = f"s{os.getpid()}"
        _tell("created", session_id)
        _send({"id": number, "result": {"sessionId": session_id}})
    elif method == "session/load":
        _tell("loaded", params["sessionId"])
        if "slow-load" not in traits:
            _send({"id": number, "result": {}})
    elif method == "session/prompt":
        _tell("prompted", params["sessionId"])
        if params["prompt"][0]["text"].startswith("late"):
            unanswered.append(message)
        else:
            _answer_prompt(message)


for line in sys.stdin:
    while unanswered:
        _answer_prompt(unanswered.pop())
    _handle(json.loads(line))
