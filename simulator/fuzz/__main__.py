"""Random programs on the Verilated hardware and its functional simulator, in lock step.

    python -m simulator.fuzz --config vta --instructions 100000 --seed 1
    python -m simulator.fuzz --config tiny --seed 7 --program failing.s

The second form runs program text, as a failure prints it.
"""

import argparse
import sys
import time
from pathlib import Path

from isa.assembler import assemble
from isa.config import PRESETS

from .campaign import PROGRAM_INSTRUCTIONS, campaign, failure
from .configs import SHAPES, fuzz_config
from .lockstep import MOST_INSTRUCTIONS, Lockstep


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 1 where something differs."""
    options = _options(arguments)
    lockstep = Lockstep(fuzz_config(options.config))
    if options.program is not None:
        program = assemble(options.program.read_text(), lockstep.config, str(options.program))
        report = failure(lockstep, program, options.seed, attempts=0)
        print("no difference" if report is None else report)
        return int(report is not None)
    begin = time.process_time()
    failures = 0
    run = campaign(lockstep, options.instructions, options.seed, options.length, _show)
    for report in run:
        print(f"\n{report}\n", flush=True)
        failures += 1
    print(
        f"\n{options.config}: {options.instructions} instructions from seed {options.seed}, "
        f"{failures} programs differ, {time.process_time() - begin:.1f} s of CPU"
    )
    return int(failures > 0)


def _show(done: int) -> None:
    print(f"\r{done} instructions", end="", file=sys.stderr, flush=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = [*PRESETS, *SHAPES]
    parser.add_argument("--config", default="tiny", choices=names, metavar="NAME", help=str(names))
    parser.add_argument("--instructions", type=int, default=20_000, help="default 20000")
    parser.add_argument("--seed", type=int, default=0, help="of the first program, default 0")
    parser.add_argument(
        "--length",
        type=int,
        default=PROGRAM_INSTRUCTIONS,
        choices=range(1, MOST_INSTRUCTIONS + 1),
        metavar="N",
        help=f"instructions of a program, default {PROGRAM_INSTRUCTIONS}",
    )
    parser.add_argument("--program", type=Path, help="run this program text instead")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
