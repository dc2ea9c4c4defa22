"""The Verilog that the machine becomes."""

import re

from hardware.verilog import to_verilog
from isa.config import Config
from isa.instructions import Engine

CONFIG = Config("small", 4, 8, 16, 2, 2, 2, bus_bytes=8, address_bits=24, tables=0, windows=1)


def expected_ports():
    """Return {name: (direction, width)} of the machine."""
    request = {"addr": 24, "len": 8, "size": 3, "burst": 2, "valid": 1}
    outputs = {f"m_axi_ar{name}": width for name, width in request.items()}
    outputs |= {f"m_axi_aw{name}": width for name, width in request.items()}
    outputs |= {"m_axi_arid": 1, "m_axi_awid": 1, "m_axi_rready": 1, "m_axi_bready": 1}
    outputs |= {"m_axi_wdata": 64, "m_axi_wstrb": 8, "m_axi_wlast": 1, "m_axi_wvalid": 1}
    outputs |= {"s_axil_awready": 1, "s_axil_wready": 1, "s_axil_bresp": 2, "s_axil_bvalid": 1}
    outputs |= {"s_axil_arready": 1, "s_axil_rdata": 32, "s_axil_rresp": 2, "s_axil_rvalid": 1}
    outputs |= {"interrupt": 1, "trace_start": 4, "trace_finish": 4}
    for what in ("start", "finish"):
        outputs |= {f"trace_{what}_index{engine:d}": 32 for engine in Engine}
    inputs = {"clk": 1, "rst": 1, "m_axi_arready": 1, "m_axi_awready": 1, "m_axi_wready": 1}
    inputs |= {"m_axi_rid": 1, "m_axi_rdata": 64, "m_axi_rresp": 2, "m_axi_rlast": 1}
    inputs |= {"m_axi_rvalid": 1, "m_axi_bid": 1, "m_axi_bresp": 2, "m_axi_bvalid": 1}
    inputs |= {"s_axil_awaddr": 10, "s_axil_awprot": 3, "s_axil_awvalid": 1, "s_axil_wdata": 32}
    inputs |= {"s_axil_wstrb": 4, "s_axil_wvalid": 1, "s_axil_bready": 1, "s_axil_araddr": 10}
    inputs |= {"s_axil_arprot": 3, "s_axil_arvalid": 1, "s_axil_rready": 1}
    return {name: ("output", width) for name, width in outputs.items()} | {
        name: ("input", width) for name, width in inputs.items()
    }


def test_verilog():
    text = to_verilog(CONFIG)
    assert to_verilog(CONFIG) == text, "the same machine must become the same text"
    module = re.search(r"^module tilewright\((.*?)\);(.*?)^endmodule", text, re.M | re.S)
    ports = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(
            r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+);", module[2], re.M
        )
    }
    assert ports == expected_ports()
    assert set(re.findall(r"\w+", module[1])) == set(ports)
    zero_fill = [
        line for line in text.splitlines() if re.fullmatch(r" +\S+\[\d+\] = .*'[hd]0+;", line)
    ]
    assert len(zero_fill) < 16, "memories are not filled with zero line by line"
