// A stand-in for zlib.h with what Verilator's FST writer calls, so that waveforms need no package
// of the system. It stores and does not compress; the writer then keeps the plain bytes.
// Source: RFC 1950 (the frame and its checksum), RFC 1951 section 3.2.4 (stored blocks).
#pragma once

#include <cstdint>
#include <cstring>

using Bytef = unsigned char;
using uLong = unsigned long;
using uLongf = unsigned long;

constexpr int Z_OK = 0;

inline uLong compressBound(uLong size) { return size + 5 * (size / 65535 + 1) + 6; }

inline int compress2(Bytef* destination, uLongf* destination_size, const Bytef* source, uLong size,
                     int /*level*/) {
    Bytef* out = destination;
    *out++ = 0x78;
    *out++ = 0x01;
    uLong at = 0;
    do {
        const uLong count = size - at < 65535 ? size - at : 65535;
        *out++ = at + count == size;
        for (const uLong word : {count, ~count}) {
            *out++ = static_cast<Bytef>(word);
            *out++ = static_cast<Bytef>(word >> 8);
        }
        if (count) std::memcpy(out, source + at, count);
        out += count;
        at += count;
    } while (at < size);
    uint32_t low = 1, high = 0;
    for (uLong i = 0; i < size; ++i) {
        low = (low + source[i]) % 65521;
        high = (high + low) % 65521;
    }
    const uint32_t checksum = high << 16 | low;
    for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<Bytef>(checksum >> shift);
    *destination_size = static_cast<uLongf>(out - destination);
    return Z_OK;
}
