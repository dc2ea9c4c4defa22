"""The multiply-accumulate array: one int8 vector by one int8 tile."""

from amaranth.hdl import ClockSignal, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MAC_ARRAY_VERILOG", "MAC_CYCLES", "MacArray"]

# Cycles from the operands to their sums: operands, sums of some products, sums.
MAC_CYCLES = 3
# Loops of 32-bit sums, which Amaranth cannot express: its sums grow by a bit a level, and
# extending each of them makes the whole simulated machine two to three times slower. `part` is
# read before it is written: it is a register, and cheaper to simulate than one assigned by <=.
# Two products a part in an array for an FPGA, a multiplier and one sum; four in a larger one, where
# fewer parts are simulated faster.
MAC_ARRAY_VERILOG = """\
module tilewright_mac_array #(parameter ROWS = 16, parameter COLUMNS = 16) (
  input clk,
  input enable,
  input [8*ROWS-1:0] vector,
  input [8*ROWS*COLUMNS-1:0] tile,
  output reg [32*COLUMNS-1:0] sums
);
  localparam EACH = ROWS > 8 ? 4 : 2;
  localparam PARTS = (ROWS + EACH - 1) / EACH;
  reg a_valid, b_valid;
  reg [8*ROWS-1:0] a_vector;
  reg [8*ROWS*COLUMNS-1:0] a_tile;
  reg signed [31:0] part [0:PARTS*COLUMNS-1];
  reg signed [31:0] total;
  integer column, row, index;
  always @(posedge clk) begin
    a_valid <= enable;
    b_valid <= a_valid;
    if (enable) begin
      a_vector <= vector;
      a_tile <= tile;
    end
    if (b_valid)
      for (column = 0; column < COLUMNS; column = column + 1) begin
        total = 0;
        for (index = 0; index < PARTS; index = index + 1)
          total = total + part[PARTS*column+index];
        sums[32*column +: 32] <= total;
      end
    if (a_valid)
      for (column = 0; column < COLUMNS; column = column + 1)
        for (index = 0; index < PARTS; index = index + 1) begin
          total = 0;
          for (row = EACH*index; row < EACH*index + EACH && row < ROWS; row = row + 1)
            total = total
              + $signed(a_vector[8*row +: 8]) * $signed(a_tile[8*(column*ROWS+row) +: 8]);
          part[PARTS*column+index] = total;
        end
  end
endmodule
"""


class MacArray(wiring.Component):
    """Multiplies a vector of rows int8 by a tile of columns x rows int8 into columns int32.

    Latency: MAC_CYCLES cycles. Throughput: one product a cycle. The array itself is the Verilog
    module in MAC_ARRAY_VERILOG, which has to stand beside what is generated of the rest.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    enable : In, the operands are valid
    vector : In, rows int8, row 0 lowest
    tile : In, byte c * rows + r is the weight of column c, row r
    sums : Out, columns int32, column 0 lowest; MAC_CYCLES after the operands, until the next
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "enable": In(1),
                "vector": In(8 * config.rows),
                "tile": In(8 * config.tile_bytes),
                "sums": Out(8 * config.acc_word_bytes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.array = Instance(
            "tilewright_mac_array",
            p_ROWS=self.config.rows,
            p_COLUMNS=self.config.columns,
            i_clk=ClockSignal(),
            i_enable=self.enable,
            i_vector=self.vector,
            i_tile=self.tile,
            o_sums=self.sums,
        )
        return m
