"""Native code of a set of functions, loaded and ready to be called."""

import ctypes
from collections.abc import Callable
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm

from .records import Instance
from .statements import lower_program

__all__ = ["Library", "compile_function"]


class Library:
    """Loaded code, unloaded when nothing refers to it any more.

    Parameters
    ----------
    code : object file
    symbol : the function that is called; it takes a record and returns an int
    """

    def __init__(self, code: bytes, symbol: str) -> None:
        self._compiler = llvm.create_lljit_compiler(suppress_errors=True)
        builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        self._tracker = builder.export_symbol(symbol).link(self._compiler, "native")
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        self._function = kind(self._tracker[symbol])

    def __call__(self, instance: Instance) -> int:
        """Call the function; return its result."""
        result: int = self._function(instance.address)
        return result


def compile_function(function: Callable[..., Any]) -> Library:
    """Return the native code of `function` and of all that it calls.

    Parameters
    ----------
    function : callable, takes a record and returns an int

    Raises
    ------
    SimulatorError
        A function uses what native code does not have.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    assert isinstance(function, FunctionType), "native code is made of a function"
    module = llvm.parse_assembly(lower_program(function))
    module.verify()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=1
    )
    # All of -O2 takes five times as long and makes code that is no faster.
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    passes.run(module, llvm.create_pass_builder(machine, options))
    return Library(machine.emit_object(module), function.__name__)
