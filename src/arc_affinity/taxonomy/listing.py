"""A function's source as a syntax tree with one statement a line, so that its formatting does not matter."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from arc_affinity.errors import ArcAffinityError

SHOWN = 100
"""Characters of an expression that are shown as the reason of a decision."""


@dataclass(frozen=True)
class Listing:
    """A function written anew by Python itself: ``length`` lines, the signature being line 1."""

    tree: ast.FunctionDef
    length: int

    @classmethod
    def of(cls, source: str) -> Listing:
        """Return the listing of the one function in ``source``.

        Raises:
            ArcAffinityError: this is not the source of one function.
        """
        try:
            text = ast.unparse(ast.parse(textwrap.dedent(source)))
            found = ast.parse(text).body
        except SyntaxError as error:
            raise ArcAffinityError(f"source is not Python: {error.msg} (line {error.lineno})") from error
        if len(found) != 1 or not isinstance(found[0], ast.FunctionDef):
            raise ArcAffinityError("source is not that of one function")
        return cls(found[0], len(text.splitlines()))

    @cached_property
    def nodes(self) -> tuple[ast.stmt | ast.expr, ...]:
        """Every statement and expression in the order of the text, what encloses before what it holds."""
        found = (node for node in ast.walk(self.tree) if isinstance(node, ast.stmt | ast.expr))
        return tuple(sorted(found, key=lambda node: (node.lineno, node.col_offset)))

    @cached_property
    def assignments(self) -> tuple[ast.Assign, ...]:
        """Every assignment, in the order of the text."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Assign))


def targets(assignment: ast.Assign) -> tuple[str, ...]:
    """Return the names that an assignment gives a value to."""
    named = [node for target in assignment.targets for node in ast.walk(target)]
    return tuple(node.id for node in named if isinstance(node, ast.Name))


def named(node: ast.AST, names: Collection[str]) -> ast.Name | None:
    """Return the first use of one of ``names`` within ``node``, or None."""
    return next((each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in names), None)


def called(node: ast.AST, names: Collection[str]) -> ast.Call | None:
    """Return the first call of one of the functions ``names`` within ``node``, or None."""
    return call_among(ast.walk(node), names)


def call_among(nodes: Iterable[ast.AST], names: Collection[str]) -> ast.Call | None:
    """Return the first of ``nodes`` that is itself a call of one of the functions ``names``, or None."""
    return next((each for each in nodes if isinstance(each, ast.Call) and name_of(each.func) in names), None)


def name_of(node: ast.AST) -> str:
    """Return what a name or attribute is called, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def shown(node: ast.AST) -> str:
    """Return a node as one line of at most `SHOWN` characters; of a block, its head."""
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
