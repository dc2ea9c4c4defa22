"""Printer of the text format, version 0.0.5.

``parse(to_text(module))`` is structurally equal to `module`: shared nodes get a number, tensors
stand bit for bit in the metadata section, and attributes are written unless they are defaults.
The text is a function of the program alone: functions are sorted by name, numbers rise from 0
in each.
"""

from typing import Any

import numpy.typing as npt

from ..errors import InvalidModule
from ..ir.module import Module
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.visitor import free_vars
from ..ops.registry import find
from .literals import attribute_text, identifier, is_identifier, scalar_text
from .metadata import CONSTANT_KEY, encode_constants
from .parser import VERSION
from .scopes import Scope, Scopes, find_scopes
from .trampoline import Rule, run

__all__ = ["to_text"]

Lines = list[tuple[int, str]]
"""Lines of text with their indentation in steps; the first line continues what stands before."""


def to_text(program: Module | Expr, metadata: bool = True) -> str:
    """Return a module, or an expression with its free variables declared, as text.

    Parameters
    ----------
    program : Module or Expr
    metadata : bool
        Write the tensors, too. Without them the text is for people: it cannot be parsed if it
        has constants other than scalars.

    Raises
    ------
    InvalidModule
        A function's name is no identifier, or a call of a function has attributes.
    Unsupported
        An attribute that the format cannot write.
    """
    constants: dict[int, tuple[int, npt.NDArray[Any]]] = {}
    if isinstance(program, Module):
        sections = [f'#[version = "{VERSION}"]']
        for name in sorted(program):
            if not is_identifier(name):
                raise InvalidModule(f"@{name} is no identifier, so it cannot be written; rename it")
            lines = run(_Printer(program[name], constants).definition(name))
            sections.append(_join(lines))
        text = sections[0] + "\n" + "\n\n".join(sections[1:]) + "\n"
    else:
        text = _join(run(_Printer(program, constants).lone_expression())) + "\n"
    if constants and metadata:
        text += "\n#[metadata]\n" + encode_constants([value for _, value in constants.values()])
    return text


def _join(lines: Lines) -> str:
    """Return lines as text."""
    return "\n".join("  " * level + line for level, line in lines)


def _indented(lines: Lines) -> Lines:
    """Return lines one step further right."""
    return [(level + 1, line) for level, line in lines]


def _around(before: str, lines: Lines, after: str) -> Lines:
    """Return lines with text put before the first and after the last."""
    (first_level, first), *rest = lines
    lines = [(first_level, before + first), *rest]
    level, last = lines[-1]
    return [*lines[:-1], (level, last + after)]


