"""Text of the functions of a program: each takes and gives objects.

::

    ptr function(ptr state, ptr closure, ptr, ptr, ptr, ptr)

The result is null after an error, which `state` tells. There are always four arguments, so that
any function can take the place of its caller (`musttail`): more stand in the state until the
function that is called has taken them. Where a scalar is passed as it is (`passing`), an argument
is its bits; a result stands in the state, and is not null.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from isa.host import TENSOR_TAG, Status

from .code import (
    Apply,
    Block,
    Call,
    Cases,
    Choose,
    Close,
    Compute,
    Constant,
    Drop,
    Duplicate,
    Field,
    Function,
    Instruction,
    Operate,
    Record,
    Variable,
    Write,
)
from .passing import Passing, is_scalar
from .runtime import CODE_OFFSET, FIELDS_OFFSET, SLOT_COUNT, slot
from .values import Values, head_of
from .writer import Writer

__all__ = ["ARGUMENTS", "PARAMETERS", "Objects", "write_function"]

ARGUMENTS = 4
"""Arguments in registers."""

PARAMETERS = "ptr %state, ptr %closure, " + ", ".join(f"ptr %a{n}" for n in range(ARGUMENTS))


@dataclass(slots=True)
class Objects:
    """What the functions of a module share.

    Attributes
    ----------
    names : Mapping of str to str
        The LLVM name of each function.
    passings : Mapping of str to Passing
        How each is called.
    constants : bytearray
        The data of all constants.
    failures : list of str
        Messages of errors of the running program.
    compute : callable
        Writes the call of a graph, and gives its targets values.
    statics : dict of str to str
        Objects that are always there, by text.
    """

    names: Mapping[str, str]
    passings: Mapping[str, Passing]
    constant: Callable[[np.ndarray], int]
    compute: Callable[[Writer, Compute, Values], None]
    fail: Callable[[str], int]
    statics: dict[tuple[int, str], str] = field(default_factory=dict)

    def static(self, tag: int, code: str) -> str:
        """Return an object without fields that is never freed."""
        return self.statics.setdefault((tag, code), f"@static{len(self.statics)}")

    def static_text(self) -> str:
        """Return the definitions of all such objects."""
        return "\n".join(
            f"{name} = internal constant {{ i64, i32, i32, ptr, i64 }} "
            f"{{ i64 -1, i32 {tag}, i32 0, ptr {code}, i64 0 }}"
            for (tag, code), name in self.statics.items()
        )


def write_function(function: Function, objects: Objects, checks_stack: bool) -> str:
    """Return the text of a function.

    Parameters
    ----------
    function : Function
        With references counted (`own`).
    checks_stack : bool
        The function ends with an error where the stack ends.
    """
    body = _Body(objects, objects.passings[function.name])
    if checks_stack:
        body.check_stack()
    body.take_arguments(function)
    body.finish(function.body)
    name = objects.names[function.name]
    return f"define internal ptr {name}({PARAMETERS}) nounwind {{\n{body.text()}\n}}\n"


class _Body:
    """The body of a function being written."""

    def __init__(self, objects: Objects, passing: Passing) -> None:
        self._objects, self._passing = objects, passing
        self._write = Writer()
        self._values = Values(self._write)

    def text(self) -> str:
        """Return the text."""
        return "\n".join([self._write.body(), "failed:", "  ret ptr null"])

    def check_stack(self) -> None:
        """Leave the function if the stack is nearly full."""
        write = self._write
        here = write.value(f"ptrtoint ptr {write.allocate(8)} to i64")
        limit = write.load("i64", "%state", slot("stack_limit"))
        full, deep, good = (write.value(f"icmp ult i64 {here}, {limit}"), "deep", "good")
        write.branch(full, deep, good)
        write.begin(deep)
        write.store("i64", str(Status.STACK_FULL), "%state", slot("status"))
        write.do("ret ptr null")
        write.begin(good)

    def take_arguments(self, function: Function) -> None:
        """Give the parameters values."""
        write, values = self._write, self._values
        if function.self is not None:
            values.bind(function.self, "%closure")
        pairs = zip(function.params, self._passing.params, strict=True)
        for place, (param, is_plain) in enumerate(pairs):
            spilled = place >= ARGUMENTS
            given = write.load("ptr", "%state", _spilled(place)) if spilled else f"%a{place}"
            if is_plain:
                values.bind_bits(param, write.value(f"ptrtoint ptr {given} to i64"))
            else:
                values.bind(param, given)

    def finish(self, block: Block) -> None:
        """Write a block whose value is the function's."""
        write = self._write
        last = block.instructions[-1] if _ends_with_branch(block) else None
        if isinstance(last, Call) and self._gives_other(last):
            last = None
        for instruction in block.instructions if last is None else block.instructions[:-1]:
            self._instruction(instruction)
        match last:
            case Call() | Apply():
                called = write.value(f"musttail {self._called(last)}")
                write.do(f"ret ptr {called}")
            case Choose(_, condition, then, otherwise):
                sides = write.fresh("then"), write.fresh("else")
                write.branch(self._truth(condition), *sides)
                for label, side in zip(sides, (then, otherwise), strict=True):
                    write.begin(label)
                    self.finish(side)
            case Cases():
                self._cases(last, self.finish)
            case _:
                self._give(block.result)

    def _gives_other(self, call: Call) -> bool:
        """Return whether a function gives its result in another form than this one."""
        return self._objects.passings[call.function].result != self._passing.result

    def _give(self, result: Variable) -> None:
        """End the function with a value."""
        if self._passing.result:
            self._write.store("i64", self._values.bits(result), "%state", slot("value"))
            self._write.do("ret ptr %state")
        else:
            self._write.do(f"ret ptr {self._values.object(result)}")

    def _instruction(self, instruction: Instruction) -> None:
        """Write one instruction."""
        write, values = self._write, self._values
        match instruction:
            case Compute():
                self._objects.compute(write, instruction, values)
            case Constant(target, value):
                self._constant(target, value)
            case Record(target, tag, fields):
                values.bind(target, self._record(tag, fields, "null"))
            case Close(target, function, captured):
                code = self._objects.names[function]
                values.bind(target, self._record(0, captured, code))
            case Field(target, source, path):
                self._field(target, source, path)
            case Write(cell, value):
                new = values.object(value)
                old = write.load("ptr", values.known(cell), FIELDS_OFFSET)
                write.store("ptr", new, values.known(cell), FIELDS_OFFSET)
                write.do(f"call void @drop(ptr %state, ptr {old})")
            case Call() | Apply():
                self._call(instruction)
            case Choose():
                self._choose(instruction)
            case Cases():
                self._join_cases(instruction)
            case Duplicate(source):
                if not values.is_plain(source):
                    write.do(f"call void @duplicate(ptr {values.known(source)})")
            case Drop(source):
                if not values.is_plain(source):
                    write.do(f"call void @drop(ptr %state, ptr {values.known(source)})")
            case Operate():
                raise AssertionError("operators are in graphs by now")

    def _constant(self, target: Variable, value: np.ndarray) -> None:
        """Let a variable be a constant: a scalar where it lies, or a new tensor around it."""
        write = self._write
        constants = write.load("ptr", "%state", slot("constants"))
        data = write.address(constants, self._objects.constant(value))
        if is_scalar(target.type):
            self._values.bind_plain(target, data)
            return
        size, head = FIELDS_OFFSET + 8 * value.ndim, head_of(TENSOR_TAG, value.ndim)
        made = write.value(f"call ptr @take_record(ptr %state, i64 {head}, i64 {size}, ptr {data})")
        write.require(made)
        for axis, extent in enumerate(value.shape):
            write.store("i64", str(extent), made, FIELDS_OFFSET + 8 * axis)
        self._values.bind(target, made)

    def _record(self, tag: int, fields: tuple[Variable, ...], code: str) -> str:
        """Return a new object that holds `fields`."""
        if not fields:
            return self._objects.static(tag, code)
        write, head = self._write, head_of(tag, len(fields))
        values = [self._values.object(part) for part in fields]
        size = FIELDS_OFFSET + 8 * len(fields)
        made = write.value(f"call ptr @take_record(ptr %state, i64 {head}, i64 {size}, ptr {code})")
        write.require(made)
        for place, value in enumerate(values):
            write.store("ptr", value, made, FIELDS_OFFSET + 8 * place)
        return made

    def _field(self, target: Variable, source: Variable, path: tuple[int, ...]) -> None:
        """Let a variable be what lies at the end of a path of fields."""
        if self._values.is_plain(source):
            assert not path, "a scalar has no fields"
            self._values.bind_plain(target, self._values.data(source))
            return
        found = self._path(source, path)
        self._values.bind(target, found)
        self._write.do(f"call void @duplicate(ptr {found})")

    def _path(self, source: Variable, path: tuple[int, ...]) -> str:
        """Return the object at the end of a path of fields."""
        found = self._values.known(source)
        for place in path:
            found = self._write.load("ptr", found, FIELDS_OFFSET + 8 * place)
        return found

    def _call(self, call: Call | Apply) -> None:
        """Write a call that the function goes on after."""
        write = self._write
        called = write.value(self._called(call))
        write.require(called)
        if isinstance(call, Call) and self._objects.passings[call.function].result:
            self._values.bind_bits(call.target, write.load("i64", "%state", slot("value")))
        else:
            self._values.bind(call.target, called)

    def _called(self, call: Call | Apply) -> str:
        """Return the text of a call, after storing the arguments that have no register."""
        write = self._write
        values = self._given(call)
        for place, value in enumerate(values[ARGUMENTS:], ARGUMENTS):
            write.store("ptr", value, "%state", _spilled(place))
        if isinstance(call, Call):
            code, closure = self._objects.names[call.function], "null"
        else:
            closure = self._values.known(call.closure)
            code = write.load("ptr", closure, CODE_OFFSET)
        given = [*values[:ARGUMENTS], *["null"] * (ARGUMENTS - len(values))]
        operands = ", ".join(f"ptr {value}" for value in ("%state", closure, *given))
        return f"call ptr {code}({operands})"

    def _given(self, call: Call | Apply) -> list[str]:
        """Return the arguments as the function takes them."""
        if isinstance(call, Apply):
            return [self._values.object(argument) for argument in call.arguments]
        made = []
        forms = self._objects.passings[call.function].params
        for argument, is_plain in zip(call.arguments, forms, strict=True):
            if is_plain:
                bits = self._values.bits(argument)
                made.append(self._write.value(f"inttoptr i64 {bits} to ptr"))
            else:
                made.append(self._values.object(argument))
        return made

    def _truth(self, condition: Variable) -> str:
        """Return the value of a scalar bool."""
        value = self._write.load("i8", self._values.data(condition))
        return self._write.value(f"icmp ne i8 {value}, 0")

    def _choose(self, choose: Choose) -> None:
        """Write a branch whose sides meet again."""
        write = self._write
        then, otherwise = write.fresh("then"), write.fresh("else")
        write.branch(self._truth(choose.condition), then, otherwise)
        join = _Join(write, self._values, choose.target)
        for label, side in ((then, choose.then), (otherwise, choose.otherwise)):
            write.begin(label)
            self._side(side, join)
        join.finish()

    def _join_cases(self, cases: Cases) -> None:
        """Write a case analysis whose cases meet again."""
        join = _Join(self._write, self._values, cases.target)
        self._cases(cases, lambda block: self._side(block, join))
        join.finish()

    def _side(self, block: Block, join: "_Join") -> None:
        """Write a block that meets others at its end."""
        for instruction in block.instructions:
            self._instruction(instruction)
        join.come(block.result)

    def _cases(self, cases: Cases, end: Callable[[Block], None]) -> None:
        """Write a case analysis; `end` writes the block of a case."""
        write = self._write
        for case in cases.cases:
            following = write.fresh("case")
            for path, tag in case.tests:
                found = write.load("i32", self._path(cases.subject, path), 8)
                same, inside = write.value(f"icmp eq i32 {found}, {tag}"), write.fresh("same")
                write.branch(same, inside, following)
                write.begin(inside)
            end(case.body)
            if not case.tests:
                return
            write.begin(following)
        write.store("i64", str(self._objects.fail(cases.failure)), "%state", slot("status"))
        write.do("ret ptr null")


