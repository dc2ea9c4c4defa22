"""Compile time and memory of a network, each in a process of its own that has done nothing else."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["COLD", "run_cold"]

_HEAD = """
import json, re, sys, time
path = sys.argv[1]
"""
_OURS = """
begin = time.perf_counter()
import tilewright as tw
imported, spent = time.perf_counter(), time.process_time()
image = tw.compile(path, targets=("cpu",))
ready, busy = time.perf_counter(), time.process_time() - spent
from tilewright.running import random_inputs
device = tw.open_device("cpu")
device.run(image, random_inputs(image.inputs, 0))
"""
_ONNXRUNTIME = """
begin = time.perf_counter()
import numpy as np
import onnxruntime
imported, spent = time.perf_counter(), time.process_time()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
ready, busy = time.perf_counter(), time.process_time() - spent
generator = np.random.default_rng(0)
session.run(None, {
    given.name: generator.uniform(-1, 1, given.shape).astype(np.float32)
    for given in session.get_inputs()
})
"""
_TAIL = """
# Not ru_maxrss: that begins with the most that the parent had.
with open("/proc/self/status") as status:
    peak = int(re.search(r"VmHWM:\\s*([0-9]+) kB", status.read())[1]) / 1024
print(json.dumps({
    "import": imported - begin, "seconds": ready - imported, "cpu_seconds": busy, "peak_mb": peak,
}))
"""

COLD: Mapping[str, str] = MappingProxyType({"tilewright": _OURS, "onnxruntime": _ONNXRUNTIME})
"""By runtime: a program that loads a network, then runs it once."""


def run_cold(runtime: str, path: Path) -> dict[str, float]:
    """Return seconds to import and to compile or load, and the peak memory with one inference.

    `cpu_seconds` are those of compiling that the process was not waiting. Nothing is taken from
    the cache that other processes share.

    Raises
    ------
    RuntimeError
        The process failed; the message ends with what it said last.
    """
    text = _HEAD + COLD[runtime] + _TAIL
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, "-c", text, str(path)],
            env=os.environ | {"TILEWRIGHT_CACHE": empty},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise RuntimeError(f"{runtime} must load {path}, but ended with: {last}")
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return values
