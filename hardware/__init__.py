"""The machine in Amaranth, one component a file; verilog.to_verilog writes it out."""
