"""Small faults a programmer might make, each as a change of one place in a module's source."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import CodeType
from typing import Any, cast

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_SQL = re.compile(r"\?\d|\b(?:SELECT|WHERE|UPDATE|DELETE)\b")
_SQL_WORDS = re.compile(r"\bAND\b|\bOR\b|\bIS NOT NULL\b|\bIS NULL\b|<>|<=|>=|<|>|=(?! excluded)")
_SQL_SWAPS = {
    "AND": "OR",
    "OR": "AND",
    "IS NOT NULL": "IS NULL",
    "IS NULL": "IS NOT NULL",
    "<>": "=",
    "=": "<>",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
}
_SAYS_NOTHING = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True)
class Mutant:
    """The `number`-th change of a module's source; `before` and `after` show it at its `line`."""

    path: str
    source: str
    number: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {_short(self.before)}  →  {_short(self.after)}"

    def compiled(self, filename: str) -> CodeType:
        """The module with the change, ready to be run."""
        tree = ast.parse(self.source)
        next(islice(_changes(tree), self.number, None)).make()
        return compile(ast.fix_missing_locations(tree), filename, "exec")


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its source."""
    changes = list(_changes(ast.parse(source)))
    found = [Mutant(path, source, number, each.line, each.before, each.after) for number, each in enumerate(changes)]
    return sorted(found, key=lambda mutant: mutant.line)


@dataclass(frozen=True)
class _Change:
    line: int
    before: str
    after: str
    make: Callable[[], None]


@dataclass(frozen=True)
class _Slot:
    """Where a node stands in its parent."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None = None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _changes(tree: ast.AST) -> Iterator[_Change]:
    for slot in _slots(tree):
        if isinstance(slot.node, ast.Constant) and isinstance(slot.node.value, str):
            yield from _changed_text(slot, slot.node, slot.node.value)
        else:
            for node in _alternatives(slot.node):
                line = getattr(slot.node, "lineno", 0) or getattr(slot.parent, "lineno", 0)  # a comprehension has none
                yield _Change(line, ast.unparse(slot.node), ast.unparse(node), partial(slot.put, node))


def _slots(parent: ast.AST) -> Iterator[_Slot]:
    """Every node that does something when the module runs: no docstring, no annotation, no type."""
    for field, value in ast.iter_fields(parent):
        if field in _SAYS_NOTHING:
            continue
        children = cast("list[Any]", value if isinstance(value, list) else [value])
        for index, child in enumerate(children):
            if isinstance(child, ast.AST) and not _is_silent(parent, child, field, index):
                yield _Slot(child, parent, field, index if isinstance(value, list) else None)
                yield from _slots(child)


def _is_silent(parent: ast.AST, child: ast.AST, field: str, index: int) -> bool:
    match parent, child:
        case _, ast.Expr(value=ast.Constant()):
            return True
        case _, ast.Subscript(value=ast.Name(id="Literal" | "Annotated")):
            return True
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "TypedDict")), _:
            return field == "args" and index == 0
        case _:
            return False


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                swapped = _COMPARED[type(operator)]()
                yield ast.Compare(node.left, [*node.ops[:index], swapped, *node.ops[index + 1 :]], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _CALCULATED:
            yield ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
        case ast.IfExp():
            yield ast.IfExp(_negated(node.test), node.body, node.orelse)
        case ast.comprehension(ifs=[_, *_]):
            yield ast.comprehension(node.target, node.iter, [], node.is_async)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(not value if isinstance(value, bool) else value + 1)
        case ast.stmt():
            yield from _other_statements(node)
        case _:
            pass


def _other_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.If() | ast.While() if not isinstance(node.test, ast.UnaryOp):
            yield type(node)(_negated(node.test), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) not in {"None", "{}"}:  # the same to a graph
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case _:
            pass


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _changed_text(slot: _Slot, node: ast.Constant, text: str) -> Iterator[_Change]:
    """SQL is changed word by word, a name as a whole, and prose not at all."""
    if not _SQL.search(text):
        if text and not re.search(r"\s", text) and not isinstance(slot.parent, ast.JoinedStr):
            yield _Change(node.lineno, repr(text), repr(f"{text}?"), partial(slot.put, ast.Constant(f"{text}?")))
        return
    for word in _SQL_WORDS.finditer(text):
        start, end = word.span()
        changed = ast.Constant(f"{text[:start]}{_SQL_SWAPS[word[0]]}{text[end:]}")
        line, around = node.lineno + text.count("\n", 0, start), slice(max(0, start - 30), end + 30)
        after = f"{word[0]} read as {_SQL_SWAPS[word[0]]}"
        yield _Change(line, text[around], after, partial(slot.put, changed))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:87]}…"
