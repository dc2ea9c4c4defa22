// The Verilated machine beside a model of DRAM, for Python through ctypes: many cycles a call.
//
// The DRAM answers AXI4 in order. A read or write burst is answered `latency` cycles after its
// address (read) or its last beat (write) was taken; then one beat of BUS_BYTES a cycle flows, reads
// and writes independently. Random stalls hold back each channel with a given probability.
//
// A cycle: the handshakes of this cycle are read; the inputs of the next one are set, which harness.v
// puts into registers at the edge; tick changes, eval: the outputs are those of the next cycle. For
// a waveform tick is the clock itself, and a cycle is two evaluations.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "Vharness.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace {

constexpr uint64_t kBoundary = 4096;
constexpr unsigned kDepth = 64;
constexpr unsigned kEngines = 4;
constexpr unsigned kResetCycles = 4;
constexpr unsigned kRegisterCycles = 1000;
constexpr unsigned kPollCycles = 512;
constexpr unsigned kOkay = 0, kSlaveError = 2;

constexpr unsigned log2(unsigned value) { return value <= 1 ? 0 : 1 + log2(value / 2); }

struct Burst {
    uint64_t address;
    uint64_t ready;
    uint32_t beats;
    uint32_t id;
    uint32_t response;
};

// A queue of fixed depth.
class Queue {
public:
    bool empty() const { return m_head == m_tail; }
    bool full() const { return m_tail - m_head == kDepth; }
    Burst& front() { return m_items[m_head % kDepth]; }
    void push(const Burst& burst) { m_items[m_tail++ % kDepth] = burst; }
    void pop() { ++m_head; }

private:
    Burst m_items[kDepth];
    uint64_t m_head = 0, m_tail = 0;
};

struct Event {
    uint32_t engine;
    uint32_t index;
    uint64_t start;
    uint64_t end;
};

class Machine {
public:
    Machine(uint8_t* dram, uint64_t bytes, uint32_t latency, double stalls, uint64_t seed,
            const char* waveform)
        : m_top{&m_context}
        , m_dram{dram}
        , m_bytes{bytes}
        , m_latency{latency}
        , m_threshold{static_cast<uint32_t>(stalls * 4096 + 0.5)}
        , m_random{seed * 2 + 1} {
#if VM_TRACE
        if (waveform) {
            m_context.traceEverOn(true);
            m_top.trace(&m_waveform, 99);
            m_waveform.open(waveform);
        }
#endif
        m_top.tick = 0;
        m_top.eval();
        for (unsigned i = 0; i < kResetCycles; ++i) cycle();
        m_cycles = 0;
    }

    ~Machine() {
        m_top.final();
#if VM_TRACE
        m_waveform.close();
#endif
    }

    // Runs up to `limit` cycles; returns early when the interrupt rises or a protocol is broken.
    uint64_t run(uint64_t limit) {
        const uint64_t begin = m_cycles;
        bool before = m_top.interrupted;
        while (m_cycles - begin < limit) {
            cycle();
            const bool now = m_top.interrupted;
            if (now && !before) break;
            before = now;
            if (!m_error.empty()) break;
        }
        return m_cycles - begin;
    }

    // Returns the response of the bus, or -1 if none came.
    int read_register(uint32_t offset, uint32_t& value) {
        m_top.next_axil_araddr = offset;
        m_top.next_axil_arvalid = 1;
        m_top.next_axil_rready = 1;
        cycle();
        for (unsigned i = 0; i < kRegisterCycles; ++i) {
            if (m_top.s_axil_arready) m_top.next_axil_arvalid = 0;
            if (m_top.s_axil_rvalid) {
                value = m_top.s_axil_rdata;
                const int response = m_top.s_axil_rresp;
                m_top.next_axil_rready = 0;
                cycle();
                return response;
            }
            cycle();
        }
        return -1;
    }

    int write_register(uint32_t offset, uint32_t value) {
        m_top.next_axil_awaddr = offset;
        m_top.next_axil_awvalid = 1;
        m_top.next_axil_wdata = value;
        m_top.next_axil_wvalid = 1;
        m_top.next_axil_bready = 1;
        cycle();
        for (unsigned i = 0; i < kRegisterCycles; ++i) {
            if (m_top.s_axil_awready) m_top.next_axil_awvalid = 0;
            if (m_top.s_axil_wready) m_top.next_axil_wvalid = 0;
            if (m_top.s_axil_bvalid) {
                const int response = m_top.s_axil_bresp;
                m_top.next_axil_bready = 0;
                cycle();
                return response;
            }
            cycle();
        }
        return -1;
    }

    uint64_t cycles() const { return m_cycles; }
    const std::string& error() const { return m_error; }
    const std::vector<Event>& events() const { return m_events; }

