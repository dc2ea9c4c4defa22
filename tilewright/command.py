"""The command line: `tilewright COMMAND`. Exit status 0, 1 on a user's error, 2 on wrong usage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from compiler.compile import explain
from compiler.text import to_text
from driver.devices import DEVICES
from driver.registers import check_config
from isa.assembler import disassemble as disassemble_program
from isa.config import Config, preset
from isa.image import Image, load_image

from .compiling import CompileOptions, compile_to_files, split_names, summarise
from .errors import USER_ERRORS, CommandError
from .face import compile as compile_model
from .files import make_folder, require_folder
from .passing import PassOptions, list_passes, run_on_network
from .progress import Reporter
from .report import print_table
from .running import RunOptions, run_network

__all__ = ["main"]


class _Group(click.Group):
    """Turns errors of the user into one message."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except USER_ERRORS as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group)
@click.version_option(package_name="tilewright")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Compile int8 networks for the accelerator and the CPU, and run them."""


def _config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--config", default="vta", show_default=True, help="Machine: tiny, ulx3s, vta or zu."
    )(command)


def _target_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--target", default="accel,cpu", show_default=True, help="Who may compute, by comma."
    )(command)


@main.command("compile")
@click.argument("model", type=click.Path())
@click.option(
    "-o", "--output", required=True, type=click.Path(), help="Image; with --emit, without endings."
)
@_config_option
@_target_option
@click.option("--cpu", help="Of the host program, by comma; by default this machine.")
@click.option("--triple", help="System of the host program, as LLVM names it.")
@click.option("--emit", help="For C, by comma: object, library, header, at --output with endings.")
@click.option("--pool", is_flag=True, help="Let what is emitted for C use threads.")
@click.option("--dump", type=click.Path(), help="Folder for the module after each pass.")
def compile_command(model: str, output: str, **options: Any) -> None:
    """Compile MODEL (TFLite, ONNX or Relay text) to an image, or for C."""
    require_folder(output)
    dump = options.pop("dump")
    observe = _dumper(make_folder(dump)) if dump else None
    settings = CompileOptions(**options)
    with Reporter() as reporter:
        text = compile_to_files(model, Path(output), settings, reporter, observe)
    click.echo(text)


@main.command("run")
@click.argument("model", type=click.Path())
@click.option("--device", required=True, help=f"One of {', '.join(DEVICES)}.")
@click.option("--config", help="Machine; vta by default, of an image its own.")
@click.option("--target", help="Who may compute; by default the CPU alone on device cpu.")
@click.option("--input", "inputs", multiple=True, type=click.Path(), help="One .npy an input.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of random inputs, if none are given.",
)
@click.option("--output", "outputs", multiple=True, type=click.Path(), help="One .npy an output.")
@click.option("--json", "json_path", type=click.Path(), help="Write digests, counters, layers.")
@click.option("--profile", type=click.Path(), help="Folder for a trace that Perfetto opens.")
@click.option("--waveform", type=click.Path(), help="FST file of every signal (verilator).")
@click.option("--latency", type=int, help="DRAM latency in cycles (verilator).")
@click.option("--threads", type=int, help="On the CPU; by default one a physical core.")
def run_command(
    model: str, device: str, config: str | None, target: str | None, **options: Any
) -> None:
    """Run MODEL (a network or an image) on a device."""
    targets = target or ("cpu" if device == "cpu" else "accel,cpu")
    with Reporter() as reporter:
        image = _image(model, config, targets, reporter)
        text = run_network(image, device, RunOptions(**options), reporter)
    click.echo(text, nl=False)


@main.command()
@click.argument("image", type=click.Path())
def inspect(image: str) -> None:
    """Show what IMAGE holds; of a network, why each part is where it is."""
    console = Console(width=120)
    if Path(image).suffix != ".twi":
        for row in explain(image, preset("vta")):
            click.echo(
                f"{row.name}: {row.calls} calls, {row.cycles} + {row.transfer_cycles} cycles on "
                f"the accelerator, {row.saved_cycles} on a CPU: "
                f"{'taken' if row.taken else 'left to the CPU'}"
            )
        return
    loaded = load_image(image)
    click.echo(f"{loaded.name}: {summarise(loaded)}")
    lines = [
        (kind, tensor.name, tensor.dtype, str(list(tensor.shape)), str(tensor.scale))
        for kind, tensors in (("input", loaded.inputs), ("output", loaded.outputs))
        for tensor in tensors
    ]
    print_table(console, ("", "name", "dtype", "shape", "scale"), lines, text=range(5))
    for region in loaded.regions:
        rows = [(layer.name, layer.operator, f"{layer.macs:,}") for layer in region.layers]
        click.echo("")
        print_table(console, (region.name, "operator", "MACs"), rows, text=(0, 1))


@main.command()
@click.argument("image", type=click.Path())
def disassemble(image: str) -> None:
    """Print the programs of IMAGE as text."""
    for region in load_image(image).regions:
        click.echo(f"; {region.name}")
        click.echo(disassemble_program(region.program), nl=False)


@main.command()
def devices() -> None:
    """List the devices and what each still needs."""
    for row in DEVICES.values():
        missing = row.missing()
        click.echo(f"{row.name:11} {row.meaning}" + (f" (needs {missing})" if missing else ""))


@main.command("passes")
@click.argument("network", required=False, type=click.Path())
@click.option("--passes", default="", help="Names by comma; by default what compile runs.")
@click.option("--disable", default="", help="Names by comma of passes that shall not run.")
@click.option("--require", default="", help="Names by comma that run whatever their level.")
@click.option("--level", default=3, show_default=True, help="Leave higher passes out: 0 to 4.")
@click.option("--time", is_flag=True, help="Show how long each pass takes.")
@click.option("--memory", is_flag=True, help="Show what each pass needs at most.")
@click.option("--dump", type=click.Path(), help="Folder for the module before and after each.")
@click.option("--verify", is_flag=True, help="Check the module after each pass.")
@click.option("--bisect", is_flag=True, help="Find the first pass that changes the result.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of --bisect's inputs.")
@click.option("-o", "--output", type=click.Path(), help="Write the resulting module as text.")
def passes_command(network: str | None, **options: Any) -> None:
    """List the passes, or run some on NETWORK."""
    if network is None and any(options[name] for name in options if name != "level"):
        raise click.UsageError("options of passes need a NETWORK to run on")
    click.echo(
        list_passes() if network is None else run_on_network(network, PassOptions(**options)),
        nl=False,
    )


@main.command()
@_config_option
@click.option("-o", "--output", required=True, type=click.Path(), help="Verilog file to write.")
def verilog(config: str, output: str) -> None:
    """Write the machine as Verilog."""
    machine = preset(config)
    require_folder(output)
    text = _verilog(machine)
    try:
        Path(output).write_text(text)
    except OSError as error:
        raise CommandError(f"{output}: cannot write: {error.strerror}") from None
    click.echo(f"{output}: machine {config}, {text.count(chr(10))} lines")


def _verilog(config: Config) -> str:
    # Imported here because Amaranth is part of the optional extra `hardware`.
    try:
        from hardware.verilog import to_verilog
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{error.name} is not installed: pip install 'tilewright[hardware]'"
        ) from None
    return to_verilog(config)


def _image(model: str, config: str | None, targets: str, reporter: Reporter) -> Image:
    """Return the image in `model`, or what the network in it compiles to."""
    if Path(model).suffix != ".twi":
        return compile_model(model, config or "vta", split_names(targets), reporter.step)
    image = load_image(model)
    if config is not None:
        check_config(f"--config {config}", preset(config), image.config)
    return image


def _dumper(folder: Path) -> Callable[[str, Any], None]:
    """Return an observer that writes the module after each pass as text."""
    count = iter(range(1000))

    def observe(name: str, module: Any) -> None:
        (folder / f"{next(count):02}_{name}.relay").write_text(to_text(module))

    return observe
