"""Sizes of axes that are expressions of symbols, as entries of the metadata.

The text has only numbers and ``?``. A symbol is an entry ``{"name": "n"}`` under ``tir.SizeVar``,
as TVM has it. Any other size is an entry under `SIZE_KEY`: its terms, ``[[factor, atom, ...],
...]`` where an atom is the name of a symbol, or ``{"dividend": terms, "divisor": 2}``.
"""

from ..ir.dims import Dim, Quotient, Size, Symbol, symbol

__all__ = ["SIZE_KEY", "SYMBOL_KEYS", "read_size", "write_size"]

SIZE_KEY = "Size"
SYMBOL_KEYS = ("tir.SizeVar", "tir.Var")


def write_size(size: Size) -> tuple[str, object]:
    """Return the key and the entry of a size."""
    match size.terms:
        case (((Symbol(name),), 1),):
            return SYMBOL_KEYS[0], {"name": name}
        case _:
            return SIZE_KEY, _terms(size)


def read_size(key: str, entry: object) -> Dim:
    """Return the size of an entry.

    Raises
    ------
    ValueError
        It is malformed.
    """
    if key in SYMBOL_KEYS and isinstance(entry, dict) and isinstance(entry.get("name"), str):
        return symbol(entry["name"])
    try:
        if key == SIZE_KEY:
            return _read_terms(entry)
    except (TypeError, ValueError, KeyError, RecursionError):
        pass
    raise ValueError(f"{entry!r} is no size")


def _terms(size: Size) -> list[object]:
    """Return the terms of a size as JSON."""
    return [
        [
            factor,
            *(
                {"dividend": _terms(atom.dividend), "divisor": atom.divisor}
                if isinstance(atom, Quotient)
                else atom.name
                for atom in monomial
            ),
        ]
        for monomial, factor in size.terms
    ]


def _read_terms(entry: object) -> Dim:
    """Return the sum of terms; TypeError or KeyError if they are malformed."""
    if not isinstance(entry, list):
        raise TypeError
    total: Dim = 0
    for term in entry:
        factor, *atoms = term
        if type(factor) is not int:
            raise TypeError
        product: Dim = factor
        for atom in atoms:
            product = product * _read_atom(atom)
        total = total + product
    return total


def _read_atom(atom: object) -> Dim:
    """Return a symbol or a quotient."""
    if isinstance(atom, str):
        return symbol(atom)
    if not isinstance(atom, dict) or type(atom["divisor"]) is not int or atom["divisor"] < 2:
        raise TypeError
    return _read_terms(atom["dividend"]) // atom["divisor"]
