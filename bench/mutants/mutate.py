"""Small changes to a module's syntax tree, each of which a test should notice.

Comparisons, arithmetic, logic, numbers, returned values, bare conditions, and statements left out.
Text is left alone, and so are assertions and what is raised: what a sentence says is read by people
and is held by the tests of sentences. So is how a class is made (``frozen=True``), whether a
decorator says it or the class itself.
"""

import ast
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_LEFT_ALONE = (ast.Assert, ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SHOWN_MAX = 90
_BARE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it was and is. ``place`` is the node's place in ``ast.walk``.

    ``line`` to ``last_line``: the statement around it, of a block the head.

    ``of`` counts equal changes inside one function: with it the name holds while lines move.
    """

    path: str
    where: str
    line: int
    last_line: int
    was: str
    now: str
    of: int
    place: int
    change: int

    @property
    def key(self) -> str:
        """Name it."""
        return f"{self.path}: {self.where}: {self.was} -> {self.now} ({self.of})"


def mutants(text: str, path: str) -> list[Mutant]:
    """Give every mutant of a module."""
    tree = ast.parse(text)
    owners, statements, found = _owners(tree), _statements(tree), list[Mutant]()
    seen = Counter[tuple[str, str, str]]()
    for place, node in enumerate(ast.walk(tree)):
        if node not in owners:
            continue
        for change, new in enumerate(changes(node)):
            was, now = _shown(node), _shown(new)
            seen[owners[node], was, now] += 1
            count = seen[owners[node], was, now]
            lines = statements.get(node, (0, 0))
            found.append(Mutant(path, owners[node], *lines, was, now, count, place, change))
    return found


def mutated(text: str, mutant: Mutant) -> ast.Module:
    """Give the module's tree with one mutant in it."""
    tree = ast.parse(text)
    node = next(itertools.islice(ast.walk(tree), mutant.place, None))
    new = ast.copy_location(changes(node)[mutant.change], node)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if item is node else item for item in value]
    return ast.fix_missing_locations(tree)


def changes(node: ast.AST) -> list[ast.AST]:
    """Give what may stand in a node's place."""
    change = _CHANGES.get(type(node))
    return [] if change is None else change(node)


def _compare(node: ast.Compare) -> list[ast.AST]:
    others = COMPARISONS[type(node.ops[0])] if len(node.ops) == 1 else ()
    return [_with(node, ops=[other()]) for other in others]


def _calculate(node: ast.BinOp | ast.AugAssign) -> list[ast.AST]:
    other = OPERATORS.get(type(node.op))
    return [] if other is None else [_with(node, op=other())]


def _combine(node: ast.BoolOp) -> list[ast.AST]:
    return [_with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())]


def _constant(node: ast.Constant) -> list[ast.AST]:
    if isinstance(node.value, bool):
        return [ast.Constant(not node.value)]
    return [ast.Constant(node.value + 1)] if isinstance(node.value, int | float) else []


def _condition(node: ast.If | ast.IfExp | ast.While) -> list[ast.AST]:
    """A bare condition; what compares or combines is changed itself."""
    if not isinstance(node.test, _BARE):
        return []
    return [_with(node, test=ast.UnaryOp(ast.Not(), node.test))]


def _return(node: ast.Return) -> list[ast.AST]:
    nothing = node.value is None or (
        isinstance(node.value, ast.Constant) and node.value.value in {None, False}
    )
    return [] if nothing else [ast.Return(ast.Constant(None))]


def _expression(node: ast.Expr) -> list[ast.AST]:
    return [ast.Pass()] if isinstance(node.value, ast.Call) else []


def _assign(node: ast.Assign) -> list[ast.AST]:
    kept = isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    return [ast.Pass()] if kept else []


_CHANGES: dict[type[ast.AST], Callable[[Any], list[ast.AST]]] = {
    ast.Compare: _compare,
    ast.BinOp: _calculate,
    ast.AugAssign: _calculate,
    ast.BoolOp: _combine,
    ast.UnaryOp: lambda node: [node.operand],
    ast.Constant: _constant,
    ast.If: _condition,
    ast.IfExp: _condition,
    ast.While: _condition,
    ast.Return: _return,
    ast.Expr: _expression,
    ast.Assign: _assign,
}


def _shown(node: ast.AST) -> str:
    """Show a change in one line: of a branch its condition."""
    text = ast.unparse(node.test if isinstance(node, ast.If | ast.While) else node)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _with(node: ast.AST, **fields: object) -> ast.AST:
    return type(node)(**dict(ast.iter_fields(node)) | fields)


def _is_asserted(node: ast.AST) -> bool:
    """Tell whether it is the ``strict=True`` of a ``zip``, which asserts that lengths are equal."""
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _owners(tree: ast.Module) -> dict[ast.AST, str]:
    """Name the function around each node that may change; what is left alone has none."""
    owners: dict[ast.AST, str] = {}

    def visit(node: ast.AST, owner: str) -> None:
        if isinstance(node, _LEFT_ALONE) or _is_asserted(node):
            return
        if isinstance(node, _FUNCTIONS):
            owner = f"{owner}.{node.name}".lstrip(".")
        owners[node] = owner or "module"
        for name, value in ast.iter_fields(node):
            made = isinstance(node, ast.ClassDef) and name == "keywords"
            if made or name in {"annotation", "returns", "decorator_list"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    visit(child, owner)

    visit(tree, "")
    return owners


def _statements(tree: ast.Module) -> dict[ast.AST, tuple[int, int]]:
    """Give the lines of the innermost statement around each node; of a block, of its head."""
    lines: dict[ast.AST, tuple[int, int]] = {}
    for statement in ast.walk(tree):  # outer ones come first
        if isinstance(statement, ast.stmt):
            body = getattr(statement, "body", None)
            last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
            span = (statement.lineno, max(last, statement.lineno))
            lines |= dict.fromkeys(ast.walk(statement), span)
    return lines
