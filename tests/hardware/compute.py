"""What the cocotb tests of the compute units share: parameters, memories, instructions."""

import json
import os
from dataclasses import replace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from hardware.layout import write_layout
from isa.config import Config
from isa.instructions import instruction_set
