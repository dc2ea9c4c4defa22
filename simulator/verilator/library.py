"""The C functions of harness.cpp, typed."""

import ctypes
from pathlib import Path

__all__ = ["open_library"]

_U32, _U64, _POINTER = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
_FUNCTIONS = {
    "machine_open": (
        _POINTER,
        (_POINTER, _U64, _U32, ctypes.c_double, _U64, ctypes.c_char_p),
    ),
    "machine_close": (None, (_POINTER,)),
    "machine_run": (_U64, (_POINTER, _U64)),
    "machine_read_register": (ctypes.c_int, (_POINTER, _U32, ctypes.POINTER(_U32))),
    "machine_write_register": (ctypes.c_int, (_POINTER, _U32, _U32)),
    "machine_wait": (ctypes.c_int, (_POINTER, _U32, _U32, _U64)),
    "machine_cycles": (_U64, (_POINTER,)),
    "machine_error": (ctypes.c_char_p, (_POINTER,)),
    "machine_trace_size": (_U64, (_POINTER,)),
    "machine_trace_copy": (None, (_POINTER, _POINTER)),
    "machine_trace_clear": (None, (_POINTER,)),
}


def open_library(path: Path) -> ctypes.CDLL:
    """Return the library with the types of its functions set."""
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
