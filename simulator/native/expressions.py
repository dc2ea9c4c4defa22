"""Expressions to LLVM: names, members of records, items, operators, calls."""

import ast
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType

from .builder import BOOL, FLOAT, INT, Builder, Value
from .names import Source, constant_of, fail, source_of
from .records import BYTES, members

__all__ = ["Expressions"]


class Expressions:
    """Lowers the expressions of one function.

    Parameters
    ----------
    source : Source
    code : Builder, which gets the instructions

    Attributes
    ----------
    locals : dict from str to Value, where the local variables lie
    called : set of the functions that are called
    """

    def __init__(self, source: Source, code: Builder) -> None:
        self.locals: dict[str, Value] = {}
        self.called: set[FunctionType] = set()
        self._source = source
        self._code = code
        self._lowered: Mapping[type[ast.expr], Callable[..., Value]] = MappingProxyType(
            {
                ast.Constant: lambda node: self._constant(node, node.value),
                ast.Name: self._name,
                ast.Attribute: self._attribute,
                ast.Subscript: self._subscript,
                ast.UnaryOp: self._unary,
                ast.BinOp: self._binary,
                ast.Compare: self._compare,
                ast.BoolOp: self._bool,
                ast.IfExp: self._choice,
                ast.Call: self._call,
            }
        )

    def value(self, node: ast.expr) -> Value:
        """Return the value of an expression."""
        if type(node) not in self._lowered:
            raise fail(self._source, node, "an expression must be one that native code has")
        return self._lowered[type(node)](node)

    def integer(self, node: ast.expr) -> Value:
        """Return the value of an expression that must be an int."""
        return self._code.cast(self.value(node), INT)

    def truth(self, node: ast.expr) -> Value:
        """Return whether an expression is true."""
        if isinstance(node, ast.BoolOp):
            return self._bool_of(node, [self.truth] * len(node.values))
        value = self.value(node)
        if value.kind == BOOL:
            return value
        if value.kind != INT:
            raise fail(self._source, node, "a condition must be a bool or int")
        return self._code.emit(BOOL, f"icmp ne {value}, 0")

    def place(self, node: ast.expr) -> Value:
        """Return where a name, a member or an item lies."""
        if isinstance(node, ast.Name) and node.id in self.locals:
            return self.locals[node.id]
        if isinstance(node, ast.Attribute):
            return self._member(node)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        raise fail(self._source, node, "what is assigned to must be a name, a member or an item")

    def _constant(self, node: ast.expr, value: object) -> Value:
        found = constant_of(value)
        if found is None:
            raise fail(self._source, node, "a name must be a local one or that of a number")
        return Value(*found)

    def _outside(self, node: ast.expr) -> Value:
        return self._constant(node, self._source.find(node))

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.locals:
            return self._code.load(self.locals[node.id])
        return self._outside(node)

    def _attribute(self, node: ast.Attribute) -> Value:
        root = node.value
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name) and root.id not in self.locals:
            return self._outside(node)
        return self._code.load(self._member(node))

    def _subscript(self, node: ast.Subscript) -> Value:
        place = self._item(node)
        # A record in an array is used by its address.
        return place if place.kind.record is not None else self._code.load(place)

    def _member(self, node: ast.Attribute) -> Value:
        record = self.value(node.value)
        if record.kind.record is None:
            raise fail(self._source, node, "what has members must be a record")
        try:
            place, kind = members(record.kind.record)[node.attr]
        except KeyError:
            raise fail(self._source, node, "a member must be one of the record") from None
        return self._code.emit(kind, f"getelementptr i8, {record}, i64 {place * BYTES}")

    def _item(self, node: ast.Subscript) -> Value:
        array, index = self.value(node.value), self.integer(node.slice)
        element = array.kind.element
        if element is None:
            raise fail(self._source, node, "what has items must be a list")
        size = BYTES * (len(members(element.record)) if element.record is not None else 1)
        offset = self._code.emit(INT, f"mul {index}, {size}")
        return self._code.emit(element, f"getelementptr i8, {array}, {offset}")

    def _unary(self, node: ast.UnaryOp) -> Value:
        code, operand = self._code, node.operand
        if isinstance(node.op, ast.Not):
            return code.emit(BOOL, f"xor {self.truth(operand)}, true")
        if isinstance(node.op, ast.UAdd):
            raise fail(self._source, node, "an operator with one operand must be -, ~ or not")
        if isinstance(node.op, ast.USub):
            if isinstance(operand, ast.Constant) and isinstance(operand.value, int | float):
                return self._constant(node, -operand.value)
            value = self.value(operand)
            if value.kind == FLOAT:
                return code.emit(FLOAT, f"fneg {value}")
            return code.emit(INT, f"sub i64 0, {code.cast(value, INT).text}")
        return code.emit(INT, f"xor {self.integer(operand)}, -1")

    def _binary(self, node: ast.BinOp) -> Value:
        return self._code.binary(node.op, self.value(node.left), self.value(node.right))

    def _compare(self, node: ast.Compare) -> Value:
        if any(
            isinstance(part, ast.Call) for last in node.comparators[1:] for part in ast.walk(last)
        ):
            raise fail(self._source, node, "a chain of comparisons must not call at its end")
        values = [self.value(operand) for operand in (node.left, *node.comparators)]
        result = Value(BOOL, "true")
        for op, left, right in zip(node.ops, values, values[1:], strict=False):
            found = self._code.compare(op, left, right)
            result = self._code.emit(BOOL, f"and {result}, {found.text}")
        return result

    def _bool(self, node: ast.BoolOp) -> Value:
        # Only bools: of other values, Python gives one of the operands.
        return self._bool_of(node, [self._flag] * len(node.values))

    def _flag(self, node: ast.expr) -> Value:
        value = self.value(node)
        if value.kind != BOOL:
            raise fail(self._source, node, "an operand of `and` and `or` must be a bool here")
        return value

    def _bool_of(self, node: ast.BoolOp, lower: list[Callable[[ast.expr], Value]]) -> Value:
        code = self._code
        result, done = code.slot(BOOL), code.fresh("done")
        for operand, evaluate in zip(node.values, lower, strict=True):
            value, more = evaluate(operand), code.fresh("more")
            code.store(result, value)
            if isinstance(node.op, ast.And):
                code.branch(value, more, done)
            else:
                code.branch(value, done, more)
            code.label(more, reached=False)
        code.label(done)
        return code.load(result)

    def _choice(self, node: ast.IfExp) -> Value:
        code = self._code
        yes, no, done = code.fresh("yes"), code.fresh("no"), code.fresh("done")
        code.branch(self.truth(node.test), yes, no)
        code.label(yes, reached=False)
        first = self.value(node.body)
        result = code.slot(first.kind)
        code.store(result, first)
        code.jump(done)
        code.label(no, reached=False)
        code.store(result, self.value(node.orelse))
        code.label(done)
        return code.load(result)

    def _call(self, node: ast.Call) -> Value:
        values = [self.value(argument) for argument in node.args]
        if node.keywords:
            raise fail(self._source, node, "a call must give its values in order")
        callee = self._source.find(node.func)
        if isinstance(callee, FunctionType):
            return self._called(node, callee, values)
        name = ast.unparse(node.func)
        if name in ("min", "max") and len(values) > 1:
            return self._code.extreme(name == "max", values)
        if name == "float" and len(values) == 1:
            return self._code.cast(values[0], FLOAT)
        if name == "int" and len(values) == 1:
            if values[0].kind == FLOAT:
                return self._code.emit(INT, f"fptosi {values[0]} to i64")
            return self._code.cast(values[0], INT)
        raise fail(self._source, node, "a call must be of min, max, int, float or a function")

    def _called(self, node: ast.Call, callee: FunctionType, values: list[Value]) -> Value:
        self.called.add(callee)
        source = source_of(callee)
        wanted = list(source.parameters.values())
        if len(wanted) != len(values):
            raise fail(self._source, node, f"a call must give {len(wanted)} values")
        given = [self._code.cast(*pair) for pair in zip(values, wanted, strict=True)]
        return self._code.call(source.result, source.symbol, given)
