"""Constraints: where weights are put back to after each update."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.specs import Spec, dial, setting, spec


class Constraint(Spec, family="constraints"):
    """Called on a weight array: the nearest allowed weights."""

    def __call__(self, w: jax.Array) -> jax.Array:
        raise NotImplementedError


@spec
class MaxNorm(Constraint):
    """w <- w min(1, max_value / ||w||), the norm taken along ``axis`` (the inputs of each unit).

    Reference: Srivastava et al., *Dropout*, JMLR 15, 2014, section 5.1.

    max_value:  the longest that a column may be.
    axis:       the axis along which a column lies.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import constraints
        >>> constraints.MaxNorm(2.5)(jnp.array([[3.0], [4.0]])).tolist()
        [[1.5], [2.0]]
    """

    max_value: float = dial(default=2.0, least=0.0)
    axis: int = setting(default=0)

    def __call__(self, w: jax.Array) -> jax.Array:
        return w * jnp.minimum(1.0, self.max_value / _norm(w, self.axis))


@spec
class UnitNorm(Constraint):
    """w <- w / ||w||, the norm taken along ``axis`` (the inputs of each unit).

    Reference: Salimans and Kingma, *Weight Normalization*, NIPS 2016, where the length is learned apart.

    axis:  the axis along which a column lies.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import constraints
        >>> [round(w, 4) for w in constraints.UnitNorm()(jnp.array([[3.0], [4.0]])).ravel().tolist()]
        [0.6, 0.8]
    """

    axis: int = setting(default=0)

    def __call__(self, w: jax.Array) -> jax.Array:
        return w / _norm(w, self.axis)


@spec
class MinMaxNorm(Constraint):
    """w <- w (rate clip(||w||, min_value, max_value) / ||w|| + 1 - rate), the norm taken along ``axis``

    Reference: Srivastava et al., *Dropout*, JMLR 15, 2014, section 5.1, with a lower bound; this form as in Keras.

    min_value, max_value:  the shortest and the longest that a column may be.
    rate:                  how much of the way back is gone at each update; 1 keeps the bounds strictly.
    axis:                  the axis along which a column lies.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import constraints
        >>> constraints.MinMaxNorm(1.0, 2.5, rate=0.5)(jnp.array([[3.0], [4.0]])).tolist()
        [[2.25], [3.0]]
    """

    min_value: float = dial(default=0.0, least=0.0)
    max_value: float = dial(default=1.0, least=0.0)
    rate: float = dial(default=1.0, least=0.0, most=1.0)
    axis: int = setting(default=0)

    def __call__(self, w: jax.Array) -> jax.Array:
        norm = _norm(w, self.axis)
        return w * (self.rate * jnp.clip(norm, self.min_value, self.max_value) / norm + (1 - self.rate))


@spec
class NonNeg(Constraint):
    """w <- max(0, w)

    Reference: Lee and Seung, *Learning the Parts of Objects by Non-negative Matrix Factorization*, Nature 401, 1999.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import constraints
        >>> constraints.NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: jax.Array) -> jax.Array:
        return jnp.maximum(w, 0.0)


def _norm(w: jax.Array, axis: int) -> jax.Array:
    return jnp.maximum(jnp.sqrt(jnp.square(w).sum(axis, keepdims=True)), 1e-12)


__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"]
