"""Text of the functions of a program: each takes and gives objects.

::

    ptr function(ptr state, ptr closure, ptr, ptr, ptr, ptr)

The result is null after an error, which `state` tells. There are always four arguments, so that
any function can take the place of its caller (`musttail`): more stand in the state until the
function that is called has taken them.
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
from .runtime import CODE_OFFSET, FIELDS_OFFSET, SLOT_COUNT, slot
from .writer import Writer

__all__ = ["ARGUMENTS", "PARAMETERS", "Objects", "head_of", "write_function"]

ARGUMENTS = 4
"""Arguments in registers."""

PARAMETERS = "ptr %state, ptr %closure, " + ", ".join(f"ptr %a{n}" for n in range(ARGUMENTS))

_TYPES = ", ".join(["ptr"] * (2 + ARGUMENTS))


@dataclass(slots=True)
class Objects:
    """What the functions of a module share.

    Attributes
    ----------
    names : Mapping of str to str
        The LLVM name of each function.
    constants : bytearray
        The data of all constants.
    failures : list of str
        Messages of errors of the running program.
    compute : callable
        Writes the call of a graph.
    statics : dict of str to str
        Objects that are always there, by text.
    """

    names: Mapping[str, str]
    constant: Callable[[np.ndarray], int]
    compute: Callable[[Writer, Compute, list[str]], list[str]]
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


def head_of(tag: int, size: int) -> int:
    """Return tag and size of an object as one number."""
    return size << 32 | tag & 0xFFFFFFFF


def write_function(function: Function, objects: Objects, checks_stack: bool) -> str:
    """Return the text of a function.

    Parameters
    ----------
    function : Function
        With references counted (`own`).
    checks_stack : bool
        The function ends with an error where the stack ends.
    """
    body = _Body(objects)
    if checks_stack:
        body.check_stack()
    body.take_arguments(function)
    body.finish(function.body)
    name = objects.names[function.name]
    return f"define internal ptr {name}({PARAMETERS}) nounwind {{\n{body.text()}\n}}\n"


class _Body:
    """The body of a function being written."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._write = Writer()
        self._names: dict[Variable, str] = {}

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
        if function.self is not None:
            self._names[function.self] = "%closure"
        for place, param in enumerate(function.params):
            if place < ARGUMENTS:
                self._names[param] = f"%a{place}"
            else:
                self._names[param] = self._write.load("ptr", "%state", _spilled(place))

    def finish(self, block: Block) -> None:
        """Write a block whose value is the function's."""
        write = self._write
        last = block.instructions[-1] if _ends_with_branch(block) else None
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
                write.do(f"ret ptr {self._names[block.result]}")

    def _value(self, block: Block) -> str:
        """Write a block; return its value."""
        for instruction in block.instructions:
            self._instruction(instruction)
        return self._names[block.result]

    def _instruction(self, instruction: Instruction) -> None:
        """Write one instruction."""
        write, names = self._write, self._names
        match instruction:
            case Compute(_, reads, targets):
                results = self._objects.compute(write, instruction, [names[v] for v in reads])
                names.update(zip(targets, results, strict=True))
            case Constant(target, value):
                names[target] = self._constant(value)
            case Record(target, tag, fields):
                names[target] = self._record(tag, fields, "null")
            case Close(target, function, captured):
                names[target] = self._record(0, captured, self._objects.names[function])
            case Field(target, source, path):
                names[target] = self._path(source, path)
                write.do(f"call void @duplicate(ptr {names[target]})")
            case Write(cell, value):
                old = write.load("ptr", names[cell], FIELDS_OFFSET)
                write.store("ptr", names[value], names[cell], FIELDS_OFFSET)
                write.do(f"call void @drop(ptr %state, ptr {old})")
            case Call() | Apply():
                names[instruction.target] = self._checked(write.value(self._called(instruction)))
            case Choose():
                self._choose(instruction)
            case Cases():
                self._join_cases(instruction)
            case Duplicate(source):
                write.do(f"call void @duplicate(ptr {names[source]})")
            case Drop(source):
                write.do(f"call void @drop(ptr %state, ptr {names[source]})")
            case Operate():
                raise AssertionError("operators are in graphs by now")

    def _checked(self, value: str) -> str:
        """Return a value; leave the function if it is null."""
        write = self._write
        none, good = write.value(f"icmp eq ptr {value}, null"), write.fresh("good")
        write.branch(none, "failed", good)
        write.begin(good)
        return value

    def _constant(self, value: np.ndarray) -> str:
        """Return a new tensor whose elements are a constant's."""
        write = self._write
        constants = write.load("ptr", "%state", slot("constants"))
        data = write.address(constants, self._objects.constant(value))
        size = FIELDS_OFFSET + 8 * value.ndim
        head = head_of(TENSOR_TAG, value.ndim)
        made = write.value(f"call ptr @take_record(ptr %state, i64 {head}, i64 {size}, ptr {data})")
        self._checked(made)
        for axis, extent in enumerate(value.shape):
            write.store("i64", str(extent), made, FIELDS_OFFSET + 8 * axis)
        return made

    def _record(self, tag: int, fields: tuple[Variable, ...], code: str) -> str:
        """Return a new object that holds `fields`."""
        if not fields:
            return self._objects.static(tag, code)
        write, head = self._write, head_of(tag, len(fields))
        size = FIELDS_OFFSET + 8 * len(fields)
        made = write.value(f"call ptr @take_record(ptr %state, i64 {head}, i64 {size}, ptr {code})")
        self._checked(made)
        for place, part in enumerate(fields):
            write.store("ptr", self._names[part], made, FIELDS_OFFSET + 8 * place)
        return made

    def _path(self, source: Variable, path: tuple[int, ...]) -> str:
        """Return what lies at the end of a path of fields."""
        found = self._names[source]
        for place in path:
            found = self._write.load("ptr", found, FIELDS_OFFSET + 8 * place)
        return found

    def _called(self, call: Call | Apply) -> str:
        """Return the text of a call, after storing the arguments that have no register."""
        write = self._write
        values = [self._names[argument] for argument in call.arguments]
        for place, value in enumerate(values[ARGUMENTS:], ARGUMENTS):
            write.store("ptr", value, "%state", _spilled(place))
        if isinstance(call, Call):
            code, closure = self._objects.names[call.function], "null"
        else:
            closure = self._names[call.closure]
            code = write.load("ptr", closure, CODE_OFFSET)
        given = [*values[:ARGUMENTS], *["null"] * (ARGUMENTS - len(values))]
        operands = ", ".join(f"ptr {value}" for value in ("%state", closure, *given))
        return f"call ptr {code}({operands})"

    def _truth(self, condition: Variable) -> str:
        """Return the value of a scalar bool."""
        data = self._write.load("ptr", self._names[condition], CODE_OFFSET)
        return self._write.value(f"icmp ne i8 {self._write.load('i8', data)}, 0")

    def _choose(self, choose: Choose) -> None:
        """Write a branch whose sides meet again."""
        write = self._write
        then, otherwise, after = (write.fresh(stem) for stem in ("then", "else", "after"))
        write.branch(self._truth(choose.condition), then, otherwise)
        ends: list[tuple[str, str]] = []
        for label, side in ((then, choose.then), (otherwise, choose.otherwise)):
            write.begin(label)
            ends.append((self._value(side), write.label))
            write.do(f"br label %{after}")
        write.begin(after)
        self._names[choose.target] = write.value(_phi(ends))

    def _join_cases(self, cases: Cases) -> None:
        """Write a case analysis whose cases meet again."""
        after = self._write.fresh("after")
        ends: list[tuple[str, str]] = []

        def end(block: Block) -> None:
            ends.append((self._value(block), self._write.label))
            self._write.do(f"br label %{after}")

        self._cases(cases, end)
        self._write.begin(after)
        self._names[cases.target] = self._write.value(_phi(ends)) if ends else "null"

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


def _ends_with_branch(block: Block) -> bool:
    """Return whether the value of a block is that of a call or a branch at its end."""
    if not block.instructions:
        return False
    last = block.instructions[-1]
    return isinstance(last, Call | Apply | Choose | Cases) and last.target is block.result


def _phi(ends: list[tuple[str, str]]) -> str:
    """Return the text that chooses a value by where control comes from."""
    return "phi ptr " + ", ".join(f"[{value}, %{label}]" for value, label in ends)


def _spilled(place: int) -> int:
    """Return the offset in the state of an argument that has no register."""
    return 8 * (SLOT_COUNT + place - ARGUMENTS)
