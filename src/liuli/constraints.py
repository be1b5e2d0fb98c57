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
        norm = jnp.sqrt(jnp.square(w).sum(self.axis, keepdims=True))
        return w * jnp.minimum(1.0, self.max_value / jnp.maximum(norm, 1e-12))


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


__all__ = ["Constraint", "MaxNorm", "NonNeg"]
