"""What counts as a JSON-RPC message and what is kept from the SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acpool.acp.messages import (
    MALFORMED,
    MalformedMessage,
    decode,
    encode,
    is_request,
    is_response,
    method_not_found,
)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"123", "not an object"),
        (b"[1,2]", "not an object"),
        (b'"x"', "not an object"),
        (b"null", "not an object"),
        (b"nothing", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5_000, "not JSON"),
        (b"{}", "neither a call nor the answer"),
        (b'{"id":[1],"result":{}}', "neither a call nor the answer"),
        (b'{"id":true,"result":{}}', "neither a call nor the answer"),
        (b'{"id":1.0,"result":{}}', "neither a call nor the answer"),
        (b'{"id":null,"error":{}}', "neither a call nor the answer"),
        (b'{"method":["x"]}', "method that is not a string"),
        (b'{"method":"x","id":{}}', "request id"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessage, match=reason):
        decode(line)


@pytest.mark.parametrize("request_id", [0, 1.5, "a", None])
def test_requests_and_notifications_pass_as_they_are(request_id: object) -> None:
    request = {"method": "m", "id": request_id, "params": [1]}
    assert decode(json.dumps(request).encode()) == request
    assert is_request(request)
    assert not is_response(request)
    assert not is_request(decode(b'{"method":"m"}'))


def test_an_answer_passes_as_it_is() -> None:
    answer = {"id": 3, "result": {"a": 1}}
    assert decode(json.dumps(answer).encode()) == answer
    assert is_response(answer)
    assert not is_request(answer)
    error = {"id": 3, "error": {"code": -1, "message": "no", "data": [1]}}
    assert decode(json.dumps(error).encode()) == error


@pytest.mark.parametrize("error", ["text", [], {"code": "1", "message": 2}, {"code": True}])
def test_a_malformed_error_is_marked_as_one(error: object) -> None:
    decoded = decode(json.dumps({"id": 3, "error": error}).encode())["error"]
    assert decoded["code"] == -32603
    assert decoded["message"].startswith("malformed error: ")
    assert decoded["data"] is MALFORMED


def test_an_error_without_a_text_is_an_error() -> None:
    decoded = decode(b'{"id":3,"error":{"code":-5,"message":7}}')["error"]
    assert (decoded["code"], decoded["data"]) == (-5, None)
    assert decoded["message"].startswith("error without a message: ")


@pytest.mark.parametrize("line", [b'{"id":3}', b'{"id":3,"error":null}', b'{"id":3,"result":null}'])
def test_an_answer_with_neither_result_nor_error_is_success(line: bytes) -> None:
    assert decode(line)["result"] is None


@pytest.mark.parametrize("error", [b"null", b'"boom"', b'{"code":-5,"message":"no"}'])
def test_an_error_beside_a_result_is_passed_over(error: bytes) -> None:
    line = b'{"id":3,"result":{"a":1},"error":' + error + b"}"
    assert decode(line) == json.loads(line)


@pytest.mark.no_cover
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_an_encoded_message_is_one_line_and_reads_back(params: dict[str, Any]) -> None:
    message = {"jsonrpc": "2.0", "method": "m", "params": params}
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


def test_the_refusal_names_the_method_and_the_request() -> None:
    refusal = method_not_found({"method": "fs/read_text_file", "id": "q"})
    assert refusal["id"] == "q"
    assert refusal["error"]["code"] == -32601
    assert refusal["error"]["data"] == {"method": "fs/read_text_file"}
