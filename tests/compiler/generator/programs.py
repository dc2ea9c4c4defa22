"""Random well-typed programs: a module and inputs for it, from a seed."""

from dataclasses import dataclass
from random import Random

from compiler.infer.symbols import map_sizes
from compiler.interpreter import Data
from compiler.ir import Call, Function, FuncType, GlobalVar, If, Module, TensorType, TupleType
from compiler.ir.dims import substitute_dim, symbol, symbols_in
from compiler.ops import call

from .kinds import constructors
from .library import INT, TYPES, int_constant, library
from .maker import Maker
from .scope import Scope
from .sizes import masked
from .tensors import SIZES, random_array, random_tensor

__all__ = ["Program", "random_program"]


@dataclass(frozen=True)
class Program:
    """A program and what to run it on.

    Attributes
    ----------
    seed : int
    module : Module, not typed
    inputs : list of values for the parameters of @main
    """

    seed: int
    module: Module
    inputs: list


def random_program(seed, size=40, effects=True):
    """Return a program.

    Parameters
    ----------
    seed : int
    size : int
        About as many expressions are made.
    effects : bool
        There may be cells.
    """
    random = Random(seed)
    maker = Maker(random, size, effects)
    functions = {}
    for number in range(random.choice((0, 0, 1, 2))):
        name = f"f{number}"
        functions[name], signature = _function(maker, name)
        maker.functions[name] = signature
        maker.budget = max(maker.budget, size // 2)
    params, types = _params(maker, "main", random.randint(0, 3))
    scope = Scope(None, list(zip(params, types, strict=True)))
    body = maker.expr(maker.type(scope), scope, 6)
    functions["main"] = Function(params, body)
    used = [*functions, *(name for name in library() if name in maker.used)]
    module = Module({name: functions.get(name) or library()[name] for name in used}, TYPES)
    return Program(seed, module, _inputs(random, types))


def _params(maker, name, count):
    """Return parameters and their types, of which some have symbols for sizes."""
    random, types = maker.random, []
    for number in range(count):
        kind = maker.type(Scope()) if maker.chance(0.3) else random_tensor(random)
        if isinstance(kind, TensorType) and maker.chance(0.4):
            shape = tuple(
                symbol(f"{name}_{number}_{axis}") if maker.chance(0.5) else size
                for axis, size in enumerate(kind.shape)
            )
            kind = TensorType(shape, kind.dtype)
        types.append(kind)
    return tuple(map(maker.param, types)), types


def _function(maker, name):
    """Return a global function and its type; it may call itself a few times."""
    random = maker.random
    params, types = _params(maker, name, random.randint(1, 2))
    scope = Scope(None, list(zip(params, types, strict=True)))
    if maker.chance(0.3):
        return _recursive(maker, name, scope)
    result = maker.type(scope, 1)
    body = maker.expr(result, scope, 4)
    annotation = masked(result) if maker.chance(0.5) else None
    return Function(params, body, annotation), FuncType(tuple(types), result)


def _recursive(maker, name, scope):
    """Return a global function that counts down, and its type."""
    count = maker.param(INT)
    value, kind = scope.values[0]
    inner = Scope(scope, [(count, INT)])
    step = maker.expr(kind, inner, 3)
    params = (count, *(var for var, _ in scope.values))
    rest = [var for var, _ in scope.values[1:]]
    fewer = call("subtract", count, int_constant(1))
    small = call("minimum", fewer, int_constant(2))
    again = Call(GlobalVar(name), (small, step, *rest))
    body = If(call("less_equal", count, int_constant(0)), value, again)
    signature = FuncType((INT, *(found for _, found in scope.values)), kind)
    return Function(params, body, masked(kind)), signature


def _inputs(random, types):
    """Return a value for each type, symbols being of any size."""
    sizes = {}

    def fill(size):
        for atom in symbols_in(size):
            sizes.setdefault(atom, random.choice(SIZES))
        return substitute_dim(size, sizes)

    return [_value(random, map_sizes(kind, fill), 3) for kind in types]


def _value(random, kind, depth):
    """Return a value of a type."""
    if isinstance(kind, TensorType):
        return random_array(random, kind.shape, kind.dtype)
    if isinstance(kind, TupleType):
        return tuple(_value(random, field, depth) for field in kind.fields)
    forms = constructors(kind)
    name, fields = random.choice(forms) if depth else min(forms, key=lambda form: len(form[1]))
    return Data(name, tuple(_value(random, field, depth - 1) for field in fields))
