"""The beats of a load, shifted to their places in a scratchpad's words, with fill around them."""

from types import SimpleNamespace

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.instructions import Memory

from .axi import beat_layout
from .buffer import Buffer
from .burst_splitter import RUN_BYTES_BITS
from .layout import memory_shape
from .stage import Stage

__all__ = ["LoadAligner", "load_run_layout", "load_write_layout"]


def load_write_layout(config):
    """Return the layout of one write of a load to any memory.

    Members
    -------
    memory : isa Memory
    address : word of the memory
    chunk : which bus_bytes bytes of the word
    data : bus_bytes bytes
    """
    shapes = [memory_shape(config, memory) for memory in Memory]
    return data.StructLayout(
        {
            "memory": 2,
            "address": bits_for(max(depth - 1 for depth, _ in shapes)),
            "chunk": bits_for(max(max(word // config.bus_bytes - 1 for _, word in shapes), 1)),
            "data": 8 * config.bus_bytes,
        }
    )


def load_run_layout(config, local_bits):
    """Return the layout of a run as it is put together.

    Members
    -------
    memory : isa Memory
    local : word where the run begins
    x_bytes : bytes of the run less one
    before : bytes before the first that exists
    bytes : bytes that exist
    lane : place of the first byte that exists in its beat
    fill : value of the bytes that do not exist
    final : the last run of the instruction
    """
    return data.StructLayout(
        {
            "memory": 2,
            "local": local_bits,
            "x_bytes": 20,
            "before": 20,
            "bytes": RUN_BYTES_BITS,
            "lane": exact_log2(config.bus_bytes),
            "fill": 8,
            "final": 1,
        }
    )


class LoadAligner(wiring.Component):
    """Makes whole words of runs: rotates beats, merges neighbours, puts fill where nothing exists.

    Throughput one chunk of bus_bytes a cycle, without a gap between runs; a run whose first byte
    moves to a lower lane and that spans several beats costs one cycle more. Latency one cycle.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an address on chip

    Members
    -------
    runs : In(stream of load_run_layout)
    beats : In(stream of beat_layout); all beats of the runs, in order
    writes : Out(stream of load_write_layout)
    finished : Out, the last write of an instruction is taken in this cycle
    failed : Out, a beat was an error; nothing more is written until reset
    starving : Out, a beat is needed and there is none
    """

    def __init__(self, config, local_bits):
        self.config = config
        self.local_bits = local_bits
        super().__init__(
            {
                "runs": In(stream.Signature(load_run_layout(config, local_bits))),
                "beats": In(stream.Signature(beat_layout(config))),
                "writes": Out(stream.Signature(load_write_layout(config))),
                "finished": Out(1),
                "failed": Out(1),
                "starving": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lane_bits = exact_log2(config.bus_bytes)
        chunk_bits = len(self.writes.payload.chunk)
        run = _signals(
            {
                "memory": 2,
                "address": self.local_bits,
                "chunk": chunk_bits,
                "chunks_left": RUN_BYTES_BITS - lane_bits,
                "last_chunk": chunk_bits,
                "beats_left": RUN_BYTES_BITS - lane_bits + 1,
                "beats_after": RUN_BYTES_BITS - lane_bits,
                "before": RUN_BYTES_BITS,
                "end": RUN_BYTES_BITS,
                "rotation": lane_bits,
                "single": 1,
                # Kept beside: beats_left != 0, beats_after == 0, chunks_left <= 1.
                "due": 1,
                "now": 1,
                "few": 1,
                "fill": 8,
                "final": 1,
            }
        )
        active, preload = Signal(), Signal()
        free, moves, ends, takes = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            takes.eq(active & (preload | (run.due & run.now))),
            moves.eq(active & ~preload & free & ~self.failed & (~takes | self.beats.valid)),
            ends.eq(run.few & (run.chunk == run.last_chunk)),
            self.beats.ready.eq(takes & (preload | free) & ~self.failed),
            self.runs.ready.eq(~active | (moves & ends)),
            self.starving.eq(takes & ~self.beats.valid),
        ]
        rotated = self._rotate(m, run.rotation)
        previous = Signal.like(rotated, reset_less=True)
        with m.If(self.beats.valid & self.beats.ready):
            m.d.sync += [
                previous.eq(rotated),
                run.beats_left.eq(run.beats_left - 1),
                run.due.eq(run.beats_left != 1),
                preload.eq(0),
                self.failed.eq(self.beats.payload.error),
            ]
        chunk = self._merge(m, run, rotated, previous)
        self._write(m, run, chunk, free, moves & ~(takes & self.beats.payload.error), ends)
        with m.If(moves):
            m.d.sync += active.eq(~ends)
            self._advance(m, run)
        start = self._start(m, run, preload)
        with m.If(self.runs.valid & self.runs.ready):
            m.d.sync += [active.eq(1), *start]
        return m

    def _rotate(self, m, rotation):
        """Return the beat, byte `rotation` of it moved to lane 0."""
        rotated = self.beats.payload.data
        for bit in range(len(rotation)):
            rotated = Mux(rotation[bit], rotated.rotate_right(8 << bit), rotated)
        result = Signal(8 * self.config.bus_bytes, name="rotated")
        m.d.comb += result.eq(rotated)
        return result

    def _merge(self, m, run, rotated, previous):
        """Return the chunk: bytes of the last beat, of this beat, and fill."""
        lanes = self.config.bus_bytes
        bytes_ = []
        for lane in range(lanes):
            exists = (lane >= run.before) & (lane < run.end)
            early = ~run.single & (run.rotation != 0) & (lane + run.rotation < lanes)
            byte = Mux(early, previous.word_select(lane, 8), rotated.word_select(lane, 8))
            bytes_.append(Mux(exists, byte, run.fill))
        chunk = Signal(8 * lanes)
        m.d.comb += chunk.eq(Cat(bytes_))
        return chunk

    def _write(self, m, run, chunk, free, writes, ends):
        """Keep a write until it is taken; one more finds a place when a memory refuses it."""
        layout = data.StructLayout({"write": load_write_layout(self.config), "final": 1})
        m.submodules.buffer = buffer = Buffer(layout)
        m.submodules.stage = stage = Stage(layout)
        wiring.connect(m, buffer.output, stage.entries)
        entry = buffer.entries.payload
        m.d.comb += [
            free.eq(buffer.entries.ready),
            buffer.entries.valid.eq(writes),
            entry.write.memory.eq(run.memory),
            entry.write.address.eq(run.address),
            entry.write.chunk.eq(run.chunk),
            entry.write.data.eq(chunk),
            entry.final.eq(run.final & ends),
            self.writes.valid.eq(stage.output.valid),
            self.writes.payload.eq(stage.output.payload.write),
            stage.output.ready.eq(self.writes.ready),
            self.finished.eq(self.writes.valid & self.writes.ready & stage.output.payload.final),
        ]

    def _advance(self, m, run):
        """Step from one chunk to the next."""
        bus_bytes = self.config.bus_bytes
        m.d.sync += run.chunk.eq(run.chunk + 1)
        with m.If(run.chunk == run.last_chunk):
            m.d.sync += [run.chunk.eq(0), run.address.eq(run.address + 1)]
        with m.If(~run.few):
            m.d.sync += [
                run.chunks_left.eq(run.chunks_left - 1),
                run.few.eq(run.chunks_left == 2),
            ]
        with m.If(~run.now):
            m.d.sync += [
                run.beats_after.eq(run.beats_after - 1),
                run.now.eq(run.beats_after == 1),
            ]
        for edge in (run.before, run.end):
            m.d.sync += edge.eq(Mux(edge < bus_bytes, 0, edge - bus_bytes))

    def _start(self, m, run, preload):
        """Return the assignments that take the next run; what they need does not wait for it."""
        config = self.config
        lane_bits = exact_log2(config.bus_bytes)
        new = self.runs.payload
        exists, earlier = Signal(), Signal()
        lane = Signal(lane_bits)
        beats = Signal(RUN_BYTES_BITS - lane_bits + 1)
        after = Signal(RUN_BYTES_BITS - lane_bits)
        m.d.comb += [
            exists.eq(new.bytes != 0),
            lane.eq(Mux(exists, new.lane, 0)),
            beats.eq((lane + new.bytes + config.bus_bytes - 1) >> lane_bits),
            earlier.eq(new.before < lane),
            after.eq((new.before - lane) >> lane_bits),
        ]
        last_chunks = {
            memory: max(memory_shape(config, memory)[1] // config.bus_bytes - 1, 0)
            for memory in Memory
        }
        last_chunk = Signal.like(run.last_chunk, name="new_last_chunk")
        for memory, chunk in last_chunks.items():
            with m.If(new.memory == memory):
                m.d.comb += last_chunk.eq(chunk)
        return [
            run.last_chunk.eq(last_chunk),
            run.memory.eq(new.memory),
            run.address.eq(new.local),
            run.chunk.eq(0),
            run.chunks_left.eq((new.x_bytes >> lane_bits) + 1),
            run.few.eq(new.x_bytes < config.bus_bytes),
            run.beats_left.eq(beats),
            run.due.eq(exists),
            run.beats_after.eq(after),
            run.now.eq(earlier | (after == 0)),
            run.before.eq(new.before),
            run.end.eq(Mux(exists, new.before + new.bytes, 0)),
            run.rotation.eq(lane - new.before),
            run.single.eq(earlier & (beats == 1)),
            run.fill.eq(new.fill),
            run.final.eq(new.final),
            preload.eq(earlier & (beats > 1)),
        ]


def _signals(widths):
    """Return a namespace of registers: one signal each, so that a simulator copies few bits."""
    return SimpleNamespace(
        **{name: Signal(width, name=name, reset_less=True) for name, width in widths.items()}
    )
