"""Constraints between types, asked again when what they depend on is found or widened."""

from collections import deque
from dataclasses import dataclass

from ..errors import TypeInferenceError, Unsupported
from ..ir.nodes import Expr
from ..ir.types import TensorType, Type, incomplete_types
from ..ir.unify import UnificationError, Unifier
from ..ops.operator import Attributes, Mismatch, Missing, Relation
from .origins import Origins, Place

__all__ = ["Constraint", "Solver"]


@dataclass(slots=True, eq=False)
class Constraint:
    """A relation that must hold between types.

    Attributes
    ----------
    name : str
        Of the operator, or whatever else the relation is of.
    arguments : tuple of str
        Names of the arguments.
    node : Expr
        Where.
    parts : tuple of Expr
        Whose types `types` are.
    solved : bool
    """

    name: str
    arguments: tuple[str, ...]
    node: Expr
    parts: tuple[Expr, ...]
    types: tuple[Type, ...]
    result: Type
    attrs: Attributes
    relation: Relation
    solved: bool = False


class Solver:
    """What is known of types, and the constraints between them.

    Attributes
    ----------
    unifier : Unifier
    origins : Origins
        For messages: where the type of an expression comes from.
    """

    def __init__(self) -> None:
        self.unifier = Unifier()
        self.origins = Origins(self.unifier)
        self._dependent: dict[int, list[Constraint]] = {}
        self._unsolved: dict[int, Constraint] = {}

    def equate(
        self, expected: Type, found: Type, place: Place, source: Expr | str, given: Expr | None
    ) -> Type:
        """Return the type that two are; nothing else may be expected.

        Parameters
        ----------
        place : what is expected to have the type, and where to point at
        source : what `expected` comes from: an expression, or words
        given : the expression whose type `found` is, if it is one's

        Raises
        ------
        TypeInferenceError
            They differ.
        """
        if expected is found:
            return found
        self.unifier.place = place
        try:
            joined = self.unifier.unify(expected, found)
        except UnificationError as error:
            complete = self.unifier.complete
            wanted, have = complete(expected), complete(found)
            notes = [
                f"{wanted} comes {self.origins.source(source, expected)}",
                f"{have} comes {self.origins.source(given or 'what stands here', found)}",
            ]
            raise TypeInferenceError(
                f"{place.what} must have type {wanted}, not {have}: {error}",
                place.span,
                notes=notes,
            ) from None
        if self.unifier.changed:
            self.settle()
        return joined

    def constrain(self, constraint: Constraint) -> Type:
        """Return the result's type of a new constraint, found if that is possible by now."""
        self._solve(constraint)
        self.settle()
        if any(any(incomplete_types(given)) for given in constraint.types):
            return constraint.result
        return self.unifier.resolve(constraint.result)

    def settle(self) -> None:
        """Ask every constraint again that depends on something found or widened by now."""
        queue: deque[Constraint] = deque()
        changed = self.unifier.changed
        while changed or queue:
            while changed:
                queue.extend(self._dependent.pop(changed.pop(), ()))
            if queue:
                self._solve(queue.popleft())

    def finish(self) -> None:
        """Raise TypeInferenceError if a constraint still waits."""
        for constraint in self._unsolved.values():
            unknown = [
                name
                for name, given in zip(constraint.arguments, constraint.types, strict=True)
                if any(incomplete_types(self.unifier.complete(given)))
            ]
            raise TypeInferenceError(
                f"{constraint.name}: the type of {', '.join(unknown)} cannot be found; annotate it",
                constraint.node.span,
            )

    def mismatch(
        self, name: str, arguments: tuple[str, ...], node: Expr, parts: tuple[Expr, ...],
        types: tuple[Type, ...], error: Mismatch,
    ) -> TypeInferenceError | Unsupported:  # fmt: skip
        """Return the error to raise for what a relation refuses."""
        kind = Unsupported if isinstance(error, Missing) else TypeInferenceError
        known = [self.unifier.complete(given) for given in types]
        named = [f"{label} is {given}" for label, given in zip(arguments, known, strict=True)]
        notes = [
            f"{text}, {self.origins.source(part, given)}"
            for text, part, given in zip(named, parts, types, strict=True)
        ]
        return kind(
            f"{name}: {error.problem}; {error.remedy}" + (f" ({', '.join(named)})" if named else "")
            , node.span, notes=notes,
        )  # fmt: skip

    def _solve(self, constraint: Constraint) -> None:
        """Ask a relation; unify what it says, or wait for what it lacks."""
        unifier = self.unifier
        types = tuple(unifier.complete(given) for given in constraint.types)
        unifier.place = Place(constraint.name, constraint.node.span)
        try:
            signature = constraint.relation(types, constraint.attrs)
            if signature is not None:
                for given, found in zip(constraint.types, signature.params, strict=True):
                    unifier.unify(given, found)
                unifier.unify(constraint.result, signature.ret)
        except Mismatch as error:
            raise self.mismatch(
                constraint.name, constraint.arguments, constraint.node, constraint.parts,
                constraint.types, error,
            ) from None  # fmt: skip
        except UnificationError as error:
            raise TypeInferenceError(f"{constraint.name}: {error}", constraint.node.span) from None
        if signature is None:
            self._unsolved[id(constraint)] = constraint
        elif not constraint.solved:
            constraint.solved = True
            self._unsolved.pop(id(constraint), None)
        for given in constraint.types:
            if not isinstance(given, TensorType):
                for number in unifier.numbers(given):
                    self._dependent.setdefault(number, []).append(constraint)
