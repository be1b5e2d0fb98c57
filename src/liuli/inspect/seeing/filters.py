"""What the first layers look for, and what they find: kernels and weights as images, feature maps of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError, LiuliError, ShapeError
from liuli.core.trees import flatten
from liuli.inspect.seeing.drawing import AMOUNT, SIGNED, bar, below, largest, tiles, titled
from liuli.inspect.seeing.running import convolutions, inputs_of, read, tap_shapes
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

_KERNELS = ("kernel", "depthwise_kernel")


@dataclass(frozen=True, eq=False)
class Filters:
    """A kernel as images: (n, height, width), or (n, height, width, 3) where it looks at colours.

    path:    the parameter, such as "conv2d_1/kernel".
    images:  the weights.
    titles:  for each image the filter, and the input channel where there are several.
    all:     how many images there would be without the limit.
    beside:  how many stand side by side: the input channels of a filter; None where a filter is one image.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import filters
        >>> net = ll.Sequential([ll.Input((8, 8, 1)), ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2)])
        >>> filters(ll.Model(net, loss="mse")).images.shape
        (4, 3, 3)
    """

    path: str
    images: np.ndarray
    titles: tuple[str, ...]
    all: int
    beside: int | None = None


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What a layer makes of one sample, channel by channel: (channels, height, width).

    at:      the tap.
    images:  the maps; a sequence (time, channels) is one image, channels below each other.
    all:     how many channels there are.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import feature_maps
        >>> net = ll.Sequential([ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2)])
        >>> feature_maps(ll.Model(net, loss="mse"), np.ones((1, 8, 8, 1)), "conv2d_1/y").images.shape
        (4, 6, 6)
    """

    at: str
    images: np.ndarray
    all: int


def filters(
    model: Model, layer: str | None = None, image_shape: tuple[int, ...] | None = None, most: int = 64
) -> Filters:
    """The weights that each filter, or unit, gives to each place of what it looks at.

    Of a convolution over one channel or three colours an image is a filter; else it is one input channel of a filter.
    Of a convolution over time it is (steps, channels). Of a Dense layer behind images, flat or not, it is a unit.

    layer:        the name of the layer; the first that has such weights where it is not given.
    image_shape:  (height, width) or (height, width, channels) of flat rows; found where a Flatten says it.
    most:         how many images are shown at most.

    Raises:
        DataError: there is no such layer, or its weights are no images.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import filters
        >>> net = ll.Sequential([ll.Input((64,)), ll.layers.Dense(10, "softmax")])
        >>> model = ll.Model(net, loss="categorical_crossentropy")
        >>> found = filters(model, image_shape=(8, 8))
        >>> found.path, found.images.shape
        ('dense_1/kernel', (10, 8, 8))
    """
    kernels = {p: np.asarray(v, np.float32) for p, v in _in_order(model).items() if p.rsplit("/")[-1] in _KERNELS}
    path = next((p for p in kernels if layer is None or p.rpartition("/")[0] == layer), None)
    if path is None:
        got = "no layer with a kernel" if layer is None else f"the layer {layer!r}"
        raise DataError(
            "filters", got=got, expected=f"one with a kernel: {', '.join(kernels)}", fix="choose one of them"
        )
    images, titles = _as_images(path, kernels[path], image_shape or _flattened(model))
    channels = kernels[path].shape[2] if kernels[path].ndim == 4 else 1
    beside = channels if 1 < channels <= 16 and channels != 3 else None
    return Filters(path, images[:most], tuple(titles[:most]), len(images), beside)


def plot_filters(filters: Filters, ax: Any = None, language: Language = "en") -> Any:
    """A tile for each filter in one axis, in colours centred at 0; colours as they are, 0 being grey. Returns the axis.

    filters:   what :func:`filters` found.
    ax:        the Matplotlib axis to draw on; a new one where it is not given.
    language:  "en" or "zh".

    Example:
        >>> import liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import filters, plot_filters
        >>> net = ll.Sequential([ll.Input((8, 8, 1)), ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2)])
        >>> found = filters(ll.Model(net, loss="mse"))
        >>> len(plot_filters(found, ax=Figure().subplots()).images)
        4
    """
    top, colours = largest(filters.images), filters.images.ndim == 4
    shown = 0.5 + 0.5 * filters.images / top if colours else filters.images
    ax, drawn = tiles(shown, filters.titles, ax, filters.beside, SIGNED, (-top, top))
    kind = "weights of" if "dense" in filters.path else "filters of"
    titled(ax, said(kind, language, name=filters.path))
    _shown_of(ax, len(filters.images), filters.all, language)
    if not colours:
        bar(ax, drawn, said("weight", language) + said("hatched", language))
    return ax


