"""Printer of the text format, version 0.0.5.

``parse(to_text(module))`` is structurally equal to `module`: shared nodes get a number, tensors
stand bit for bit in the metadata section, and attributes are written unless they are defaults.
The text is a function of the program alone: data types and then functions are sorted by name,
numbers rise from 0 in each function. Of types only annotations are written.
"""

from ..errors import InvalidModule
from ..ir.data import TypeData
from ..ir.module import Module
from ..ir.nodes import Expr
from ..ops.registry import find
from .appendix import Appendix
from .function_printer import FunctionPrinter
from .literals import is_identifier, type_name, type_text
from .parser import VERSION
from .trampoline import run

__all__ = ["to_text"]


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
        A name is no identifier, or a call of a function has attributes of nobody.
    Unsupported
        An attribute or a type that the format cannot write.
    """
    appendix = Appendix(metadata)
    if not isinstance(program, Module):
        printer = FunctionPrinter(program, appendix, {})
        run(printer.lone_expression())
        return printer.text() + "\n" + appendix.text()
    arities = {
        constructor.name: len(constructor.fields)
        for data in program.types.values()
        for constructor in data.constructors
    }
    sections = [_type_definition(program.types[name], appendix) for name in sorted(program.types)]
    for name in sorted(program):
        if not is_identifier(name):
            raise InvalidModule(f"@{name} is no identifier, so it cannot be written; rename it")
        printer = FunctionPrinter(program[name], appendix, arities)
        run(printer.definition(name))
        sections.append(printer.text())
    return f'#[version = "{VERSION}"]\n' + "\n\n".join(sections) + "\n" + appendix.text()


def _type_definition(data: TypeData, appendix: Appendix) -> str:
    """Return the declaration of a data type."""
    variables = ", ".join(type_name(var.name, data.span) for var in data.type_params)
    head = f"type {type_name(data.name, data.span)}" + (f"[{variables}]" if variables else "")
    if data.extern:
        return f"extern {head}"
    lines = [f"{head} {{"]
    for constructor in data.constructors:
        name = type_name(constructor.name, constructor.span)
        if find(name) is not None:
            raise InvalidModule(f"constructor {name} bears the name of an operator; rename it")
        fields = ", ".join(type_text(field, appendix) for field in constructor.fields)
        lines.append(f"  {name}({fields})," if fields else f"  {name},")
    return "\n".join([*lines, "}"])
