"""Which guards a module has, read from its syntax tree by a rule, so that none can be left out of the list of mutants.

The rule. Guards are

* every condition of an ``if``, ``while``, conditional expression, comprehension or ``case``, and every operand of ``and`` and
  ``or`` that is returned, assigned or passed on; of a condition with operands, each of them by itself, with its ``not``;
* every comparison that is returned, assigned or passed on;
* every ``finally``, every ``except``, every ``case`` but the last resort;
* every call by whose name somebody is shielded, bounded, woken, interrupted or ended (:data:`CALLS`).

None is what only tells somebody of a step (conditions on ``trace`` and ``listening``), and what only checkers of types read
(assertions).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

CALLS: Final = frozenset(
    {
        *(
            "shield",
            "suppress",
            "timeout",
            "timeout_at",
            "call_at",
            "call_later",
            "reschedule",
        ),  # shielded, bounded
        *("_serve", "perform", "set", "set_result", "add_done_callback", "Wake", "Served", "Queued"),  # woken
        *(
            "cancel",
            "uncancel",
            "kill_process",
            "killpg",
            "signal_group",
            "Interrupt",
            "Close",
            "Stop",
        ),  # ended
    }
)
_TELLS: Final = frozenset({"trace", "listening"})


@dataclass(frozen=True, slots=True)
class Guard:
    """``text``, as Python writes it, in the function ``where``, the ``number``-th such from its top.

    ``line`` of the module, from 1; ``start`` and ``end``: its place in the module, in bytes of UTF-8.
    """

    where: str
    kind: str
    text: str
    number: int
    line: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """``where: kind text``, with a number from the second such on: what lists of mutants and exemptions call it."""
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.where}: {self.kind} {self.text}{again}"


class _Found(NamedTuple):
    where: str
    kind: str
    node: ast.expr | ast.stmt | ast.pattern


@lru_cache(maxsize=256)
def guards_of(source: str) -> tuple[Guard, ...]:
    """Every guard of the module ``source``, from top to bottom. Raises ``SyntaxError``."""
    begins = [0]
    for line in source.encode().splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    met: Counter[tuple[str, str, str]] = Counter()
    found: list[Guard] = []
    for where, kind, node in sorted(
        _walk(ast.parse(source), ()), key=lambda one: (one.node.lineno, one.node.col_offset, one.kind)
    ):
        text = " ".join(ast.unparse(node).split())
        met[where, kind, text] += 1
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = begins[node.lineno - 1] + node.col_offset
        end = begins[node.end_lineno - 1] + node.end_col_offset
        found.append(Guard(where, kind, text, met[where, kind, text], node.lineno, start, end))
    return tuple(found)


def removed(before: str, after: str) -> list[str]:
    """Names of the guards of the module ``before`` that are not in ``after``; of equal ones the last are missing."""
    names = {guard.name for guard in guards_of(after)}
    return [guard.name for guard in guards_of(before) if guard.name not in names]


def _walk(node: ast.AST, scope: tuple[str, ...]) -> Iterator[_Found]:
    """The guards below ``node``, each with its function and its kind."""
    where = ".".join(scope)
    match node:
        case ast.Assert():
            return
        case ast.Try(finalbody=[first, *_]):
            yield _Found(where, "finally", first)
        case ast.ExceptHandler(type=ast.expr() as kind):
            yield _Found(where, "except", kind)
        case ast.Call() if _called(node) in CALLS and (
            node.args or _called(node) != "set" or not _is_name(node)
        ):
            yield _Found(where, "call", node)
        case ast.match_case(pattern=pattern) if not _last_resort(pattern):
            yield _Found(where, "case", pattern)
        case _:
            pass
    for condition in _conditions(node):
        for operand in _operands(condition):
            if not _tells(operand):
                yield _Found(where, "test", operand)
    inner = scope
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        inner = (*scope, node.name)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, inner)


def _conditions(node: ast.AST) -> list[ast.expr]:
    """What is asked at ``node`` itself."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return [] if isinstance(test, ast.Constant) else [test]
        case ast.comprehension(ifs=ifs):
            return ifs
        case ast.match_case(guard=ast.expr() as guard):
            return [guard]
        case (
            ast.Assign(value=value)
            | ast.AnnAssign(value=ast.expr() as value)
            | ast.Return(value=ast.expr() as value)
        ):
            return _computed(value)
        case ast.Call(args=args, keywords=keywords):
            return [
                part for value in (*args, *(given.value for given in keywords)) for part in _computed(value)
            ]
        case _:
            return []


def _computed(value: ast.expr) -> list[ast.expr]:
    """``value`` where it is a condition that is not asked at once."""
    return [value] if isinstance(value, (ast.BoolOp, ast.Compare)) else []


def _operands(condition: ast.expr) -> Iterator[ast.expr]:
    match condition:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _operands(value)
        case ast.UnaryOp(operand=ast.BoolOp() as operand):
            yield from _operands(operand)
        case _:
            yield condition


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_name(call: ast.Call) -> bool:
    """Whether it calls a builtin, such as ``set()``, and no method."""
    return isinstance(call.func, ast.Name)


def _tells(operand: ast.expr) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in _TELLS for node in ast.walk(operand))


def _last_resort(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None
