"""Fixed scalings of the input: nothing in them is trained."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.specs import dial, setting, spec
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown

__all__ = ["Normalization", "Rescaling"]


@spec
class Rescaling(Layer):
    """y = scale x + offset            x, y: (...)

    scale:   the factor, such as 1 / 255 for 8-bit images.
    offset:  what is added.

    Example:
        >>> from liuli import layers
        >>> layers.Rescaling(2.0, offset=-1.0)
        Rescaling(2.0, offset=-1.0)
    """

    scale: float = dial()
    offset: float = dial(default=0.0)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.scale * x + self.offset, state


@spec
class Normalization(Layer):
    """y = (x - mean) / sqrt(variance)            x, y: (batch, ..., n)   mean, variance: (n,)

    Mean and variance are state, which ``adapt`` makes from data; before that the layer is the identity, or has the ones
    that are given.

    axis:            the axes that have a mean and variance for each place; None has one mean and variance in all.
    mean, variance:  what they start as: one number, or one for each place along the last of these axes.
    invert:          y = mean + x sqrt(variance) instead.

    Raises:
        ShapeError: the input has no features, no such axis, or other features than adapted to.
        SpecError: a mean without a variance, or a mean for each sample.

    Example:
        >>> import numpy as np
        >>> from liuli import layers
        >>> layers.Normalization().adapt(np.array([[1.0, 5.0], [3.0, 5.0]]))["mean"].tolist()
        [2.0, 5.0]
    """

    axis: int | tuple[int, ...] | None = -1
    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = setting(default=None, least=0.0)
    invert: bool = False

    def check(self) -> None:
        if (self.mean is None) != (self.variance is None):
            got = f"mean={self.mean} and variance={self.variance}"
            fix = "mean=0.0, variance=1.0"
            raise SpecError("Normalization.variance", got=got, expected="both or neither", fix=fix)
        if self.axis == 0 or (isinstance(self.axis, tuple) and 0 in self.axis):
            raise SpecError("Normalization.axis", got="0, the batch", expected="other axes", fix="axis=-1")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        mean, variance = (0.0 if self.mean is None else self.mean), (1.0 if self.variance is None else self.variance)
        return {}, {"mean": self._started(mean, x), "variance": self._started(variance, x)}

    def adapt(self, x: Any) -> State:
        """The state for data like ``x`` (batch, ..., n): its mean and variance; a constant feature gets variance 1.

        Raises:
            ShapeError: ``x`` has no features.
            DataError: ``x`` is empty, or holds NaN or infinity.
        """
        values = np.asarray(x, np.float64)
        kept, shape = self._kept(values), self._shape(values)
        if not values.size or not np.isfinite(values).all():
            got = "no values" if not values.size else "NaN or infinity"
            raise DataError("x", got=got, expected="finite values", fix="clean the data before adapt")
        others = tuple(axis for axis in range(values.ndim) if axis not in kept)
        constant = values.min(others) == values.max(others)
        variance = np.where(constant, 1.0, values.var(others))
        return {
            "mean": jnp.asarray(values.mean(others).reshape(shape), float),
            "variance": jnp.asarray(variance.reshape(shape), float),
        }

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        mean, variance = state["mean"], state["variance"]
        if self._shape(x) != mean.shape:
            got, expected = (" x ".join(map(str, shape)) or "1" for shape in (self._shape(x), mean.shape))
            fix = "adapt to the data that the network sees"
            raise ShapeError("", got=f"{got} features", expected=f"{expected}, as adapted to", fix=fix)
        tiny = jnp.finfo(variance.dtype).tiny  # keeps it finite where a variance is too small for its dtype
        mean, deviation = _aligned(mean, x), _aligned(jnp.sqrt(variance + tiny), x)
        wide = x.astype(variance.dtype)
        return (mean + wide * deviation if self.invert else (wide - mean) / deviation).astype(x.dtype), state

    def _kept(self, x: Any) -> tuple[int, ...]:
        """The axes that have statistics of their own, in order."""
        require_rank(jax.ShapeDtypeStruct(x.shape, x.dtype), tuple(range(2, 9)), "(batch, ..., features)")
        axes = () if self.axis is None else self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if any(not -x.ndim < axis < x.ndim for axis in axes):
            got = f"an input of shape {shown(jax.ShapeDtypeStruct(x.shape, x.dtype))}"
            raise ShapeError("", got=got, expected=f"one with the axes {axes} after the batch", fix="axis=-1")
        return tuple(sorted({axis % x.ndim for axis in axes}))

    def _shape(self, x: Any) -> tuple[int, ...]:
        """The shape of mean and variance, which lines up with the last axes of ``x``."""
        kept = self._kept(x)
        return tuple(x.shape[axis] if axis in kept else 1 for axis in range(min(kept, default=x.ndim), x.ndim))

    def _started(self, given: float | tuple[float, ...], x: Shape) -> jax.Array:
        """``given`` in the shape of the statistics."""
        values, shape, kept = np.array(given, np.float64), self._shape(x), self._kept(x)
        if values.ndim and (not kept or values.size != x.shape[kept[-1]]):
            features = x.shape[kept[-1]] if kept else 1
            expected = f"one, or {features} for an input of shape {shown(x)}"
            raise ShapeError("", got=f"{values.size} means or variances", expected=expected, fix="use adapt")
        values = values.reshape(values.shape + (1,) * (x.ndim - 1 - kept[-1])) if values.ndim else values
        return jnp.asarray(np.broadcast_to(values, shape), float)


def _aligned(statistics: jax.Array, like: jax.Array) -> jax.Array:
    """``statistics`` of the last axes of ``like``, with ones before them."""
    return statistics.reshape((1,) * (like.ndim - statistics.ndim) + statistics.shape)