def feature_maps(model: Model, x: Any, at: str | None = None, most: int = 64) -> FeatureMaps:
    """What the layer makes of the first of the rows ``x``.

    x:     rows as ``model.predict`` takes them; the first is looked at.
    at:    the tap, such as "conv2d_1/y"; that of the first convolution where it is not given, or of the
           first layer that makes images.
    most:  how many channels are shown at most.

    Raises:
        UnknownPathError: there is no such tap.
        ShapeError: its value is neither an image nor a sequence.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import feature_maps
        >>> net = ll.Sequential([ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2)])
        >>> feature_maps(ll.Model(net, loss="mse"), np.ones((1, 8, 8, 1))).at
        'conv2d_1/y'
    """
    inputs = tuple(a[:1] for a in inputs_of(model, x))
    if at is None and (found := convolutions(model.recipe.network)):
        at = f"{found[0]}/y"
    if at is None:
        entering = {f"{name}/y" for name in model.recipe.network.inputs}
        shapes = tap_shapes(model, inputs).items()
        at = next((p for p, s in shapes if p.endswith("/y") and len(s.shape) in (3, 4) and p not in entering), None)
    if at is None:
        raise _no_maps("a network whose layers make no images")
    value = read(model, inputs, (at,))[at][0]
    if value.ndim not in (2, 3):
        raise _no_maps(f"{at!r} of shape {value.shape}")
    images = value.T[None] if value.ndim == 2 else np.moveaxis(value, -1, 0)
    return FeatureMaps(at, images[:most], value.shape[-1])


def plot_feature_maps(maps: FeatureMaps, ax: Any = None, language: Language = "en") -> Any:
    """A tile for each channel in one axis, all in the same colours; returns the axis.

    maps:      what :func:`feature_maps` found.
    ax:        the Matplotlib axis to draw on; a new one where it is not given.
    language:  "en" or "zh".

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import feature_maps, plot_feature_maps
        >>> net = ll.Sequential([ll.layers.Conv2D(4, 3, activation="relu"), ll.layers.Flatten(), ll.layers.Dense(2)])
        >>> found = feature_maps(ll.Model(net, loss="mse"), np.ones((1, 8, 8, 1)))
        >>> ax = plot_feature_maps(found, ax=Figure().subplots())
        >>> ax.get_title("left")
        'feature maps of conv2d_1/y'
    """
    signed, top = bool((maps.images < 0).any()), largest(maps.images)
    look = {"cmap": SIGNED, "limits": (-top, top)} if signed else {"cmap": AMOUNT, "limits": (0.0, top)}
    sequence = len(maps.images) == 1 < maps.all
    titles = [] if sequence else [str(i) for i in range(len(maps.images))]
    ax, drawn = tiles(maps.images, titles, ax, **look)
    titled(ax, said("maps of", language, name=maps.at))
    if sequence:
        below(ax, said("time", language))
    else:
        _shown_of(ax, len(maps.images), maps.all, language)
    bar(ax, drawn, said("value of", language, name=maps.at) + said("hatched", language) * signed)
    return ax


def _in_order(model: Model) -> dict[str, Any]:
    """Every parameter by path, layer by layer."""
    params = model.params
    return flatten({name: params[name] for name in model.net.names if name in params})


def _as_images(path: str, kernel: np.ndarray, shape: Sequence[int] | None) -> tuple[np.ndarray, list[str]]:
    """Kernels (height, width, in, out), (steps, in, out) or (in, units) as images, and a title for each."""
    if kernel.ndim == 4 and kernel.shape[2] == 3:
        return np.moveaxis(kernel, -1, 0), [str(i) for i in range(kernel.shape[-1])]
    if kernel.ndim == 4:
        _, _, ins, outs = kernel.shape
        images = np.moveaxis(kernel, (3, 2), (0, 1)).reshape(-1, *kernel.shape[:2])
        return images, [str(o) if ins == 1 else f"{o} ← {i}" for o in range(outs) for i in range(ins)]
    if kernel.ndim == 3:
        return np.moveaxis(kernel, -1, 0), [str(i) for i in range(kernel.shape[-1])]
    if kernel.ndim == 2 and shape is not None and np.prod(shape) == len(kernel) and len(shape) in (2, 3):
        return _as_images(path, kernel.reshape(*shape, *[1] * (len(shape) == 2), -1), None)
    got = f"{path!r} of shape {kernel.shape}" + (f" behind rows of shape {tuple(shape)}" if shape else "")
    fix = "image_shape=(8, 8), say, where rows are flat images, or layer= one that looks at images"
    raise DataError("filters", got=got, expected="a kernel that looks at images", fix=fix)


def _flattened(model: Model) -> tuple[int, ...] | None:
    """The shape of an image that enters, before it is made flat."""
    try:
        shapes = [x.shape[1:] for x in model.inputs]
    except LiuliError:
        return None
    return next((shape for shape in shapes if len(shape) in (2, 3)), None)


def _shown_of(ax: Any, shown: int, total: int, language: Language) -> None:
    if shown < total:
        below(ax, said("first of", language, shown=shown, all=total))


def _no_maps(got: str) -> ShapeError:
    fix = "choose the tap of a convolution, such as at='conv2d_1/y'"
    return ShapeError("feature_maps", got=got, expected="(height, width, channels) or (time, channels) a row", fix=fix)
