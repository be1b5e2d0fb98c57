"""Fixed scalings of the input: nothing in them is trained."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.core.specs import dial, spec
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank

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

    Mean and variance are state, which ``adapt`` makes from data; before that the layer is the identity.

    invert:  y = mean + x sqrt(variance) instead.

    Raises:
        ShapeError: the input has no features.

    Example:
        >>> import numpy as np
        >>> from liuli import layers
        >>> layers.Normalization().adapt(np.array([[1.0, 5.0], [3.0, 5.0]]))["mean"].tolist()
        [2.0, 5.0]
    """

    invert: bool = False

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        return {}, {"mean": jnp.zeros(x.shape[-1:]), "variance": jnp.ones(x.shape[-1:])}

    def adapt(self, x: Any) -> State:
        """The state for data like ``x`` (batch, ..., n): its mean and variance; a constant feature gets variance 1.

        Raises:
            ShapeError: ``x`` has no features.
            DataError: ``x`` is empty, or holds NaN or infinity.
        """
        values = np.asarray(x, np.float64)
        require_rank(jax.ShapeDtypeStruct(values.shape, values.dtype), tuple(range(2, 9)), "(batch, ..., features)")
        rows = values.reshape(-1, values.shape[-1]) if values.size else values
        if not values.size or not np.isfinite(rows).all():
            got = "no values" if not values.size else "NaN or infinity"
            raise DataError("x", got=got, expected="finite values", fix="clean the data before adapt")
        variance = np.where(rows.min(0) == rows.max(0), 1.0, rows.var(0))
        return {"mean": jnp.asarray(rows.mean(0), float), "variance": jnp.asarray(variance, float)}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        mean, variance = last_axis(state["mean"], x), last_axis(state["variance"], x)
        if x.shape[-1] != mean.shape[-1]:
            fix = "adapt to the data that the network sees"
            raise ShapeError("", got=f"{x.shape[-1]} features", expected=f"{mean.shape[-1]}, as adapted to", fix=fix)
        deviation = jnp.sqrt(
            variance + jnp.finfo(variance.dtype).tiny
        )  # finite where a variance is too small for its dtype
        wide = x.astype(variance.dtype)
        return (mean + wide * deviation if self.invert else (wide - mean) / deviation).astype(x.dtype), state
