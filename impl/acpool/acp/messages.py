"""JSON-RPC 2.0 messages as they come off the wire: what is not one is told apart before anybody acts on it.

The SDK's reader ends on a line that is JSON but no object, on an unhashable id and on an error that is no
object; it also takes the id ``true`` for ``1``. None of these gets past :func:`decode`.
"""

from __future__ import annotations

import json
from typing import Any, cast

Message = dict[str, Any]

INTERNAL_ERROR = -32603
METHOD_NOT_FOUND = -32601


MALFORMED = object()
"""Stands in the ``data`` of an error that was not one; compared with ``is``, so that no agent can send it."""


class MalformedMessage(ValueError):
    """A line that is not a JSON-RPC message; says what it is instead."""


def decode(line: bytes) -> Message:
    """Read one line as a request, a notification or a response. Raises :class:`MalformedMessage`."""
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("not JSON") from error
    if not isinstance(value, dict):
        raise MalformedMessage("JSON, but not an object")
    message = cast("Message", value)
    if "method" in message:
        return _checked_call(message)
    return _checked_response(message)


def encode(message: Message) -> bytes:
    """One message as one line."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def is_request(message: Message) -> bool:
    """Whether the sender of ``message`` expects an answer."""
    return "method" in message and "id" in message


def is_response(message: Message) -> bool:
    """Whether ``message`` is an answer."""
    return "method" not in message


def method_not_found(message: Message) -> Message:
    """The answer to a request that this side does not serve."""
    error = {"code": METHOD_NOT_FOUND, "message": "Method not found", "data": {"method": message["method"]}}
    return {"jsonrpc": "2.0", "id": message["id"], "error": error}


def too_many_requests(message: Message) -> Message:
    """The answer to a request beyond what this side keeps waiting at once."""
    error = {"code": INTERNAL_ERROR, "message": "Too many requests at once"}
    return {"jsonrpc": "2.0", "id": message["id"], "error": error}


def _checked_call(message: Message) -> Message:
    if not isinstance(message["method"], str):
        raise MalformedMessage("a method that is not a string")
    if "id" in message and not isinstance(message["id"], str | int | float | None):
        raise MalformedMessage("a request id that is neither a string nor a number")
    return message


def _checked_response(message: Message) -> Message:
    # This side numbers its requests with integers, so no other id can be the answer to one.
    if type(message.get("id")) is not int:
        raise MalformedMessage("neither a call nor the answer to one")
    error: object = message.get("error")
    if "result" in message or error is None:
        # Neither result nor error is success, as the SDK has it: what is undefined is left out by the JSON of many agents.
        return {"result": None} | message
    fields = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    code, text = fields.get("code"), fields.get("message")
    if type(code) is not int:
        return message | {
            "error": {
                "code": INTERNAL_ERROR,
                "message": f"malformed error: {error!r:.200}",
                "data": MALFORMED,
            }
        }
    said = text if isinstance(text, str) else f"error without a message: {error!r:.200}"
    return message | {"error": {"code": code, "message": said, "data": fields.get("data")}}
