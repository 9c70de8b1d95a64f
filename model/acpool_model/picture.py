"""The pool's state graph as a picture: explored in a small scope, seen from one key, as Graphviz or Mermaid text.

A *view* says what of a state is shown; states that look the same are one node, steps between two nodes one arrow, with the
names of the actions that make it. Steps that change nothing of what is shown are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from acpool_model.actions import Action, Kind
from acpool_model.canonical import canonical
from acpool_model.explore import explore
from acpool_model.machine import enabled, initial, step
from acpool_model.state import Dying, Scope, Stage, State, is_creating
from acpool_model.words import describe

View = Callable[[State, int], str]
"""What of a state is shown, seen from the key at a place."""

ACTIONS: Final = {kind: name.lower() for name, kind in vars(Kind).items() if isinstance(kind, int)}
"""Kind of an action → its name."""


class Arrow(NamedTuple):
    """From one node to another, with the names of the actions."""

    source: str
    target: str
    actions: tuple[str, ...]


class Picture(NamedTuple):
    """``nodes`` in the order in which they are met, the first ``begin`` of which are those to begin with."""

    nodes: tuple[str, ...]
    begin: int
    arrows: tuple[Arrow, ...]


_STAGES: Final = {number: name.lower() for name, number in vars(Stage).items() if isinstance(number, int)}
_DYING: Final = {Dying.STOPPING: "a start is stopping", Dying.CLOSING: "a process is closing"}


def life(state: State, at: int) -> str:
    """Where a key is in its life, as everybody speaks of it."""
    key = state.keys[at - 1]
    if key.dying:
        return "closing"
    if is_creating(key):
        return "creating"
    if key.stage == Stage.ABSENT:
        return "suspended" if key.kept else "absent"
    return _STAGES[key.stage]


def stages(state: State, at: int) -> str:
    """The stage of a key, what is suspended, and what is dying."""
    key = state.keys[at - 1]
    stage = "suspended" if key.stage == Stage.ABSENT and key.kept else _STAGES[key.stage]
    return f"{stage}, {_DYING[key.dying]}" if key.dying else stage


def states(state: State, at: int) -> str:
    """All there is to a state, in words: of states that behave alike, one."""
    return describe(canonical(state))


VIEWS: Final[dict[str, View]] = {"life": life, "stages": stages, "states": states}
"""Name → view; from the first to the last ever more is shown."""


def picture(scope: Scope, view: View) -> Picture:
    """Explore ``scope`` to the end and draw what ``view`` shows of each key. Raises ``ValueError`` for an empty scope."""
    nodes: dict[str, None] = {}
    arrows: dict[tuple[str, str], set[int]] = {}
    places = range(1, scope.keys + 1)

    def note(before: State, action: Action, after: State) -> bool:
        for at in places:
            source, target = view(before, at), view(after, at)
            if source != target:
                nodes.setdefault(source)
                nodes.setdefault(target)
                arrows.setdefault((source, target), set()).add(action.kind)
        return True

    begin = {view(state, at): None for state in initial(scope) for at in places}
    nodes |= begin
    explore(
        initial(scope),
        enabled,
        step,
        invariants={},
        step_invariants={"note": note},
        canonical=canonical,
        label=None,
    )
    order = {node: place for place, node in enumerate(nodes)}
    return Picture(
        tuple(nodes),
        len(begin),
        tuple(
            Arrow(source, target, tuple(ACTIONS[kind] for kind in sorted(kinds)))
            for (source, target), kinds in sorted(
                arrows.items(), key=lambda item: (order[item[0][0]], order[item[0][1]])
            )
        ),
    )


def to_dot(shown: Picture) -> str:
    """``shown`` in the language of Graphviz."""
    number = {node: f"n{place}" for place, node in enumerate(shown.nodes)}
    lines = [
        "digraph pool {",
        '    node [shape=box, style=rounded, fontname="sans-serif"];',
        '    edge [fontname="sans-serif", fontsize=10];',
    ]
    for place, node in enumerate(shown.nodes):
        more = ", penwidth=2" if place < shown.begin else ""
        lines.append(f"    {number[node]} [label={_quoted(node)}{more}];")
    for arrow in shown.arrows:
        label = "\n".join(arrow.actions)
        lines.append(f"    {number[arrow.source]} -> {number[arrow.target]} [label={_quoted(label)}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """A string of Graphviz; a backslash begins an escape there, and a line break is written as one."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def to_mermaid(shown: Picture) -> str:
    """``shown`` as a state diagram of Mermaid."""
    number = {node: f"n{place}" for place, node in enumerate(shown.nodes)}
    lines = ["stateDiagram-v2"]
    lines += [f"    state {_entities(node)} as {number[node]}" for node in shown.nodes]
    lines += [f"    [*] --> {number[node]}" for node in shown.nodes[: shown.begin]]
    lines += [
        f"    {number[arrow.source]} --> {number[arrow.target]}: {_escaped(', '.join(arrow.actions))}"
        for arrow in shown.arrows
    ]
    return "\n".join([*lines, ""])


def _entities(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Text of Mermaid: what has a meaning there is written as an entity, which it marks with ``#`` and ``;``."""
    marked = "".join(f"#{ord(sign)};" if sign in '#;:"<>{}%`\\' else sign for sign in text)
    return marked.replace("\n", "<br/>")


FORMATS: Final[dict[str, Callable[[Picture], str]]] = {"dot": to_dot, "mermaid": to_mermaid}
"""Name → how a picture is written."""
