"""Emission of loads and stores: scalars, vectors, gathers and scatters, with and without masks."""

from typing import Protocol

from ....schedule.expressions import Expr, Load
from ....schedule.functions import offset_of
from ....schedule.linear import split_index
from ....schedule.nodes import Store
from ..builder import Index, element_bytes, llvm_type, memory_type
from ..site import type_suffix
from .frame import Frame, Place

__all__ = ["load", "store"]


class Expressions(Protocol):
    """What emits the parts of an access."""

    def narrow(self, expr: Expr) -> str:
        """Return a value that is the same in all lanes."""

    def wide(self, expr: Expr) -> str:
        """Return a value in all lanes."""

    def index(self, expr: Expr) -> Index:
        """Return an index of the first lane."""


def load(frame: Frame, values: Expressions, expr: Load, wide: bool) -> str:
    """Return an element, or one for each lane."""
    place = frame.places[expr.buffer.name]
    offset = offset_of(expr.buffer, expr.indices)
    if not wide:
        return _load_one(frame, values, expr, place, offset)
    where = "" if expr.where is None else values.wide(expr.where)
    mask = _both(frame, where, frame.mask if place.lanes == 1 else "")
    contiguous = _is_contiguous(frame, offset, place)
    if contiguous:
        address = _address(frame, values, expr.buffer.dtype, place, offset)
        return _load_vector(frame, expr.buffer.dtype, address, mask)
    if not mask and not frame.is_wide(offset):
        address = _address(frame, values, expr.buffer.dtype, place, offset)
        one = frame.build.load(expr.buffer.dtype, address)
        return frame.build.splat(expr.buffer.dtype, one, frame.lanes)
    addresses = _addresses(frame, values, expr.buffer.dtype, place, offset)
    return _gather(frame, expr.buffer.dtype, addresses, mask)


def store(frame: Frame, values: Expressions, statement: Store) -> None:
    """Write an element, or one for each lane."""
    build, buffer = frame.build, statement.buffer
    place, offset = frame.places[buffer.name], offset_of(buffer, statement.indices)
    if frame.lanes == 1:
        address = _address(frame, values, buffer.dtype, place, offset)
        build.store(buffer.dtype, values.narrow(statement.value), address)
        return
    value = values.wide(statement.value)
    if _is_contiguous(frame, offset, place):
        address = _address(frame, values, buffer.dtype, place, offset)
        if frame.mask:
            _masked_store(frame, buffer.dtype, value, address)
        else:
            build.store(buffer.dtype, value, address, frame.lanes)
        return
    _scatter(frame, buffer.dtype, value, _addresses(frame, values, buffer.dtype, place, offset))


def _is_contiguous(frame: Frame, offset: Expr, place: Place) -> bool:
    """Return whether the lanes' elements are neighbours."""
    if place.lanes > 1:
        return not frame.is_wide(offset)
    found = split_index(offset, frame.vector)
    return found is not None and found[0] == 1 and not frame.is_wide(found[1])


def _address(frame: Frame, values: Expressions, dtype: str, place: Place, offset: Expr) -> str:
    """Return the address of the first lane's element."""
    number = frame.build.multiply(values.index(offset), place.lanes)
    return frame.build.address(place.pointer, number, element_bytes(dtype))


def _addresses(frame: Frame, values: Expressions, dtype: str, place: Place, offset: Expr) -> str:
    """Return a vector of the addresses of all lanes' elements."""
    build, lanes = frame.build, frame.lanes
    kind, places = f"<{lanes} x i64>", values.wide(offset)
    if place.lanes > 1:
        scaled = build.value(f"mul nsw {kind} {places}, splat (i64 {lanes})")
        steps = ", ".join(f"i64 {lane}" for lane in range(lanes))
        places = build.value(f"add nsw {kind} {scaled}, <{steps}>")
    size = element_bytes(dtype)
    return build.value(f"getelementptr [{size} x i8], ptr {place.pointer}, {kind} {places}")


def _load_one(frame: Frame, values: Expressions, expr: Load, place: Place, offset: Expr) -> str:
    """Return an element; where it must not be read, 0, and the buffer's first one is read."""
    build, dtype = frame.build, expr.buffer.dtype
    if expr.where is None:
        return build.load(dtype, _address(frame, values, dtype, place, offset))
    if 0 in expr.buffer.shape:
        return _zero(dtype, 1)
    condition = values.narrow(expr.where)
    number = values.index(offset)
    safe = build.value(f"select i1 {condition}, i64 {number}, i64 0")
    value = build.load(dtype, build.address(place.pointer, safe, element_bytes(dtype)))
    kind = llvm_type(dtype)
    return build.value(f"select i1 {condition}, {kind} {value}, {kind} {_zero(dtype, 1)}")


