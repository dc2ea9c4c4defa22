"""Expressions that call, take apart, or have an effect; `maker` makes what they are made of."""

from compiler.ir import (
    Call,
    Function,
    FuncType,
    GlobalVar,
    If,
    Let,
    RefCreate,
    RefRead,
    RefType,
    RefWrite,
    TupleGetItem,
    TupleType,
)
from compiler.ops import call

from .library import INT, int_constant, list_of, tree_of
from .scope import Scope
from .sizes import fill_sizes, masked, matched_sizes
from .tensors import random_tensor

UNIT = TupleType(())


def global_(maker, wanted, scope, depth):
    """Call a global function whose result can be of the type."""
    ways = []
    for name, signature in maker.functions.items():
        sizes = matched_sizes(signature.ret, wanted)
        if sizes is not None:
            ways.append((name, signature, sizes))
    maker.effects_made += 1
    if not ways or maker.chance(0.3):
        return _library(maker, wanted, scope, depth)
    name, signature, sizes = maker.random.choice(ways)
    instance = fill_sizes(signature, sizes, maker.random)
    return Call(GlobalVar(name), tuple(maker.expr(p, scope, depth) for p in instance.params))


def fold(maker, wanted, scope, depth):
    """Fold a list."""
    maker.used.add("foldl")
    maker.effects_made += 1
    item = random_tensor(maker.random)
    function = maker.construct(FuncType((wanted, item), wanted), scope, min(depth, 3))
    start = maker.expr(wanted, scope, depth - 1)
    return Call(GlobalVar("foldl"), (function, start, maker.expr(list_of(item), scope, depth)))


def project(maker, wanted, scope, depth):
    """Take a field out of a tuple."""
    ways = [
        (var, index)
        for var, found in scope.visible()
        if isinstance(found, TupleType)
        for index, field in enumerate(found.fields)
        if field == wanted
    ]
    if ways and maker.chance(0.8):
        return TupleGetItem(*maker.random.choice(ways))
    fields = [maker.type(scope, 1) for _ in range(maker.random.randint(0, 2))]
    index = maker.random.randint(0, len(fields))
    fields.insert(index, wanted)
    return TupleGetItem(maker.expr(TupleType(tuple(fields)), scope, depth), index)


def cell(maker, wanted, scope, depth):
    """Read a cell, sometimes after writing it."""
    maker.effects_made += 1
    known = scope.of_type(RefType(wanted))
    if known and maker.chance(0.6):
        cell = maker.random.choice(known)
        if maker.chance(0.5):
            return RefRead(cell)
        written = RefWrite(cell, maker.expr(wanted, scope, depth))
        return Let(maker.fresh(UNIT, 0.3), written, RefRead(cell))
    held = wanted if maker.chance(0.5) else maker.type(scope, 1)
    cell = maker.fresh(RefType(held), 0)
    inner = Scope(scope, [(cell, RefType(held))])
    read = held == wanted and maker.chance(0.7)
    body = RefRead(cell) if read else maker.expr(wanted, inner, depth)
    if maker.chance(0.5):
        written = RefWrite(cell, maker.expr(held, inner, depth - 1))
        body = Let(maker.fresh(UNIT, 0), written, body)
    return Let(cell, RefCreate(maker.expr(held, scope, depth - 1)), body)


def loop(maker, wanted, scope, depth):
    """Call a local function that calls itself a few times."""
    maker.effects_made += 1
    loop = maker.fresh(FuncType((INT, wanted), wanted), 0)
    count, value = maker.param(INT), maker.param(wanted)
    inner = Scope(scope, [(count, INT), (value, wanted)])
    step = maker.expr(wanted, inner, min(depth, 3))
    again = Call(loop, (call("subtract", count, int_constant(1)), step))
    body = If(call("less_equal", count, int_constant(0)), value, again)
    function = Function((count, value), body, masked(wanted))
    start = maker.expr(wanted, scope, depth)
    times = int_constant(maker.random.randint(0, 3))
    return Let(loop, function, Call(loop, (times, start)))


def _library(maker, wanted, scope, depth):
    """Call a polymorphic function."""
    if wanted == INT and maker.chance(0.6):
        name, of = maker.random.choice((("length", list_of), ("size", tree_of)))
        maker.used.add(name)
        return Call(GlobalVar(name), (maker.expr(of(maker.type(scope, 1)), scope, depth),))
    if maker.chance(0.5):
        maker.used.add("identity")
        return Call(GlobalVar("identity"), (maker.expr(wanted, scope, depth),))
    maker.used.add("iterate")
    function = maker.expr(FuncType((wanted,), wanted), scope, min(depth, 3))
    times = int_constant(maker.random.randint(0, 3))
    return Call(GlobalVar("iterate"), (function, times, maker.expr(wanted, scope, depth)))
