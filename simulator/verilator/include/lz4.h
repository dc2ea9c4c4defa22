// A stand-in for lz4.h with the two functions that Verilator's FST writer calls, so that waveforms
// need no package of the system. Source: LZ4 Block Format Description, lz4/doc/lz4_Block_format.md.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

namespace lz4_stand_in {

// A length of 15 or more goes on in bytes of 255 and one of less.
inline uint8_t* put_length(uint8_t* out, size_t rest) {
    for (; rest >= 255; rest -= 255) *out++ = 255;
    *out++ = static_cast<uint8_t>(rest);
    return out;
}

// Literals, then a match of `length` bytes `offset` back; length 0 ends the block.
inline uint8_t* put_sequence(uint8_t* out, const uint8_t* literals, size_t count, size_t offset,
                             size_t length) {
    const size_t match = length ? length - 4 : 0;
    uint8_t* const token = out++;
    *token = static_cast<uint8_t>((count < 15 ? count : 15) << 4 | (match < 15 ? match : 15));
    if (count >= 15) out = put_length(out, count - 15);
    std::memcpy(out, literals, count);
    out += count;
    if (!length) return out;
    *out++ = static_cast<uint8_t>(offset);
    *out++ = static_cast<uint8_t>(offset >> 8);
    return match >= 15 ? put_length(out, match - 15) : out;
}

inline uint32_t load32(const uint8_t* from) {
    uint32_t value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

}  // namespace lz4_stand_in

inline int LZ4_compress_default(const char* source, char* destination, int size, int /*capacity*/) {
    using namespace lz4_stand_in;
    const auto* const in = reinterpret_cast<const uint8_t*>(source);
    auto* out = reinterpret_cast<uint8_t*>(destination);
    const size_t total = static_cast<size_t>(size);
    // Format: the last 5 bytes are literals, the last match starts 12 bytes before the end.
    const size_t last_match = total < 13 ? 0 : total - 12;
    std::vector<uint32_t> seen(1 << 14, 0);
    size_t begin = 0;
    for (size_t at = 1; at < last_match; ++at) {
        uint32_t& slot = seen[load32(in + at) * 2654435761u >> 18];
        const size_t other = slot;
        slot = static_cast<uint32_t>(at);
        if (at - other > 65535 || other >= at || load32(in + other) != load32(in + at)) continue;
        size_t length = 4;
        while (at + length < total - 5 && in[other + length] == in[at + length]) ++length;
        out = put_sequence(out, in + begin, at - begin, at - other, length);
        begin = at + length;
        at = begin - 1;
    }
    out = put_sequence(out, in + begin, total - begin, 0, 0);
    return static_cast<int>(out - reinterpret_cast<uint8_t*>(destination));
}
