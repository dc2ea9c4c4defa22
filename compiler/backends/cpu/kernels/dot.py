"""How contraction kernels multiply and add: one step of the reduction, for a vector of columns."""

from dataclasses import dataclass

from ..builder import Builder, element_bytes, llvm_type
from .tile import accumulate, extend

__all__ = ["Dot"]

# By lanes of int32.
_PAIR_PRODUCTS = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}


@dataclass(frozen=True, slots=True)
class Dot:
    """How one step of the reduction is computed.

    Attributes
    ----------
    data_dtype, weight_dtype, sum_dtype : str
    instruction : str
        "", for a multiplication and an addition, or the name of a `Product`. "vpdpbusd" takes
        unsigned data: 128 is added to signed ones, and the formula takes 128 * sum(weight) off.
    group : int
        Products summed into one lane in one step.
    lanes : int
        Columns in a vector.
    """

    data_dtype: str
    weight_dtype: str
    sum_dtype: str
    instruction: str
    group: int
    lanes: int

    @property
    def zero(self) -> str:
        """A vector of sums that are 0."""
        if self.lanes > 1:
            return "zeroinitializer"
        return "0.0" if self.sum_dtype.startswith("float") else "0"

    @property
    def vector_type(self) -> str:
        """LLVM type of a vector of sums."""
        return llvm_type(self.sum_dtype, self.lanes)

    def load_data(self, build: Builder, address: str) -> str:
        """Return the data of one row and one step, in all lanes."""
        if self.group == 1:
            value = build.load(self.data_dtype, address)
            wide = extend(build, value, self.data_dtype, self.sum_dtype, 1)
            return build.splat(self.sum_dtype, wide, self.lanes)
        if self.group == 2:
            pair = build.load(self.data_dtype, address, 2)
            wide = extend(build, pair, self.data_dtype, "int16", 2)
            word = build.value(f"bitcast <2 x i16> {wide} to i32")
        else:
            packed = build.value(f"load i32, ptr {address}, align 1")
            word = packed
            if (self.instruction, self.data_dtype) == ("vpdpbusd", "int8"):
                word = build.value(f"xor i32 {packed}, {0x80808080}")
        words = build.splat("int32", word, self.lanes)
        kind = llvm_type("int32", self.lanes)
        return build.value(f"bitcast {kind} {words} to {self._weight_type}")

    def load_weight(self, build: Builder, address: str) -> str:
        """Return the weights of all lanes and one step."""
        if self.group > 1:
            size = element_bytes(self.weight_dtype)
            return build.value(f"load {self._weight_type}, ptr {address}, align {size}")
        value = build.load(self.weight_dtype, address, self.lanes)
        return extend(build, value, self.weight_dtype, self.sum_dtype, self.lanes)

    def multiply(self, build: Builder, total: str, x: str, y: str) -> str:
        """Return total + x * y, in every lane."""
        if self.group == 1:
            return accumulate(build, self.sum_dtype, total, x, y, self.lanes)
        operands = (self._weight_type, x), (self._weight_type, y)
        sums = self.vector_type
        if self.group == 4:
            name = f"llvm.x86.avx512.vpdpbusd.{32 * self.lanes}"
            if self.instruction == "sdot":
                name = f"llvm.aarch64.neon.sdot.v{self.lanes}i32.v{4 * self.lanes}i8"
            return build.call(sums, name, (sums, total), *operands)
        products = build.call(sums, _PAIR_PRODUCTS[self.lanes], *operands)
        return build.value(f"add {sums} {total}, {products}")

    @property
    def _weight_type(self) -> str:
        """LLVM type of the weights of all lanes and one step, for groups."""
        return llvm_type(self.weight_dtype, self.group * self.lanes)
