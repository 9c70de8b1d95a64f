"""Race 14: a prompt is given up on here and nobody tells the agent, whose late chunk lands in the next turn."""

from __future__ import annotations

from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import chunk_of
from acpool_spec.races.real.turns import FirstDraft, show_turns


class LateChunk(FirstDraft):
    """Answers go to their own requests; what is streamed goes to whoever listens."""

    async def prompt(self, text: str) -> str:
        """What the agent streams until the answer to this prompt."""
        number = self.begin_prompt(text)
        reply = ""
        while (message := await self.receive()).get("id") != number:
            reply += chunk_of(message)
        return reply


def show(avoided: bool) -> Sighting:
    """The turn of the one who left goes on under the lease of the next: two hold the session at a time."""
    return show_turns(LateChunk, "S5", avoided=avoided)
