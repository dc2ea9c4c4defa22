"""Rules of the text format for types.

::

    type ::= "(" type,* ")"                      always a tuple: (T) is one of a single field
           | "fn" ["[" ID,* "]"] "(" type,* ")" "->" type
           | "Tensor" "[" "(" dim,* ")" "," DTYPE "]" | DTYPE
           | "ref" "(" type ")" | "_"
           | ID ["[" type,* "]"]                  a type parameter, or a data type
    dim  ::= INT | "?" | META

Types nest little and are read by plain recursion, with a limit. Type parameters of function types
and ``ref`` are more than TVM's parser reads: so that every type has a text.
"""

from collections.abc import Container

import numpy as np

from ..ir.types import (
    DTYPES,
    Any,
    Dim,
    FuncType,
    RefType,
    TensorType,
    TupleType,
    Type,
    TypeCall,
    TypeVar,
)
from ..ir.unify import HOLE
from .cursor import Cursor, shortened, suggestion
from .names import Names
from .numbers import read_number
from .references import References

__all__ = ["NESTING_LIMIT", "RESERVED", "Types"]

# Real programs nest types a few levels; deeper ones would only exhaust Python's stack.
NESTING_LIMIT = 100

RESERVED = frozenset(("_", "Tensor", "True", "False", *DTYPES))
"""Names that no data type, constructor or type parameter can have."""


class Types:
    """Reads types.

    Attributes
    ----------
    params : Names of TypeVar
        Type parameters in scope.
    declared : dict
        Keys are the data types that exist.
    used : set of str
        Data types that the text mentions.
    """

    def __init__(self, cursor: Cursor, references: References) -> None:
        self.cursor = cursor
        self.references = references
        self.params: Names[TypeVar] = Names()
        self.declared: dict[str, object] = {}
        self.used: set[str] = set()
        self._depth = 0

    def annotation(self) -> Type | None:
        """Return the type after an optional colon; None without one, or for ``_``."""
        if not self.cursor.accept(":"):
            return None
        found = self.type()
        return None if found is HOLE else found

    def result(self) -> Type | None:
        """Return the type after an optional arrow; None without one, or for ``_``."""
        if not self.cursor.accept("->"):
            return None
        found = self.type()
        return None if found is HOLE else found

    def parameters(self) -> tuple[TypeVar, ...]:
        """Return the type parameters between optional brackets, each bound in this scope."""
        cursor = self.cursor
        names: dict[str, TypeVar] = {}

        def name() -> None:
            place = cursor.expect("word", "a type parameter")
            text = cursor.text(place)
            if text in names:
                raise cursor.error(
                    f"type parameter {shortened(text)} stands twice; rename one", place
                )
            self.check_name(text, place)
            names[text] = TypeVar(text)
            self.params.bind(text, names[text])

        if cursor.accept("["):
            cursor.until("]", name)
        return tuple(names.values())

    def check_name(self, name: str, place: int, reserved: Container[str] = RESERVED) -> None:
        """Refuse a definition of a name that means something else."""
        if name in reserved:
            raise self.cursor.error(f"{name} has a meaning of its own; choose another name", place)

    def type(self) -> Type:
        """Return a type."""
        cursor = self.cursor
        self._depth += 1
        if self._depth > NESTING_LIMIT:
            raise cursor.error(f"types nest at most {NESTING_LIMIT} deep", cursor.place)
        found: Type
        if cursor.accept("("):
            found = TupleType(self.tuple_fields())
        elif cursor.accept("fn"):
            self.params.enter()
            variables = self.parameters()
            cursor.expect("(")
            params = self.tuple_fields()
            cursor.expect("->")
            found = FuncType(params, self.type(), variables)
            self.params.leave()
        elif cursor.accept("ref"):
            cursor.expect("(")
            found = RefType(self.type())
            cursor.expect(")")
        else:
            found = self._named_type(cursor.expect("word", "a type"))
        self._depth -= 1
        return found

    def tuple_fields(self, closing: str = ")") -> tuple[Type, ...]:
        """Return types up to a closing mark."""
        types: list[Type] = []
        self.cursor.until(closing, lambda: types.append(self.type()))
        return tuple(types)

    def _named_type(self, place: int) -> Type:
        """Return the type that begins with the name at `place`."""
        cursor = self.cursor
        name = cursor.text(place)
        variable = self.params.find(name)
        if variable is not None:
            return variable
        if name == "_":
            return HOLE
        if name == "Tensor":
            return self._tensor()
        if name.rstrip("0123456789") in ("int", "uint", "float", "bool"):
            return TensorType((), self._dtype(place))
        if name not in self.declared:
            known = [*self.declared, *self.params.all(), "Tensor"]
            hint = suggestion(name, known, f"define it with type {shortened(name)}")
            raise cursor.error(f"there is no type {shortened(name)}; {hint}", place)
        self.used.add(name)
        return TypeCall(name, self.tuple_fields("]") if cursor.accept("[") else ())

    def _tensor(self) -> TensorType:
        """Return the tensor type whose name was read."""
        cursor = self.cursor
        cursor.expect("[")
        cursor.expect("(")
        shape: list[Dim] = []
        cursor.until(")", lambda: shape.append(self._dim()))
        cursor.expect(",")
        dtype = self._dtype(cursor.expect("word", "a data type"))
        cursor.expect("]")
        return TensorType(tuple(shape), dtype)

    def _dtype(self, place: int) -> str:
        """Return the data type at `place`, which must exist."""
        name = self.cursor.text(place)
        if name not in DTYPES:
            problem = f"a data type must be one of {', '.join(DTYPES)}, not {shortened(name)}"
            raise self.cursor.error(problem, place)
        return name

    def _dim(self) -> Dim:
        """Return one size of a shape."""
        cursor = self.cursor
        if cursor.accept("?"):
            return Any()
        if cursor.at("meta"):
            return self.references.size()
        if cursor.at("number"):
            value = read_number(cursor.source, *cursor.bounds(cursor.place))
            if isinstance(value, np.integer) and value >= 0:
                cursor.take()
                return int(value)
        raise cursor.unexpected("a size or ?")
