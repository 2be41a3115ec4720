"""Where a wrong answer is one small change from being right, the change is found, and its line is named.

The student's function is changed in one place at a time, as a hand slips: a sign, a comparison, an index, a mask, a
part too much or too few. If one of these functions is right on every case, the sentence says where to look and for
what; it does not write the line. So a diagnosis is never a guess: with that change the answer is right.
"""

import ast
import contextlib
import copy
import inspect
import io
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

SECONDS = 2.0
"""Processor time that the search may take."""
EXCHANGED = {
    "mean": "sum",
    "minimum": "maximum",
    "min": "max",
    "amin": "amax",
    "softmax": "log_softmax",
    "cumsum": "cumprod",
}
EXCHANGED |= {other: one for one, other in EXCHANGED.items()}
PASSED_OVER = {"detach", "clone", "flip", "exp", "log", "abs", "square", "tanh", "sqrt", "sum", "mean"}
TURNED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr}
OPERATORS |= {ast.BitOr: ast.BitAnd}

SIGN = "A plus or a minus there is the wrong way round."
OPERATOR = "Something there is multiplied where it should be divided, or the other way round; or & stands for |."
TOO_MUCH = "Something there does not belong in."
TOO_FEW = "Something is missing there that the formula has."
SIDES = "Two things there stand in each other's place."
NAME = "Another name belongs there."
SQUARE = "A square is missing there."
COMPARISON = "Look at the comparison there: which way round, and with or without equality?"
INDEX = "An index there is one step off."
MASK = "A mask there is the wrong way round: for which rows should it be true?"
EXCHANGE = (
    "A function there stands where its sibling should: mean and sum, least and largest, probability and logarithm."
)
AXIS = "The axis or the constant there is not the one meant."
ROWS = "A loop there begins, ends, or runs the wrong way round: which row is the first that it should see?"
GRAPH = "Look at what is a constant there: a gradient flows where none should, or is cut where it is needed."
CONDITION = "A condition there is the wrong way round, or should not be there."
ADDED = "A running total there is overwritten, or added to, where the other is meant."


class Change(NamedTuple):
    """One change: what to look for, the line in the function's source that it touches, and the source after it."""

    words: str
    line: int
    source: str


def nearly(student: Callable, agrees: Callable[[Callable], bool]) -> str:
    """Where a function is one change from being right: a sentence; empty if it is not, or nobody can tell.

    Args:
        student: the function, with a source.
        agrees: whether a function is right on every case; it may raise.
    """
    try:
        source = textwrap.dedent(inspect.getsource(student))
        whole = isinstance(ast.parse(source).body[0], ast.FunctionDef | ast.ClassDef)
    except (OSError, TypeError, SyntaxError):
        return ""
    if not whole:  # the source of a lambda is its whole line, the call of the checker included
        return ""
    until = time.process_time() + SECONDS
    for change in changes(source, insert=True):
        if time.process_time() > until:
            return ""
        with contextlib.suppress(Exception):
            names = dict(student.__globals__)
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # they may print, too
                warnings.simplefilter("ignore")  # "'int' object is not subscriptable": so it is, and the next is tried
                exec(compile(change.source, "<one change>", "exec"), names)
                right = agrees(names[student.__name__])
            if right:
                line = source.splitlines()[change.line - 1].strip()
                return f"One change makes it right. Look at `{line}`. {change.words}"
    return ""


