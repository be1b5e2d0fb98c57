"""Normalizations over the features of each sample, so that no sample depends on another: layer and RMS."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.constraints import Constraint
from liuli.core.precision import at_least_float32
from liuli.core.specs import dial, spec
from liuli.initializers import Initializer, Ones, Zeros
from liuli.kernels import layer_normalization
from liuli.layers.axes import along, places
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.normalization.affine import (
    affine,
    average,
    require_features,
    scaled,
    standardized,
)
from liuli.regularizers import Regularizer

__all__ = ["LayerNormalization", "RMSNormalization"]


@spec
class LayerNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   gamma, beta: (n,)

    Mean and variance (with 1 / n) are those of the n features, for each sample (and time step) alone. Where ``axis``
    includes time, only the steps that the mask counts are in them. In half precision they are computed in float32.

    Taps: ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Ba, Kiros and Hinton, *Layer Normalization*, 2016.

    axis:     the axis of the features, or several; gamma and beta have a value for each place along them.
    epsilon:  keeps the division finite (PyTorch has 1e-5).
    center:   whether there is a beta.
    scale:    whether there is a gamma.
    beta_initializer, gamma_initializer:  how beta and gamma start.
    beta_regularizer, gamma_regularizer:  penalties added to the loss.
    beta_constraint, gamma_constraint:    what beta and gamma are put back into after each update.

    Raises:
        ShapeError: the input has no features, or no such axis.

    Example:
        >>> from liuli import layers
        >>> layers.LayerNormalization(epsilon=1e-5)
        LayerNormalization(epsilon=1e-05)
    """

    axis: int | tuple[int, ...] = -1
    epsilon: float = dial(default=0.001, least=0.0)
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = Zeros()
    gamma_initializer: Initializer = Ones()
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_features(x)
        return affine(self, key, tuple(x.shape[axis] for axis in places(self.axis, x))), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        axes = places(self.axis, x)
        if ctx.watch is None and axes == (x.ndim - 1,) and (ctx.mask is None or x.ndim > 2):
            return layer_normalization(x, params.get("gamma"), params.get("beta"), self.epsilon), state
        xhat = standardized(at_least_float32(x), axes, self.epsilon, ctx.mask)
        return scaled(params, ctx.tap("xhat", xhat.astype(x.dtype)), axes), state


@spec
class RMSNormalization(Layer):
    """y = scale x / sqrt(mean(x^2) + epsilon)            x, y: (batch, ..., n)   scale: (n,)

    Layer normalization without its mean and beta. The parameter ``scale`` starts at 1.

    Taps: ``xhat`` = x / sqrt(mean(x^2) + epsilon).

    Reference: Zhang and Sennrich, *Root Mean Square Layer Normalization*, NeurIPS 2019.

    axis:     the axis of the features, or several, as in LayerNormalization.
    epsilon:  keeps the division finite (PyTorch takes the smallest step of the dtype, 1.2e-7 in float32).

    Raises:
        ShapeError: the input has no features, or no such axis.

    Example:
        >>> from liuli import layers
        >>> layers.RMSNormalization()
        RMSNormalization()
    """

    axis: int | tuple[int, ...] = -1
    epsilon: float = dial(default=1e-6, least=0.0)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_features(x)
        return {"scale": jnp.ones(tuple(x.shape[axis] for axis in places(self.axis, x)))}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        wide, axes = at_least_float32(x), places(self.axis, x)
        xhat = wide * jax.lax.rsqrt(average(jnp.square(wide), axes, ctx.mask) + self.epsilon)
        xhat = ctx.tap("xhat", xhat.astype(x.dtype))
        return xhat * along(params["scale"], axes, xhat), state
