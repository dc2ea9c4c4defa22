"""The text form of nests.

::

    nest scale(x: float32[n, 8]) -> (y: float32[n, 8]) with n {
      for i in $n parallel {
        block y reads x[i +: 1, 0 +: 8] writes y[i +: 1, 0 +: 8] {
          for j in 8 vector {
            y[i, j] = (x[i, j] * 2.0:float32)
          }
        }
      }
    }

Statements::

    for NAME in EXPR [parallel | vector | unrolled] { .. }
    block NAME reads REGIONS writes REGIONS { .. }      REGION: buffer[start +: extent, ..]
    if EXPR { .. } [else { .. }]        while EXPR { .. }       allocate NAME: dtype[..] { .. }
    tensor INTRINSIC { for .. }         loops that a microkernel computes
    buffer[EXPR, ..] = EXPR             do { .. }    a sequence in a sequence, or of one

Expressions::

    12                  int64; other constants bear their type: 1.5:float32, true:bool, -inf:float16
    i                   a loop's variable        $n   a symbol
    x[i, j]             a load                   x[i, j where EXPR]
    (a + b)             + - * / // % < <= > >= == != minimum and maximum are words
    name:dtype(a, b)    any other operation      name:dtype{detail}(a)   with its detail

`parser.parse` reads it back: ``parse(to_text(nest)) == nest``.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .expressions import COMPARISONS, Apply, Buffer, Constant, Expr, Load, Symbol, Variable
from .nodes import (
    Allocate,
    Block,
    For,
    If,
    Nest,
    Region,
    Sequence,
    Statement,
    Store,
    Tensor,
    While,
)

__all__ = ["SIGNS", "to_text"]

SIGNS: Mapping[str, str] = MappingProxyType(
    {
        "add": "+",
        "subtract": "-",
        "multiply": "*",
        "divide": "/",
        "floor_divide": "//",
        "floor_mod": "%",
        "less": "<",
        "less_equal": "<=",
        "greater": ">",
        "greater_equal": ">=",
        "equal": "==",
        "not_equal": "!=",
        "minimum": "minimum",
        "maximum": "maximum",
    }
)
"""Operations that stand between their operands."""


def to_text(nest: Nest) -> str:
    """Return the text form of `nest`."""
    given = ", ".join(map(_declared, nest.inputs))
    made = ", ".join(map(_declared, nest.outputs))
    symbols = f" with {', '.join(one.name for one in nest.symbols)}" if nest.symbols else ""
    head = f"nest {nest.name}({given}) -> ({made}){symbols} {{"
    return "\n".join([head, *_indented(nest.body), "}", ""])


def _declared(buffer: Buffer) -> str:
    return f"{buffer.name}: {buffer.dtype}[{', '.join(map(str, buffer.shape))}]"


def _indented(body: Statement) -> Iterator[str]:
    """Yield the lines between braces: a sequence's own, unless it is of one."""
    parts = body.parts if isinstance(body, Sequence) and len(body.parts) != 1 else (body,)
    return (f"  {line}" for part in parts for line in _lines(part))


def _lines(statement: Statement) -> Iterator[str]:
    """Yield the lines of a statement."""
    match statement:
        case For(variable, extent, kind, body):
            how = "" if kind == "serial" else f" {kind}"
            yield from _braced(f"for {variable} in {_text(extent)}{how}", body)
        case Block(name, reads, writes, body):
            words = [f"block {name}"]
            words += [f"reads {', '.join(map(_region, reads))}"] if reads else []
            words += [f"writes {', '.join(map(_region, writes))}"] if writes else []
            yield from _braced(" ".join(words), body)
        case Store(buffer, indices, value):
            yield f"{buffer.name}[{', '.join(map(_text, indices))}] = {_text(value)}"
        case If(condition, then, otherwise):
            yield from _braced(f"if {_text(condition)}", then)
            if otherwise != Sequence(()):
                yield from _braced("else", otherwise)
        case While(condition, body):
            yield from _braced(f"while {_text(condition)}", body)
        case Tensor(intrinsic, loop):
            yield from _braced(f"tensor {intrinsic}", loop)
        case Allocate(buffer, body):
            yield from _braced(f"allocate {_declared(buffer)}", body)
        case Sequence(parts):
            yield "do {"
            for part in parts:
                yield from (f"  {line}" for line in _lines(part))
            yield "}"


def _braced(head: str, body: Statement) -> Iterator[str]:
    yield f"{head} {{"
    yield from _indented(body)
    yield "}"


def _region(region: Region) -> str:
    pairs = ", ".join(f"{_text(start)} +: {_text(extent)}" for start, extent in region.ranges)
    return f"{region.buffer.name}[{pairs}]"


def _text(expr: Expr) -> str:
    """Return the text of an expression."""
    match expr:
        case Constant(value, "int64"):
            return str(value)
        case Constant(value, dtype):
            return f"{str(value).lower()}:{dtype}"
        case Variable(name):
            return name
        case Symbol(name):
            return f"${name}"
        case Load(buffer, indices, where):
            condition = "" if where is None else f" where {_text(where)}"
            return f"{buffer.name}[{', '.join(map(_text, indices))}{condition}]"
        case Apply(operation, dtype, operands, detail):
            if _plain(expr):
                return f"({_text(operands[0])} {SIGNS[operation]} {_text(operands[1])})"
            extra = "" if detail is None else f"{{{detail!r}}}"
            return f"{operation}:{dtype}{extra}({', '.join(map(_text, operands))})"
        case _:
            raise AssertionError(f"{expr!r} is no expression")


def _plain(expr: Apply) -> bool:
    """Return whether an operation's data type follows from its operands."""
    if expr.operation not in SIGNS or len(expr.operands) != 2 or expr.detail is not None:
        return False
    return expr.dtype == ("bool" if expr.operation in COMPARISONS else expr.operands[0].dtype)
