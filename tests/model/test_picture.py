"""The state graph as a picture: what is in it, and that labels are escaped; as a script it draws the one in spec/SPEC.md anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_model import Kind, Scope
from acpool_model.picture import ACTIONS, VIEWS, Arrow, Picture, picture, to_dot, to_mermaid
from acpool_spec.pages import Page

AWKWARD = Picture(
    ('say "a\\b"', "two\nlines; <end> #1: {x}"),
    1,
    (Arrow('say "a\\b"', "two\nlines; <end> #1: {x}", ("go", "on")),),
)


def test_every_action_has_a_name() -> None:
    assert (
        len(set(ACTIONS.values()))
        == len(ACTIONS)
        == sum(isinstance(kind, int) for kind in vars(Kind).values())
    )


def test_the_life_of_one_key() -> None:
    shown = picture(Scope(1, 1, 1), VIEWS["life"])
    assert shown.nodes[: shown.begin] == ("absent", "suspended")
    assert set(shown.nodes) == {"absent", "suspended", "creating", "idle", "leased", "closing"}
    arrows = {(arrow.source, arrow.target): arrow.actions for arrow in shown.arrows}
    assert arrows["absent", "creating"] == arrows["idle", "leased"] == ("ask",)
    assert arrows["leased", "idle"] == ("leave", "release")
    # What is taken out of use is closing first, whatever becomes of it.
    assert {source for source, target in arrows if target == "suspended"} == {"creating", "closing"}
    assert "closing" in {target for source, target in arrows if source == "idle"}


def test_every_state_of_the_smallest_scope_is_a_node() -> None:
    shown = picture(Scope(1, 1, 1), VIEWS["states"])
    # 178 states (derived in test_counts.py); of the 70 in which the client waits two look alike, since words do not tell
    # whether it asked for the session or for its lease, too.
    assert len(shown.nodes) == 178 - 70 // 2
    assert all(arrow.source != arrow.target for arrow in shown.arrows)


def test_stages_show_what_is_dying() -> None:
    shown = picture(Scope(1, 1, 1), VIEWS["stages"])
    assert {
        "opening",
        "loading",
        "idle",
        "promised, a process is closing",
        "suspended, a start is stopping",
    } <= set(shown.nodes)


def test_dot_escapes_labels() -> None:
    text = to_dot(AWKWARD)
    assert '[label="say \\"a\\\\b\\"", penwidth=2];' in text
    assert '[label="two\\nlines; <end> #1: {x}"];' in text
    assert 'n0 -> n1 [label="go\\non"];' in text


def test_mermaid_escapes_labels() -> None:
    lines = to_mermaid(AWKWARD).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert lines[1] == '    state "say #34;a#92;b#34;" as n0'
    assert lines[2] == '    state "two<br/>lines#59; #60;end#62; #35;1#58; #123;x#125;" as n1'
    assert lines[3:] == ["    [*] --> n0", "    n0 --> n1: go, on"]


def life() -> str:
    """The life of a key. Two keys for one slot, two clients: whatever happens to a key happens there."""
    return f"```mermaid\n{to_mermaid(picture(Scope(2, 2, 1), VIEWS['life']))}```\n"


PAGE = Page(Path(__file__).parents[2] / "spec" / "SPEC.md", "tests/model/test_picture.py", {"life": life})


@pytest.mark.no_cover
def test_the_page_shows_the_life_of_a_key() -> None:
    text = PAGE.read()
    assert PAGE.filled(text) == text


if __name__ == "__main__":
    PAGE.write()
