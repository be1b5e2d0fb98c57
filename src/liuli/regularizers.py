"""Regularizers: penalties on weights, added to the loss."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.numerics import magnitude
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
        return self.l1 * magnitude(w).sum()


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
        return self.l1 * magnitude(w).sum() + self.l2 * jnp.square(w).sum()


@spec
class OrthogonalRegularizer(Regularizer):
    """R(w) = factor mean_{i < j} |cos(w_i, w_j)|: 0 where all rows (or columns) of w are orthogonal, at most factor.

    Reference: Bansal, Chen and Wang, *Can We Gain More from Orthogonality Regularizations*, NeurIPS 2018; this form as
    in Keras.

    factor:  the strength.
    mode:    whether the w_i are the rows of w or its columns.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import regularizers
        >>> rule = regularizers.OrthogonalRegularizer(0.5)
        >>> float(rule(jnp.array([[1.0, 0.0], [0.0, 3.0]]))), float(rule(jnp.array([[1.0, 0.0], [-2.0, 0.0]])))
        (0.0, 0.5)
    """

    factor: float = dial(default=0.01, least=0.0)
    mode: Literal["rows", "columns"] = "rows"

    def __call__(self, w: jax.Array) -> jax.Array:
        if w.ndim != 2:
            raise ShapeError(
                "OrthogonalRegularizer", got=f"weights of shape {w.shape}", expected="a matrix", fix='write "l2"'
            )
        rows = w if self.mode == "rows" else w.T
        units = rows / jnp.sqrt(jnp.maximum(jnp.square(rows).sum(1, keepdims=True), 1e-12))
        cosines = jnp.triu(units @ units.T, 1)
        pairs = len(rows) * (len(rows) - 1) // 2
        return self.factor * magnitude(cosines).sum() / max(1, pairs)


__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer"]
