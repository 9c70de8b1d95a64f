"""Race 13: a prompt whose bound ran out leaves its request behind, and the late answer ends the next prompt."""

from __future__ import annotations

from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import chunk_of
from acpool_spec.races.real.turns import FirstDraft, show_turns


class LateAnswer(FirstDraft):
    """Whoever prompts reads until an answer comes, whichever request it belongs to."""

    async def prompt(self, text: str) -> str:
        """What the agent streams until the next answer."""
        self.begin_prompt(text)
        reply = ""
        while "result" not in (message := await self.receive()):
            reply += chunk_of(message)
        return reply


def show(avoided: bool) -> Sighting:
    """A caller is told what belongs to the prompt before its own: no order of the operations explains that."""
    return show_turns(LateAnswer, "S12", avoided=avoided)
