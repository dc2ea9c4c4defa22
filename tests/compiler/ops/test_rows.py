"""Every row: what its relation says of types is what its meaning gives, sizes known or not.

A row has one or more samples: functions of a random generator that give arguments and attributes.
"""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import TypeInferenceError
from compiler.ir.dims import substitute_dim, symbol
from compiler.ir.types import Any, TensorType, TupleType
from compiler.ops import Mismatch, operators
from compiler.ops.attributes import complete_attributes


def type_of(value):
    if isinstance(value, tuple):
        return TupleType(tuple(type_of(part) for part in value))
    assert isinstance(value, np.ndarray), f"{value!r} is no array"
    return TensorType(value.shape, str(value.dtype))


def agrees(said, real, values=None):
    """Whether a type that a relation gave is that of a result; `?` agrees with any size."""
    if isinstance(said, TupleType):
        pairs = zip(said.fields, real.fields, strict=True)
        return isinstance(real, TupleType) and all(agrees(*pair, values) for pair in pairs)
    if said.dtype != real.dtype or len(said.shape) != len(real.shape):
        return False
    sizes = [substitute_dim(size, values or {}) for size in said.shape]
    return all(isinstance(a, Any) or a == b for a, b in zip(sizes, real.shape, strict=True))


def tensors(types):
    """Yield the place of every axis of the tensors of a call."""
    for number, given in enumerate(types):
        fields = given.fields if isinstance(given, TupleType) else (given,)
        for place, field in enumerate(fields):
            for dim in range(len(field.shape)):
                yield number, place, dim


def with_size(types, where, size):
    """Return the types with one size of one tensor replaced."""
    number, place, dim = where
    given = types[number]
    fields = list(given.fields) if isinstance(given, TupleType) else [given]
    old = fields[place].shape
    fields[place] = replace(fields[place], shape=(*old[:dim], size, *old[dim + 1 :]))
    new = TupleType(tuple(fields)) if isinstance(given, TupleType) else fields[0]
    return (*types[:number], new, *types[number + 1 :])


@pytest.mark.parametrize("name", operators())
def test_the_relation_says_what_the_meaning_gives(name, sample):
    for seed in range(12):
        row, args, attrs = sample(name, seed)
        types = tuple(type_of(arg) for arg in args)
        signature = row.relation(types, attrs)
        with np.errstate(all="ignore"):
            result = row.meaning(attrs, *args)
        assert signature is not None, f"seed {seed}: {types}"
        assert signature.params == types, f"seed {seed}"
        place = f"seed {seed}: {signature.ret} is not {type_of(result)} of {types} with {attrs}"
        assert agrees(signature.ret, type_of(result)), place
        if row.result_shape is not None:
            parts = result if isinstance(result, tuple) else (result,)
            assert row.result_shape(attrs, *args) == tuple(part.shape for part in parts), seed


@pytest.mark.parametrize("name", operators())
def test_unknown_sizes_and_symbols_agree_with_known_ones(name, sample):
    for seed in range(6):
        row, args, attrs = sample(name, seed)
        types = tuple(type_of(arg) for arg in args)
        real = row.relation(types, attrs).ret
        places = list(tensors(types))
        trials = [{where: symbol(f"n{k}")} for k, where in enumerate(places)]
        trials += [{where: Any()} for where in places]
        trials.append({where: symbol(f"n{k}") for k, where in enumerate(places)})
        for trial in trials:
            given, values = types, {}
            for (number, place, dim), size in trial.items():
                part = types[number]
                part = part.fields[place] if isinstance(part, TupleType) else part
                given = with_size(given, (number, place, dim), size)
                if not isinstance(size, Any):
                    values[size.terms[0][0][0]] = part.shape[dim]
            try:
                found = row.relation(given, attrs)
            except Mismatch as error:
                assert "must be known" in error.problem or "must be given" in error.problem, (
                    f"seed {seed}: {error.problem} of {given} with {attrs}"
                )
                continue
            said = found.ret
            assert agrees(said, real, values), (
                f"seed {seed}: {said} of {given}, not {real}, {attrs}"
            )


def mutated_array(r, array):
    """Return an array with an axis more or less, another size, or another data type."""
    shape, dtype = list(array.shape), str(array.dtype)
    match int(r.integers(4)):
        case 0 if shape:
            shape.pop(int(r.integers(len(shape))))
        case 1:
            shape.insert(int(r.integers(len(shape) + 1)), int(r.integers(0, 4)))
        case 2 if shape:
            shape[int(r.integers(len(shape)))] = int(r.integers(0, 9))
        case _:
            dtype = str(r.choice(["bool", "int8", "int32", "int64", "float32", "uint8"]))
    return np.asarray(r.integers(-2, 4, shape)).astype(dtype)


def mutated_attribute(r, value):
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(r.integers(-4, 9))
    if isinstance(value, float):
        return float(r.choice([-1.0, 0.0, 0.5, 3.0, np.inf]))
    if isinstance(value, tuple):
        parts = [mutated_attribute(r, part) for part in value]
        change = int(r.integers(-1, 2)) if parts else 0
        return tuple(parts[: len(parts) + min(change, 0)] + parts[: max(change, 0)])
    return value


def mutated(r, args, attrs):
    """Return a call with one or two things changed."""
    args, attrs = list(args), dict(attrs)
    for _ in range(int(r.integers(1, 3))):
        names = [name for name, value in attrs.items() if value is not None]
        if args and (r.random() < 0.5 or not names):
            place = int(r.integers(len(args)))
            if isinstance(args[place], tuple):
                args[place] = tuple(mutated_array(r, part) for part in args[place])
            else:
                args[place] = mutated_array(r, args[place])
        elif names:
            name = str(r.choice(names))
            attrs[name] = mutated_attribute(r, attrs[name])
    return tuple(args), attrs


@pytest.mark.parametrize("name", operators())
def test_a_bad_call_is_a_mismatch_and_nothing_else(name, sample):
    """Whatever a call is changed to, it has a meaning or is refused with problem and remedy."""
    for seed in range(30):
        row, args, attrs = sample(name, seed)
        args, attrs = mutated(np.random.default_rng(1000 + seed), args, attrs)
        try:
            attrs = complete_attributes(row, attrs)
        except TypeInferenceError:
            continue
        types = tuple(type_of(arg) for arg in args)
        place = f"seed {seed}: {types} with {attrs}"
        try:
            signature = row.relation(types, attrs)
            if signature.params != types:
                continue  # Inference refuses what does not unify.
            with np.errstate(all="ignore"):
                result = row.meaning(attrs, *args)
        except Mismatch as error:
            assert error.problem and error.remedy, place
            continue
        except Exception as error:
            raise AssertionError(place) from error
        assert agrees(signature.ret, type_of(result)), f"{place} gave {type_of(result)}"
