"""Regularizers: penalties on weights, added to the loss."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.specs import Spec, dial, spec


class Regularizer(Spec, family="regularizers"):
    """Called on a weight array: a scalar that is added to the loss."""

    def __call__(self, w: jax.Array) -> jax.Array:
        raise NotImplementedError


@spec
class L1(Regularizer):
    """R(w) = l1 sum |w|: drives weights to exactly zero (the lasso).

    Reference: Tibshirani, *Regression Shrinkage and Selection via the Lasso*, 1996.

    l1:  the strength.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import regularizers
        >>> float(regularizers.L1(0.5)(jnp.array([1.0, -3.0])))
        2.0
    """

    l1: float = dial(default=0.01, least=0.0)

    def __call__(self, w: jax.Array) -> jax.Array:
        return self.l1 * jnp.abs(w).sum()


@spec
class L2(Regularizer):
    """R(w) = l2 sum w^2: keeps weights small (ridge, weight decay). No factor 1/2, as in Keras.

    Reference: Krogh and Hertz, *A Simple Weight Decay Can Improve Generalization*, NIPS 1991.

    l2:  the strength.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import regularizers
        >>> float(regularizers.L2(0.5)(jnp.array([1.0, -3.0])))
        5.0
    """

    l2: float = dial(default=0.01, least=0.0)

    def __call__(self, w: jax.Array) -> jax.Array:
        return self.l2 * jnp.square(w).sum()


@spec
class L1L2(Regularizer):
    """R(w) = l1 sum |w| + l2 sum w^2 (the elastic net).

    Reference: Zou and Hastie, *Regularization and Variable Selection via the Elastic Net*, 2005.

    l1, l2:  the strengths.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import regularizers
        >>> float(regularizers.L1L2(0.5, 0.5)(jnp.array([1.0, -3.0])))
        7.0
    """

    l1: float = dial(default=0.01, least=0.0)
    l2: float = dial(default=0.01, least=0.0)

    def __call__(self, w: jax.Array) -> jax.Array:
        return self.l1 * jnp.abs(w).sum() + self.l2 * jnp.square(w).sum()


__all__ = ["L1", "L1L2", "L2", "Regularizer"]
