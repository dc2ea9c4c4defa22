"""Images of another size: image.resize1d, 2d, 3d and nn.upsampling, axis by axis.

Along each axis a result element is a weighted sum of elements of data, so that each axis is one
matrix. Sums are in float64 and rounded once.

Source
------
ONNX, Resize (coordinate_transformation_mode, nearest_mode, cubic_coeff_a, exclude_outside).
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.types import Any, Dim, TensorType, Type
from .elementwise import cast as cast_array
from .elementwise import round_half_away
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import product
from .spatial import AXES, check_layout, sizes_of, with_sizes
from .windows import ints

__all__ = [
    "RESIZE_ATTRIBUTES",
    "ROWS",
    "UPSAMPLING_ATTRIBUTES",
    "coordinates",
    "resize_attributes",
    "resize_of_upsampling",
    "weights_along",
]

Matrix = npt.NDArray[np.float64]

METHODS = ("nearest_neighbor", "linear", "cubic")
MODES = (
    "half_pixel",
    "align_corners",
    "asymmetric",
    "pytorch_half_pixel",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
ROUNDINGS = ("round", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "")


def coordinates(size: int, target: int, mode: str, roi: tuple[float, float]) -> Matrix:
    """Return where each of `target` elements lies among `size`, float64[target]."""
    place = np.arange(target, dtype=np.float64)
    scale = size / target if target else 1.0
    match mode:
        case "align_corners":
            return place * ((size - 1) / (target - 1) if target > 1 else 0.0)
        case "asymmetric":
            return place * scale
        case "tf_half_pixel_for_nn":
            return (place + 0.5) * scale
        case "pytorch_half_pixel" if target == 1:
            return place * 0.0
        case "tf_crop_and_resize":
            if target == 1:
                return place + 0.5 * sum(roi) * (size - 1)
            return roi[0] * (size - 1) + place * (roi[1] - roi[0]) * (size - 1) / (target - 1)
        case _:
            return (place + 0.5) * scale - 0.5


def nearest(place: Matrix, rounding: str) -> Matrix:
    """Return coordinates rounded to elements."""
    match rounding:
        case "round_prefer_floor":
            return np.ceil(place - 0.5)
        case "round_prefer_ceil":
            return np.floor(place + 0.5)
        case "floor":
            # A coordinate that is an element up to rounding is that element.
            return np.floor(place + 1e-5)
        case "ceil":
            return np.ceil(place)
        case _:
            return np.asarray(round_half_away(place))


def _cubic(distance: Matrix, alpha: float) -> Matrix:
    """Return the weight of an element at a distance of 0..2 (Keys)."""
    d = np.abs(distance)
    near = (alpha + 2) * d**3 - (alpha + 3) * d**2 + 1
    far = alpha * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def weights_along(size: int, target: int, attrs: Attributes, roi: tuple[float, float]) -> Matrix:
    """Return the weights float64[target, size] along one axis."""
    mode = str(attrs["coordinate_transformation_mode"])
    place = coordinates(size, target, mode, roi)
    weights = np.zeros((target, size))
    rows = np.arange(target)
    if attrs["method"] == "nearest_neighbor":
        rounding = str(attrs["rounding_method"])
        rounding = rounding or ("round" if mode == "align_corners" else "floor")
        taps = nearest(place, rounding)[:, None]
        factors = np.ones_like(taps)
    elif attrs["method"] == "linear":
        low = np.floor(place)
        taps = np.stack((low, low + 1), 1)
        factors = np.stack((low + 1 - place, place - low), 1)
    else:
        taps = np.floor(place)[:, None] + np.arange(-1, 3)
        factors = _cubic(place[:, None] - taps, cast(float, attrs["cubic_alpha"]))
        if attrs["cubic_exclude"]:
            factors = factors * ((taps >= 0) & (taps < size))
            factors = factors / factors.sum(axis=1, keepdims=True)
    columns = np.clip(taps, 0, size - 1).astype(np.int64)
    np.add.at(weights, (rows[:, None], columns), factors)
    return weights


def resize(attrs: Attributes, data: Array, layout: str, sizes: tuple[int, ...]) -> Array:
    """Return an image with other sizes of its spatial axes, float64.

    Parameters
    ----------
    attrs : method, coordinate_transformation_mode, rounding_method, cubic_alpha, cubic_exclude,
        extrapolation_value, roi
    data : image in `layout`
    sizes : new sizes of D, H, W, as many as there are
    """
    letters = AXES[len(sizes)]
    roi = cast(tuple[float, ...], attrs["roi"] or (0.0,) * len(sizes) + (1.0,) * len(sizes))
    result = data.astype(np.float64)
    crops = attrs["coordinate_transformation_mode"] == "tf_crop_and_resize"
    for number, (letter, target) in enumerate(zip(letters, sizes, strict=True)):
        axis = layout.index(letter)
        size, ends = data.shape[axis], (roi[number], roi[number + len(sizes)])
        weights = weights_along(size, target, attrs, ends)
        result = np.moveaxis(np.tensordot(weights, result, axes=(1, axis)), 0, axis)
    if crops:
        for number, (letter, target) in enumerate(zip(letters, sizes, strict=True)):
            axis = layout.index(letter)
            ends = roi[number], roi[number + len(sizes)]
            place = coordinates(data.shape[axis], target, "tf_crop_and_resize", ends)
            outside = (place < 0) | (place > data.shape[axis] - 1)
            np.moveaxis(result, axis, 0)[outside] = cast(float, attrs["extrapolation_value"])
    return result


def _as_dtype(result: Array, dtype: str) -> Array:
    """Return float64 results as `dtype`, integers rounded to the nearest."""
    return cast_array(result if dtype.startswith("float") else round_half_away(result), dtype)


def _resize_type(count: int) -> Callable[..., Type]:
    """Return the result type of a resize over `count` axes."""

    def result(attrs: Attributes, data: TensorType) -> Type:
        layout, size = str(attrs["layout"]), ints(attrs, "size")
        check_layout("layout", layout, f"NC{AXES[count]}")
        sizes = sizes_of(data, layout, AXES[count])
        roi = cast(tuple[float, ...] | None, attrs["roi"])
        if len(size) != count or min(size) < 1 or len(roi or (0,) * 2 * count) != 2 * count:
            raise Mismatch(
                f"size must be {count} numbers >= 1 and roi {2 * count} numbers, not "
                f"{list(size)} and {list(roi or ())}",
                "correct them",
            )
        if product(sizes) == 0:
            raise Mismatch(f"data must not be empty, but is {data}", "check it")
        if attrs["coordinate_transformation_mode"] == "tf_crop_and_resize" and not roi:
            raise Mismatch("tf_crop_and_resize needs roi", "give starts, then ends, of each axis")
        shape = with_sizes(data, layout, AXES[count], size)
        return TensorType(shape, str(attrs["out_dtype"]) or data.dtype)

    return result


def _resize(attrs: Attributes, data: Array) -> Array:
    result = resize(attrs, data, str(attrs["layout"]), ints(attrs, "size"))
    return _as_dtype(result, str(attrs["out_dtype"]) or str(data.dtype))


def resize_attributes(count: int) -> dict[str, Attribute]:
    """Return the attributes of a resize over `count` axes, without size and roi."""
    return {
        "layout": Attribute("str", f"NC{AXES[count]}"),
        "method": Attribute("str", "linear", choices=METHODS),
        "coordinate_transformation_mode": Attribute("str", "half_pixel", choices=MODES),
        "rounding_method": Attribute("str", "round", choices=ROUNDINGS),
        "cubic_alpha": Attribute("float", -0.5),
        "cubic_exclude": Attribute("int", 0),
        "extrapolation_value": Attribute("float", 0.0),
        "out_dtype": Attribute("dtype", ""),
    }


RESIZE_ATTRIBUTES = {
    count: {
        "size": Attribute("ints", required=True),
        "roi": Attribute("floats"),
        **resize_attributes(count),
    }
    for count in AXES
}

_UPSAMPLING = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def _scaled(size: Dim, scale: float) -> Dim:
    """Return the size times a scale, rounded; unknown for a fraction of an unknown size."""
    if isinstance(size, int):
        return int(round_half_away(np.asarray(size * scale)))
    return size * int(scale) if scale == int(scale) else Any()


def _upsampled(attrs: Attributes, sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the sizes of the result."""
    letters = AXES[len(sizes)]
    scales = [cast(float, attrs[f"scale_{letter.lower()}"]) for letter in letters]
    if not all(0 < scale < np.inf for scale in scales) or 0 in sizes:
        raise Mismatch(f"scales must be > 0 and data not empty, not {scales}", "correct them")
    return tuple(_scaled(size, scale) for size, scale in zip(sizes, scales, strict=True))


