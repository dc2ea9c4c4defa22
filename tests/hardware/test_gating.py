"""Registers behind their enables; that nothing else changes is what every cocotb test shows."""

from hardware.gating import gate_registers

MODULE = """\
module unit(clk, rst, enable, a, b, q, sum);
  reg \\$auto$verilog_backend.cc:1:dump_module$1  = 0;
  input clk;
  wire clk;
  input rst;
  wire rst;
  input enable;
  wire enable;
  input [7:0] a;
  wire [7:0] a;
  input [7:0] b;
  wire [7:0] b;
  output [7:0] q;
  reg [7:0] q = 8'h00;
  output [7:0] sum;
  wire [7:0] sum;
  wire [7:0] \\$1 ;
  wire [7:0] \\$2 ;
  wire [7:0] shared;
  wire [7:0] name;
  reg [7:0] \\$3 ;
  assign \\$2  = \\$1  ^ shared;
  assign \\$1  = a + b;
  assign shared = a & b;
  assign name = \\$1 ;
  assign sum = shared | q;
  always @(posedge clk)
    q <= \\$3 ;
  always @* begin
    if (\\$auto$verilog_backend.cc:1:dump_module$1 ) begin end
    \\$3  = q;
    if (enable) begin
      \\$3  = \\$2 ;
    end
    if (rst) begin
      \\$3  = 8'h00;
    end
  end
endmodule
"""

GATED = """\
  always @(posedge clk)
    if ((enable ) || (rst )) begin
      \\$1  = a + b;
      \\$2  = \\$1  ^ shared;
    \\$3  = q;
    if (enable) begin
      \\$3  = \\$2 ;
    end
    if (rst) begin
      \\$3  = 8'h00;
    end
      q  <= \\$3 ;
    end
"""


def test_what_serves_one_enable_moves_behind_it():
    gated = gate_registers(MODULE)
    assert GATED in gated
    assert "always @*" not in gated
    assert "  assign shared = a & b;\n  assign sum = shared | q;\n" in gated
    for name in ("\\$1 ", "\\$2 ", "\\$3 "):
        assert f"  reg [7:0] {name};\n" in gated
    assert "  wire [7:0] shared;\n" in gated
    assert "assign name" not in gated, "nothing reads it, and what it names is set only then"


def test_a_register_without_a_condition_stays():
    free = MODULE.replace("    if (enable) begin\n", "    if (enable) begin\n    end else begin\n")
    assert gate_registers(free) == free
