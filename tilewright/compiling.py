"""What `tilewright compile` does: an image, or files for C programs."""

from dataclasses import dataclass
from pathlib import Path

from compiler.export import KINDS, export_network
from compiler.pipeline import Observer
from isa.image import Image, save_image

from .errors import CommandError
from .face import compile as compile_model
from .files import require_writable, write_files
from .progress import Reporter

__all__ = ["CompileOptions", "compile_to_files", "split_names", "summarise"]

_ENDINGS = {"object": ".o", "library": ".so", "header": ".h"}


@dataclass(frozen=True)
class CompileOptions:
    """Options of `tilewright compile`; `emit` is None for an image."""

    config: str = "vta"
    target: str = "accel,cpu"
    cpu: str | None = None
    triple: str | None = None
    emit: str | None = None
    pool: bool = False


def compile_to_files(
    model: str,
    output: Path,
    options: CompileOptions,
    reporter: Reporter,
    observe: Observer | None,
) -> str:
    """Compile `model`, write what was asked for; return lines that say so.

    Raises
    ------
    CommandError
        Options that do not fit each other, or a file that cannot be written.
    CompileError, ConfigError
        As of `compile` and `export_network`.
    """
    if options.emit is not None:
        return _export(model, output, options, reporter, observe)
    if options.pool:
        raise CommandError("--pool is of --emit: images always can use threads")
    image = compile_model(
        model,
        options.config,
        split_names(options.target),
        reporter.step,
        observe,
        cpu=options.cpu,
        triple=options.triple,
    )
    save_image(image, output)
    return f"{output}: {summarise(image)}"


def _export(
    model: str,
    output: Path,
    options: CompileOptions,
    reporter: Reporter,
    observe: Observer | None,
) -> str:
    """Write the files for C."""
    kinds = split_names(options.emit or "")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise CommandError(f"--emit must be of {', '.join(KINDS)}, not {unknown[0]!r}")
    names = {kind: f"{output.name}{_ENDINGS[kind]}" for kind in kinds}
    require_writable(output.parent, names.values())
    export = export_network(
        model,
        output.name,
        kinds,
        cpu=options.cpu,
        triple=options.triple,
        threads=options.pool,
        observe=observe,
        progress=reporter.step,
    )
    contents: dict[str, str | bytes] = {
        "object": export.object,
        "library": export.library or b"",
        "header": export.header,
    }
    write_files(output.parent, {name: contents[kind] for kind, name in names.items()})
    return "\n".join(
        f"{output.parent / name}: {len(contents[kind])} bytes" for kind, name in names.items()
    )


def split_names(text: str) -> list[str]:
    """Return names that are separated by commas."""
    return [part.strip() for part in text.split(",")]


def summarise(image: Image) -> str:
    """Return what an image holds, in a line."""
    instructions = sum(len(region.program) for region in image.regions)
    constants = sum(len(region.constants) for region in image.regions)
    return (
        f"configuration {image.config.name}, {len(image.regions)} region(s), "
        f"{instructions} instructions, {constants + len(image.host.constants)} bytes of constants"
    )