def _upsampling_type(count: int) -> Callable[..., Type]:
    """Return the result type of an upsampling over `count` axes."""

    def result(attrs: Attributes, data: TensorType) -> Type:
        layout = str(attrs["layout"])
        check_layout("layout", layout, f"NC{AXES[count]}")
        sizes = _upsampled(attrs, sizes_of(data, layout, AXES[count]))
        return TensorType(with_sizes(data, layout, AXES[count], sizes), data.dtype)

    return result


def resize_of_upsampling(attrs: Attributes) -> Attributes:
    """Return the attributes of the resize that an upsampling is, without the size."""
    method = str(attrs["method"])
    corners = "align_corners" if attrs.get("align_corners") else "asymmetric"
    return {
        "method": _UPSAMPLING.get(method, method),
        "coordinate_transformation_mode": corners,
        "rounding_method": "",
        "cubic_alpha": -0.5,
        "cubic_exclude": 0,
        "roi": None,
        **{name: attrs[name] for name in attrs if name == "coordinate_transformation_mode"},
    }


def _upsampling(count: int) -> Callable[..., Array]:
    """Return the meaning of an upsampling over `count` axes."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        layout, full = str(attrs["layout"]), resize_of_upsampling(attrs)
        sizes = tuple(data.shape[layout.index(letter)] for letter in AXES[count])
        new = cast(tuple[int, ...], _upsampled(attrs, sizes))
        return _as_dtype(resize(full, data, layout, new), str(data.dtype))

    return meaning


def _upsampling_attributes(count: int) -> dict[str, Attribute]:
    """Return the attributes of an upsampling over `count` axes, without the scales."""
    if count == 2:
        methods = ("nearest_neighbor", "bilinear", "bicubic")
        return {
            "layout": Attribute("str", "NCHW"),
            "method": Attribute("str", "nearest_neighbor", choices=methods),
            "align_corners": Attribute("bool", False),
        }
    modes = ("half_pixel", "align_corners", "asymmetric")
    return {
        "layout": Attribute("str", "NCDHW"),
        "method": Attribute("str", "nearest_neighbor", choices=("nearest_neighbor", "trilinear")),
        "coordinate_transformation_mode": Attribute("str", "half_pixel", choices=modes),
    }


UPSAMPLING_ATTRIBUTES = {count: _upsampling_attributes(count) for count in (2, 3)}

ROWS = (
    *(
        Operator(
            f"image.resize{count}d",
            ("data",),
            from_tensors(_resize_type(count)),
            _resize,
            Kind.INJECTIVE,
            RESIZE_ATTRIBUTES[count],
        )
        for count in (1, 2, 3)
    ),
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_upsampling_type(count)),
            _upsampling(count),
            Kind.INJECTIVE,
            {
                **{
                    f"scale_{letter.lower()}": Attribute("float", required=True)
                    for letter in AXES[count]
                },
                **UPSAMPLING_ATTRIBUTES[count],
            },
        )
        for name, count in (("nn.upsampling", 2), ("nn.upsampling3d", 3))
    ),
)
