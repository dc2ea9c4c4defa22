"""A network as C sees it: an object file that needs no library of ours, its header, a library."""

from .header import write_header
from .interface import Interface, Parameter, make_interface
from .linker import find_linker, link_library
from .program import export_flow, export_program

__all__ = [
    "Interface",
    "Parameter",
    "export_flow",
    "export_program",
    "find_linker",
    "link_library",
    "make_interface",
    "write_header",
]