    void clear_events() {
        m_events.clear();
        m_origin = m_cycles;
        for (auto& open : m_open) open.clear();
    }

private:
    void cycle() {
        if (m_top.trace_start | m_top.trace_finish) record();
        const uint32_t stalled = m_threshold ? draw() : 0;
        read(stalled);
        write(stalled);
        tick();
#if VM_TRACE
        tick();
#endif
        ++m_cycles;
    }

    void tick() {
        m_top.tick = !m_top.tick;
        m_top.eval();
#if VM_TRACE
        if (m_waveform.isOpen()) m_waveform.dump(m_time);
        ++m_time;
#endif
    }

    void read(uint32_t stalled) {
        if (m_top.m_axi_arvalid && m_top.next_arready) {
            m_reads.push(begin("read", m_top.m_axi_araddr, m_top.m_axi_arlen, m_top.m_axi_arsize,
                               m_top.m_axi_arburst, m_top.m_axi_arid));
        }
        bool valid = m_top.next_rvalid;
        if (valid && m_top.m_axi_rready) {
            valid = false;
            Burst& burst = m_reads.front();
            burst.address += BUS_BYTES;
            if (--burst.beats == 0) m_reads.pop();
        }
        if (!valid && !m_reads.empty() && m_cycles + 1 >= m_reads.front().ready && !(stalled & 1)) {
            valid = true;
            read_beat();
        }
        m_top.next_rvalid = valid;
        m_top.next_arready = !m_reads.full() && !(stalled & 2);
    }

    void write(uint32_t stalled) {
        if (m_top.m_axi_awvalid && m_top.next_awready) {
            m_writes.push(begin("write", m_top.m_axi_awaddr, m_top.m_axi_awlen, m_top.m_axi_awsize,
                                m_top.m_axi_awburst, m_top.m_axi_awid));
        }
        if (m_top.m_axi_wvalid && m_top.next_wready) write_beat();
        bool valid = m_top.next_bvalid;
        if (valid && m_top.m_axi_bready) {
            valid = false;
            m_responses.pop();
        }
        if (!valid && !m_responses.empty() && m_cycles + 1 >= m_responses.front().ready
            && !(stalled & 4)) {
            valid = true;
            m_top.next_bid = m_responses.front().id;
            m_top.next_bresp = m_responses.front().response;
        }
        m_top.next_bvalid = valid;
        m_top.next_awready = !m_writes.full() && !(stalled & 8);
        m_top.next_wready = !m_writes.empty() && !m_responses.full() && !(stalled & 16);
    }

    Burst begin(const char* kind, uint64_t address, uint32_t len, uint32_t size, uint32_t type,
                uint32_t id) {
        const uint64_t aligned = address & ~uint64_t{BUS_BYTES - 1};
        const uint64_t last = aligned + uint64_t{len} * BUS_BYTES;
        if (type != 1) fail(kind, address, "is not of type INCR");
        if (size != log2(BUS_BYTES)) fail(kind, address, "does not have the width of the bus");
        if (aligned / kBoundary != last / kBoundary) fail(kind, address, "crosses 4 KiB");
        return {aligned, m_cycles + m_latency, len + 1, id, kOkay};
    }

    void read_beat() {
        const Burst& burst = m_reads.front();
        const bool inside = burst.address + BUS_BYTES <= m_bytes;
        static_assert(sizeof(m_top.next_rdata) == BUS_BYTES, "the bus is as wide as its port");
        if (inside) {
            std::memcpy(&m_top.next_rdata, m_dram + burst.address, BUS_BYTES);
        } else {
            std::memset(&m_top.next_rdata, 0, BUS_BYTES);
        }
        m_top.next_rid = burst.id;
        m_top.next_rresp = inside ? kOkay : kSlaveError;
        m_top.next_rlast = burst.beats == 1;
    }

    void write_beat() {
        Burst& burst = m_writes.front();
        const uint64_t strobes = m_top.m_axi_wstrb;
        constexpr uint64_t all = BUS_BYTES == 64 ? ~uint64_t{0} : (uint64_t{1} << BUS_BYTES % 64) - 1;
        uint8_t data[BUS_BYTES];
        std::memcpy(data, &m_top.m_axi_wdata, BUS_BYTES);
        if (burst.address + BUS_BYTES > m_bytes) {
            if (strobes) burst.response = kSlaveError;
        } else if (strobes == all) {
            std::memcpy(m_dram + burst.address, data, BUS_BYTES);
        } else {
            for (unsigned i = 0; i < BUS_BYTES; ++i) {
                if (strobes >> i & 1) m_dram[burst.address + i] = data[i];
            }
        }
        burst.address += BUS_BYTES;
        const bool last = --burst.beats == 0;
        if (last != bool(m_top.m_axi_wlast)) fail("write", burst.address, "has WLAST misplaced");
        if (last) {
            burst.ready = m_cycles + m_latency;
            m_responses.push(burst);
            m_writes.pop();
        }
    }

