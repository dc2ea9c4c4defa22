"""All passes by name: the level from which each runs by itself, and what it wants to run before.

Level 0 is what later passes and backends rely on, 1 changes the form of a program, 2 and 3 make it
faster, 4 does so at the cost of the last bits or of size.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from ..errors import Unsupported
from ..ir.module import Module
from .canonicalise_casts import canonicalise_casts
from .canonicalise_ops import canonicalise_ops
from .combine_parallel_batch_matmul import combine_parallel_batch_matmul
from .combine_parallel_conv2d import combine_parallel_conv2d
from .combine_parallel_dense import combine_parallel_dense
from .convert_layout import convert_layout
from .defunctionalise import defunctionalise
from .dynamic_to_static import dynamic_to_static
from .eliminate_common import eliminate_common
from .eliminate_dead import eliminate_dead
from .eta_expand import eta_expand
from .fake_quantization_to_integer import fake_quantization_to_integer
from .fast_math import fast_math
from .fold_constants import fold_constants
from .fold_scale_axis import fold_scale_axis
from .fuse import fuse
from .inline import inline
from .inline_lets import inline_lets
from .lambda_lift import lambda_lift
from .merge_compiler_regions import merge_compiler_regions
from .monomorphise import monomorphise
from .partial_evaluate import partial_evaluate
from .partition_graph import partition_graph
from .qnn_canonicalise import qnn_canonicalise
from .qnn_legalise import qnn_legalise
from .simplify import simplify
from .simplify_inference import simplify_inference
from .to_a_normal_form import to_a_normal_form
from .to_basic_block_normal_form import to_basic_block_normal_form
from .to_cps import to_cps
from .to_graph_normal_form import to_graph_normal_form
from .un_cps import un_cps

__all__ = ["LEVELS", "Pass", "find_pass", "passes"]

LEVELS = range(5)


@dataclass(frozen=True, slots=True)
class Pass:
    """One row; a pass bears the name of its function and of its file.

    Attributes
    ----------
    level : int, in 0..4
        The pass runs in contexts of this level and above.
    function : callable
        From a module to a typed module of the same meaning.
    requires : tuple of str
        Names of passes that run right before.
    """

    level: int
    function: Callable[[Module], Module]
    requires: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        text = sys.modules[self.function.__module__].__doc__ or ""
        return " ".join(text.strip().split("\n\n")[0].split())


_ROWS = (
    Pass(1, un_cps),
    Pass(1, to_cps),
    Pass(1, partial_evaluate),
    Pass(1, monomorphise),
    Pass(1, defunctionalise),
    Pass(0, fake_quantization_to_integer),
    Pass(0, fuse),
    Pass(0, merge_compiler_regions),
    Pass(0, partition_graph),
    Pass(0, simplify),
    Pass(0, simplify_inference),
    Pass(1, eliminate_dead),
    Pass(1, eta_expand),
    Pass(1, inline),
    Pass(1, inline_lets),
    Pass(1, lambda_lift),
    Pass(1, qnn_canonicalise),
    Pass(1, qnn_legalise),
    Pass(1, to_a_normal_form),
    Pass(1, to_basic_block_normal_form),
    Pass(1, to_graph_normal_form),
    Pass(2, dynamic_to_static),
    Pass(2, fold_constants),
    Pass(3, canonicalise_casts),
    Pass(3, canonicalise_ops),
    Pass(3, convert_layout),
    Pass(3, eliminate_common),
    Pass(3, fold_scale_axis),
    Pass(4, combine_parallel_batch_matmul),
    Pass(4, combine_parallel_conv2d),
    Pass(4, combine_parallel_dense),
    Pass(4, fast_math),
)


@cache
def passes() -> MappingProxyType[str, Pass]:
    """Return every pass by name, sorted."""
    rows = {row.name: row for row in sorted(_ROWS, key=lambda row: row.name)}
    assert len(rows) == len(_ROWS), "two passes bear one name"
    return MappingProxyType(rows)


def find_pass(name: str) -> Pass:
    """Return the pass called `name`.

    Raises
    ------
    Unsupported
        There is none; the message names the nearest ones.
    """
    found = passes().get(name)
    if found is None:
        near = get_close_matches(name, passes(), 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`tilewright passes` lists them"
        raise Unsupported(f"there is no pass {name!r}; {hint}")
    return found
