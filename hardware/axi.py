"""AXI4 and AXI4-Lite as the machine uses them: signatures, payloads and flat port names."""

from enum import IntEnum

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = [
    "BOUNDARY_BYTES",
    "BURST_INCREMENT",
    "REGISTER_ADDRESS_BITS",
    "Axi",
    "ReadSource",
    "Response",
    "axi_ports",
    "axil_ports",
    "beat_layout",
    "burst_layout",
    "connect_axi",
    "read_address_layout",
    "read_data_layout",
    "write_address_layout",
    "write_data_layout",
]

# AXI4 specification (ARM IHI 0022), A3.4.1: AxBURST of an incrementing burst.
BURST_INCREMENT = 1
# The same, A3.4.1: a burst must not cross a boundary of 4 KiB.
BOUNDARY_BYTES = 4096
REGISTER_ADDRESS_BITS = 10


class ReadSource(IntEnum):
    """Who reads: the read channel's transaction id."""

    LOAD = 0
    FETCH = 1


class Response(IntEnum):
    """RRESP and BRESP (ARM IHI 0022, A3.4.4); what is not OKAY is an error to the machine."""

    OKAY = 0
    EXCLUSIVE_OKAY = 1
    SLAVE_ERROR = 2
    DECODE_ERROR = 3


def burst_layout(config):
    """Return the layout of a burst before it goes to the bus.

    Members
    -------
    address : of its first byte, which need not begin a beat
    last_byte : number of bytes less one
    final : the last burst of a run that was marked final
    source : ReadSource; 0 for writes
    """
    return data.StructLayout(
        {"address": config.address_bits, "last_byte": 12, "final": 1, "source": 1}
    )


def beat_layout(config):
    """Return the layout of one beat that was read.

    Members
    -------
    data : bus_bytes bytes
    error : the response was not OKAY
    last : of its burst
    """
    return data.StructLayout({"data": 8 * config.bus_bytes, "error": 1, "last": 1})


def read_address_layout(config):
    """Return the payload of the AR channel; length is beats less one."""
    return data.StructLayout({"id": 1, "address": config.address_bits, "length": 8})


def read_data_layout(config):
    """Return the payload of the R channel."""
    return data.StructLayout({"id": 1, "data": 8 * config.bus_bytes, "response": 2, "last": 1})


def write_address_layout(config):
    """Return the payload of the AW channel; length is beats less one."""
    return data.StructLayout({"address": config.address_bits, "length": 8})


def write_data_layout(config):
    """Return the payload of the W channel."""
    return data.StructLayout({"data": 8 * config.bus_bytes, "strobe": config.bus_bytes, "last": 1})


class Axi(wiring.Signature):
    """The five AXI4 channels as streams, seen from the master.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    ar, aw, w : Out(stream)
    r, b : In(stream); b carries the response
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "ar": Out(stream.Signature(read_address_layout(config))),
                "r": In(stream.Signature(read_data_layout(config))),
                "aw": Out(stream.Signature(write_address_layout(config))),
                "w": Out(stream.Signature(write_data_layout(config))),
                "b": In(stream.Signature(2)),
            }
        )


def axi_ports(config, prefix="m_axi_"):
    """Return the members of an AXI4 master under their usual flat names."""
    address, bus = config.address_bits, config.bus_bytes
    request = {"addr": address, "len": 8, "size": 3, "burst": 2, "valid": 1}
    outputs = {
        "arid": 1,
        **{f"ar{name}": width for name, width in request.items()},
        "rready": 1,
        "awid": 1,
        **{f"aw{name}": width for name, width in request.items()},
        "wdata": 8 * bus,
        "wstrb": bus,
        "wlast": 1,
        "wvalid": 1,
        "bready": 1,
    }
    inputs = {
        "arready": 1,
        "rid": 1,
        "rdata": 8 * bus,
        "rresp": 2,
        "rlast": 1,
        "rvalid": 1,
        "awready": 1,
        "wready": 1,
        "bid": 1,
        "bresp": 2,
        "bvalid": 1,
    }
    return {
        **{f"{prefix}{name}": Out(width) for name, width in outputs.items()},
        **{f"{prefix}{name}": In(width) for name, width in inputs.items()},
    }


def axil_ports(prefix="s_axil_"):
    """Return the members of an AXI4-Lite slave under their usual flat names."""
    address = REGISTER_ADDRESS_BITS
    inputs = {
        "awaddr": address,
        "awprot": 3,
        "awvalid": 1,
        "wdata": 32,
        "wstrb": 4,
        "wvalid": 1,
        "bready": 1,
        "araddr": address,
        "arprot": 3,
        "arvalid": 1,
        "rready": 1,
    }
    outputs = {
        "awready": 1,
        "wready": 1,
        "bresp": 2,
        "bvalid": 1,
        "arready": 1,
        "rdata": 32,
        "rresp": 2,
        "rvalid": 1,
    }
    return {
        **{f"{prefix}{name}": In(width) for name, width in inputs.items()},
        **{f"{prefix}{name}": Out(width) for name, width in outputs.items()},
    }


def connect_axi(component, bus, config, prefix="m_axi_"):
    """Return the assignments that join the streams of `bus` to the flat ports of `component`.

    Parameters
    ----------
    component : wiring.Component with the members of `axi_ports`
    bus : Axi, as created, driven by the machine
    """

    def port(name):
        return getattr(component, prefix + name)

    size = exact_log2(config.bus_bytes)
    assignments = [port("arid").eq(bus.ar.payload.id)]
    for channel, stream_ in (("ar", bus.ar), ("aw", bus.aw)):
        assignments += [
            port(f"{channel}addr").eq(stream_.payload.address),
            port(f"{channel}len").eq(stream_.payload.length),
            port(f"{channel}size").eq(size),
            port(f"{channel}burst").eq(BURST_INCREMENT),
            port(f"{channel}valid").eq(stream_.valid),
            stream_.ready.eq(port(f"{channel}ready")),
        ]
    return [
        *assignments,
        bus.r.payload.id.eq(port("rid")),
        bus.r.payload.data.eq(port("rdata")),
        bus.r.payload.response.eq(port("rresp")),
        bus.r.payload.last.eq(port("rlast")),
        bus.r.valid.eq(port("rvalid")),
        port("rready").eq(bus.r.ready),
        port("wdata").eq(bus.w.payload.data),
        port("wstrb").eq(bus.w.payload.strobe),
        port("wlast").eq(bus.w.payload.last),
        port("wvalid").eq(bus.w.valid),
        bus.w.ready.eq(port("wready")),
        bus.b.payload.eq(port("bresp")),
        bus.b.valid.eq(port("bvalid")),
        port("bready").eq(bus.b.ready),
    ]
