"""Which clause of a match a value takes, as far as its form is known."""

from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import Call, Constructor, Expr, Let, Tuple, Var

__all__ = ["choose_clause"]


def choose_clause(node: Match) -> Expr:
    """Return the clause that a known value takes, with its variables bound; else `node`.

    Every part of the value is bound, in order, so that none is lost that has an effect.
    """
    for clause in node.clauses:
        bindings: list[tuple[Var, Expr]] = []
        found = _matches(clause.pattern, node.value, bindings)
        if found is None:
            return node
        if found:
            result = clause.body
            for var, value in reversed(bindings):
                result = Let(var, value, result, span=node.span)
            return result
    return node


def _matches(root: MatchPattern, value: Expr, bindings: list[tuple[Var, Expr]]) -> bool | None:
    """Return whether a value has a pattern, None if that is not known.

    `bindings` gets a variable for every part of the value that the pattern does not take apart.
    """
    pending = [(root, value)]
    while pending:
        pattern, part = pending.pop()
        match pattern:
            case VarPattern(var):
                bindings.append((var, part))
            case ConstructorPattern(name, fields):
                if not isinstance(part, Call) or not isinstance(part.op, Constructor):
                    return None
                if part.op.name != name:
                    return False
                pending.extend(reversed(tuple(zip(fields, part.args, strict=True))))
            case TuplePattern(fields):
                if not isinstance(part, Tuple):
                    return None
                pending.extend(reversed(tuple(zip(fields, part.fields, strict=True))))
            case _:
                bindings.append((Var("_"), part))
    return True
