"""Parser of the text format, version 0.0.5.

::

    module  ::= version { "def" GLOBAL func | typedef | "extern" typedef } [metadata]
    typedef ::= "type" ID ["[" ID,* "]"] ["{" [ID ["(" type,* ")"],*] "}"]
    func    ::= ["[" ID,* "]"] "(" [param,*] [attr,*] ")" ["->" type] "{" expr "}"
    param   ::= LOCAL ["{" attr,* "}"] [":" type]
    expr    ::= { GRAPH "=" binop ";" | "let" LOCAL [":" type] "=" binop ";"
                | "free_var" LOCAL [":" type] ";" | item ";" } item
    item    ::= "{" expr "}" | binop
    binop   ::= call { OP call }          * / before + - before < <= > >= before == !=
    call    ::= atom { "(" [expr,*] [attr,*] ")" }
    atom    ::= prim ["." INT]
    prim    ::= NUMBER | "True" | "False" | LOCAL | GLOBAL | GRAPH | META | ID | operator
              | "fn" func | "if" "(" expr ")" "{" expr "}" "else" "{" expr "}"
              | ("match" | "match?") call "{" [pattern "=>" expr,*] "}"
              | "ref" "(" expr ")" | "ref_read" "(" expr ")" | "ref_write" "(" expr "," expr ")"
              | "()" | "(" expr ")" | "(" expr "," [expr,*] ")"

`types`, `attributes` and `patterns` hold the rest. ``%0 = e;`` names a node of the graph, so that
it may be used twice; ``let`` binds a variable. Both last until the end of the block around them. A
constructor without fields that stands alone is called: ``Nil`` is ``Nil()``. The rules are
generators, see `trampoline`: nesting has no limit but that of types and attributes.
"""

from ..ir.definitions import take_definitions
from ..ir.module import Module
from ..ir.nodes import Expr
from .attributes import Attributes
from .cursor import Cursor
from .definitions import Definitions
from .expressions import Expressions
from .leaves import Leaves
from .metadata import Metadata
from .references import References
from .source import Source
from .trampoline import run
from .types import Types

__all__ = ["VERSION", "parse", "parse_expression"]

VERSION = "0.0.5"


def parse(
    text: str,
    path: str = "<text>",
    library: Module | None = None,
    metadata: Metadata | None = None,
) -> Module:
    """Return the module that `text` describes, with a span on every expression.

    Parameters
    ----------
    text : str
    path : str
        What error messages call the text.
    library : Module, optional
        Definitions that the text may use as if it had them, such as the prelude's; those that it
        uses are in the result.
    metadata : Mapping of str to sequence, optional
        What ``meta[key][number]`` stands for where the text has no metadata of that key: under
        ``relay.Constant`` arrays.

    Raises
    ------
    ParseError
        The text is not a module of version 0.0.5.
    Unsupported
        A construct or an operator of Relay that is not taken here.
    """
    cursor, leaves = _begin(text, path, metadata)
    if not cursor.at("version"):
        raise cursor.unexpected(f'#[version = "{VERSION}"]')
    _read_version(cursor)
    if library is None:
        return Definitions(cursor, leaves, Module({})).read()
    return take_definitions(Definitions(cursor, leaves, library).read(), library)


def parse_expression(
    text: str,
    path: str = "<text>",
    library: Module | None = None,
    metadata: Metadata | None = None,
) -> Expr:
    """Return the expression that `text` describes; the version may be left out.

    Variables declared by ``free_var`` stay free. The expression may use the data types of
    `library`, and any global function. Raises what `parse` raises.
    """
    cursor, leaves = _begin(text, path, metadata)
    definitions = Definitions(cursor, leaves, Module({}) if library is None else library)
    for data in definitions.library.types.values():
        definitions.declare(data)
    if cursor.at("version"):
        _read_version(cursor)
    expr = run(Expressions(cursor, leaves).expression())
    if not cursor.at("metadata"):
        cursor.expect("end", "the end or an operator")
    return expr


def _begin(text: str, path: str, metadata: Metadata | None) -> tuple[Cursor, Leaves]:
    """Return the place before the first token, and the rules for single tokens."""
    cursor = Cursor(Source(text, path))
    references = References(cursor, {} if metadata is None else metadata)
    types, attributes = Types(cursor, references), Attributes(cursor, references)
    return cursor, Leaves(cursor, references, types, attributes)


def _read_version(cursor: Cursor) -> None:
    """Read the version, which must be the one there is."""
    place = cursor.take()
    _, version, _ = cursor.text(place).split('"')
    if version != VERSION:
        raise cursor.error(f"the version must be {VERSION}, not {version[:40]}", place)
