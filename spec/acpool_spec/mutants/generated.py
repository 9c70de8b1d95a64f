"""The mutants that cosmic-ray makes of a module: those that are another program, each once.

They are made function by function, so that a mutant keeps its name while its function stays as it is. What is compared is the
syntax tree without what says nothing when the program runs: annotations, and in a signature the ``*`` and ``/`` between the
arguments, with which the same calls mean the same.

Left out are operators whose mutants say the same or cannot be run at all: identity compared by anything else than identity;
arithmetic in place of ``|``, ``&`` and ``^``, which join truth values and sets here, so that what arithmetic says of them is said
by the three already, or raises; and names in place of others, where they do not exist.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from importlib import import_module
from typing import Any, Final

from acpool_spec.mutants.mutant import Mutant, source_of

LEFT_OUT: Final = re.compile(
    r"core/(ReplaceBinaryOperator_Bit(Or|And|Xor)_(?!Bit)\w+"
    r"|ReplaceComparisonOperator_(Is|IsNot)_(?!Is)\w+|ReplaceComparisonOperator_(?!Is)\w+_(Is|IsNot)"
    r"|VariableReplacer|VariableInserter)"
)
OUTSIDE: Final = "<module>"
"""The name of what is in no function."""


@dataclass(frozen=True, slots=True)
class Part:
    """A function of a module, with its decorators, or what is in none: ``lines`` from line ``start``, of 0, less ``indent``."""

    name: str
    start: int
    indent: str
    lines: tuple[str, ...]

    @property
    def source(self) -> str:
        """The part as a module of its own."""
        return "".join(self.lines)

    def put(self, module: list[str], after: list[str]) -> str:
        """The source of the module of the lines ``module`` with ``after`` in place of this part."""
        if self.name != OUTSIDE:
            there = [self.indent + line if line.strip() else line for line in after]
            return "".join([*module[: self.start], *there, *module[self.start + len(self.lines) :]])
        found: list[str] = []
        for tag, start, end, from_, to in SequenceMatcher(None, self.lines, after, False).get_opcodes():
            found += module[start:end] if tag == "equal" else after[from_:to]
        return "".join(found)


@dataclass(frozen=True, slots=True)
class Generated:
    """A mutant of the ``part`` of that name, and a ``digest`` of the part as it is then: of one room, no two have the same."""

    mutant: Mutant
    part: str
    digest: str


def parts_of(source: str) -> list[Part]:
    """Every function of a module that is in no other one, in their order, and what is left: there, each is a ``pass``."""
    lines = source.splitlines(keepends=True)
    left = list(lines)
    found: list[Part] = []

    def take(body: list[ast.stmt], place: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                take(node.body, f"{place}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                start = min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1
                end = node.end_lineno or node.lineno
                indent = " " * node.col_offset
                own = tuple(line.removeprefix(indent) for line in lines[start:end])
                found.append(Part(place + node.name, start, indent, own))
                left[start:end] = [f"{indent}pass\n", *["\n"] * (end - start - 1)]

    take(ast.parse(source).body, "")
    return [*found, Part(OUTSIDE, 0, "", tuple(left))]


def generated(package: str, module: str) -> Iterator[Generated]:
    """The mutants of one module, part by part, without those that are the same program as it or another."""
    mutating: Any = import_module("cosmic_ray.mutating")
    source = source_of(module, package)
    lines = source.splitlines(keepends=True)
    for part in parts_of(source):
        known = {_essence(part.source)}
        for name, occurrence, operator in _places(part.source):
            text: str | None = mutating.mutate_code(part.source, operator, occurrence)
            essence = "" if text is None else _essence(text)
            if text is None or not essence or essence in known:
                continue
            known.add(essence)
            mutant = Mutant(
                name=f"{module}:{part.name}:{name.removeprefix('core/')}:{occurrence}",
                module=module,
                package=package,
                keeps="what it says",
                breaks=("S1",),
                before=source,
                after=part.put(lines, text.splitlines(keepends=True)),
            )
            digest = hashlib.blake2b(f"{part.name}\n{essence}".encode(), digest_size=6).hexdigest()
            yield Generated(mutant, part.name, digest)


def _places(source: str) -> Iterator[tuple[str, int, Any]]:
    """Where which operator can be applied: its name, the how-manieth place of it, and the operator; in the order of the names."""
    # By name, since it has no types, and is needed here alone.
    plugins: Any = import_module("cosmic_ray.plugins")
    trees: Any = import_module("cosmic_ray.ast")
    nodes = list(trees.ast_nodes(trees.get_ast(source)))
    for name in sorted(plugins.operator_names()):
        if not LEFT_OUT.fullmatch(name):
            operator: Any = plugins.get_operator(name)()
            times = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            for occurrence in range(times):
                yield name, occurrence, operator


def difference(mutant: Mutant) -> str:
    """What a mutant changes, on one line: ``the line before => the line after``."""
    lines = [
        line
        for line in unified_diff(mutant.before.splitlines(), mutant.after.splitlines(), n=0, lineterm="")
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    removed = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    added = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    return f"{removed} => {added}"


def _essence(source: str) -> str:
    """What a module says when it runs; empty where it is no Python."""
    try:
        return ast.unparse(_Bare().visit(ast.parse(source)))
    except SyntaxError:
        return ""


class _Bare(ast.NodeTransformer):
    """Takes out of a tree what says nothing when the program runs."""

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        """Every argument as one that is given by name, with its default, whatever stands between them."""
        self.generic_visit(node)
        plain = [*node.posonlyargs, *node.args]
        defaults = [*[None] * (len(plain) - len(node.defaults)), *node.defaults]
        return ast.arguments(
            posonlyargs=[],
            args=[],
            vararg=node.vararg,
            kwonlyargs=[*plain, *node.kwonlyargs],
            kw_defaults=[*defaults, *node.kw_defaults],
            kwarg=node.kwarg,
            defaults=[],
        )

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Its name alone."""
        return ast.arg(arg=node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """That it is a field, and its default."""
        self.generic_visit(node)
        node.annotation = ast.Name(id="_", ctx=ast.Load())
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """What it returns is an annotation."""
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        """As above."""
        self.generic_visit(node)
        node.returns = None
        return node
