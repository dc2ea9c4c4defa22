"""Statements and functions to LLVM's text."""

import ast
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MappingProxyType

from .builder import BOOL, FLOAT, INT, Builder, Value
from .expressions import Expressions
from .names import Source, fail, source_of

__all__ = ["lower_program"]


def lower_program(entry: FunctionType) -> str:
    """Return the text of a module: `entry` under its own name, and all functions that it calls.

    Raises
    ------
    SimulatorError
        A function uses what native code does not have.
    """
    waiting, known, texts = [entry], {entry}, []
    while waiting:
        lowered = _Function(source_of(waiting.pop()))
        texts.append(lowered.text())
        new = lowered.called - known
        known |= new
        waiting += sorted(new, key=lambda callee: source_of(callee).symbol)
    start, outer = source_of(entry), Builder()
    (parameter,) = start.parameters.values()
    record = Value(parameter, "%record")
    outer.lines.append(f"  ret {outer.call(start.result, start.symbol, [record])}")
    head = f"define {start.result.llvm} @{entry.__name__}({record})"
    return "\n\n".join([*texts, outer.text(head)])


class _Function:
    """Lowers one function.

    Attributes
    ----------
    called : set of the functions that it calls
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._code = Builder()
        self._expressions = Expressions(source, self._code)
        self.called = self._expressions.called
        # Where `continue` and `break` of the loops around go.
        self._loops: list[tuple[str, str]] = []
        self._lowered: Mapping[type[ast.stmt], Callable[..., None]] = MappingProxyType(
            {
                ast.Assign: self._assign,
                ast.AugAssign: self._change,
                ast.Expr: self._expression,
                ast.Return: self._return,
                ast.If: self._if,
                ast.While: self._while,
                ast.For: self._for,
                ast.Continue: lambda _: self._code.leave(f"br label %{self._loops[-1][0]}"),
                ast.Break: lambda _: self._code.leave(f"br label %{self._loops[-1][1]}"),
            }
        )

    def text(self) -> str:
        """Return the definition."""
        source, code = self._source, self._code
        given = {name: Value(kind, f"%{name}.given") for name, kind in source.parameters.items()}
        for name, value in given.items():
            self._variable(name, value)
        self._block(source.tree.body)
        nothing = {"void": "ret void", FLOAT.llvm: "ret double 0.0"}
        code.lines.append(f"  {nothing.get(source.result.llvm, f'ret {source.result.llvm} 0')}")
        arguments = ", ".join(str(value) for value in given.values())
        return code.text(f"define internal {source.result.llvm} {source.symbol}({arguments})")

    def _block(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            if (
                type(node) not in self._lowered
                or getattr(node, "orelse", [])
                and not (isinstance(node, ast.If))
            ):
                raise fail(self._source, node, "a statement must be one that native code has")
            try:
                self._lowered[type(node)](node)
            except TypeError as error:
                raise fail(self._source, node, str(error)) from None

    def _variable(self, name: str, value: Value) -> None:
        """Assign to a local variable, whose kind is that of its first value."""
        variables = self._expressions.locals
        if name not in variables:
            variables[name] = self._code.slot(value.kind)
        self._code.store(variables[name], value)

    def _put(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._variable(target.id, value)
        else:
            self._code.store(self._expressions.place(target), value)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                values = [self._expressions.value(part) for part in node.value.elts]
                for part, value in zip(target.elts, values, strict=True):
                    self._put(part, value)
            else:
                self._put(target, self._expressions.value(node.value))

    def _change(self, node: ast.AugAssign) -> None:
        place = self._expressions.place(node.target)
        before = self._code.load(place)
        value = self._expressions.value(node.value)
        self._code.store(place, self._code.binary(node.op, before, value))

    def _expression(self, node: ast.Expr) -> None:
        # A docstring does nothing.
        if not isinstance(node.value, ast.Constant):
            self._expressions.value(node.value)

    def _return(self, node: ast.Return) -> None:
        if node.value is None:
            self._code.leave("ret void")
        else:
            value = self._expressions.value(node.value)
            self._code.leave(f"ret {self._code.cast(value, self._source.result)}")

    def _if(self, node: ast.If) -> None:
        code = self._code
        yes, no, done = code.fresh("yes"), code.fresh("no"), code.fresh("done")
        code.branch(self._expressions.truth(node.test), yes, no)
        code.label(yes, reached=False)
        self._block(node.body)
        code.jump(done)
        code.label(no, reached=False)
        self._block(node.orelse)
        code.label(done)

    def _while(self, node: ast.While) -> None:
        code = self._code
        test, body, done = code.fresh("test"), code.fresh("body"), code.fresh("done")
        code.label(test)
        code.branch(self._expressions.truth(node.test), body, done)
        code.label(body, reached=False)
        self._body(node.body, test, done)
        code.jump(test)
        code.label(done, reached=False)

    def _for(self, node: ast.For) -> None:
        name, first, last, step = self._range(node)
        code = self._code
        index = code.slot(INT)
        code.store(index, first)
        test, body = code.fresh("test"), code.fresh("body")
        following, done = code.fresh("next"), code.fresh("done")
        code.label(test)
        here = code.load(index)
        how = "slt" if step > 0 else "sgt"
        code.branch(code.emit(BOOL, f"icmp {how} {here}, {last.text}"), body, done)
        code.label(body, reached=False)
        self._variable(name, here)
        self._body(node.body, following, done)
        code.label(following)
        code.store(index, code.emit(INT, f"add {code.load(index)}, {step}"))
        code.jump(test)
        code.label(done, reached=False)

    def _range(self, node: ast.For) -> tuple[str, Value, Value, int]:
        """Return the variable of a loop, its first value, that after its last, and the step."""
        call, target = node.iter, node.target
        if not (
            isinstance(call, ast.Call)
            and ast.unparse(call.func) == "range"
            and isinstance(target, ast.Name)
        ):
            raise fail(self._source, node.iter, "a loop must be over a range")
        bounds = [self._expressions.integer(bound) for bound in call.args]
        first = bounds[0] if len(bounds) > 1 else Value(INT, "0")
        step = bounds[2].text if len(bounds) > 2 else "1"
        if not step.removeprefix("-").isdigit() or step == "0":
            raise fail(self._source, node.iter, "the step of a range must be a constant")
        return target.id, first, bounds[min(len(bounds), 2) - 1], int(step)

    def _body(self, body: Sequence[ast.stmt], following: str, done: str) -> None:
        self._loops.append((following, done))
        self._block(body)
        self._loops.pop()
