"""Unification of types: finding the incomplete parts that make two types equal.

A type that was found may turn out to be less known later: where a value of size 2 and one of
unknown size can both stand, the size is unknown. So an incomplete type that is found stays an
object of its own, which is widened in place; `Unifier.changed` says which ones were.
"""

from itertools import count

from .types import (
    Any,
    Dim,
    FuncType,
    IncompleteType,
    RefType,
    TensorType,
    TupleType,
    Type,
    TypeCall,
    TypeVar,
    incomplete_types,
    map_types,
)

__all__ = ["HOLE", "Unifier", "UnificationError", "substitute_types"]

HOLE = IncompleteType(-1)
"""What stands for ``_`` in an annotation: each occurrence is a type of its own."""


class UnificationError(Exception):
    """Two types cannot be equal; the message says in which part."""


def substitute_types(root: Type, values: dict[TypeVar, Type]) -> Type:
    """Return `root` with type parameters replaced."""
    match root:
        case TensorType() | IncompleteType():
            return root
        case TypeVar():
            return values.get(root, root)
        case FuncType(_, _, own) if own:
            inner = {var: value for var, value in values.items() if var not in own}
            return map_types(root, lambda part: substitute_types(part, inner))
        case _:
            return map_types(root, lambda part: substitute_types(part, values))


