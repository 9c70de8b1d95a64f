"""Three prompts on one session: the first is given up on when the agent has it, and the agent answers it when the next one comes.

A pool's own half of the protocol decides what the callers of the other two are told.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from acpool import SessionPool
from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import Stage, Wire, staged

PROMPTS = ("say second", "say third")


class FirstDraft(Wire):
    """An agent whose prompts are what an exhibit is about."""

    @abstractmethod
    async def prompt(self, text: str) -> str:
        """What the agent says to ``text``, as the caller is told."""


def show_turns(draft: type[FirstDraft], property_id: str, *, avoided: bool) -> Sighting:
    """What the callers are told through ``draft``, or through our own pool. An agent repeats what it is told."""
    replies = staged(_on_ours if avoided else lambda stage: _on_draft(draft, stage))
    wrong = [f"{text!r} was answered with {reply!r}" for text, reply in replies if reply != text]
    lines = tuple(f"{text!r}: {reply!r}" for text, reply in replies)
    return Sighting({property_id: "; ".join(wrong)} if wrong else {}, lines)


Replies = list[tuple[str, str]]


async def _on_draft(draft: type[FirstDraft], stage: Stage) -> Replies:
    agent = draft(stage.command())
    try:
        await agent.open_session()
        await stage.told("created")
        await _give_up_on(asyncio.create_task(agent.prompt("late first")), stage)
        return [(text, await agent.prompt(text)) for text in PROMPTS]
    finally:
        agent.end()


async def _on_ours(stage: Stage) -> Replies:
    async with SessionPool(stage.connector(), max_sessions=1) as pool:

        async def prompt(text: str) -> str:
            async with pool.session("a") as agent:
                return str((await agent.prompt(text)).text)

        first = asyncio.create_task(prompt("late first"))
        await stage.told("created")
        await _give_up_on(first, stage)
        return [(text, await prompt(text)) for text in PROMPTS]


async def _give_up_on(prompt: asyncio.Task[str], stage: Stage) -> None:
    """End ``prompt`` as its bound would, once the agent has it."""
    await stage.told("prompted")
    prompt.cancel()
    await asyncio.wait([prompt])