def changes(source: str, *, insert: bool = False) -> Iterator[Change]:
    """Every source that differs from this one by one change; with `insert`, also those with one part put in, later."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    nodes = list(ast.walk(tree))
    edits = [(number, *edit) for number, node in enumerate(nodes) for edit in _edits(node)]
    if insert:
        names = _names(tree)
        written = _written(tree)
        edits += [
            (number, *edit)
            for number, node in enumerate(nodes)
            if id(node) not in written
            for edit in _insertions(node, names)
        ]
    for number, words, edit in edits:
        changed = copy.deepcopy(tree)
        twin = next(other for place, other in enumerate(ast.walk(changed)) if place == number)
        with contextlib.suppress(Exception):
            _put(changed, twin, edit(twin))
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text not in seen:
                seen.add(text)
                yield Change(words, getattr(nodes[number], "lineno", 1), text)


def _written(tree: ast.AST) -> set[int]:
    """Every node of what is assigned to: in -out[t] = 1 the minus would change a copy, and hide the line."""
    kinds = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For
    targets = [getattr(node, "targets", None) or [node.target] for node in ast.walk(tree) if isinstance(node, kinds)]
    return {id(inner) for several in targets for target in several for inner in ast.walk(target)}


def _names(tree: ast.AST) -> list[str]:
    """What the function is given, and what it has named itself."""
    given = [
        one.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for one in (*node.args, *node.kwonlyargs)
    ]
    made = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return list(dict.fromkeys([*given, *made]))


def _put(tree: ast.AST, old: ast.AST, new: Any) -> None:
    """Put a node, or a list of them, in the place of another."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
                return
            if isinstance(value, list) and any(item is old for item in value):
                place = next(place for place, item in enumerate(value) if item is old)
                value[place : place + 1] = new if isinstance(new, list) else [new]
                return


Edit = tuple[str, Callable[[Any], Any]]


def _edits(node: ast.AST) -> Iterator[Edit]:
    """The changes that fit a node, each with what to look for."""
    if isinstance(node, ast.BinOp):
        yield from _arithmetic(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert | ast.Not):
        yield SIGN if isinstance(node.op, ast.USub) else MASK, lambda n: n.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        if other := TURNED.get(type(node.ops[0])):
            yield COMPARISON, lambda n: ast.Compare(n.left, [other()], n.comparators)
        yield COMPARISON, lambda n: ast.Compare(n.comparators[0], n.ops, [n.left])
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Store):
        yield from _index(node)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield SIDES, lambda n: ast.Tuple(n.elts[::-1], n.ctx)
    else:
        yield from _statement(node)


def _statement(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.Return) and node.value is not None:
        yield SIGN, lambda n: ast.Return(ast.UnaryOp(ast.USub(), n.value))
    elif isinstance(node, ast.If | ast.IfExp):
        yield CONDITION, lambda n: type(n)(ast.UnaryOp(ast.Not(), n.test), n.body, n.orelse)
        yield CONDITION, lambda n: n.body
    elif isinstance(node, ast.With):
        yield GRAPH, lambda n: n.body
    elif isinstance(node, ast.Assign | ast.Expr):
        yield TOO_MUCH, lambda n: ast.Pass()
    elif isinstance(node, ast.AugAssign):
        yield TOO_MUCH, lambda n: ast.Pass()
        yield ADDED, lambda n: ast.Assign([n.target], n.value)
        if other := OPERATORS.get(type(node.op)):
            yield SIGN, lambda n: ast.AugAssign(n.target, other(), n.value)


def _arithmetic(node: ast.BinOp) -> Iterator[Edit]:
    if other := OPERATORS.get(type(node.op)):
        words = SIGN if isinstance(node.op, ast.Add | ast.Sub) else OPERATOR
        yield words, lambda n: ast.BinOp(n.left, other(), n.right)
    if isinstance(node.op, ast.Mult | ast.Pow | ast.Add):
        for kind in (ast.Mult, ast.Pow, ast.Add):
            if not isinstance(node.op, kind):
                yield OPERATOR, lambda n, kind=kind: ast.BinOp(n.left, kind(), n.right)
    yield TOO_MUCH, lambda n: n.left
    yield TOO_MUCH, lambda n: n.right
    if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.MatMult):
        yield SIDES, lambda n: ast.BinOp(n.right, n.op, n.left)


