"""Which clause of a match a value takes, as far as its form is known."""

from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import Call, Constructor, Expr, Let, Tuple, Var
from ..ir.purity import is_total
from ..ir.visitor import substitute

__all__ = ["choose_clause"]


def choose_clause(node: Match) -> Expr:
    """Return the clause that a known value takes, with its variables bound; else `node`.

    Parts that might have an effect or not end are bound even if nothing uses them.
    """
    for clause in node.clauses:
        bindings: list[tuple[Var, Expr]] = []
        found = _matches(clause.pattern, node.value, bindings)
        if found is None:
            return node
        if found:
            # A part may say less of its type than its place in the match did: note it.
            names: dict[Var, Expr] = {
                var: Var(var.name, var.annotation or var.type, span=var.span) for var, _ in bindings
            }
            result = substitute(clause.body, names)
            for var, value in reversed(bindings):
                new = names[var]
                assert isinstance(new, Var)
                result = Let(new, value, result, span=node.span)
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
                if not is_total(part):
                    bindings.append((Var("_"), part))
    return True
