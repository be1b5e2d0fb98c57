"""Augmentations of images that move pixels: with what was drawn each is a linear map, a = A x + what is filled in.

While nothing is learned a = x, or the part of x that is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli import layers
from liuli.core.precision import scope
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.augmentation.sampling import centred

Array = np.ndarray


def per_image(call: Call, f: Callable[[Any, Any], Any], x: float | Array | None = None) -> Callable[[], Any]:
    """``f(key, image)`` of every image, with the keys that the layer gave them: found when it is asked for, once.

    x:  other images than those of the trace, or a value that fills them.
    """

    @functools.cache
    def found() -> Any:
        with scope(call.trace.recipe.precision):
            images = jnp.asarray(call.trace[call.inputs[0]].value)
            images = images if x is None else jnp.broadcast_to(jnp.asarray(x, images.dtype), images.shape)
            keys = jax.random.split(call.key, len(images))  # type: ignore[arg-type]
            return jax.tree.map(lambda v: np.asarray(v, np.float64), jax.jit(jax.vmap(f))(keys, images))

    return found


def unchanged(call: Call) -> Piece:
    """a = x"""
    back = Expression(call.D("y"), lambda: call.gradient("y"))
    return Piece([Step("y", Expression(call.X, lambda: call.x))], [], [back])


def sampling(call: Call) -> Piece:
    """a[i] = x at u(i), a place between pixels: the weighted sum of those around. dL/dx[j]: each takes its share back.

    u is where the layer looks pixel i up, seen from the centre, with the numbers that were drawn for each image.
    """
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    drawn = per_image(call, lambda key, image: layer.moved(key, image, centred(image)))

    def places() -> tuple[Array, Array]:
        down, right = drawn()
        return down + (call.x.shape[1] - 1) / 2, right + (call.x.shape[2] - 1) / 2

    def forward() -> Array:
        flat, found = call.x.reshape(len(call.x), -1, call.x.shape[-1]), 0.0
        for weight, source, inside in _neighbours(*places(), layer):
            seen = np.take_along_axis(flat, source.reshape(len(flat), -1, 1), axis=1).reshape(call.x.shape)
            found = found + weight[..., None] * np.where(inside[..., None], seen, layer.fill_value)
        return np.asarray(found)

    def back() -> Array:
        found = np.zeros((len(call.x), call.x.shape[1] * call.x.shape[2], call.x.shape[-1]))
        rows = np.arange(len(found))[:, None]
        for weight, source, inside in _neighbours(*places(), layer):
            share = (weight * inside)[..., None] * call.gradient("y")
            np.add.at(found, (rows, source.reshape(len(found), -1)), share.reshape(found.shape))
        return found.reshape(call.x.shape)

    w = r"w_{ij} = \max(0, 1 - |u_{1} - j_{1}|) \max(0, 1 - |u_{2} - j_{2}|)"
    if layer.interpolation == "nearest":
        w = r"w_{ij} = [j = \lfloor u + \frac{1}{2} \rfloor]"
    fill = f" + {layer.fill_value:.4g} \\, (1 - \\sum_{{j}} w_{{ij}})" if layer.fill_mode == "constant" else ""
    where = rf"{w}, \quad {_U[type(layer)]}"
    made = Expression(rf"\sum_{{j}} w_{{ij}} {call.X}[j]{fill}", forward, where)
    return Piece([Step("y", made)], [], [Expression(rf"\sum_{{i}} w_{{ij}} {call.D('y')}[i]", back, where)])


def _neighbours(down: Array, right: Array, layer: Any) -> list[tuple[Array, Array, Array]]:
    """For each pixel around every place its weight, its number in the image, and whether it lies inside."""
    size = down.shape[1:]
    if layer.interpolation == "nearest":
        corners = [(np.floor(down + 0.5), np.floor(right + 0.5), np.ones_like(down))]
    else:
        low, left = np.floor(down), np.floor(right)
        sides = [(low + i, left + j) for i in (0, 1) for j in (0, 1)]
        corners = [(r, c, (1 - np.abs(down - r)) * (1 - np.abs(right - c))) for r, c in sides]
    found = []
    for r, c, weight in corners:
        inside = (r >= 0) & (r < size[0]) & (c >= 0) & (c < size[1])
        row, column = (_folded(at.astype(int), n, layer.fill_mode) for at, n in zip((r, c), size, strict=True))
        found.append((weight, row * size[1] + column, inside | (layer.fill_mode != "constant")))
    return found


def _folded(at: Array, size: int, fill_mode: str) -> Array:
    if fill_mode == "wrap":
        return at % size
    if fill_mode == "reflect":
        at = at % (2 * size)
        return np.minimum(at, 2 * size - 1 - at)
    return np.clip(at, 0, size - 1)


def picking(call: Call) -> Piece:
    """a[i] = x[s(i)], s a mirror or a shift that was drawn for each image: the gradients go back to their places."""
    layer: Any = call.layer
    if isinstance(layer, layers.RandomFlip):
        if not call.training:
            return unchanged(call)
        taken, given, where = "s(i)", "s(j)", r"s(i) = i \; \mathrm{or\ mirrored}"
    else:
        taken, given, where = "i + o", "j - o", r"o \; \mathrm{drawn}" if call.training else _middle(call)

    numbers = np.arange(call.x[0].size, dtype=np.float64).reshape(call.x.shape[1:])
    drawn = per_image(call, layer.change, numbers)

    def source() -> Array:
        """The number of the element of x that every element of a is."""
        if call.training:
            return drawn().astype(int)
        kept = np.asarray(layer.unchanged(jnp.asarray(numbers[None], jnp.float32)))
        return np.repeat(kept.astype(int), len(call.x), axis=0)

    def forward() -> Array:
        s = source().reshape(len(call.x), -1)
        return np.take_along_axis(call.x.reshape(len(s), -1), s, axis=1).reshape(call.value("y").shape)

    def back() -> Array:
        s, found = source().reshape(len(call.x), -1), np.zeros((len(call.x), call.x[0].size))
        np.add.at(found, (np.arange(len(s))[:, None], s), call.gradient("y").reshape(s.shape))
        return found.reshape(call.x.shape)

    made = Expression(f"{call.X}[{taken}]", forward, where)
    return Piece([Step("y", made)], [], [Expression(f"{call.D('y')}[{given}]", back, where)])


def _middle(call: Call) -> str:
    layer: Any = call.layer
    return f"o = ({(call.x.shape[1] - layer.height) // 2}, {(call.x.shape[2] - layer.width) // 2})"


def erasing(call: Call) -> Piece:
    """a = m x + (1 - m) f, m = 0 in the rectangle that was drawn: what was hidden has no gradient."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    filled, of_ones = per_image(call, layer.change, 0.0), per_image(call, layer.change, 1.0)

    def mask() -> Array:
        return of_ones() - filled()

    m, f = r"m \odot ", r"(1 - m) \odot f"
    where = r"m = [\mathrm{outside\ the\ rectangle}], \quad f: \mathrm{" + (
        r"noise}" if layer.fill_value is None else rf"{layer.fill_value:.4g}}}"
    )
    made = Expression(f"{m}{call.X} + {f}", lambda: mask() * call.x + filled(), where)
    return Piece([Step("y", made)], [], [Expression(f"{m}{call.D('y')}", lambda: mask() * call.gradient("y"), where)])


_U = {
    layers.RandomRotation: r"u = (i_{1} \cos \theta + i_{2} \sin \theta, i_{2} \cos \theta - i_{1} \sin \theta)",
    layers.RandomTranslation: r"u = (i_{1} - \alpha h, i_{2} - \beta w)",
    layers.RandomZoom: r"u = ((1 + \alpha) i_{1}, (1 + \beta) i_{2})",
    layers.RandomShear: r"u = (i_{1} + \beta \frac{h}{w} i_{2}, i_{2} + \alpha \frac{w}{h} i_{1})",
    layers.RandomPerspective: r"u = (\frac{p_{0} i_{1} + p_{1} i_{2} + p_{2}}{p_{6} i_{1} + p_{7} i_{2} + 1}, "
    r"\frac{p_{3} i_{1} + p_{4} i_{2} + p_{5}}{p_{6} i_{1} + p_{7} i_{2} + 1})",
    layers.RandomElasticTransform: r"u = i + v[i], v = G \star \mathrm{noise}",
}
RULES = {
    layers.RandomCrop: picking,
    layers.RandomErasing: erasing,
    layers.RandomFlip: picking,
    **dict.fromkeys(_U, sampling),
}