def _index(node: ast.Subscript) -> Iterator[Edit]:
    whole = not isinstance(node.slice, ast.Tuple | ast.Slice)
    if whole and not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
        for kind in (ast.Add, ast.Sub):
            yield INDEX, lambda n, kind=kind: ast.Subscript(n.value, ast.BinOp(n.slice, kind(), ast.Constant(1)), n.ctx)
    yield TOO_MUCH, lambda n: n.value


def _call(node: ast.Call) -> Iterator[Edit]:
    method = isinstance(node.func, ast.Attribute)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if method and name in EXCHANGED:
        yield EXCHANGE, lambda n: ast.Call(ast.Attribute(n.func.value, EXCHANGED[name]), n.args, n.keywords)
    of_torch = isinstance(getattr(node.func, "value", None), ast.Name) and node.func.value.id == "torch"
    if method and name in PASSED_OVER:
        words = GRAPH if name in ("detach", "clone") else TOO_MUCH
        yield words, lambda n: n.args[0] if of_torch else n.func.value
    if name == "reversed":
        yield ROWS, lambda n: n.args[0]
    elif name == "range":
        yield ROWS, lambda n: ast.Call(ast.Name("reversed"), [n], [])
        if len(node.args) == 1:
            one = ast.Constant(1)
            yield ROWS, lambda n: ast.Call(n.func, [one, *n.args], [])
            yield ROWS, lambda n: ast.Call(n.func, [ast.BinOp(n.args[0], ast.Sub(), one)], [])
        elif len(node.args) == 2:
            yield ROWS, lambda n: ast.Call(n.func, n.args[1:], [])
    if len(node.args) >= 2:
        yield SIDES, lambda n: ast.Call(n.func, [n.args[1], n.args[0], *n.args[2:]], n.keywords)
    if len(node.args) >= 3:
        yield SIDES, lambda n: ast.Call(n.func, [n.args[0], n.args[2], n.args[1], *n.args[3:]], n.keywords)


def _constant(node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    for other in dict.fromkeys((value + 1, value - 1, -1 - value, -value, 2 * value, value / 2, 0, 1)):
        same_kind = isinstance(value, float) or float(other).is_integer()
        if same_kind and other != value:
            yield AXIS, lambda n, other=other: ast.Constant(type(value)(other))


def _insertions(node: ast.AST, names: list[str]) -> Iterator[Edit]:
    """What may be missing around a part: a factor, a term, a mask, a sign, detach, no_grad, an end of a sum."""
    if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Subscript | ast.UnaryOp) or not _is_value(node):
        return
    yield SIGN, lambda n: ast.UnaryOp(ast.USub(), n)
    yield MASK, lambda n: ast.UnaryOp(ast.Invert(), n)
    for method, words in (("detach", GRAPH), ("exp", EXCHANGE), ("log", EXCHANGE), ("mean", TOO_FEW), ("sum", TOO_FEW)):
        yield words, lambda n, method=method: ast.Call(ast.Attribute(n, method), [], [])
    yield SQUARE, lambda n: ast.BinOp(n, ast.Pow(), ast.Constant(2))
    yield TOO_FEW, _rest
    for name in names:
        for kind in (ast.Mult, ast.Add, ast.Sub, ast.Div):
            yield TOO_FEW, lambda n, name=name, kind=kind: ast.BinOp(n, kind(), ast.Name(name))
        yield TOO_FEW, lambda n, name=name: ast.BinOp(n, ast.Mult(), _rest(ast.Name(name)))
        yield TOO_FEW, lambda n, name=name: ast.BinOp(n, ast.Mult(), ast.UnaryOp(ast.Invert(), ast.Name(name)))
        yield TOO_FEW, lambda n, name=name: ast.Subscript(n, ast.Name(name), ast.Load())
        if isinstance(node, ast.Name) and node.id != name:
            yield NAME, lambda n, name=name: ast.Name(name)


def _rest(node: ast.expr) -> ast.expr:
    """One minus a part."""
    return ast.BinOp(ast.Constant(1), ast.Sub(), node)


def _is_value(node: ast.AST) -> bool:
    """Whether a node is read and not written to."""
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
