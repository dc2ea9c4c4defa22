"""Parser of the text format, version 0.0.5: Relay's core.

::

    module  ::= version { "def" GLOBAL func } [metadata]
    func    ::= ["[" ID,* "]"] "(" [LOCAL [":" type],*] [attr,*] ")" ["->" type] "{" expr "}"
    expr    ::= { GRAPH "=" binop ";" | "let" LOCAL [":" type] "=" binop ";"
                | "free_var" LOCAL [":" type] ";" | item ";" } item
    item    ::= "{" expr "}" | binop
    binop   ::= call { OP call }          * / before + - before < <= > >= before == !=
    call    ::= atom { "(" [expr,*] [attr,*] ")" }
    atom    ::= prim ["." INT]
    prim    ::= NUMBER | "True" | "False" | LOCAL | GLOBAL | GRAPH | META | operator
              | "fn" func | "if" "(" expr ")" "{" expr "}" "else" "{" expr "}"
              | "()" | "(" expr ")" | "(" expr "," [expr,*] ")"

``%0 = e;`` names a node of the graph, so that it may be used twice; ``let`` binds a variable.
Both last until the end of the block around them. The rules are generators, see `trampoline`:
nesting has no limit. Algebraic data types, ``match`` and references are refused by name.
"""

from typing import Any

import numpy.typing as npt

from ..ir.module import Module
from ..ir.nodes import Expr, Function
from .cursor import Cursor
from .expressions import LATER, Expressions
from .lexer import Source
from .metadata import decode_constants
from .trampoline import run

__all__ = ["VERSION", "parse", "parse_expression"]

VERSION = "0.0.5"


def parse(text: str, path: str = "<text>") -> Module:
    """Return the module that `text` describes, with a span on every expression.

    Parameters
    ----------
    text : str
    path : str
        What error messages call the text.

    Raises
    ------
    ParseError
        The text is not a module of version 0.0.5.
    Unsupported
        A construct or an operator of Relay that is not taken here.
    """
    source = Source(text, path)
    cursor = Cursor(source)
    rules = Expressions(source, cursor, _metadata(source, cursor))
    if not cursor.at("version"):
        raise cursor.unexpected(f'#[version = "{VERSION}"]')
    _read_version(source, cursor)
    functions: dict[str, Function] = {}
    while not (cursor.at("end") or cursor.at("metadata")):
        _read_definition(source, cursor, rules, functions)
    for called, token in rules.calls:
        if called not in functions:
            raise source.error(
                f"there is no function @{called}; define it with def", token.start, token.end
            )
    return Module(functions)


def parse_expression(text: str, path: str = "<text>") -> Expr:
    """Return the expression that `text` describes; the version may be left out.

    Variables declared by ``free_var`` stay free. Raises what `parse` raises.
    """
    source = Source(text, path)
    cursor = Cursor(source)
    rules = Expressions(source, cursor, _metadata(source, cursor))
    if cursor.at("version"):
        _read_version(source, cursor)
    expr = run(rules.expression())
    if not cursor.at("metadata"):
        cursor.expect("end", "the end or an operator")
    return expr


def _read_definition(
    source: Source, cursor: Cursor, rules: Expressions, functions: dict[str, Function]
) -> None:
    """Read one global function into `functions`."""
    start = cursor.peek().start
    if cursor.at("type") or cursor.at("extern"):
        raise cursor.unsupported("an algebraic data type", LATER)
    cursor.expect("def", "'def'")
    name = cursor.expect("global", "the function's name, as in @main,")
    if name.text in functions:
        raise source.error(f"@{name.text} is defined twice; rename one", name.start, name.end)
    functions[name.text] = run(rules.function(start))


def _read_version(source: Source, cursor: Cursor) -> None:
    """Read the version, which must be the one there is."""
    token = cursor.take()
    if token.text != VERSION:
        raise source.error(
            f"the version must be {VERSION}, not {token.text}", token.start, token.end
        )


def _metadata(source: Source, cursor: Cursor) -> list[npt.NDArray[Any]]:
    """Return the tensors of the metadata section, none without one."""
    token = cursor.metadata
    if token is None:
        return []
    try:
        return decode_constants(str(token.value))
    except ValueError as error:
        raise source.error(str(error), token.start, token.end) from None
