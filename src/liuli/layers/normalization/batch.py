"""Batch normalization: each feature brought to mean 0 and variance 1 over the batch.

xhat = (x - mean) / sqrt(variance + epsilon)            y = gamma xhat + beta
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from liuli.activations import ReLU
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.precision import at_least_float32
from liuli.core.specs import dial, spec
from liuli.initializers import Initializer, Ones, Zeros
from liuli.kernels import batch_normalization
from liuli.kernels.batch_normalization import finished
from liuli.layers.activation import Activation
from liuli.layers.axes import along, places
from liuli.layers.base import Apply, Context, Layer, Params, Shape, State
from liuli.layers.merging import Add
from liuli.layers.normalization.affine import affine, average, require_features, scaled
from liuli.regularizers import Regularizer

__all__ = ["BatchNormalization"]


@spec
class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   the others: (n,)

    In training, mean and variance are those of the batch, over all axes but one and over the steps that the mask
    counts, and the moving ones follow: moving <- momentum moving + (1 - momentum) batch. Otherwise, or where
    ``trainable=False``, the moving ones are used. Both variances divide by N, as in Keras; PyTorch normalizes with
    1 / N and moves by 1 / (N - 1). In half precision they are computed in float32.

    Taps: ``mean``, ``variance``, and ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Ioffe and Szegedy, *Batch Normalization*, ICML 2015.

    axis:      the axis of the n features.
    momentum:  the share of the moving mean and variance that is kept (PyTorch's momentum is 1 minus this).
    epsilon:   keeps the division finite (PyTorch has 1e-5).
    center:    whether there is a beta.
    scale:     whether there is a gamma.
    beta_initializer, gamma_initializer:                    how beta and gamma start.
    moving_mean_initializer, moving_variance_initializer:   how the moving mean and variance start.
    beta_regularizer, gamma_regularizer:                    penalties added to the loss.
    beta_constraint, gamma_constraint:                      what beta and gamma are put back into after each update.

    Raises:
        ShapeError: the input has no features, or no such axis.

    Example:
        >>> from liuli import layers
        >>> layers.BatchNormalization(momentum=0.9)
        BatchNormalization(momentum=0.9)
    """

    axis: int = -1
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
        require_features(x)
        shape = tuple(x.shape[axis] for axis in places(self.axis, x))
        moving = {"moving_mean": self.moving_mean_initializer, "moving_variance": self.moving_variance_initializer}
        return affine(self, key, shape), {name: start(fold(key, name), shape) for name, start in moving.items()}

    def merged(self, *after: Layer) -> Apply | None:
        relu = isinstance(after[-1], Activation) and type(after[-1].activation) is ReLU
        first = after[:-1] if relu else after
        added = len(first) == 1 and isinstance(first[0], Add)
        return functools.partial(self._finished, added=added, relu=relu) if added or not first else None

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if self._at_once(x, ctx):
            return self._normalized(params, state, x, None, relu=False)
        return self._step_by_step(params, state, x, ctx)

    def _at_once(self, x: jax.Array, ctx: Context) -> bool:
        """Whether y is made with the statistics in one operation: where nobody looks at them, and all rows count."""
        trains = ctx.training and self.trainable
        return trains and ctx.watch is None and ctx.mask is None and places(self.axis, x) == (x.ndim - 1,)

    def _normalized(
        self, params: Params, state: State, x: jax.Array, added: jax.Array | None, relu: bool
    ) -> tuple[jax.Array, State]:
        y, mean, variance = batch_normalization(x, params.get("gamma"), params.get("beta"), self.epsilon, added, relu)
        return y, self._moved(state, {"moving_mean": mean, "moving_variance": variance})

    def _finished(
        self, params: Params, state: State, x: Any, ctx: Context, added: bool, relu: bool
    ) -> tuple[jax.Array, State]:
        """With what comes after it: where ``added``, x is a pair of the input and of what is added to y."""
        x, more = x if added else (x, None)
        if self._at_once(x, ctx):
            return self._normalized(params, state, x, more, relu)
        y, state = self._step_by_step(params, state, x, ctx)
        return finished(y, more, relu), state

    def _step_by_step(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        wide, kept = at_least_float32(x), places(self.axis, x)
        if ctx.training and self.trainable:
            axes = tuple(i for i in range(x.ndim) if i not in kept)
            mean = ctx.tap("mean", average(wide, axes, ctx.mask).reshape(-1))  # (n,)
            squares = jnp.square(wide - along(mean, kept, wide))
            variance = ctx.tap("variance", average(squares, axes, ctx.mask).reshape(-1))
            state = self._moved(state, {"moving_mean": mean, "moving_variance": variance})
        else:
            mean = ctx.tap("mean", state["moving_mean"].astype(wide.dtype))
            variance = ctx.tap("variance", state["moving_variance"].astype(wide.dtype))
        xhat = (wide - along(mean, kept, wide)) * along(jax.lax.rsqrt(variance + self.epsilon), kept, wide)
        return scaled(params, ctx.tap("xhat", xhat.astype(x.dtype)), kept), state

    def _moved(self, state: State, batch: State) -> State:
        return {
            name: self.momentum * old + (1.0 - self.momentum) * batch[name].astype(old.dtype)
            for name, old in state.items()
        }
