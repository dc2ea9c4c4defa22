"""The compute units: matrix and vector engine, requantisation, memories."""

import gc
import warnings
from dataclasses import asdict

import pytest
from amaranth.hdl import UnusedElaboratable

from hardware.acc_memory import AccMemory
from hardware.act_memory import ActMemory
from hardware.matrix import Matrix
from hardware.param_memory import ParamMemory
from hardware.requantize import Requantize
from hardware.tables import Tables
from hardware.vector import Vector
from hardware.weight_memory import WeightMemory
from isa.config import Config

CONFIGS = [
    Config("square", 4, 4, 64, 16, 16, 8, bus_bytes=4, tables=2),
    Config("wide", 4, 8, 64, 10, 16, 5, bus_bytes=8, tables=0, requantize_lanes=2, row_taps=1),
    Config("tall", 16, 4, 32, 7, 32, 4, bus_bytes=4, tables=1, act_banks=2, requantize_lanes=4),
    Config("odd", 6, 12, 80, 5, 16, 3, bus_bytes=4, tables=1, act_banks=1, requantize_lanes=3),
]


def engines(assemble, config):
    """Return the engines wired to their memories."""
    parts = {
        "matrix": Matrix(config),
        "vector": Vector(config),
        "act": ActMemory(config),
        "weight": WeightMemory(config),
        "acc": AccMemory(config),
        "param": ParamMemory(config),
    }
    connections = [
        ("matrix.act_read", "act.matrix_read"),
        ("matrix.weight_read", "weight.matrix_read"),
        ("matrix.acc_read", "acc.matrix_read"),
        ("matrix.acc_write", "acc.matrix_write"),
        ("vector.act_read", "act.vector_read"),
        ("vector.act_write", "act.vector_write"),
        ("vector.acc_read", "acc.vector_read"),
        ("vector.acc_write", "acc.vector_write"),
        ("vector.tap_read", "param.tap_read"),
        ("vector.record_read", "param.record_read"),
    ]
    if config.tables:
        parts["tables"] = Tables(config)
        connections.append(("vector.table_read", "tables.read"))
    return assemble(parts, connections)


@pytest.mark.verilator
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_engines(simulate, assemble, config):
    bench = engines(assemble, config)
    simulate(bench, "engines_cocotb", config=asdict(config), seed=20260201)


@pytest.mark.verilator
@pytest.mark.parametrize("config", [*CONFIGS[:2], CONFIGS[3]], ids=lambda config: config.name)
def test_memories(simulate, assemble, config):
    parts = {
        "act": ActMemory(config),
        "weight": WeightMemory(config),
        "acc": AccMemory(config),
        "param": ParamMemory(config),
        **({"tables": Tables(config)} if config.tables else {}),
    }
    simulate(assemble(parts, []), "memories_cocotb", config=asdict(config), seed=20260202)


@pytest.mark.verilator
@pytest.mark.parametrize("config", [*CONFIGS[:2], CONFIGS[3]], ids=lambda config: config.name)
def test_requantize(simulate, config):
    simulate(Requantize(config), "requantize_cocotb", config=asdict(config), seed=20260203)


def test_tables_need_tables():
    message = "^wide.tables must be at least 1 to build Tables, not 0$"
    with warnings.catch_warnings():
        # Amaranth warns of a component that was begun and not used.
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ValueError, match=message):
            Tables(CONFIGS[1])
        gc.collect()
