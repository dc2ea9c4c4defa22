"""Makes a first-order program: functions as values become data, calling them a match.

before -> after::

    def @main(%x: int32) -> int32 {
      let %f = fn (%y: int32) -> int32 { %y + %x };
      @twice(%f, 3)
    }
    def @twice(%g: fn (int32) -> int32, %y: int32) -> int32 { %g(%g(%y)) }

    type Function1 { Function1_1(int32) }
    def @apply_Function1(%f: Function1, %a0: int32) -> int32 {
      match (%f) { Function1_1(%x) => %a0 + %x }
    }
    def @main(%x: int32) -> int32 { let %f = Function1_1(%x); @twice(%f, 3) }
    def @twice(%g: Function1, %y: int32) -> int32 {
      @apply_Function1(%g, @apply_Function1(%g, %y))
    }

Each type of functions becomes a data type with a constructor for each function of that type; its
fields are the variables that the function takes from around it. Functions of many types get a copy
for each first (`monomorphise`). Only what @main reaches stays, and @main must not take or give
functions.
"""

from dataclasses import dataclass, field, replace

from ..errors import Unsupported
from ..infer import infer
from ..ir.data import ConstructorData, TypeData
from ..ir.matching import Clause, ConstructorPattern, Match, VarPattern
from ..ir.module import Module
from ..ir.nodes import Call, Constructor, Expr, Function, GlobalVar, Let, Op, Var
from ..ir.types import Any, FuncType, RefType, TensorType, TupleType, Type, TypeCall
from ..ir.visitor import bound_vars, children, post_order, substitute, with_children
from .captures import free_in
from .copying import rebind
from .eta_expand import eta_expand
from .monomorphise import monomorphise
from .to_basic_block_normal_form import to_basic_block_normal_form
from .type_walk import parts_of, type_vars

__all__ = ["defunctionalise"]


def defunctionalise(module: Module) -> Module:
    """Return what @main reaches of `module`, without functions as values.

    Raises
    ------
    InvalidModule
        There is no @main.
    Unsupported
        @main takes or gives functions, or a data type declares a function of its own parameters.
    """
    given = to_basic_block_normal_form(eta_expand(monomorphise(module)))
    main = given["main"]
    assert isinstance(main.type, FuncType)
    converter = _Converter(given)
    for kind in (*main.type.params, main.type.ret):
        if converter.kind(kind) != kind:
            raise Unsupported(
                f"@main must neither take nor give functions, as in {kind}", main.span
            )
    functions = {name: converter.function(given[name]) for name in given}
    types = {name: converter.data(data) for name, data in given.types.items()}
    for row in tuple(converter.rows.values()):
        functions[row.apply] = converter.applying(row)
        types[row.name] = TypeData(row.name, (), tuple(row.constructors))
    return infer(replace(given, functions=functions, types=types))


@dataclass(slots=True, eq=False)
class _Row:
    """A type of functions: its data type, and how each of its functions is applied.

    Attributes
    ----------
    params, self : variables of the function that applies; `self` is what is applied
    """

    kind: FuncType
    name: str
    apply: str
    self: Var
    params: tuple[Var, ...]
    constructors: list[ConstructorData] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)