class Unifier:
    """What is known of incomplete types so far.

    Attributes
    ----------
    changed : list of int
        Numbers of incomplete types found or widened since the list was last emptied.
    place : object
        What whoever unifies is at; kept with each type that is found meanwhile.
    """

    def __init__(self) -> None:
        self.changed: list[int] = []
        self.place: object = None
        self._bindings: dict[int, Type] = {}
        self._origins: dict[int, object] = {}
        self._numbers = count()

    def fresh(self) -> IncompleteType:
        """Return an incomplete type that is new."""
        return IncompleteType(next(self._numbers))

    def open_holes(self, root: Type | None) -> Type:
        """Return an annotation with a fresh incomplete type for each ``_``, or for None."""
        match root:
            case None | IncompleteType(-1):
                return self.fresh()
            case TensorType():
                return root
            case _:
                return map_types(root, self.open_holes)

    def instantiate(self, function: FuncType) -> FuncType:
        """Return `function` with fresh incomplete types for its type parameters."""
        values: dict[TypeVar, Type] = {var: self.fresh() for var in function.type_params}
        params = tuple(substitute_types(self.complete(param), values) for param in function.params)
        return FuncType(params, substitute_types(self.complete(function.ret), values))

    def resolve(self, root: Type) -> Type:
        """Return what is known of `root` at its outermost level."""
        while isinstance(root, IncompleteType) and root.number in self._bindings:
            root = self._bindings[root.number]
        return root

    def complete(self, root: Type) -> Type:
        """Return `root` with everything that is known put in."""
        if isinstance(root, IncompleteType):
            root = self.resolve(root)
        if isinstance(root, TensorType | IncompleteType | TypeVar):
            return root
        return map_types(root, self.complete)

    def numbers(self, root: Type) -> list[int]:
        """Return the numbers of all incomplete types, found or not, that `root` depends on."""
        found = []
        pending = list(incomplete_types(root))
        while pending:
            number = pending.pop().number
            found.append(number)
            if number in self._bindings:
                pending.extend(incomplete_types(self._bindings[number]))
        return found

    def origin(self, root: Type) -> object:
        """Return the `place` at which `root` was found; None if it was never incomplete."""
        place = None
        while isinstance(root, IncompleteType) and root.number in self._bindings:
            place = self._origins[root.number]
            root = self._bindings[root.number]
        return place

    def unify(self, left: Type, right: Type) -> Type:
        """Return the type that both are; incomplete parts are found on the way.

        An unknown size beside any other stays unknown. What is returned is an incomplete type if
        one of the two is, so that it knows of what is found later.

        Raises
        ------
        UnificationError
            They differ.
        """
        if left is right:
            return left
        first, a = self._find(left)
        second, b = self._find(right)
        if a is None or b is None:
            if first is None or (second is not None and a is not None):
                assert second is not None
                return self._bind(second, left if first is None else first)
            return self._bind(first, right if second is None else second)
        if first is not None and first == second:
            return first
        joined = a if a is b else self._unify_known(a, b)
        if first is not None:
            if joined is not a:
                self._record(first.number, joined)
            if second is not None:
                self._record(second.number, first)
            return first
        if second is not None:
            if joined != b:
                self._record(second.number, joined)
            return second
        return joined

    def _find(self, root: Type) -> tuple[IncompleteType | None, Type | None]:
        """Return the last of the incomplete types that `root` stands for, and what it is."""
        if not isinstance(root, IncompleteType):
            return None, root
        while True:
            found = self._bindings.get(root.number)
            if not isinstance(found, IncompleteType):
                return root, found
            root = found

    def _bind(self, hole: IncompleteType, value: Type) -> Type:
        """Record that `hole`, of which nothing is known, is `value`."""
        if value == hole:
            return hole
        if not isinstance(value, TensorType):
            complete = self.complete(value)
            if hole in incomplete_types(complete) and complete != hole:
                raise UnificationError(f"a type would contain itself: {complete}")
        self._record(hole.number, value)
        return hole

    def _record(self, number: int, value: Type) -> None:
        """Put down what an incomplete type is."""
        self._bindings[number] = value
        self._origins.setdefault(number, self.place)
        self.changed.append(number)

    def _unify_known(self, a: Type, b: Type) -> Type:
        """Return the common type of two types that are known at their outermost level.

        It is `a` itself if `b` adds nothing.
        """
        match a, b:
            case TensorType(), TensorType():
                return _unify_tensors(a, b)
            case TupleType(), TupleType():
                if len(a.fields) != len(b.fields):
                    raise UnificationError(
                        f"a tuple of {len(a.fields)} is not one of {len(b.fields)}"
                    )
                return self._unify_parts(a, a.fields, b.fields)
            case FuncType(), FuncType():
                return self._unify_functions(a, b)
            case TypeCall(), TypeCall() if a.name == b.name and len(a.args) == len(b.args):
                return self._unify_parts(a, a.args, b.args)
            case RefType(), RefType():
                return self._unify_parts(a, (a.value,), (b.value,))
            case _:
                if a == b:
                    return a
                raise UnificationError(f"{self.complete(a)} is not {self.complete(b)}")

    def _unify_parts(self, whole: Type, left: tuple[Type, ...], right: tuple[Type, ...]) -> Type:
        """Return `whole`, whose parts are `left`, with these unified with `right`."""
        parts = [self.unify(x, y) for x, y in zip(left, right, strict=True)]
        if all(new is old for new, old in zip(parts, left, strict=True)):
            return whole
        remaining = iter(parts)
        return map_types(whole, lambda part: next(remaining))

    def _unify_functions(self, a: FuncType, b: FuncType) -> FuncType:
        """Return the common type of two functions; type parameters correspond by position.

        A function that has type parameters is an instance of itself where one without is wanted.
        """
        if len(a.params) != len(b.params):
            raise UnificationError(
                f"a function of {len(a.params)} parameters is not one of {len(b.params)}"
            )
        if a.type_params and not b.type_params:
            a = self.instantiate(a)
        elif b.type_params and not a.type_params:
            b = self.instantiate(b)
        if len(a.type_params) != len(b.type_params):
            raise UnificationError(
                f"a function of {len(a.type_params)} type parameters is not one of "
                f"{len(b.type_params)}"
            )
        others = (*b.params, b.ret)
        if b.type_params != a.type_params:
            renamed: dict[TypeVar, Type] = dict(zip(b.type_params, a.type_params, strict=True))
            others = tuple(substitute_types(self.complete(part), renamed) for part in others)
        joined = self._unify_parts(a, (*a.params, a.ret), others)
        assert isinstance(joined, FuncType)
        return joined


def _unify_tensors(a: TensorType, b: TensorType) -> TensorType:
    """Return the common type of two tensors, `a` itself if it is that."""
    if a.dtype != b.dtype:
        raise UnificationError(f"data type {a.dtype} is not {b.dtype}")
    if a.shape == b.shape:
        return a
    if len(a.shape) != len(b.shape):
        raise UnificationError(f"{len(a.shape)} axes are not {len(b.shape)}")
    wrong = [
        f"axis {axis} is {x} and {y}"
        for axis, (x, y) in enumerate(zip(a.shape, b.shape, strict=True))
        if x != y and isinstance(x, int) and isinstance(y, int)
    ]
    if wrong:
        raise UnificationError(", ".join(wrong))
    shape: tuple[Dim, ...] = tuple(
        x if x == y else Any() for x, y in zip(a.shape, b.shape, strict=True)
    )
    return a if shape == a.shape else TensorType(shape, a.dtype)
