"""Rounding for CPUs without instructions for it, where LLVM would call the C library."""

import re

from .site import literal

__all__ = ["define_rounding"]

_DECLARATION = re.compile(
    r"declare (?P<kind>\w+|<\d+ x \w+>) "
    r"@llvm\.(?P<name>floor|ceil|trunc|round)\.(?P<suffix>\w+)\(.*"
)
# By LLVM's scalar type: dtype, its integer, and from which number on all are integers.
_TYPES = {"float": ("float32", "i32", 2.0**23), "double": ("float64", "i64", 2.0**52)}

# When the size of the result is that of the next integer, not of the one below.
_AWAY = {"floor": "%below", "ceil": "%above", "trunc": "%never", "round": "%much"}


def define_rounding(text: str) -> str:
    """Return the text of a module with functions instead of LLVM's floor, ceil, trunc and round."""

    def define(match: re.Match[str]) -> str:
        return _function(match["kind"], match["name"], match["suffix"])

    defined = _DECLARATION.sub(define, text)
    return re.sub(r"@llvm\.(floor|ceil|trunc|round)\.", r"@tilewright.\1.", defined)


def _function(kind: str, name: str, suffix: str) -> str:
    """Return a function from `kind` to `kind`.

    The size of x plus the first number without halves, minus it again, is the nearest integer; one
    less where that is too large. What is that large itself, infinite or not a number, stays.
    """
    scalar = kind.strip("<>").split(" x ")[-1]
    dtype, integer, whole = _TYPES[scalar]
    bits = kind.replace(scalar, integer)
    flags = kind.replace(scalar, "i1")
    sign = -1 << (int(integer[1:]) - 1)

    def number(x: float) -> str:
        value = literal(x, dtype)
        return value if kind == scalar else f"splat ({scalar} {value})"

    def word(value: int) -> str:
        return str(value) if kind == scalar else f"splat ({integer} {value})"

    lines = [
        f"define internal {kind} @tilewright.{name}.{suffix}({kind} %x) nounwind {{",
        f"  %bits = bitcast {kind} %x to {bits}",
        f"  %sign = and {bits} %bits, {word(sign)}",
        f"  %size.bits = and {bits} %bits, {word(~sign)}",
        f"  %size = bitcast {bits} %size.bits to {kind}",
        f"  %up = fadd {kind} %size, {number(whole)}",
        f"  %near = fsub {kind} %up, {number(whole)}",
        f"  %over = fcmp ogt {kind} %near, %size",
        f"  %less = fsub {kind} %near, {number(1.0)}",
        f"  %down = select {flags} %over, {kind} %less, {kind} %near",
        f"  %rest = fsub {kind} %size, %down",
        f"  %negative = icmp ne {bits} %sign, {word(0)}",
        f"  %positive = icmp eq {bits} %sign, {word(0)}",
        f"  %some = fcmp ogt {kind} %rest, {number(0.0)}",
        f"  %much = fcmp oge {kind} %rest, {number(0.5)}",
        f"  %never = fcmp false {kind} %x, %x",
        f"  %below = and {flags} %some, %negative",
        f"  %above = and {flags} %some, %positive",
        f"  %more = fadd {kind} %down, {number(1.0)}",
        f"  %result.size = select {flags} {_AWAY[name]}, {kind} %more, {kind} %down",
        f"  %result.bits = bitcast {kind} %result.size to {bits}",
        f"  %signed = or {bits} %result.bits, %sign",
        f"  %result = bitcast {bits} %signed to {kind}",
        f"  %small = fcmp olt {kind} %size, {number(whole)}",
        f"  %y = select {flags} %small, {kind} %result, {kind} %x",
        f"  ret {kind} %y",
        "}",
    ]
    return "\n".join(lines)
