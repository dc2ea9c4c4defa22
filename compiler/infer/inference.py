"""Type inference of a module.

Each expression gets a type that may be incomplete; what must be equal is unified as the program
is walked, callees before callers. A call of an operator is a constraint: its type relation is
asked at once, and again whenever an incomplete type that it depends on is found, or widened. A
quantified function is instantiated at each call, and so are the unknown sizes of a global one.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from ..errors import TypeInferenceError
from ..ir.module import Module
from ..ir.nodes import Function
from ..ir.types import (
    FuncType,
    RefType,
    TensorType,
    TupleType,
    Type,
    TypeCall,
    incomplete_types,
)
from .kinds import Kinds
from .order import callees_first
from .origins import Place
from .patterns import Patterns
from .rebuild import Rebuild
from .scopes import Scopes, Signature
from .solver import Solver
from .walker import Walker

__all__ = ["infer"]


def infer(module: Module) -> Module:
    """Return `module` with a type on every expression and complete attributes on every call.

    Raises
    ------
    TypeInferenceError
        Types do not fit, one cannot be found (an annotation is missing), a `Match` lacks a
        clause, an annotation is no type, or a type nests too deeply.
    InvalidModule
        A global function or a constructor does not exist.
    Unsupported
        An operator does not exist here, or not with these attributes.
    """
    try:
        return _infer(module)
    except RecursionError:
        # Programs are walked iteratively; only types, which nest little, are walked recursively.
        raise TypeInferenceError("a type nests too deeply; use flatter tuples") from None


def _infer(module: Module) -> Module:
    """Return `module` with types; RecursionError if a type nests too deeply."""
    solver = Solver()
    kinds = Kinds(module)
    scopes = Scopes(solver, kinds)
    order = callees_first(module)
    signatures: dict[str, Signature] = {
        name: scopes.global_signature(module[name], recursive) for name, recursive in order
    }
    patterns = Patterns(module, solver, scopes, kinds)
    walker = Walker(module, solver, scopes, patterns, signatures)
    for name, _ in order:
        function, signature = module[name], signatures[name]
        scopes.known = signature.known
        walker.walk(function)
        found = scopes.types[id(function)]
        place = Place(f"@{name}", function.span)
        solver.equate(signature.type, found, place, "how it is used", function)
        signature.type = cast(FuncType, found)
    if module.types:
        _default_elements(solver, scopes.types.values())
    solver.finish()
    done = Rebuild(solver.unifier, scopes.types, walker.calls.attrs).rebuild(walker.order)
    functions = {name: cast(Function, done[id(module[name])]) for name in module}
    return replace(module, functions=functions)


def _default_elements(solver: Solver, types: Iterable[Type]) -> None:
    """Let what no value tells the type of, as the elements of an empty list, be ``()``."""
    for given in types:
        if isinstance(given, TensorType):
            continue
        pending: list[Type] = [solver.unifier.complete(given)]
        while pending:
            part = pending.pop()
            if isinstance(part, TypeCall):
                for hole in incomplete_types(part):
                    solver.unifier.unify(hole, TupleType(()))
                    solver.settle()
            elif isinstance(part, TupleType):
                pending.extend(part.fields)
            elif isinstance(part, FuncType):
                pending.extend((*part.params, part.ret))
            elif isinstance(part, RefType):
                pending.append(part.value)