def _zero(dtype: str, lanes: int) -> str:
    """Return the value 0."""
    if lanes > 1:
        return "zeroinitializer"
    if dtype == "bool":
        return "false"
    return "0xH0000" if dtype == "float16" else "0.0" if dtype.startswith("float") else "0"


def _both(frame: Frame, left: str, right: str) -> str:
    """Return a mask of the lanes that are in both; "" is all."""
    if not left or not right:
        return left or right
    return frame.build.value(f"and <{frame.lanes} x i1> {left}, {right}")


def _suffix(dtype: str, lanes: int) -> str:
    """Return how LLVM names the type in memory of a vector."""
    return type_suffix("uint8" if dtype == "bool" else dtype, lanes)


def _from_memory(frame: Frame, dtype: str, value: str) -> str:
    """Return what was loaded as it stands in registers."""
    if dtype != "bool":
        return value
    return frame.build.value(f"icmp ne <{frame.lanes} x i8> {value}, zeroinitializer")


def _to_memory(frame: Frame, dtype: str, value: str) -> str:
    """Return a value as it stands in memory."""
    if dtype != "bool":
        return value
    return frame.build.value(f"zext <{frame.lanes} x i1> {value} to <{frame.lanes} x i8>")


def _load_vector(frame: Frame, dtype: str, address: str, mask: str) -> str:
    """Return neighbouring elements; 0 where the mask does not hold."""
    build, lanes = frame.build, frame.lanes
    if not mask:
        return build.load(dtype, address, lanes)
    kind, name = memory_type(dtype, lanes), f"llvm.masked.load.{_suffix(dtype, lanes)}.p0"
    build.declarations.add(f"declare {kind} @{name}(ptr, <{lanes} x i1>, {kind})")
    found = build.value(
        f"call {kind} @{name}(ptr align {element_bytes(dtype)} {address}, "
        f"<{lanes} x i1> {mask}, {kind} zeroinitializer)"
    )
    return _from_memory(frame, dtype, found)


def _gather(frame: Frame, dtype: str, addresses: str, mask: str) -> str:
    """Return elements that stand anywhere; 0 where the mask does not hold."""
    build, lanes = frame.build, frame.lanes
    kind = memory_type(dtype, lanes)
    name = f"llvm.masked.gather.{_suffix(dtype, lanes)}.v{lanes}p0"
    build.declarations.add(f"declare {kind} @{name}(<{lanes} x ptr>, <{lanes} x i1>, {kind})")
    found = build.value(
        f"call {kind} @{name}(<{lanes} x ptr> align {element_bytes(dtype)} {addresses}, "
        f"<{lanes} x i1> {mask or 'splat (i1 true)'}, {kind} zeroinitializer)"
    )
    return _from_memory(frame, dtype, found)


def _masked_store(frame: Frame, dtype: str, value: str, address: str) -> None:
    """Store neighbouring elements where the mask holds."""
    build, lanes = frame.build, frame.lanes
    kind, name = memory_type(dtype, lanes), f"llvm.masked.store.{_suffix(dtype, lanes)}.p0"
    build.declarations.add(f"declare void @{name}({kind}, ptr, <{lanes} x i1>)")
    build.do(
        f"call void @{name}({kind} {_to_memory(frame, dtype, value)}, "
        f"ptr align {element_bytes(dtype)} {address}, <{lanes} x i1> {frame.mask})"
    )


def _scatter(frame: Frame, dtype: str, value: str, addresses: str) -> None:
    """Store elements anywhere where the mask holds; of one place the last lane's stays."""
    build, lanes = frame.build, frame.lanes
    kind = memory_type(dtype, lanes)
    name = f"llvm.masked.scatter.{_suffix(dtype, lanes)}.v{lanes}p0"
    build.declarations.add(f"declare void @{name}({kind}, <{lanes} x ptr>, <{lanes} x i1>)")
    build.do(
        f"call void @{name}({kind} {_to_memory(frame, dtype, value)}, "
        f"<{lanes} x ptr> align {element_bytes(dtype)} {addresses}, "
        f"<{lanes} x i1> {frame.mask or 'splat (i1 true)'})"
    )
