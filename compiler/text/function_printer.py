"""Printer of one function or expression: blocks and what branches; `flat_printer` does the rest.

The text is written from left to right into one list, so that its cost does not depend on how
deeply the program nests.
"""

from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import Expr, Function, If, Let
from ..ir.visitor import free_vars
from .flat_printer import FlatPrinter
from .literals import optional_type_text, type_name
from .scopes import Scope, Scopes, find_scopes, is_atom
from .trampoline import Rule

__all__ = ["FunctionPrinter"]

# Deeper blocks are not indented further: the text of a program of n nested blocks would have n^2
# characters.
_DEEPEST = 40
_BRANCHING = (Function, If, Let, Match)


class FunctionPrinter(FlatPrinter):
    """Writes the text of a global function, or of an expression."""

    scopes: Scopes

    def text(self) -> str:
        """Return what was written."""
        return "".join(self.out)

    def definition(self, name: str) -> Rule[None]:
        """Write a global function."""
        assert isinstance(self.root, Function)
        self.scopes = find_scopes(self.root.body)
        yield self._function(f"def @{name}", self.root, self.scopes.root)
        # The first two parts are the function's head and the line break after it.
        self.out[2:2] = [f"free_var {self.binder(var)};\n  " for var in self.free]

    def lone_expression(self) -> Rule[None]:
        """Write an expression after declarations of its free variables."""
        self.scopes = find_scopes(self.root)
        for var in free_vars(self.root):
            self.out.append(f"free_var {self.binder(var)};")
            self._line()
        yield self._block(self.scopes.root, self.root)

    def _line(self, deeper: int = 0) -> None:
        """Begin a line, after changing the indentation."""
        self.level += deeper
        self.out.append("\n" + "  " * min(self.level, _DEEPEST))

    def _function(self, head: str, function: Function, scope: Scope) -> Rule[None]:
        """Write a function after what it begins with."""
        # Parameters get their names before anything in the body does.
        parts = [self.binder(param, parameter=True) for param in function.params]
        parts += self.attributes_text(function.attrs, function.span)
        variables = ", ".join(type_name(var.name, function.span) for var in function.type_params)
        head += f"[{variables}]" if variables else ""
        result = optional_type_text(" -> ", function.ret_type, self.appendix)
        self.out.append(f"{head}({', '.join(parts)}){result} {{")
        self._line(1)
        yield self._block(scope, function.body)
        self._line(-1)
        self.out.append("}")

    def _block(self, scope: Scope, result: Expr) -> Rule[None]:
        """Write the statements of a scope and the expression that they are for."""
        out, numbers = self.out, self.numbers
        while True:
            for node in scope.members:
                if isinstance(node, _BRANCHING):
                    # What is inside it has smaller numbers.
                    slot = len(out)
                    out.append("")
                    yield self._node(node)
                    out[slot] = f"%{len(numbers)} = "
                else:
                    text = self.flat(node)
                    out.append(f"%{len(numbers)} = {text}")
                numbers[id(node)] = len(numbers)
                out.append(";")
                self._line()
            if not isinstance(result, Let) or id(result) in numbers:
                yield self._operand(result)
                return
            out.append(f"let {self.binder(result.var)} = ")
            yield self._operand(result.value)
            out.append(";")
            self._line()
            scope, result = self.scopes.inner[id(result), 1], result.body

    def _operand(self, node: Expr) -> Rule[None]:
        """Write a node as it stands in another: its number, or all of it."""
        if is_atom(node) or id(node) in self.numbers:
            self.out.append(self.atom(node))
        elif isinstance(node, _BRANCHING):
            yield self._node(node)
        else:
            self.out.append(self.flat(node))

    def _node(self, node: Expr) -> Rule[None]:
        """Write a node that has blocks; its operands have numbers or are atoms."""
        inner = self.scopes.inner
        match node:
            case Function():
                yield self._function("fn ", node, inner[id(node), 0])
            case If(condition, then, otherwise):
                self.out.append(f"if ({self.atom(condition)}) {{")
                yield self._indented_block(inner[id(node), 1], then)
                self.out.append("} else {")
                yield self._indented_block(inner[id(node), 2], otherwise)
                self.out.append("}")
            case Let(var, value, body):
                self.out.append("(")
                self._line(1)
                self.out.append(f"let {self.binder(var)} = ")
                yield self._operand(value)
                self.out.append(";")
                self._line()
                yield self._block(inner[id(node), 1], body)
                self._line(-1)
                self.out.append(")")
            case Match():
                yield self._match(node)

    def _indented_block(self, scope: Scope, result: Expr) -> Rule[None]:
        """Write a block on lines of its own."""
        self._line(1)
        yield self._block(scope, result)
        self._line(-1)

    def _match(self, node: Match) -> Rule[None]:
        """Write a case analysis."""
        word = "match" if node.complete else "match?"
        self.out.append(f"{word} ({self.atom(node.value)}) {{")
        self.level += 1
        for place, clause in enumerate(node.clauses, 1):
            self._line()
            self._pattern(clause.pattern)
            self.out.append(" => {")
            yield self._indented_block(self.scopes.inner[id(node), place], clause.body)
            self.out.append("},")
        self._line(-1)
        self.out.append("}")

    def _pattern(self, root: MatchPattern) -> None:
        """Write a pattern."""
        pending: list[MatchPattern | str] = [root]
        while pending:
            found = pending.pop()
            match found:
                case str():
                    self.out.append(found)
                case VarPattern(var):
                    self.out.append(self.binder(var))
                case ConstructorPattern(name, fields):
                    self.out.append(type_name(name, found.span))
                    if fields:
                        pending += _listed(fields, ")")
                case TuplePattern(fields):
                    pending += _listed(fields, ",)" if len(fields) == 1 else ")")
                case _:
                    self.out.append("_")


def _listed(fields: tuple[MatchPattern, ...], closing: str) -> list[MatchPattern | str]:
    """Return patterns with parentheses around and commas between them, from right to left."""
    parts: list[MatchPattern | str] = ["("]
    for number, field in enumerate(fields):
        parts += [", ", field] if number else [field]
    return [*parts, closing][::-1]