    // Bits that are one with the stall probability, from one xorshift64* step.
    uint32_t draw() {
        m_random ^= m_random >> 12;
        m_random ^= m_random << 25;
        m_random ^= m_random >> 27;
        const uint64_t bits = m_random * 0x2545F4914F6CDD1DULL;
        uint32_t result = 0;
        for (unsigned i = 0; i < 5; ++i) {
            result |= uint32_t((bits >> (4 + 12 * i) & 4095) < m_threshold) << i;
        }
        return result;
    }

    void record() {
        const uint32_t starts[] = {m_top.trace_start_index0, m_top.trace_start_index1,
                                   m_top.trace_start_index2, m_top.trace_start_index3};
        const uint32_t finishes[] = {m_top.trace_finish_index0, m_top.trace_finish_index1,
                                     m_top.trace_finish_index2, m_top.trace_finish_index3};
        for (uint32_t engine = 0; engine < kEngines; ++engine) {
            if (m_top.trace_start >> engine & 1) {
                m_open[engine].push_back(m_events.size());
                m_events.push_back({engine, starts[engine], m_cycles - m_origin, 0});
            }
            if (m_top.trace_finish >> engine & 1) finish(engine, finishes[engine]);
        }
    }

    void finish(uint32_t engine, uint32_t index) {
        auto& open = m_open[engine];
        for (auto item = open.begin(); item != open.end(); ++item) {
            if (m_events[*item].index == index) {
                m_events[*item].end = m_cycles - m_origin;
                open.erase(item);
                return;
            }
        }
        m_error = "the trace ends instruction " + std::to_string(index) + ", which did not start";
    }

    void fail(const char* kind, uint64_t address, const char* what) {
        char text[128];
        std::snprintf(text, sizeof text, "cycle %llu: the %s burst at %#llx %s",
                      static_cast<unsigned long long>(m_cycles), kind,
                      static_cast<unsigned long long>(address), what);
        m_error = text;
    }

    VerilatedContext m_context;
    Vharness m_top;
#if VM_TRACE
    VerilatedFstC m_waveform;
    uint64_t m_time = 0;
#endif
    uint8_t* const m_dram;
    const uint64_t m_bytes;
    const uint32_t m_latency;
    const uint32_t m_threshold;
    uint64_t m_random;
    uint64_t m_cycles = 0;
    uint64_t m_origin = 0;  // cycle in which the program was started
    Queue m_reads, m_writes, m_responses;
    std::vector<Event> m_events;
    std::vector<size_t> m_open[kEngines];
    std::string m_error;
};

}  // namespace

extern "C" {

Machine* machine_open(uint8_t* dram, uint64_t bytes, uint32_t latency, double stalls, uint64_t seed,
                      const char* waveform) {
    return new Machine{dram, bytes, latency, stalls, seed, waveform};
}

void machine_close(Machine* machine) { delete machine; }

uint64_t machine_run(Machine* machine, uint64_t limit) { return machine->run(limit); }

int machine_read_register(Machine* machine, uint32_t offset, uint32_t* value) {
    return machine->read_register(offset, *value);
}

int machine_write_register(Machine* machine, uint32_t offset, uint32_t value) {
    return machine->write_register(offset, value);
}

// Runs until a bit of `mask` is clear in the register at `offset`: returns 1; 0 when `limit` cycles
// are over first; -1 when a protocol is broken.
int machine_wait(Machine* machine, uint32_t offset, uint32_t mask, uint64_t limit) {
    const uint64_t begin = machine->cycles();
    for (;;) {
        uint32_t value = 0;
        if (machine->read_register(offset, value) != 0 || !machine->error().empty()) return -1;
        if ((value & mask) == 0) return 1;
        const uint64_t used = machine->cycles() - begin;
        if (used >= limit) return 0;
        const uint64_t left = limit - used;
        machine->run(left < kPollCycles ? left : kPollCycles);
    }
}

uint64_t machine_cycles(const Machine* machine) { return machine->cycles(); }

const char* machine_error(const Machine* machine) { return machine->error().c_str(); }

uint64_t machine_trace_size(const Machine* machine) { return machine->events().size(); }

void machine_trace_copy(const Machine* machine, Event* destination) {
    if (machine->events().empty()) return;
    std::memcpy(destination, machine->events().data(), machine->events().size() * sizeof(Event));
}

void machine_trace_clear(Machine* machine) { machine->clear_events(); }

}  // extern "C"
