"""Bytes of a section of an ELF object file: put in as they are, where LLVM would read text.

Source: System V ABI, chapter 4, "ELF Header" and "Sections"; 64 bits, little-endian.
"""

import struct

__all__ = ["fill_section"]

_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
# In the ELF header: where the section headers begin; their size, count, and which one has names.
_TABLE, _COUNTS = struct.Struct("<Q"), struct.Struct("<HHH")
_TABLE_AT, _COUNTS_AT = 40, 58


def fill_section(code: bytes, name: str, data: bytes) -> bytes:
    """Return the object file with `data` in the section `name`, which must have its size."""
    (table,) = _TABLE.unpack_from(code, _TABLE_AT)
    size, count, names = _COUNTS.unpack_from(code, _COUNTS_AT)
    headers = [_SECTION_HEADER.unpack_from(code, table + number * size) for number in range(count)]
    start = headers[names][4]
    for header in headers:
        place, length = header[4], header[5]
        begin = start + header[0]
        if code[begin : code.index(b"\0", begin)] == name.encode():
            assert length == len(data), f"{name} must have {len(data)} bytes, not {length}"
            return code[:place] + data + code[place + length :]
    raise AssertionError(f"the object file has no section {name}")
