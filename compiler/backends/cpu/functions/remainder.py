"""The remainder of floats, towards 0: what C calls fmod, exact, without a library."""

from ..builder import llvm_type
from ..site import Site

__all__ = ["float_remainder"]

_NAME = "tilewright_remainder"

# The divisor is doubled until it is more than half of the dividend, and then halved again; it is
# taken off wherever it fits. Every step is exact: all are multiples of the divisor's last place,
# and a difference of numbers within a factor of two has no more digits than they.
_FUNCTION = f"""define internal double @{_NAME}(double %x, double %y) noinline nounwind {{
entry:
  %whole = call double @llvm.fabs.f64(double %x)
  %unit = call double @llvm.fabs.f64(double %y)
  %finite = fcmp olt double %whole, 0x7FF0000000000000
  %some = fcmp ogt double %unit, 0.0
  %exists = and i1 %finite, %some
  br i1 %exists, label %up, label %missing
missing:
  ret double 0x7FF8000000000000
up:
  %step = phi double [%unit, %entry], [%twice, %up]
  %twice = fadd double %step, %step
  %again = fcmp ole double %twice, %whole
  br i1 %again, label %up, label %down
down:
  %rest = phi double [%whole, %up], [%less, %down]
  %part = phi double [%step, %up], [%half, %down]
  %fits = fcmp oge double %rest, %part
  %difference = fsub double %rest, %part
  %less = select i1 %fits, double %difference, double %rest
  %half = fmul double %part, 0.5
  %more = fcmp ogt double %part, %unit
  br i1 %more, label %down, label %done
done:
  %signed = call double @llvm.copysign.f64(double %less, double %x)
  ret double %signed
}}"""


def float_remainder(site: Site, x: str, y: str, dtype: str) -> str:
    """Return x - y * trunc(x / y) of floats, exactly; with the sign of x.

    Not a number where x is infinite, y is 0, or one of them is none. It is computed lane by lane,
    in about two steps for each binary digit of the quotient.
    """
    build, lanes = site.builder, site.lanes
    build.declarations.add(_FUNCTION)
    for name, count in (("fabs", 1), ("copysign", 2)):
        kinds = ", ".join(["double"] * count)
        build.declarations.add(f"declare double @llvm.{name}.f64({kinds}) nounwind")
    if dtype != "float64":
        x, y = (site.convert("fpext", one, dtype, "float64") for one in (x, y))
    kind = llvm_type("float64", lanes)
    result = "poison"
    for lane in range(lanes):
        one = [_lane(site, value, kind, lane) for value in (x, y)]
        value = build.value(f"call double @{_NAME}(double {one[0]}, double {one[1]})")
        if lanes == 1:
            result = value
        else:
            result = build.value(f"insertelement {kind} {result}, double {value}, i32 {lane}")
    if dtype == "float64":
        return result
    # It is one of `dtype` already; float64 to float16 at once would need a library.
    short = site.convert("fptrunc", result, "float64", "float32")
    return short if dtype == "float32" else site.convert("fptrunc", short, "float32", dtype)


def _lane(site: Site, value: str, kind: str, lane: int) -> str:
    """Return one lane of a vector; the value itself if there is but one."""
    if site.lanes == 1:
        return value
    return site.builder.value(f"extractelement {kind} {value}, i32 {lane}")
