"""Train the digit network and write it as int8 ONNX: `python -m examples.digits.train`.

It needs the extra `train` (scikit-learn, for its 1797 images of 8 x 8 pixels). A quarter of them,
chosen by the seed, is held out: neither training nor calibration sees it.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from .network import accuracy, train
from .quantize import calibrate, to_onnx

__all__ = ["load_images", "main", "split"]

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def load_images() -> tuple[Images, Labels]:
    """Return all images, float32[1797, 1, 8, 8] in 0..1, and their labels, int64[1797] in 0..9.

    Raises
    ------
    ModuleNotFoundError : scikit-learn is not installed
    """
    from sklearn.datasets import load_digits  # an optional dependency, for training only

    digits = load_digits()
    return (digits.images[:, None] / 16).astype(np.float32), digits.target.astype(np.int64)


def split(count: int, seed: int) -> tuple[Labels, Labels]:
    """Return the indices of the images to train on, and of those held out: a quarter."""
    order = np.random.default_rng(seed).permutation(count)
    return order[count // 4 :], order[: count // 4]


def main(arguments: list[str] | None = None) -> None:
    """Train, quantise, and write digits.onnx and heldout.npz into the output folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)

    image, label = load_images()
    seen, held_out = split(len(image), options.seed)
    parameters, losses = train(image[seen], label[seen], epochs=options.epochs, seed=options.seed)
    for epoch, loss in enumerate(losses):
        print(f"epoch {epoch + 1:2}  loss {loss:.4f}")
    share = accuracy(parameters, image[held_out], label[held_out])
    print(f"float accuracy on {len(held_out)} held-out images: {share:.2%}")

    options.output.mkdir(parents=True, exist_ok=True)
    model = to_onnx(parameters, calibrate(parameters, image[seen]))
    onnx.save(model, options.output / "digits.onnx")
    np.savez_compressed(
        options.output / "heldout.npz", image=image[held_out], label=label[held_out]
    )
    print(f"wrote digits.onnx and heldout.npz to {options.output}")


if __name__ == "__main__":
    main()