class _Join:
    """Where blocks meet that each give a variable a value: scalars in one place, or objects."""

    def __init__(self, write: Writer, values: Values, target: Variable) -> None:
        self._write, self._values, self._target = write, values, target
        self._after = write.fresh("after")
        self._place = write.allocate(8) if is_scalar(target.type) else None
        self._ends: list[str] = []

    def come(self, result: Variable) -> None:
        """End a block."""
        if self._place is not None:
            self._write.store("i64", self._values.bits(result), self._place)
        else:
            value = self._values.object(result)
            self._ends.append(f"[{value}, %{self._write.label}]")
        self._write.do(f"br label %{self._after}")

    def finish(self) -> None:
        """Begin the block after all of them."""
        self._write.begin(self._after)
        if self._place is not None:
            self._values.bind_plain(self._target, self._place)
        elif self._ends:
            self._values.bind(self._target, self._write.value(f"phi ptr {', '.join(self._ends)}"))
        else:
            self._values.bind(self._target, "null")


def _ends_with_branch(block: Block) -> bool:
    """Return whether the value of a block is that of a call or a branch at its end."""
    if not block.instructions:
        return False
    last = block.instructions[-1]
    return isinstance(last, Call | Apply | Choose | Cases) and last.target is block.result


def _spilled(place: int) -> int:
    """Return the offset in the state of an argument that has no register."""
    return 8 * (SLOT_COUNT + place - ARGUMENTS)
