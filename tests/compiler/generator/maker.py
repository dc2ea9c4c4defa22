"""Random well-typed expressions, made from the type that is wanted.

The generator knows more than inference does: its sizes are numbers and symbols throughout, where
annotations say ``?``.
"""

from collections.abc import Callable

from compiler.ir import (
    Call,
    Clause,
    Constant,
    ConstructorPattern,
    Function,
    FuncType,
    GlobalVar,
    If,
    Let,
    Match,
    RefCreate,
    RefType,
    TensorType,
    Tuple,
    TuplePattern,
    TupleType,
    TypeCall,
    Var,
    VarPattern,
    WildcardPattern,
)
from compiler.ir.dims import symbol
from compiler.ops import call

from . import calls
from .kinds import constructors, grown_type, holds_data, is_data
from .library import COLOUR, INT, construct, list_of, option_of, tree_of
from .scope import Scope
from .sizes import masked
from .tensors import constant, dynamic, growth, is_known, productions, random_array, random_tensor

BOOL = TensorType((), "bool")
UNIT = TupleType(())


class Maker:
    """Makes expressions.

    Attributes
    ----------
    random : random.Random
    budget : int
        Expressions that may still be made; afterwards only the smallest are.
    functions : dict of name to FuncType
        Global functions that may be called by now; their symbols stand for any sizes.
    used : set of str
        Names of library functions that are called.
    effects : bool
        There may be cells.
    effects_made : int
        Expressions so far that may have an effect, or call what may.
    """

    def __init__(self, random, budget, effects=True):
        self.random = random
        self.budget = budget
        self.effects = effects
        self.functions = {}
        self.used = set()
        self.effects_made = 0
        self._names = 0

    def fresh(self, wanted, annotate=0.5):
        """Return a variable, sometimes with an annotation.

        What holds data always has one: an empty list does not tell what it could hold.
        """
        self._names += 1
        needed = holds_data(wanted) or self.chance(annotate)
        annotation = masked(wanted) if needed else None
        return Var(f"v{self._names}", annotation)

    def param(self, wanted):
        """Return a parameter, annotated."""
        return self.fresh(wanted, 1)

    def chance(self, probability):
        return self.random.random() < probability

    def type(self, scope, depth=2):
        """Return a random type of data; often that of something in scope."""
        known = [found for _, found in scope.visible() if is_data(found)]
        if known and self.chance(0.5):
            return self.random.choice(known)
        if depth == 0 or self.chance(0.5):
            return random_tensor(self.random)
        inner = self.type(scope, depth - 1)
        return self.random.choice(
            (
                TupleType((inner, self.type(scope, depth - 1))),
                TupleType((inner,)),
                list_of(inner),
                option_of(inner),
                tree_of(inner),
                COLOUR,
                UNIT,
            )
        )

    def expr(self, wanted, scope, depth):
        """Return an expression of type `wanted`."""
        self.budget -= 1
        shared = scope.shareable(wanted)
        if shared and self.chance(0.15):
            return self.random.choice(shared)
        if depth <= 0 or self.budget < 0:
            return self.leaf(wanted, scope)
        variables = scope.of_type(wanted)
        if variables and self.chance(0.15):
            return self.random.choice(variables)
        before = self.effects_made
        rules: list[tuple[float, Callable]] = [
            (6, Maker.construct), (2.5, Maker._let), (1, Maker._if), (1.5, Maker._match),
            (1, Maker._apply), (1.2, calls.global_), (0.8, calls.project),
            (1.2 * self.effects, calls.cell), (0.4, calls.loop), (0.6, calls.fold),
        ]  # fmt: skip
        weights, ways = zip(*rules, strict=True)
        (way,) = self.random.choices(ways, weights)
        made = way(self, wanted, scope, depth - 1)
        if before == self.effects_made and not isinstance(made, Var | Constant | Function):
            scope.shared.append((made, wanted))
        return made

    def leaf(self, wanted, scope):
        """Return the smallest expression of a type."""
        variables = scope.of_type(wanted)
        if variables and self.chance(0.8):
            return self.random.choice(variables)
        match wanted:
            case TensorType():
                if is_known(wanted):
                    return constant(self.random, wanted)
                return self.random.choice(variables) if variables else self._sized(wanted, scope)
            case TupleType(fields):
                return Tuple(tuple(self.leaf(field, scope) for field in fields))
            case TypeCall("List"):
                return construct("Nil")
            case TypeCall("Option"):
                return construct("None_")
            case TypeCall("Tree"):
                return construct("Leaf")
            case TypeCall("Colour"):
                return construct("Red")
            case RefType(value):
                self.effects_made += 1
                return RefCreate(self.leaf(value, scope))
            case FuncType(params, ret):
                names = tuple(map(self.param, params))
                inner = Scope(scope, list(zip(names, params, strict=True)))
                return Function(names, self.leaf(ret, inner))
        raise AssertionError(wanted)

    def _sized(self, wanted, scope):
        """Return a tensor with symbolic sizes, made of the axes of others that have them."""
        total = Constant(random_array(self.random, (1,) * len(wanted.shape), wanted.dtype))
        if wanted.dtype == "bool":
            total = call("cast", total, dtype="int32")
        for axis, size in enumerate(wanted.shape):
            part = self._axis(size, scope)
            part = call("cast", part, dtype="int32" if wanted.dtype == "bool" else wanted.dtype)
            if len(wanted.shape) - axis > 1:
                count = len(wanted.shape) - axis - 1
                part = call("expand_dims", part, axis=1, num_newaxis=count)
            total = call("add", total, part)
        return call("cast", total, dtype="bool") if wanted.dtype == "bool" else total

    def _axis(self, size, scope):
        """Return bool[size]."""
        if isinstance(size, int):
            return Constant(random_array(self.random, (size,), "bool"))
        for var, found in reversed(scope.visible()):
            if isinstance(found, TensorType) and size in found.shape:
                flags = call("cast", var, dtype="bool")
                axis = found.shape.index(size)
                if len(found.shape) == 1:
                    return flags
                return call("any", flags, axis=[axis], exclude=True)
        raise AssertionError(f"no variable has an axis of {size}")

    def construct(self, wanted, scope, depth):
        """Make a value of its parts."""
        match wanted:
            case TensorType():
                operands, build = productions(self.random, wanted)
                return build(*(self.expr(operand, scope, depth) for operand in operands))
            case TupleType(fields):
                return Tuple(tuple(self.expr(field, scope, depth) for field in fields))
            case TypeCall():
                return self._data(wanted, scope, depth)
            case RefType(value):
                self.effects_made += 1
                return RefCreate(self.expr(value, scope, depth))
            case FuncType(params, ret):
                names = tuple(map(self.param, params))
                inner = Scope(scope, list(zip(names, params, strict=True)))
                return Function(names, self.expr(ret, inner, depth))
        raise AssertionError(wanted)

    def _data(self, wanted, scope, depth):
        """Make a value of a data type with one of its constructors, or by map."""
        if wanted.name == "Colour":
            if self.chance(0.5):
                return construct("Grey", self.expr(INT, scope, depth))
            parts = [self.expr(COLOUR, scope, depth - 1) for _ in range(2)]
            return construct("Mix", *parts)
        (item,) = wanted.args
        if wanted.name == "Option":
            return construct("Some", self.expr(item, scope, depth))
        if wanted.name == "Tree":
            left, right = (self.expr(wanted, scope, depth - 1) for _ in range(2))
            return construct("Node", left, self.expr(item, scope, depth), right)
        if self.chance(0.3):
            self.used.add("map")
            self.effects_made += 1
            source = random_tensor(self.random)
            function = self.expr(FuncType((source,), item), scope, min(depth, 2))
            items = self.expr(list_of(source), scope, depth - 1)
            return Call(GlobalVar("map"), (function, items))
        return construct("Cons", self.expr(item, scope, depth), self.expr(wanted, scope, depth))

    def _let(self, wanted, scope, depth):
        """Bind something first, sometimes a tensor of another size."""
        tensors = [
            (var, found)
            for var, found in scope.visible()
            if isinstance(found, TensorType) and found.shape
        ]
        if tensors and self.chance(0.4):
            var, found = self.random.choice(tensors)
            if self.chance(0.3):
                build, like = dynamic(self.random, found)
                value, kind = build(var), self._unknown(like)
            else:
                value = growth(self.random, found)(var)
                kind = grown_type(value, found)
        elif self.chance(0.15):
            kind = FuncType((self.type(scope, 1),), self.type(scope, 1))
            value = self.expr(kind, scope, depth)
        else:
            kind = self.type(scope)
            value = self.expr(kind, scope, depth)
        var = self.fresh(kind, 0.3)
        return Let(var, value, self.expr(wanted, Scope(scope, [(var, kind)]), depth))

    def _unknown(self, like):
        """Return a tensor type with a new symbol for each size."""
        self._names += 1
        sizes = (symbol(f"u{self._names}_{axis}") for axis in range(len(like.shape)))
        return TensorType(tuple(sizes), like.dtype)

    def _if(self, wanted, scope, depth):
        condition = self.expr(BOOL, scope, depth - 1)
        branches = [self.expr(wanted, Scope(scope), depth) for _ in range(2)]
        return If(condition, *branches)

    def _match(self, wanted, scope, depth):
        """Take a value of a data type, or a pair with one, apart."""
        data = [(var, found) for var, found in scope.visible() if isinstance(found, TypeCall)]
        if data and self.chance(0.7):
            value, kind = self.random.choice(data)
        else:
            item = self.type(scope, 1)
            kind = self.random.choice((list_of(item), option_of(item), tree_of(item), COLOUR))
            value = self.expr(kind, scope, depth - 1)
        if self.chance(0.2):
            return self._match_pair(value, kind, wanted, scope, depth)
        clauses = []
        for name, fields in constructors(kind):
            inner = Scope(scope)
            patterns = [self._field(field, inner, value) for field in fields]
            clauses.append((ConstructorPattern(name, tuple(patterns)), inner))
        complete = True
        if self.chance(0.3):
            clauses[-1] = (WildcardPattern(), Scope(scope))
        elif self.chance(0.15):
            complete = False
        return Match(
            value,
            tuple(Clause(p, self.expr(wanted, inner, depth)) for p, inner in clauses),
            complete,
        )

    def _match_pair(self, value, kind, wanted, scope, depth):
        """Take a tuple of a value and a tensor apart."""
        other = random_tensor(self.random)
        pair = Tuple((value, self.expr(other, scope, depth - 1)))
        name, fields = self.random.choice(constructors(kind))
        first, second = Scope(scope), Scope(scope)
        patterns = tuple(self._field(field, first, value) for field in fields)
        head = TuplePattern((ConstructorPattern(name, patterns), self._field(other, first, pair)))
        rest = TuplePattern((WildcardPattern(), self._field(other, second, pair)))
        clauses = ((head, first), (rest, second))
        return Match(pair, tuple(Clause(p, self.expr(wanted, s, depth)) for p, s in clauses))

    def _field(self, kind, scope, value):
        """Return a pattern for a field of `value`; a variable goes into `scope`."""
        if self.chance(0.3):
            return WildcardPattern()
        var = self.fresh(kind, 0.2 if isinstance(value, Var) else 1)
        scope.values.append((var, kind))
        return VarPattern(var)

    def _apply(self, wanted, scope, depth):
        """Call a local function: one in scope, or a new one, whose parameter may lack a type."""
        known = [
            (var, found)
            for var, found in scope.visible()
            if isinstance(found, FuncType) and found.ret == wanted
        ]
        self.effects_made += 1
        if known and self.chance(0.7):
            var, found = self.random.choice(known)
            return Call(var, tuple(self.expr(param, scope, depth - 1) for param in found.params))
        kind = self.type(scope, 1)
        param = self.fresh(kind, 0.7)
        body = self.expr(wanted, Scope(scope, [(param, kind)]), depth)
        function = Function((param,), body, masked(wanted) if self.chance(0.3) else None)
        argument = self.expr(kind, scope, depth - 1)
        if self.chance(0.5):
            return Call(function, (argument,))
        name = self.fresh(FuncType((kind,), wanted), 0)
        return Let(name, function, Call(name, (argument,)))
