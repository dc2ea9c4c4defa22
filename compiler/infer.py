"""Type inference: the type of every expression of a module.

Each expression gets a type that may be incomplete; what must be equal is unified as the program
is walked, in order. A call of an operator is a constraint: its type relation is asked at once,
and again whenever one of the incomplete types it waits for is found. A quantified function is
instantiated at each call.
"""

from collections import deque
from dataclasses import dataclass, replace

from .errors import InvalidModule, TypeInferenceError, Unsupported
from .ir.module import Module
from .ir.nodes import (
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from .ir.span import Span
from .ir.types import FuncType, TensorType, TupleType, Type, incomplete_types
from .ir.unify import UnificationError, Unifier
from .ir.visitor import children, post_order, with_children
from .ops.attributes import complete_attributes
from .ops.operator import Attributes, Mismatch, Missing, Relation
from .ops.registry import lookup

__all__ = ["infer"]

_BOOL = TensorType((), "bool")


def infer(module: Module) -> Module:
    """Return `module` with a type on every expression and complete attributes on every call.

    Raises
    ------
    TypeInferenceError
        Types do not fit, one cannot be found (an annotation is missing), or one nests too deeply.
    Unsupported
        An operator does not exist here, or not with these attributes.
    """
    try:
        return _infer(module)
    except RecursionError:
        # Programs are walked iteratively; only types, which nest little, are walked recursively.
        raise TypeInferenceError("a type nests too deeply; use flatter tuples") from None


def _infer(module: Module) -> Module:
    """Return `module` with types; RecursionError if a type nests too deeply."""
    inference = _Inference(module)
    for name in module:
        function = module[name]
        inference.walk(function)
        found = inference.type_of(function)
        inference.equate(inference.signatures[name], found, function, f"@{name}")
    inference.finish()
    done: dict[int, Expr] = {}
    functions = {name: inference.rebuild(module[name], done) for name in module}
    return replace(module, functions=functions)


@dataclass(slots=True)
class _Constraint:
    """A relation that must hold between types."""

    name: str
    arguments: tuple[str, ...]
    types: tuple[Type, ...]
    result: Type
    attrs: Attributes
    relation: Relation
    span: Span | None


class _Inference:
    """The state of one run: types by expression, and the constraints that wait."""

    def __init__(self, module: Module) -> None:
        self.unifier = Unifier()
        self.types: dict[int, Type] = {}
        self.attrs: dict[int, Attributes] = {}
        self.waiting: dict[int, list[_Constraint]] = {}
        self.unsolved: dict[int, _Constraint] = {}
        self.signatures: dict[str, Type] = {}
        for name in module:
            self.signatures[name] = self._signature(module[name])

    def type_of(self, expr: Expr) -> Type:
        """Return what is known of an expression's type."""
        found = self.types.get(id(expr))
        if found is None:
            assert isinstance(expr, Var), f"{expr!r} was not walked"
            found = self.types[id(expr)] = self.unifier.open_holes(expr.annotation)
        return found

    def equate(self, expected: Type, found: Type, place: Expr, what: str) -> None:
        """Make two types equal.

        Raises
        ------
        TypeInferenceError
            They differ; `what` says whose types they are.
        """
        try:
            self.unifier.unify(expected, found)
        except UnificationError as error:
            complete = self.unifier.complete
            raise TypeInferenceError(
                f"{what} must have type {complete(expected)}, not {complete(found)}: {error}",
                place.span,
            ) from None
        self._solve_changed()

    def walk(self, root: Expr) -> None:
        """Find the type of `root` and of everything inside."""
        stack: list[tuple[Expr, int]] = [(root, 0)]
        while stack:
            node, stage = stack.pop()
            if stage == 0 and id(node) in self.types:
                continue
            if isinstance(node, Let):
                self._walk_let(node, stage, stack)
                continue
            if stage == 0:
                if isinstance(node, Function):
                    for param in node.params:
                        self.type_of(param)
                stack.append((node, 1))
                stack.extend((part, 0) for part in reversed(children(node)))
            else:
                self.types[id(node)] = self._infer_node(node)

    def _walk_let(self, node: Let, stage: int, stack: list[tuple[Expr, int]]) -> None:
        """Walk the value, then (with the variable's type known) the body."""
        if stage == 0:
            if isinstance(node.value, Function):
                self.equate(
                    self.type_of(node.var), self._signature(node.value), node, f"%{node.var.name}"
                )
            stack += [(node, 1), (node.value, 0)]
        elif stage == 1:
            found = self.type_of(node.value)
            self.equate(
                self.type_of(node.var), found, _place(node.value, node), f"%{node.var.name}"
            )
            stack += [(node, 2), (node.body, 0)]
        else:
            self.types[id(node)] = self.type_of(node.body)

    def _signature(self, function: Function) -> Type:
        """Return the type of a function as far as its annotations say."""
        params = tuple(self.type_of(param) for param in function.params)
        return FuncType(params, self.unifier.open_holes(function.ret_type), function.type_params)

    def _infer_node(self, node: Expr) -> Type:
        """Return the type of a node whose children are typed."""
        match node:
            case Var():
                return self.type_of(node)
            case Constant(value):
                return TensorType(value.shape, str(value.dtype))
            case GlobalVar(name):
                if name not in self.signatures:
                    raise InvalidModule(f"there is no function @{name} in the module", node.span)
                return self.signatures[name]
            case Op(name):
                raise Unsupported(f"operator {name} can only be called: write fn", node.span)
            case Tuple(fields):
                return TupleType(tuple(self.type_of(field) for field in fields))
            case TupleGetItem():
                return self._infer_projection(node)
            case Call(op) if isinstance(op, Op):
                return self._infer_operator(node, op)
            case Call():
                return self._infer_call(node)
            case Function(params, body, ret_type, _, type_params):
                ret = self.unifier.open_holes(ret_type)
                self.equate(ret, self.type_of(body), _place(body, node), "the function's result")
                return FuncType(tuple(self.type_of(param) for param in params), ret, type_params)
            case If(condition, then, otherwise):
                self.equate(
                    _BOOL, self.type_of(condition), _place(condition, node), "the condition"
                )
                place = _place(otherwise, node)
                self.equate(self.type_of(then), self.type_of(otherwise), place, "else")
                return self.type_of(then)
            case _:
                raise AssertionError(f"{node!r} is no expression")

    def _infer_operator(self, call: Call, op: Op) -> Type:
        """Return the type of an operator's result; the relation is asked now, or later."""
        row = lookup(op.name, call.span)
        if len(call.args) != len(row.arguments):
            raise TypeInferenceError(
                f"{op.name} takes {len(row.arguments)} arguments "
                f"({', '.join(row.arguments)}), not {len(call.args)}",
                call.span,
            )
        attrs = complete_attributes(row, call.attrs, call.span)
        self.attrs[id(call)] = attrs
        types = tuple(self.type_of(arg) for arg in call.args)
        return self._constrain(
            _Constraint(
                op.name, row.arguments, types, self.unifier.fresh(), attrs, row.relation, call.span
            )
        )

    def _infer_projection(self, node: TupleGetItem) -> Type:
        """Return the type of one field of a tuple."""

        def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
            (value,) = types
            if not isinstance(value, TupleType):
                if any(value == found for found in incomplete_types(value)):
                    return None
                raise Mismatch("only a tuple has fields", "leave the projection out")
            if not 0 <= node.index < len(value.fields):
                raise Mismatch(f"the tuple has {len(value.fields)} fields", "fields count from .0")
            return FuncType(types, value.fields[node.index])

        types = (self.type_of(node.value),)
        result = self.unifier.fresh()
        name = f"projection .{node.index}"
        return self._constrain(
            _Constraint(name, ("value",), types, result, {}, relation, node.span)
        )

    def _infer_call(self, call: Call) -> Type:
        """Return the type of a function's result."""
        callee = self.unifier.resolve(self.type_of(call.op))
        name = {Var: "%", GlobalVar: "@"}.get(type(call.op), "")
        name += call.op.name if isinstance(call.op, Var | GlobalVar) else "the function"
        types = tuple(self.type_of(arg) for arg in call.args)
        if not isinstance(callee, FuncType):
            expected = FuncType(types, self.unifier.fresh())
            self.equate(expected, callee, call, name)
            return expected.ret
        if callee.type_params:
            callee = self.unifier.instantiate(callee)
        if len(callee.params) != len(types):
            raise TypeInferenceError(
                f"{name} takes {len(callee.params)} arguments, not {len(types)}", call.span
            )
        for number, (param, found) in enumerate(zip(callee.params, types, strict=True), 1):
            place = _place(call.args[number - 1], call)
            self.equate(param, found, place, f"argument {number} of {name}")
        return callee.ret

    def _constrain(self, constraint: _Constraint) -> Type:
        """Return the result's type of a new constraint, found if that is possible by now."""
        self._solve(constraint)
        self._solve_changed()
        return self.unifier.resolve(constraint.result)

    def _solve_changed(self) -> None:
        """Ask every constraint again that waited for something found by now."""
        queue: deque[_Constraint] = deque()
        changed = self.unifier.changed
        while changed or queue:
            while changed:
                queue.extend(self.waiting.pop(changed.pop(), ()))
            if queue:
                constraint = queue.popleft()
                if id(constraint) in self.unsolved:
                    self._solve(constraint)

    def _solve(self, constraint: _Constraint) -> None:
        """Ask a relation; unify what it says, or wait for what it lacks."""
        types = tuple(self.unifier.complete(given) for given in constraint.types)
        try:
            signature = constraint.relation(types, constraint.attrs)
            if signature is not None:
                for given, found in zip(types, signature.params, strict=True):
                    self.unifier.unify(given, found)
                self.unifier.unify(constraint.result, signature.ret)
        except Mismatch as error:
            kind = Unsupported if isinstance(error, Missing) else TypeInferenceError
            named = zip(constraint.arguments, types, strict=True)
            given_types = ", ".join(f"{name} is {given}" for name, given in named)
            raise kind(
                f"{constraint.name}: {error.problem}; {error.remedy}"
                + (f" ({given_types})" if given_types else ""),
                constraint.span,
            ) from None
        except UnificationError as error:
            raise TypeInferenceError(f"{constraint.name}: {error}", constraint.span) from None
        if signature is not None:
            self.unsolved.pop(id(constraint), None)
            return
        self.unsolved[id(constraint)] = constraint
        for given in types:
            for hole in incomplete_types(given):
                self.waiting.setdefault(hole.number, []).append(constraint)

    def finish(self) -> None:
        """Raise TypeInferenceError if a constraint still waits."""
        for constraint in self.unsolved.values():
            unknown = [
                name
                for name, given in zip(constraint.arguments, constraint.types, strict=True)
                if any(incomplete_types(self.unifier.complete(given)))
            ]
            raise TypeInferenceError(
                f"{constraint.name}: the type of {', '.join(unknown)} cannot be found; annotate it",
                constraint.span,
            )

    def rebuild(self, root: Function, done: dict[int, Expr]) -> Function:
        """Return `root` with types; `done` keeps what is shared."""
        for node in post_order(root):
            if id(node) not in done:
                done[id(node)] = self._rebuild_node(node, done)
        result = done[id(root)]
        assert isinstance(result, Function)
        return result

    def _rebuild_node(self, node: Expr, done: dict[int, Expr]) -> Expr:
        """Return one node made of rebuilt children, with its type."""
        if isinstance(node, Var):
            return self._typed_var(node, done)
        binders = node.params if isinstance(node, Function) else ()
        params = tuple(self._typed_var(param, done) for param in binders)
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        found = self._found_type(node)
        match new:
            case Function():
                return replace(new, params=params, type=found)
            case Let():
                return replace(new, var=self._typed_var(new.var, done), type=found)
            case Call(op) if isinstance(op, Op):
                return replace(new, attrs=self.attrs[id(node)], type=found)
            case _:
                return replace(new, type=found)

    def _typed_var(self, var: Var, done: dict[int, Expr]) -> Var:
        """Return the one typed variable that stands for `var`."""
        if id(var) not in done:
            done[id(var)] = replace(var, type=self._found_type(var))
        result = done[id(var)]
        assert isinstance(result, Var)
        return result

    def _found_type(self, node: Expr) -> Type:
        """Return the type of a node; TypeInferenceError if a part of it was not found."""
        found = self.unifier.complete(self.type_of(node))
        if any(incomplete_types(found)):
            what = f"%{node.name}" if isinstance(node, Var) else "this expression"
            raise TypeInferenceError(
                f"the type of {what} cannot be found, only {found}; annotate it", node.span
            )
        return found


def _place(part: Expr, whole: Expr) -> Expr:
    """Return which node's place to show for a part: a variable's own is where it was bound."""
    return whole if isinstance(part, Var) else part
