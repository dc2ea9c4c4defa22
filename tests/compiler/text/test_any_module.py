"""Random modules, typed or not, with everything that the IR can hold: each reads back."""

import random

import numpy as np
import pytest

from compiler.infer import infer
from compiler.ir import (
    Any,
    Call,
    Clause,
    Constant,
    Constructor,
    ConstructorData,
    ConstructorPattern,
    Function,
    FuncType,
    GlobalVar,
    If,
    Let,
    Match,
    MetaValue,
    Module,
    Op,
    RefCreate,
    RefRead,
    RefType,
    RefWrite,
    TensorType,
    Tuple,
    TupleGetItem,
    TuplePattern,
    TupleType,
    TypeCall,
    TypeData,
    TypeVar,
    Var,
    VarPattern,
    WildcardPattern,
    structural_equal,
)
from compiler.ir.dims import symbol
from compiler.ir.types import DTYPES
from compiler.ops import call
from compiler.passes.registry import passes
from compiler.text import parse, parse_expression, to_text

NAMES = ["x", "x1", "", "0", "a:b", "_", "let", "base/x", "é", "main", "x"]
TYPES = {
    "List": TypeData(
        "List",
        (TypeVar("A"),),
        (
            ConstructorData("Cons", (TypeVar("A"), TypeCall("List", (TypeVar("A"),)))),
            ConstructorData("Nil"),
        ),
    ),
    "Void": TypeData("Void"),
    "S_1": TypeData("S_1", (TypeVar("T"), TypeVar("U")), (), extern=True),
}
SIZES = [0, 1, 7, 2**40, Any(), symbol("n"), 2 * symbol("n") + 1, symbol("n") * symbol("m") // 3]
ATTRS = [1, -3, 2**62, True, None, 0.1, -0.0, 1e300, 1e-30, float("inf"), "", 'q"q', "a\nb", ()]
ATTRS += [(1, (2.5, None)), MetaValue("VirtualDevice", '{"a": [1, "b"]}'), MetaValue("K", "3")]


class Maker:
    """Makes random modules; `pools` holds the nodes that each scope around may share."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.budget = 60
        self.scopes = [[]]
        self.pools = [[]]

    def choose(self, values):
        return self.random.choice(values)

    def module(self):
        functions = {}
        for name in self.random.sample(
            ["main", "f", "G_1", "a/b", "_h"], self.random.randint(1, 5)
        ):
            self.budget = 60
            functions[name] = self.function(4)
        return Module(functions, TYPES)

    def type(self, depth, variables=()):
        kinds = ["tensor", "tensor", "scalar", "call", "variable"]
        kinds += ["tuple", "function", "ref", "call"] * (depth > 0)
        count = self.random.randint(0, 3) if depth else 0
        inner = [self.type(depth - 1, variables) for _ in range(count)]
        match self.choose(kinds):
            case "tensor":
                shape = tuple(self.choose(SIZES) for _ in range(self.random.randint(0, 4)))
                return TensorType(shape, self.choose(DTYPES))
            case "tuple":
                return TupleType(tuple(inner))
            case "function":
                own = (TypeVar("Q"),) if self.random.random() < 0.3 else ()
                return FuncType(tuple(inner), self.type(depth - 1, (*variables, *own)), own)
            case "ref":
                return RefType(self.type(depth - 1, variables))
            case "call":
                return TypeCall(self.choose(list(TYPES)), tuple(inner))
            case "variable" if variables:
                return self.choose(variables)
        return TensorType((), self.choose(DTYPES))

    def attrs(self):
        count = self.choose([0, 0, 1, 3])
        return {f"{self.choose(['a', 'b.c', 'Own'])}{n}": self.choose(ATTRS) for n in range(count)}

    def var(self, variables=(), **more):
        annotation = self.type(2, variables) if self.random.random() < 0.4 else None
        return Var(self.choose(NAMES), annotation, **more)

    def inside(self, variables, depth):
        """Return an expression in a scope of its own that binds `variables`."""
        self.scopes.append(list(variables))
        self.pools.append([])
        body = self.expr(depth)
        self.scopes.pop()
        self.pools.pop()
        return body

    def function(self, depth):
        own = tuple(TypeVar(name) for name in self.random.sample("ABC", self.choose([0, 0, 2])))
        params = [
            self.var(own, attrs=tuple(self.attrs().items()))
            for _ in range(self.random.randint(0, 3))
        ]
        ret = self.type(2, own) if self.random.random() < 0.4 else None
        return Function(tuple(params), self.inside(params, depth), ret, self.attrs(), own)

    def leaf(self):
        variables = [var for scope in self.scopes for var in scope]
        if variables and self.random.random() < 0.5:
            return self.choose(variables)
        kind = self.random.randrange(6)
        if kind == 0:
            return GlobalVar("main")
        if kind == 1:
            return Constructor("Cons")
        if kind == 2:
            return Op(self.choose(["exp", "nn.relu"]))
        shape = self.choose([(), (), (2,), (0, 3)])
        bits = self.numbers.bytes(8 * int(np.prod(shape)) + 8)
        dtype = self.choose(DTYPES)
        if dtype == "bool":
            return Constant(self.numbers.integers(0, 2, shape).astype("bool"))
        flat = np.frombuffer(bits, dtype)
        return Constant(flat[: int(np.prod(shape))].reshape(shape))

    def expr(self, depth):
        """Return a random expression, at times one that stands elsewhere already."""
        pool = [node for level in self.pools for node in level]
        if pool and self.random.random() < 0.25:
            return self.choose(pool)
        self.budget -= 1
        if depth == 0 or self.budget < 0:
            return self.leaf()
        found = self.compound(depth - 1)
        self.pools[-1].append(found)
        return found

    def compound(self, depth):
        parts = [self.expr(depth) for _ in range(self.random.randint(0, 3))]
        match self.random.randrange(13):
            case 0:
                return Tuple(tuple(parts))
            case 1:
                return TupleGetItem(self.expr(depth), self.random.randint(0, 12))
            case 2:
                return self.function(depth)
            case 3 | 4:
                var = self.var()
                value = self.expr(depth)
                return Let(var, value, self.inside([var], depth))
            case 5:
                return If(self.expr(depth), self.inside([], depth), self.inside([], depth))
            case 6 | 7:
                clauses = tuple(self.clause(depth) for _ in range(self.random.randint(0, 3)))
                return Match(self.expr(depth), clauses, self.choose([True, False]))
            case 8:
                return self.choose([RefCreate, RefRead])(self.expr(depth))
            case 9:
                return RefWrite(self.expr(depth), self.expr(depth))
            case 10:
                axis, keep = self.choose([None, (0, 1)]), self.choose([True, False])
                return call("sum", self.expr(depth), axis=axis, keepdims=keep)
            case 11:
                key = MetaValue("relay.attrs.A", '["x"]')
                attrs = self.choose([{}, {"attrs_type_key": "k", "a": 1.5}, {"": key}])
                callee = self.expr(depth)
                return Call(
                    GlobalVar("main") if isinstance(callee, Op) else callee, tuple(parts), attrs
                )
        name = self.choose(["Cons", "Nil"])
        return Call(Constructor(name), () if name == "Nil" else tuple(parts))

    def clause(self, depth):
        variables = []
        pattern = self.pattern(3, variables)
        return Clause(pattern, self.inside(variables, depth))

    def pattern(self, depth, variables):
        kind = self.random.randrange(4 if depth else 2)
        if kind == 0:
            return WildcardPattern()
        if kind == 1:
            variables.append(self.var())
            return VarPattern(variables[-1])
        fields = [self.pattern(depth - 1, variables) for _ in range(self.random.randint(0, 3))]
        if kind == 2:
            return TuplePattern(tuple(fields))
        return ConstructorPattern(self.choose(["Cons", "Nil"]), tuple(fields))


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_a_module_reads_back(start):
    for seed in range(start, start + 40):
        module = Maker(seed).module()
        if "main" not in module:
            module = module.replace(main=Function((), Tuple(())))
        text = to_text(module)
        back = parse(text)
        assert structural_equal(back, module), f"seed {seed}:\n{text}"
        assert to_text(back) == text, f"seed {seed}"
        assert to_text(module, metadata=False) == to_text(back, metadata=False), f"seed {seed}"


@pytest.mark.parametrize("seed", range(40))
def test_an_expression_reads_back(seed):
    maker = Maker(1000 + seed)
    maker.scopes[0] += [Var("free", TensorType((2,), "int8")), Var("other")]
    expr = maker.expr(4)
    library = Module({}, TYPES)
    back = parse_expression(to_text(expr), library=library)
    assert structural_equal(back, expr), f"seed {seed}:\n{to_text(expr)}"
    assert to_text(back) == to_text(expr), f"seed {seed}"


@pytest.mark.parametrize("seed", [0, 5, 12])
def test_what_passes_make_reads_back(seed, random_program):
    typed = infer(random_program(seed).module)
    for row in passes().values():
        made = row.function(typed)
        text = to_text(made)
        back = parse(text)
        assert structural_equal(back, made), f"seed {seed}, {row.function.__name__}:\n{text}"
        assert to_text(back) == text, f"seed {seed}, {row.function.__name__}"
