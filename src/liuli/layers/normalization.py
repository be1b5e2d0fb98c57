"""Normalizations: values brought to mean 0 and variance 1, then scaled and shifted as training wants them.

xhat = (x - mean) / sqrt(variance + epsilon)            y = gamma xhat + beta
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import dial, spec
from liuli.initializers import Initializer, Ones, Zeros
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank
from liuli.regularizers import Regularizer

__all__ = ["BatchNormalization", "LayerNormalization"]


@spec
class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   the others: (n,)

    In training, mean and variance (with 1 / N) are those of the batch, over all axes but the last, and the moving ones
    follow: moving <- momentum moving + (1 - momentum) batch. Otherwise, or where ``trainable=False``, the moving ones
    are used. In half precision they are computed in float32.

    Taps: ``mean``, ``variance``, and ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Ioffe and Szegedy, *Batch Normalization*, ICML 2015.

    momentum:  the share of the moving mean and variance that is kept (PyTorch's momentum is 1 minus this).
    epsilon:   keeps the division finite (PyTorch has 1e-5).
    center:    whether there is a beta.
    scale:     whether there is a gamma.
    beta_initializer, gamma_initializer:                    how beta and gamma start.
    moving_mean_initializer, moving_variance_initializer:   how the moving mean and variance start.
    beta_regularizer, gamma_regularizer:                    penalties added to the loss.
    beta_constraint, gamma_constraint:                      what beta and gamma are put back into after each update.

    Example:
        >>> from liuli import layers
        >>> layers.BatchNormalization(momentum=0.9)
        BatchNormalization(momentum=0.9)
    """

    momentum: float = dial(default=0.99, least=0.0, most=1.0)
    epsilon: float = dial(default=0.001, least=0.0)
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = Zeros()
    gamma_initializer: Initializer = Ones()
    moving_mean_initializer: Initializer = Zeros()
    moving_variance_initializer: Initializer = Ones()
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        moving = {"moving_mean": self.moving_mean_initializer, "moving_variance": self.moving_variance_initializer}
        return _affine(self, key, x), {name: start(fold(key, name), x.shape[-1:]) for name, start in moving.items()}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        wide = _wide(x)
        if ctx.training and self.trainable:
            axes = tuple(range(x.ndim - 1))
            mean = ctx.tap("mean", wide.mean(axes))  # (n,)
            variance = ctx.tap("variance", jnp.square(wide - last_axis(mean, wide)).mean(axes))
            state = self._moved(state, {"moving_mean": mean, "moving_variance": variance})
        else:
            mean = ctx.tap("mean", state["moving_mean"].astype(wide.dtype))
            variance = ctx.tap("variance", state["moving_variance"].astype(wide.dtype))
        xhat = (wide - last_axis(mean, wide)) * last_axis(jax.lax.rsqrt(variance + self.epsilon), wide)
        return _scaled(params, ctx.tap("xhat", xhat.astype(x.dtype))), state

    def _moved(self, state: State, batch: State) -> State:
        return {
            name: self.momentum * old + (1.0 - self.momentum) * batch[name].astype(old.dtype)
            for name, old in state.items()
        }


@spec
class LayerNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   gamma, beta: (n,)

    Mean and variance are those of the n features, for each sample (and time step) alone. In half precision they are
    computed in float32.

    Taps: ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Ba, Kiros and Hinton, *Layer Normalization*, 2016.

    epsilon:  keeps the division finite (PyTorch has 1e-5).
    center:   whether there is a beta.
    scale:    whether there is a gamma.
    beta_initializer, gamma_initializer:  how beta and gamma start.
    beta_regularizer, gamma_regularizer:  penalties added to the loss.
    beta_constraint, gamma_constraint:    what beta and gamma are put back into after each update.

    Example:
        >>> from liuli import layers
        >>> layers.LayerNormalization(epsilon=1e-5)
        LayerNormalization(epsilon=1e-05)
    """

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
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        return _affine(self, key, x), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        wide = _wide(x)
        centred = wide - wide.mean(-1, keepdims=True)
        xhat = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + self.epsilon)
        return _scaled(params, ctx.tap("xhat", xhat.astype(x.dtype))), state


def _affine(layer: BatchNormalization | LayerNormalization, key: jax.Array, x: Shape) -> Params:
    starts = {"gamma": layer.gamma_initializer} if layer.scale else {}
    starts |= {"beta": layer.beta_initializer} if layer.center else {}
    return {name: start(fold(key, name), x.shape[-1:]) for name, start in starts.items()}


def _scaled(params: Params, y: jax.Array) -> jax.Array:
    """gamma y + beta, as far as they are there."""
    if "gamma" in params:
        y = y * last_axis(params["gamma"], y)
    return y + last_axis(params["beta"], y) if "beta" in params else y


def _wide(x: jax.Array) -> jax.Array:
    """``x`` in float32 at least."""
    return x.astype(jnp.float32) if x.dtype.itemsize < 4 else x