class _Converter:
    """Converts the functions of one module whose functions have one type each."""

    def __init__(self, module: Module) -> None:
        self._taken = {*module, *module.types}
        self._taken |= {c.name for data in module.types.values() for c in data.constructors}
        self._merged = _merged_types(module)
        self.rows: dict[FuncType, _Row] = {}
        self._vars: dict[Var, Var] = {}

    def kind(self, kind: Type) -> Type:
        """Return a type with data types for types of functions."""
        match kind:
            case FuncType():
                return TypeCall(self._row(kind).name)
            case TupleType(fields):
                return TupleType(tuple(self.kind(part) for part in fields))
            case TypeCall(name, args):
                return TypeCall(name, tuple(self.kind(part) for part in args))
            case RefType(value):
                return RefType(self.kind(value))
            case _:
                return kind

    def data(self, data: TypeData) -> TypeData:
        """Return a data type whose fields hold no functions."""
        constructors = tuple(
            replace(c, fields=tuple(self.kind(part) for part in c.fields))
            for c in data.constructors
        )
        return replace(data, constructors=constructors)

    def _row(self, kind: FuncType) -> _Row:
        kind = self._merged.get(kind, kind)
        found = self.rows.get(kind)
        if found is None:
            if any(type_vars(kind)) or kind.type_params:
                raise Unsupported(
                    f"{kind} depends on a type parameter and cannot become data; make the whole "
                    f"function a parameter of the data type"
                )
            name = self._fresh(f"Function{len(self.rows) + 1}")
            apply = self._fresh(f"apply_{name}")
            found = self.rows[kind] = _Row(kind, name, apply, Var("f", TypeCall(name)), ())
            found.params = tuple(
                Var(f"a{place}", self.kind(param)) for place, param in enumerate(kind.params)
            )
        return found

    def _fresh(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def applying(self, row: _Row) -> Function:
        """Return the function that applies any function of a type."""
        if row.clauses:
            body: Expr = Match(row.self, tuple(row.clauses))
        else:
            # There is no such function: nobody ever gets here.
            body = Call(GlobalVar(row.apply), (row.self, *row.params))
        return Function((row.self, *row.params), body, self.kind(row.kind.ret))

    def function(self, function: Function) -> Function:
        """Return a global function without functions as values."""
        assert isinstance(function.type, FuncType)
        for var in (*function.params, *bound_vars(function.body)):
            assert var.type is not None
            self._vars[var] = Var(var.name, self.kind(var.type), span=var.span)
        params = tuple(self._vars[param] for param in function.params)
        body, result = self._body(function.body), self.kind(function.type.ret)
        return replace(function, params=params, body=body, ret_type=result, type=None)

    def _body(self, body: Expr) -> Expr:
        """Return the body of a global function converted, the innermost functions first."""
        lets = {
            id(node.value): node.var
            for node in post_order(body)
            if isinstance(node, Let) and isinstance(node.value, Function)
        }
        done: dict[int, Expr] = {}
        free: dict[int, dict[Var, None]] = {}
        for node in post_order(body):
            free[id(node)] = free_in(node, free)
            if isinstance(node, Var):
                done[id(node)] = self._vars.get(node, node)
                continue
            new = with_children(node, tuple(done[id(part)] for part in children(node)))
            new = replace(rebind(new, self._vars), type=None)
            match node:
                case Function():
                    assert isinstance(new, Function)
                    name = lets.get(id(node))
                    captured = tuple(var for var in free[id(node)] if var is not name)
                    new = self._closure(node, new, captured, name)
                case Call(op) if not isinstance(op, Op | GlobalVar | Constructor):
                    assert isinstance(new, Call) and isinstance(op.type, FuncType)
                    row = self._row(op.type)
                    new = Call(GlobalVar(row.apply), (new.op, *new.args), span=node.span)
                case _:
                    pass
            done[id(node)] = new
        return done[id(body)]

    def _closure(
        self, node: Function, new: Function, captured: tuple[Var, ...], name: Var | None
    ) -> Expr:
        """Return the data that stands for a function, after saying how it is applied."""
        assert isinstance(node.type, FuncType)
        row = self._row(node.type)
        outer = tuple(self._vars[var] for var in captured)
        fields = tuple(Var(var.name, var.annotation) for var in outer)
        values: dict[Var, Expr] = dict(zip(outer, fields, strict=True))
        values.update(zip(new.params, row.params, strict=True))
        if name is not None:
            values[self._vars[name]] = row.self
        body = substitute(new.body, values)
        constructor = self._constructor(row, fields, body)
        return Call(Constructor(constructor), outer, span=node.span)

    def _constructor(self, row: _Row, fields: tuple[Var, ...], body: Expr) -> str:
        """Return a new constructor of a type of functions whose application is `body`."""
        name = self._fresh(f"{row.name}_{len(row.constructors) + 1}")
        kinds = tuple(var.annotation for var in fields if var.annotation is not None)
        row.constructors.append(ConstructorData(name, kinds))
        pattern = ConstructorPattern(name, tuple(VarPattern(var) for var in fields))
        row.clauses.append(Clause(pattern, body))
        return name


def _merged_types(module: Module) -> dict[FuncType, FuncType]:
    """Return for each type of functions the one that stands for all that it may meet.

    Inference unifies an unknown size, or one that has a name, with any other. Functions of such
    types share a data type, in which sizes that differ, or that have a name, are unknown.
    """
    groups: list[list[FuncType]] = []
    for kind in _function_types(module):
        meets = [group for group in groups if any(_may_meet(kind, other) for other in group)]
        joined = [kind, *(other for group in meets for other in group)]
        groups = [*(group for group in groups if not any(group is m for m in meets)), joined]
    found: dict[FuncType, FuncType] = {}
    for group in groups:
        common: Type = group[0]
        for kind in group:
            common = _merge(common, kind)
        assert isinstance(common, FuncType)
        found.update(dict.fromkeys(group, common))
    return found


def _function_types(module: Module) -> tuple[FuncType, ...]:
    """Return every type of functions that an expression of the module has, or is made of."""
    found: dict[FuncType, None] = {}
    for name in module:
        for node in post_order(module[name]):
            pending = [] if node.type is None else [node.type]
            while pending:
                kind = pending.pop()
                if isinstance(kind, FuncType):
                    found[kind] = None
                pending.extend(parts_of(kind))
    return tuple(found)


def _may_meet(left: Type, right: Type) -> bool:
    """Return whether values of two types may be one: whether they differ in unknown sizes only."""
    if isinstance(left, TensorType) and isinstance(right, TensorType):
        return (left.dtype, len(left.shape)) == (right.dtype, len(right.shape)) and all(
            a == b or not (isinstance(a, int) and isinstance(b, int))
            for a, b in zip(left.shape, right.shape, strict=True)
        )
    if isinstance(left, TypeCall) and isinstance(right, TypeCall) and left.name != right.name:
        return False
    if type(left) is not type(right):
        return False
    ours, theirs = parts_of(left), parts_of(right)
    if not ours:
        return left == right
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(_may_meet(a, b) for a, b in pairs)


def _merge(left: Type, right: Type) -> Type:
    """Return what two types that differ in sizes only have in common."""
    match left, right:
        case TensorType(shape, dtype), TensorType(other, _):
            sizes = zip(shape, other, strict=True)
            return TensorType(
                tuple(a if a == b and isinstance(a, int) else Any() for a, b in sizes), dtype
            )
        case FuncType(params, ret, own), FuncType(others, result, _):
            types = tuple(_merge(a, b) for a, b in zip(params, others, strict=True))
            return FuncType(types, _merge(ret, result), own)
        case TupleType(fields), TupleType(others):
            return TupleType(tuple(_merge(a, b) for a, b in zip(fields, others, strict=True)))
        case TypeCall(name, args), TypeCall(_, others):
            return TypeCall(name, tuple(_merge(a, b) for a, b in zip(args, others, strict=True)))
        case RefType(a), RefType(b):
            return RefType(_merge(a, b))
        case _:
            return left
