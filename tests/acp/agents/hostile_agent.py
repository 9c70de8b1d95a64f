"""An ACP agent that misbehaves on request; the standard library only, one JSON-RPC message a line.

How it lives is chosen by its arguments, what it does with a prompt by the prompt's text:
the first word names a function below, the rest is its argument.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
TRAITS = frozenset(sys.argv[1:])
SLEEP = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def send(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def read() -> Message | None:
    line = sys.stdin.buffer.readline()
    return json.loads(line) if line else None


def say(session_id: str, text: str, kind: str = "agent_message_chunk") -> None:
    update = {"sessionUpdate": kind, "content": {"type": "text", "text": text}}
    send(method="session/update", params={"sessionId": session_id, "update": update})


def done(request_id: Any, stop_reason: str = "end_turn") -> None:
    send(id=request_id, result={"stopReason": stop_reason})


def await_file(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(0.001)


def await_cancel() -> None:
    while (message := read()) is not None:
        if message.get("method") == "session/cancel":
            return
    sys.exit(0)


def do_say(request_id: Any, session_id: str, argument: str) -> None:
    for word in argument.split(" "):
        say(session_id, word)
    done(request_id)


def do_hang(request_id: Any, session_id: str, argument: str) -> None:
    """Obey a cancel, but stream once more before answering."""
    say(session_id, argument)
    await_cancel()
    say(session_id, "late")
    done(request_id, "cancelled")


def do_ignore(request_id: Any, session_id: str, argument: str) -> None:
    """Never end this turn; keep reading."""
    say(session_id, argument)
    while read() is not None:
        pass
    time.sleep(600)


def do_late(request_id: Any, session_id: str, argument: str) -> None:
    """Answer; when told by a file, go on streaming as if the turn were not over; a file tells the end."""
    say(session_id, "in time")
    done(request_id)
    await_file(argument + ".go")
    for _ in range(100):
        say(session_id, "too late")
    open(argument, "w").close()


def do_late_answer(request_id: Any, session_id: str, argument: str) -> None:
    """Answer the cancelled prompt only after the next one has been answered, which it must not end."""
    say(session_id, "first")
    await_cancel()
    done(request_id, "cancelled")
    following = read()
    assert following is not None
    done(request_id, "max_tokens")
    say(session_id, "second")
    done(following["id"])


def do_elsewhere(request_id: Any, session_id: str, argument: str) -> None:
    say("another session", "not yours")
    say(session_id, "yours")
    say(session_id, "thinking", "agent_thought_chunk")
    send(method="session/update", params={"sessionId": session_id, "update": {"sessionUpdate": "unheard of"}})
    send(method="session/update", params=[])
    done(request_id)


def do_garbage(request_id: Any, session_id: str, argument: str) -> None:
    lines = [
        b"123",
        b"[1,2]",
        b'"x"',
        b"null",
        b"true",
        b"no JSON",
        b"\xff\xfe\x00",
        b"",
        b"{}",
        b'{"id":[1],"result":{}}',
        b'{"id":{"a":1},"result":{}}',
        b'{"id":true,"result":{}}',
        b'{"id":0.0,"result":{}}',
        b'{"id":99,"error":"text"}',
        b'{"id":98,"error":null}',
        b'{"method":["x"],"id":1}',
        b'{"method":"session/request_permission","id":[1]}',
        b'{"method":"session/request_permission","params":7,"id":"odd"}',
        b'{"method":"unheard/of"}',
        b"[" * 100_000,
        b"9" * 5_000,
    ]
    write(b"\n".join(lines) + b"\n")
    say(session_id, "survived")
    done(request_id)


def do_endless(request_id: Any, session_id: str, argument: str) -> None:
    while True:
        write(b"x" * 65_536)


def do_stderr(request_id: Any, session_id: str, argument: str) -> None:
    size = int(argument)
    sys.stderr.buffer.write(b"y" * size + b"\n" + b"\xff short\n" * (size // 8) + b"no newline")
    sys.stderr.buffer.flush()
    done(request_id)


def do_spawn(request_id: Any, session_id: str, argument: str) -> None:
    """Start a grandchild that ignores SIGTERM and holds the pipes; tell its id once it runs."""
    grandchild = subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE)
    assert grandchild.stdout is not None
    grandchild.stdout.readline()
    say(session_id, str(grandchild.pid))
    done(request_id)
    if argument == "and exit":
        os._exit(0)


def do_escape(request_id: Any, session_id: str, argument: str) -> None:
    """Start a grandchild in a session of its own, out of reach, that inherits the pipes."""
    escaped = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    say(session_id, str(escaped.pid))
    done(request_id)


def do_exit(request_id: Any, session_id: str, argument: str) -> None:
    print("about to go", file=sys.stderr, flush=True)
    os._exit(int(argument))


def do_babble(request_id: Any, session_id: str, argument: str) -> None:
    """Die in the middle of a long sentence."""
    print("bla " * 1000, file=sys.stderr, flush=True)
    os._exit(1)


def do_blanks(request_id: Any, session_id: str, argument: str) -> None:
    """Send what is to be passed over without a word, and one long line that is not."""
    write(b'\n  \n\r\n{"method":"unheard/of","params":{"a":1}}\n' + b"z" * 5_000 + b"\n")
    done(request_id)


def do_kill(request_id: Any, session_id: str, argument: str) -> None:
    os.kill(os.getpid(), int(argument))


def do_answer_and_exit(request_id: Any, session_id: str, argument: str) -> None:
    say(session_id, "goodbye")
    done(request_id)
    os._exit(0)


def do_close_stdout(request_id: Any, session_id: str, argument: str) -> None:
    print("about to fall silent", file=sys.stderr, flush=True)
    os.close(1)
    while read() is not None:
        pass
    await_file("speak")
    os.write(2, b"about to go\n" * 1000 + b"gone\n")
    os._exit(0)


def do_close_stdin(request_id: Any, session_id: str, argument: str) -> None:
    os.close(0)
    say(session_id, "deaf")
    done(request_id)
    time.sleep(600)


def do_error(request_id: Any, session_id: str, argument: str) -> None:
    send(id=request_id, error={"code": -32603, "message": argument, "data": None})


def do_nonsense(request_id: Any, session_id: str, argument: str) -> None:
    send(id=request_id, result={"stopReason": "unheard of"})


def do_malformed_error(request_id: Any, session_id: str, argument: str) -> None:
    send(id=request_id, error=argument)


def do_environment(request_id: Any, session_id: str, argument: str) -> None:
    say(session_id, json.dumps(dict(os.environ)))
    done(request_id)


def do_cwd(request_id: Any, session_id: str, argument: str) -> None:
    say(session_id, os.getcwd())
    done(request_id)


def do_ask(request_id: Any, session_id: str, argument: str) -> None:
    """Send the JSON in ``argument`` as a request and say what was answered, even after a cancel."""
    call: Message = json.loads(argument)
    send(id="question", **call)
    stop_reason = "end_turn"
    while (message := read()) is not None:
        if message.get("method") == "session/cancel":
            stop_reason = "cancelled"
        elif message.get("id") == "question":
            say(session_id, json.dumps(message.get("result", message.get("error"))))
            break
    done(request_id, stop_reason)


def do_ask_and_end(request_id: Any, session_id: str, argument: str) -> None:
    """Ask for a permission, and end the turn once somebody thinks about it, which a file tells."""
    call: Message = json.loads(argument)
    send(id="question", **call["request"])
    await_file(call["file"])
    done(request_id)


def do_ask_and_close_stdin(request_id: Any, session_id: str, argument: str) -> None:
    """Ask for something and go deaf at once; never answer."""
    os.close(0)
    send(id="question", **json.loads(argument))
    time.sleep(600)


def do_ask_often(request_id: Any, session_id: str, argument: str) -> None:
    """Ask ``count`` times at once; say how many errors came before the first result, then how many results there were."""
    call: Message = json.loads(argument)
    for number in range(call["count"]):
        send(id=number, **call["request"])
    errors = results = 0
    while errors + results < call["count"]:
        message = read()
        assert message is not None
        if "error" in message:
            errors += 1
        else:
            results += 1
        if errors == call["count"] - 64 and not results:
            say(session_id, str(errors))
    say(session_id, str(results))
    done(request_id)


def do_ask_after(request_id: Any, session_id: str, argument: str) -> None:
    """Answer, then ask for a permission with no turn in progress, and put the answer into a file."""
    call: Message = json.loads(argument)
    done(request_id)
    send(id="question", **call["request"])
    with open(call["file"], "w") as file:
        json.dump(read(), file)


def do_deaf(request_id: Any, session_id: str, argument: str) -> None:
    """Answer and never read again."""
    done(request_id)
    time.sleep(600)


def do_flood(request_id: Any, session_id: str, argument: str) -> None:
    """Ask for what is not served without reading one answer, then go on as if nothing had happened."""
    for number in range(int(argument)):
        send(id=number, method="fs/read_text_file", params={"path": "/" + "p" * 200})
    done(request_id)
    sys.stdin.buffer.read()


def initialize(request_id: Any) -> None:
    if "hang-initialize" in TRAITS:
        return
    version = 2 if "future" in TRAITS else 1
    capabilities: Message | None = {
        "loadSession": "no-load" not in TRAITS,
        "sessionCapabilities": {"close": {}},
    }
    if "no-capabilities" in TRAITS:
        capabilities = None
    send(id=request_id, result={"protocolVersion": version, "agentCapabilities": capabilities})


def load(request_id: Any, session_id: str) -> None:
    if "die-on-load" in TRAITS:
        os._exit(7)
    if "hang-load" in TRAITS:
        open("loading", "w").close()
        return
    if "refuse-load" in TRAITS or "no-load" in TRAITS:
        send(id=request_id, error={"code": -32602, "message": "unknown session"})
        return
    if "malformed-load" in TRAITS:
        send(id=request_id, error="boom")
        return
    if "silent-load" in TRAITS:
        send(id=request_id)
        return
    for number in range(50):
        say(session_id, f"history {number}", "user_message_chunk" if number % 2 else "agent_message_chunk")
    send(id=request_id, result=None)
    if "MARK" in os.environ:
        say(session_id, "more history after the answer")
        await_file(os.environ["MARK"] + ".go")
        say(session_id, "history that is very late")
        open(os.environ["MARK"], "w").close()


def prompt(request_id: Any, session_id: str, text: str) -> None:
    name, _, argument = text.partition(" ")
    if "forgetful" in TRAITS:
        do_error(request_id, session_id, "unknown session")
        return
    action: Callable[[Any, str, str], None] = globals()["do_" + name.replace("-", "_")]
    action(request_id, session_id, argument)


def complain_for_ever() -> None:
    while True:
        os.write(2, b"no end of it " * 80 + b"\n")


def main() -> None:
    if "endless-stderr" in TRAITS:
        threading.Thread(target=complain_for_ever, daemon=True).start()
    if "ignore-term" in TRAITS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while (message := read()) is not None:
        method, request_id, params = message.get("method"), message.get("id"), message.get("params")
        if method == "initialize":
            initialize(request_id)
        elif method == "session/new":
            send(id=request_id, result={"sessionId": "s1"})
        elif method == "session/load" and params is not None:
            load(request_id, params["sessionId"])
        elif method == "session/prompt" and params is not None:
            prompt(request_id, params["sessionId"], params["prompt"][0]["text"])
        elif request_id is not None and method is not None:
            send(id=request_id, error={"code": -32601, "message": "Method not found"})
    if "talk-at-eof" in TRAITS:
        write(b'{"jsonrpc":"2.0","method":"noise"}\nnoise\n' * 20_000)
        open(os.environ["MARK"], "w").close()
    if "ignore-eof" in TRAITS:
        while True:
            time.sleep(600)


main()
