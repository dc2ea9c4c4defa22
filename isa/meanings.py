"""What each instruction does, in words and in numpy, for docs/isa.md."""

from .instructions import Opcode

__all__ = ["MEANINGS"]

MEANINGS = {
    Opcode.LOAD: """\
Copy `z_count` lines of `y_count` runs of `x_bytes` bytes from DRAM to a scratchpad. A run begins
at a word of its own; its last word is completed with `fill`. A byte outside its line, or of a line
that does not exist, is `fill` too and is not read: that is padding. Runs may overlap in DRAM: that
is im2col.

    for z in range(z_count):
        for y in range(y_count):
            position = x_origin + y * y_stride + np.arange(x_bytes)
            line = z_origin + z
            exists = (0 <= position) & (position < line_bytes) & (0 <= line < line_count)
            run = np.where(exists, dram[address + line * z_stride + position], fill)
            memory[destination + z * z_step + y * y_step :] = words(run, fill)
""",
    Opcode.MATRIX: """\
Run a loop nest of six levels, level 0 outermost. In each iteration multiply a vector of `rows` int8
by a tile of columns x rows int8 into `columns` int32. With `accumulate` 0, the iterations in which
every level of `reduce` is at its first index overwrite acc; all others add.

    for i in np.ndindex(count0, ..., count5):
        product = weight_tile(weight + i @ weight_steps) @ act_vector(act + i @ act_steps)
        first = not accumulate and all(i[level] == 0 for level in reduce)
        acc[acc + i @ acc_steps] = product + (0 if first else acc[acc + i @ acc_steps])
""",
    Opcode.VECTOR: """\
Run a loop nest of five levels, level 0 outermost, over vectors of `columns` lanes. The values of
the innermost `reduce_levels` levels combine into one; that is requantised and written, at the
addresses of the record and the output that belong to the last of these iterations. An instruction
must not read what an earlier iteration of itself wrote. A reduction NONE keeps its last value; a
table's index wraps to 8 bits; with `low` above `high` every result is `high`.

    value = operation(a + a_offset, b)                  # TABLE: table[a + a_offset + 128]
    value = reduction(values of the reduction)
    if requantize:
        value = arithmetic.requantize((value + bias) << pre_shift, multiplier, shift, rounding)
    if destination == ACT:
        value = arithmetic.saturate(value, zero_point, low, high)

With `slide`, the level just outside those that reduce is the sliding level: it walks the columns x
of a line, the levels that reduce walk the lines r of a kernel, and a result combines the values of
three columns, each with its own tap of a row. `slide` is how many columns a result is after the one
before it. The addresses of record and output step once for each result at this level, not for each
column; nothing is written where a line has fewer than three columns. The slots b, b + 1 and b + 2
lie in one param word.

    for k in range((columns - 3) // slide + 1):         # columns: the count of the sliding level
        x = k * slide
        value = sum((a[x + j, r] + a_offset) * tap[b[x + j, r] + j] for r for j in range(3))
        ...                                             # as above, to output + k * its step
""",
    Opcode.STORE: """\
Copy `z_count` lines of `y_count` runs of `x_bytes` bytes from act to DRAM. A run begins at an act
word of its own; the rest of its last word is not written.

    for z in range(z_count):
        for y in range(y_count):
            run = act_bytes(source + z * z_step + y * y_step, x_bytes)
            dram[address + z * z_stride + y * y_stride :] = run
""",
    Opcode.SYNC: """\
Wait and signal on behalf of `engine`, in its order, and do nothing else.
""",
    Opcode.END: """\
End the program: the machine is done when every engine has finished what came before.
""",
}
