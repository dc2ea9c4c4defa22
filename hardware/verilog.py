"""The machine as Verilog text."""

import re

from amaranth.back import verilog
from amaranth.lib.wiring import Component

from isa.config import Config

from .core import Core
from .mac_array import MAC_ARRAY_VERILOG

__all__ = ["component_verilog", "to_verilog"]

MODULE_NAME = "tilewright"
# Amaranth writes one line for each word of a memory; a memory without them starts as zero too,
# and the text is a tenth as long.
_ZERO_INIT = re.compile(r"  initial begin\n(?:    \S+ ?\[\d+\] = \d+'[hd]0+;\n)+  end\n")


def to_verilog(config: Config, *, gated: bool = False) -> str:
    """Return the machine of `config` as Verilog; its module is named tilewright.

    The ports are those of `Core`, and clk and rst. With `gated` it is the machine for a simulation:
    the same in every cycle, but its idle units have no clock.
    """
    return component_verilog(Core(config, gated=gated), MODULE_NAME)


def component_verilog(component: Component, name: str) -> str:
    """Return `component` as Verilog; its module is named `name`.

    A port that is a member of a member is named by its path, joined by two underscores.
    """
    text = verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
    return _ZERO_INIT.sub("", text) + MAC_ARRAY_VERILOG
