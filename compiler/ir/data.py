"""Algebraic data types: declarations in a module."""

from dataclasses import dataclass, field

from .span import Span
from .types import Type, TypeVar

__all__ = ["ConstructorData", "TypeData"]


@dataclass(frozen=True, slots=True)
class ConstructorData:
    """One form of the values of a data type.

    Attributes
    ----------
    name : str
        Unique in the module.
    fields : tuple of Type
        They may use the type parameters of the data type.
    """

    name: str
    fields: tuple[Type, ...] = ()
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class TypeData:
    """A data type.

    Attributes
    ----------
    name : str
    type_params : tuple of TypeVar
    constructors : tuple of ConstructorData
    extern : bool
        The values come from elsewhere: there are no constructors.
    """

    name: str
    type_params: tuple[TypeVar, ...] = ()
    constructors: tuple[ConstructorData, ...] = ()
    extern: bool = False
    span: Span | None = field(default=None, compare=False, kw_only=True)
