"""A real agent, pydantic-acp, with its sessions in files: no network, no key.

Arguments: the directory of the sessions, and optionally a file to touch once a prompt "wait" is being worked
on. The answer to any other prompt is the number of user messages in the conversation so far.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic_acp import AdapterConfig, FileSessionStore, run_acp
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


def prompts(messages: list[ModelMessage]) -> list[str]:
    """What the user has said so far."""
    requests = [message for message in messages if isinstance(message, ModelRequest)]
    return [
        str(part.content)
        for request in requests
        for part in request.parts
        if isinstance(part, UserPromptPart)
    ]


async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """The whole answer at once."""
    return ModelResponse(parts=[TextPart("".join([text async for text in stream(messages, info)]))])


async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
    """The answer piece by piece."""
    said = prompts(messages)
    if said[-1] == "wait":
        yield "waiting"
        Path(sys.argv[2]).touch()
        await asyncio.Event().wait()
    yield str(len(said))


if __name__ == "__main__":
    run_acp(
        Agent(FunctionModel(answer, stream_function=stream)),
        config=AdapterConfig(session_store=FileSessionStore(Path(sys.argv[1]))),
    )