class _Printer:
    """State of one function: names, numbers, and the constants of the module so far."""

    def __init__(self, root: Expr, constants: dict[int, tuple[int, npt.NDArray[Any]]]) -> None:
        self.root = root
        self.body = root.body if isinstance(root, Function) else root
        self.scopes: Scopes = find_scopes(self.body)
        self.constants = constants
        self.names: dict[Var, str] = {}
        self.taken: set[str] = set()
        self.next_suffix: dict[str, int] = {}
        self.numbers: dict[int, int] = {}

    def definition(self, name: str) -> Rule[Lines]:
        """Return the text of a global function."""
        assert isinstance(self.root, Function)
        self._name_params(self.root)
        body = yield self.block(self.scopes.root, self.body)
        return self._function_lines(f"def @{name}", self.root, body)

    def lone_expression(self) -> Rule[Lines]:
        """Return the text of an expression after declarations of its free variables."""
        if isinstance(self.root, Function):
            self.scopes = find_scopes(self.root)
        free = [f"free_var {self._binder(var)};" for var in free_vars(self.root)]
        body: Lines = yield self.block(self.scopes.root, self.root)
        return [(0, line) for line in free] + body

    def _function_lines(self, head: str, function: Function, body: Lines) -> Lines:
        """Return the text of a function around its printed body.

        The binders were named before the body was printed, so this only looks them up.
        """
        parts = [self._binder(param) for param in function.params]
        parts += [
            f"{name}={attribute_text(value, function.span)}"
            for name, value in function.attrs.items()
        ]
        type_params = ", ".join(var.name for var in function.type_params)
        head += f"[{type_params}]" if type_params else ""
        result = "" if function.ret_type is None else f" -> {function.ret_type}"
        return [(0, f"{head}({', '.join(parts)}){result} {{"), *_indented(body), (0, "}")]

    def block(self, scope: Scope, result: Expr) -> Rule[Lines]:
        """Return the statements of a scope and the expression that they are for."""
        lines: Lines = []
        while True:
            for node in scope.members:
                text = yield self.node(node)
                self.numbers[id(node)] = len(self.numbers)
                lines += _around(f"%{self.numbers[id(node)]} = ", text, ";")
            if not isinstance(result, Let) or id(result) in self.numbers:
                last: Lines = yield self.operand(result)
                return lines + last
            binder = f"let {self._binder(result.var)} = "
            lines += _around(binder, (yield self.operand(result.value)), ";")
            scope, result = self.scopes.inner[id(result), 1], result.body

    def operand(self, node: Expr) -> Rule[Lines]:
        """Return a node as it stands in another: its number, or all of it."""
        if id(node) in self.numbers:
            return [(0, f"%{self.numbers[id(node)]}")]
        found: Lines = yield self.node(node)
        return found

    def node(self, node: Expr) -> Rule[Lines]:
        """Return a node itself; its operands have numbers or are atoms."""
        match node:
            case Function(_, body):
                self._name_params(node)
                inside = yield self.block(self.scopes.inner[id(node), 0], body)
                return self._function_lines("fn ", node, inside)
            case If(condition, then, otherwise):
                yes = yield self.block(self.scopes.inner[id(node), 1], then)
                no = yield self.block(self.scopes.inner[id(node), 2], otherwise)
                head = f"if ({self._atom(condition)}) {{"
                return [(0, head), *_indented(yes), (0, "} else {"), *_indented(no), (0, "}")]
            case Let(var, value, body):
                bound = yield self.operand(value)
                first = _around(f"let {self._binder(var)} = ", bound, ";")
                rest = yield self.block(self.scopes.inner[id(node), 1], body)
                return [(0, "("), *_indented(first + rest), (0, ")")]
            case _:
                return [(0, self._flat(node))]

    def _flat(self, node: Expr) -> str:
        """Return a node that holds no block."""
        match node:
            case Call(op, args):
                parts = [self._atom(arg) for arg in args] + self._attributes(node)
                return f"{self._atom(op)}({', '.join(parts)})"
            case Tuple(fields):
                comma = "," if len(fields) == 1 else ""
                return f"({', '.join(self._atom(field) for field in fields)}{comma})"
            case TupleGetItem(value, index):
                return f"{self._atom(value)}.{index}"
            case _:
                return self._atom(node)

    def _atom(self, node: Expr) -> str:
        """Return a node that is one word: a number, a name, or a constant."""
        match node:
            case Op(name):
                return name
            case GlobalVar(name):
                return f"@{name}"
            case Var():
                return f"%{self._name(node)}"
            case Constant(value):
                return scalar_text(value) or self._metadata(node)
            case _:
                return f"%{self.numbers[id(node)]}"

    def _metadata(self, node: Constant) -> str:
        """Return the reference to a tensor in the metadata, adding it if it is new."""
        index, _ = self.constants.setdefault(id(node), (len(self.constants), node.value))
        return f"meta[{CONSTANT_KEY}][{index}]"

    def _attributes(self, call: Call) -> list[str]:
        """Return the attributes of a call that are not defaults."""
        if not isinstance(call.op, Op):
            if call.attrs:
                raise InvalidModule(
                    "a call of a function cannot have attributes; give them to the function",
                    call.span,
                )
            return []
        row = find(call.op.name)
        defaults: dict[str, AttributeValue] = {}
        if row is not None:
            defaults = {
                name: attribute.default
                for name, attribute in row.attributes.items()
                if not attribute.required
            }
        return [
            f"{name}={attribute_text(value, call.span)}"
            for name, value in call.attrs.items()
            if name not in defaults or defaults[name] != value
        ]

    def _name_params(self, function: Function) -> None:
        """Give names to the parameters before anything in the body gets one."""
        for param in function.params:
            self._name(param)

    def _binder(self, var: Var) -> str:
        """Return a variable where it is bound."""
        annotation = "" if var.annotation is None else f": {var.annotation}"
        return f"%{self._name(var)}{annotation}"

    def _name(self, var: Var) -> str:
        """Return the name of a variable, which no other variable of the function has."""
        if var not in self.names:
            base = identifier(var.name)
            name = base
            while name in self.taken:
                self.next_suffix[base] = self.next_suffix.get(base, 0) + 1
                name = f"{base}{self.next_suffix[base]}"
            self.taken.add(name)
            self.names[var] = name
        return self.names[var]
