"""Unification of types: finding the incomplete parts that make two types equal."""

from itertools import count

from .types import (
    Any,
    Dim,
    FuncType,
    IncompleteType,
    TensorType,
    TupleType,
    Type,
    TypeVar,
    incomplete_types,
)

__all__ = ["HOLE", "Unifier", "UnificationError", "substitute_types"]

HOLE = IncompleteType(-1)
"""What stands for ``_`` in an annotation: each occurrence is a type of its own."""


class UnificationError(Exception):
    """Two types cannot be equal; the message says in which part."""


def substitute_types(root: Type, values: dict[TypeVar, Type]) -> Type:
    """Return `root` with type parameters replaced."""
    match root:
        case TypeVar():
            return values.get(root, root)
        case TupleType(fields):
            return TupleType(tuple(substitute_types(field, values) for field in fields))
        case FuncType(params, ret, own):
            inner = {var: value for var, value in values.items() if var not in own}
            types = tuple(substitute_types(param, inner) for param in params)
            return FuncType(types, substitute_types(ret, inner), own)
        case _:
            return root


class Unifier:
    """What is known of incomplete types so far.

    Attributes
    ----------
    changed : list of int
        Numbers of incomplete types found since the list was last emptied.
    """

    def __init__(self) -> None:
        self.changed: list[int] = []
        self._bindings: dict[int, Type] = {}
        self._numbers = count()

    def fresh(self) -> IncompleteType:
        """Return an incomplete type that is new."""
        return IncompleteType(next(self._numbers))

    def open_holes(self, root: Type | None) -> Type:
        """Return an annotation with a fresh incomplete type for each ``_``, or for None."""
        match root:
            case None | IncompleteType(-1):
                return self.fresh()
            case TupleType(fields):
                return TupleType(tuple(self.open_holes(field) for field in fields))
            case FuncType(params, ret, own):
                types = tuple(self.open_holes(param) for param in params)
                return FuncType(types, self.open_holes(ret), own)
            case _:
                return root

    def instantiate(self, function: FuncType) -> FuncType:
        """Return `function` with fresh incomplete types for its type parameters."""
        values: dict[TypeVar, Type] = {var: self.fresh() for var in function.type_params}
        params = tuple(substitute_types(param, values) for param in function.params)
        return FuncType(params, substitute_types(function.ret, values))

    def resolve(self, root: Type) -> Type:
        """Return what is known of `root` at its outermost level."""
        while isinstance(root, IncompleteType) and root.number in self._bindings:
            root = self._bindings[root.number]
        return root

    def complete(self, root: Type) -> Type:
        """Return `root` with everything that is known put in."""
        root = self.resolve(root)
        match root:
            case TupleType(fields):
                return TupleType(tuple(self.complete(field) for field in fields))
            case FuncType(params, ret, own):
                types = tuple(self.complete(param) for param in params)
                return FuncType(types, self.complete(ret), own)
            case _:
                return root

    def unify(self, left: Type, right: Type) -> Type:
        """Return the type that both are; incomplete parts are found on the way.

        An unknown size beside any other stays unknown.

        Raises
        ------
        UnificationError
            They differ.
        """
        if left is right:
            return left
        a, b = self.resolve(left), self.resolve(right)
        if a is b or a == b:
            return a
        if isinstance(a, IncompleteType):
            return self._bind(a, b)
        if isinstance(b, IncompleteType):
            return self._bind(b, a)
        result = self._unify_known(a, b)
        for given in (left, right):
            if isinstance(given, IncompleteType):
                self._bindings[given.number] = result
        return result

    def _bind(self, hole: IncompleteType, value: Type) -> Type:
        """Record that `hole` is `value`."""
        value = self.complete(value)
        if hole in incomplete_types(value):
            raise UnificationError(f"a type would contain itself: {value}")
        self._bindings[hole.number] = value
        self.changed.append(hole.number)
        return value

    def _unify_known(self, a: Type, b: Type) -> Type:
        """Return the common type of two types that are known at their outermost level."""
        match a, b:
            case TensorType(), TensorType():
                return _unify_tensors(a, b)
            case TupleType(), TupleType():
                if len(a.fields) != len(b.fields):
                    raise UnificationError(
                        f"a tuple of {len(a.fields)} is not one of {len(b.fields)}"
                    )
                pairs = zip(a.fields, b.fields, strict=True)
                return TupleType(tuple(self.unify(x, y) for x, y in pairs))
            case FuncType(), FuncType():
                return self._unify_functions(a, b)
            case _:
                raise UnificationError(f"{a} is not {b}")

    def _unify_functions(self, a: FuncType, b: FuncType) -> FuncType:
        """Return the common type of two functions; type parameters correspond by position."""
        if len(a.params) != len(b.params):
            raise UnificationError(
                f"a function of {len(a.params)} parameters is not one of {len(b.params)}"
            )
        if len(a.type_params) != len(b.type_params):
            raise UnificationError(
                f"a function of {len(a.type_params)} type parameters is not one of "
                f"{len(b.type_params)}"
            )
        renamed: dict[TypeVar, Type] = dict(zip(b.type_params, a.type_params, strict=True))
        others = [substitute_types(param, renamed) for param in b.params]
        params = tuple(self.unify(x, y) for x, y in zip(a.params, others, strict=True))
        ret = self.unify(a.ret, substitute_types(b.ret, renamed))
        return FuncType(params, ret, a.type_params)


def _unify_tensors(a: TensorType, b: TensorType) -> TensorType:
    """Return the common type of two tensors."""
    if a.dtype != b.dtype:
        raise UnificationError(f"data type {a.dtype} is not {b.dtype}")
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
    return TensorType(shape, a.dtype)
