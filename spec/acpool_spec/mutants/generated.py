"""The mutants that cosmic-ray makes of a module: those that are another program, each once.

What is compared is the syntax tree, by functions, without what says nothing when the program runs: annotations, and in a signature
the ``*`` and ``/`` between the arguments, with which the same calls mean the same.

Left out are operators whose mutants say the same or cannot be run at all: identity compared by anything else than identity;
arithmetic in place of ``|``, ``&`` and ``^``, which join truth values and sets here, so that what arithmetic says of them is said by
the three already, or raises; and places for names that do not exist.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from difflib import unified_diff
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias

from acpool_spec.mutants.mutant import Mutant, source_of

LEFT_OUT: Final = re.compile(
    r"core/(ReplaceBinaryOperator_Bit(Or|And|Xor)_(?!Bit)\w+"
    r"|ReplaceComparisonOperator_(Is|IsNot)_(?!Is)\w+|ReplaceComparisonOperator_(?!Is)\w+_(Is|IsNot)"
    r"|VariableReplacer|VariableInserter)"
)

Place: TypeAlias = tuple[str, int]
"""An operator by its name, and the how-manieth of the places where it can be applied."""


class Generated(NamedTuple):
    """A mutant, and the ``digest`` of the functions that it changes, as they are afterwards: of one room, no two have the same."""

    mutant: Mutant
    digest: str


def places(source: str) -> list[Place]:
    """Where which operator can be applied to a module, in the order of their names."""
    # By name, since it has no types, and is needed here alone.
    plugins: Any = import_module("cosmic_ray.plugins")
    trees: Any = import_module("cosmic_ray.ast")
    nodes = list(trees.ast_nodes(trees.get_ast(source)))
    found: list[Place] = []
    for name in sorted(plugins.operator_names()):
        if not LEFT_OUT.fullmatch(name):
            operator: Any = plugins.get_operator(name)()
            times = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            found += [(name, occurrence) for occurrence in range(times)]
    return found


def generated(package: str, module: str) -> Iterator[Generated]:
    """The mutants of one module, in the order of :func:`places`, without those that are the same program as it or another."""
    plugins: Any = import_module("cosmic_ray.plugins")
    mutating: Any = import_module("cosmic_ray.mutating")
    source = source_of(module, package)
    before = parts_of(source)
    known: set[str] = set()
    for name, occurrence in places(source):
        after: str | None = mutating.mutate_code(source, plugins.get_operator(name)(), occurrence)
        digest = "" if after is None else _digest(before, after)
        if after is None or not digest or digest in known:
            continue
        known.add(digest)
        mutant = Mutant(
            name=f"{module}:{name.removeprefix('core/')}:{occurrence}",
            module=module,
            package=package,
            keeps="what it says",
            breaks=("S1",),
            before=source,
            after=after,
        )
        yield Generated(mutant, digest)


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


def _digest(before: dict[str, str], after: str) -> str:
    """Of the parts that differ; empty where none does, and where it is no Python."""
    try:
        changed = [f"{name}\n{text}" for name, text in parts_of(after).items() if before.get(name) != text]
    except SyntaxError:
        return ""
    return hashlib.blake2b("\n".join(changed).encode(), digest_size=6).hexdigest() if changed else ""


@lru_cache(maxsize=4)
def parts_of(source: str) -> dict[str, str]:
    """Every function of the module ``source`` that is in no other one, by its name, and under ``""`` what is left without them."""
    tree = _Bare().visit(ast.parse(source))
    found: dict[str, str] = {}

    def take(body: list[ast.stmt], place: str) -> None:
        for number, node in enumerate(body):
            if isinstance(node, ast.ClassDef):
                take(node.body, f"{place}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # A property and its setter have one name.
                name = place + node.name
                found[name] = f"{found.get(name, '')}\n{ast.unparse(node)}"
                body[number] = ast.Pass()

    take(tree.body, "")
    found[""] = ast.unparse(tree)
    return found


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
