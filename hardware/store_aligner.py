"""The chunks of a store, shifted to their lanes on the bus."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .burst_splitter import RUN_BYTES_BITS
from .write_channel import write_beat_layout

__all__ = ["StoreAligner", "shifted_run_layout"]


def shifted_run_layout(config):
    """Return the layout of a run as it goes to the bus.

    Members
    -------
    lane : place of its first byte in its beat
    last_byte : bytes of the run less one
    """
    return data.StructLayout({"lane": exact_log2(config.bus_bytes), "last_byte": 20})


class StoreAligner(wiring.Component):
    """Rotates chunks, merges neighbours into beats and enables the bytes of the run.

    Latency none; throughput one beat a cycle, without a gap between runs.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    runs : In(stream of shifted_run_layout)
    chunks : In(stream of bus_bytes bytes); all chunks of the runs, in order
    beats : Out(stream of write_beat_layout)
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "runs": In(stream.Signature(shifted_run_layout(config))),
                "chunks": In(stream.Signature(8 * config.bus_bytes)),
                "beats": Out(stream.Signature(write_beat_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bytes, lane_bits = self.config.bus_bytes, exact_log2(self.config.bus_bytes)
        active, first = Signal(name="active"), Signal(name="first", reset_less=True)
        lane = Signal(lane_bits, reset_less=True)
        chunks_left = Signal(RUN_BYTES_BITS - lane_bits, reset_less=True)
        bytes_left = Signal(RUN_BYTES_BITS + 1, reset_less=True)
        # Kept beside what they tell of, chunks_left != 0 and bytes_left <= bus_bytes: the whole
        # engine waits for them.
        needs = Signal(reset_less=True)
        ends = Signal(reset_less=True)
        moves = Signal()
        m.d.comb += [
            self.beats.valid.eq(active & (~needs | self.chunks.valid)),
            moves.eq(self.beats.valid & self.beats.ready),
            self.chunks.ready.eq(active & needs & self.beats.ready),
            self.runs.ready.eq(~active | (moves & ends)),
        ]
        rotated = Signal(8 * bus_bytes)
        m.d.comb += rotated.eq(self._rotate(lane))
        previous = Signal(8 * bus_bytes, reset_less=True)
        for number in range(bus_bytes):
            fresh, byte = number >= lane, slice(8 * number, 8 * number + 8)
            m.d.comb += [
                self.beats.payload.data[byte].eq(Mux(fresh, rotated[byte], previous[byte])),
                self.beats.payload.strobe[number].eq(
                    (~first | fresh) & (~ends | (number < bytes_left[: lane_bits + 1]))
                ),
            ]
        with m.If(moves):
            m.d.sync += [
                previous.eq(rotated),
                first.eq(0),
                chunks_left.eq(chunks_left - 1),
                needs.eq(needs & (chunks_left != 1)),
                bytes_left.eq(bytes_left - bus_bytes),
                ends.eq(bytes_left <= 2 * bus_bytes),
                active.eq(~ends),
            ]
        with m.If(self.runs.valid & self.runs.ready):
            run = self.runs.payload
            m.d.sync += [
                active.eq(1),
                first.eq(1),
                lane.eq(run.lane),
                chunks_left.eq((run.last_byte >> lane_bits) + 1),
                needs.eq(1),
                bytes_left.eq(run.last_byte + 1 + run.lane),
                ends.eq(run.last_byte + run.lane < bus_bytes),
            ]
        return m

    def _rotate(self, lane):
        """Return the chunk, its byte 0 moved to `lane`."""
        rotated = Cat(self.chunks.payload)
        for bit in range(len(lane)):
            rotated = Mux(lane[bit], rotated.rotate_left(8 << bit), rotated)
        return rotated
