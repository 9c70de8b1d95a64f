"""A result as one page that needs nothing but itself: what was decided, and each violation with its interleaving."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from acpool_spec.reports.plain import plain
from acpool_spec.reports.result import Case, Result
from acpool_spec.verdict import Outcome

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 78rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
td.number { text-align: right } pre { overflow-x: auto; padding: .8rem; border: 1px solid #8886; font-size: 13px }
.holds { color: light-dark(#106b21, #6bd07d) } .undecided { color: light-dark(#8a5a00, #f0b84d) }
.violated { color: light-dark(#b3141d, #ff7b80); font-weight: bold }
"""


def page(result: Result, folder: Path) -> str:
    """The text of the page; ``folder``: where it will lie, so that it can point to what lies there."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>acpool check: {result.outcome.value}</title><style>{_STYLE}</style></head><body>",
            f"<h1>acpool check: {_verdict(result.outcome)}</h1>",
            f"<p>{_text(', '.join(result.pools))}, within {_text(result.bound)}, {result.seconds:.0f} s.</p>",
            f"<p>{_text(str(result.canary))}</p>",
            *_old(result),
            "<table><tr><th>id<th>property<th>pool<th>verdict<th>tested<th>why</tr>",
            *map(_row, result.cases),
            "</table>",
            *(line for case in result.violated for line in _story(case, folder)),
            "</body></html>",
            "",
        ]
    )


def _old(result: Result) -> Iterator[str]:
    if result.old:
        yield "<h2>Old failures</h2><ul>"
        for old in result.old:
            yield f'<li class="{old.outcome.value}">{_text(str(old))}</li>'
        yield "</ul>"


def _row(case: Case) -> str:
    number = f'<td class="number">{case.tested:,}'
    why = _text(case.why.partition("\n")[0])
    known = f'<a href="#{_anchor(case)}">{case.id}</a>' if case.outcome is Outcome.VIOLATED else case.id
    return f"<tr><td>{known}<td>{_text(case.name)}<td>{_text(case.pool)}<td>{_verdict(case.outcome)}{number}<td>{why}</tr>"


def _story(case: Case, folder: Path) -> Iterator[str]:
    yield f'<h2 id="{_anchor(case)}">{case.id} {_text(case.name)}, {_text(case.pool)}</h2>'
    yield f"<p>{'<br>'.join(_text(line) for line in case.details())}</p>"
    links = [("picture", case.picture), ("schedule", case.file)]
    yield "<p>" + ", ".join(_link(name, path, folder) for name, path in links if path is not None) + "</p>"
    yield f"<pre>{_text(chr(10).join(case.timeline))}</pre>"


def _link(name: str, path: Path, folder: Path) -> str:
    where = quote(plain(os.path.relpath(path, folder)))
    return f'<a href="{html.escape(where)}">{name}</a>'


def _anchor(case: Case) -> str:
    return html.escape(quote(f"{case.id}-{case.pool}", safe=""))


def _verdict(outcome: Outcome) -> str:
    return f'<span class="{outcome.value}">{outcome.value}</span>'


def _text(text: str) -> str:
    return html.escape(plain(text))
