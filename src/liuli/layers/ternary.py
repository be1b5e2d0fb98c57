"""A dense layer that computes with three weights only, while others are trained behind them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.numerics import magnitude
from liuli.core.specs import dial, spec
from liuli.layers.base import Context, Params, State, last_axis
from liuli.layers.dense import Dense

__all__ = ["TernaryDense"]


@spec
class TernaryDense(Dense):
    """y = f(s x T + b),   T = sign(W) where |W| > threshold, else 0            x: (..., n)   W, T: (n, units)

    s and the threshold are the mean of |W| and half of it; a threshold of one's own leaves s at 1. T has no useful
    derivative: the gradient of T is taken as that of W (straight through), so that W learns.

    Taps: ``z``, the pre-activation s x T + b.

    Reference: Ma et al., *The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits*, 2024; straight-through:
    Bengio, Leonard and Courville, *Estimating or Propagating Gradients Through Stochastic Neurons*, 2013.

    units, activation, use_bias, kernel_initializer, bias_initializer:  as in Dense.
    kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint:  as in Dense, of W and b.
    threshold:  from which size on a weight counts; None: half of the mean size.

    Example:
        >>> from liuli import layers
        >>> layers.TernaryDense(64, "relu", threshold=0.05)
        TernaryDense(64, activation=ReLU(), threshold=0.05)
    """

    threshold: float | None = dial(default=None, least=0.0, kw_only=True)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        kernel = params["kernel"]
        mean = magnitude(kernel).mean()
        threshold = jax.lax.stop_gradient(0.5 * mean) if self.threshold is None else self.threshold
        ternary = jnp.where(jnp.abs(kernel) > threshold, jnp.sign(kernel), 0)
        z = x @ (kernel + jax.lax.stop_gradient(ternary - kernel))
        z = z * mean if self.threshold is None else z
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        return self.activation(ctx.tap("z", z)), state
