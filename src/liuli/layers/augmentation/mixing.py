"""Samples mixed in pairs, their targets with them: these stand before the network, in ``fit(augment=[...])``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import DataError
from liuli.core.keys import fold
from liuli.core.specs import Spec, abstract, dial, setting, spec
from liuli.layers.augmentation.base import Factor, factor, uniform, wide

__all__ = ["CutMix", "MixUp", "Mixing"]


@abstract
class Mixing(Spec, family="mixings"):
    """The base: ``mix(x, y, key)`` for a batch and its targets. No layer: within a network there are no targets."""

    def mix(self, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Inputs and targets of a batch, each mixed with those of another sample.

        Raises:
            DataError: the targets are labels, which have no mean.
        """
        if not jnp.issubdtype(y.dtype, jnp.inexact):
            fix = "jax.nn.one_hot(y, classes)"
            raise DataError("y", got=f"{y.dtype} labels", expected="one-hot targets, or values", fix=fix)
        other = jax.random.permutation(fold(key, "other"), x.shape[0])
        return self.mixed(x, x[other], y, y[other], key)

    def mixed(self, x: jax.Array, x_other: jax.Array, y: jax.Array, y_other: jax.Array, key: jax.Array) -> Any:
        """Inputs and targets, given those that they are mixed with."""
        raise NotImplementedError


@spec
class MixUp(Mixing):
    """x <- m x + (1 - m) x',   y <- m y + (1 - m) y',   m ~ Beta(alpha, alpha), x' and y' another sample of the batch

    Reference: Zhang, Cisse, Dauphin and Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, ICLR 2018.

    alpha:  how evenly the two are mixed: small keeps nearly one of them.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liuli import layers
        >>> x, y = layers.MixUp(0.2).mix(jnp.ones((4, 3)), jnp.eye(4), jax.random.key(0))
        >>> y.sum(1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    alpha: float = setting(default=0.2, least=0.001)

    def mixed(self, x: jax.Array, x_other: jax.Array, y: jax.Array, y_other: jax.Array, key: jax.Array) -> Any:
        m = jax.random.beta(fold(key, "share"), self.alpha, self.alpha, (x.shape[0],), jnp.float32)
        return _weighed(m, x, x_other), _weighed(m, y, y_other)


@spec
class CutMix(Mixing):
    """x <- x but for a rectangle of x',   y <- m y + (1 - m) y',   1 - m the rectangle's share of the image

    x: (batch, height, width, n); x' and y': another sample of the batch.

    Reference: Yun et al., *CutMix: Regularization Strategy to Train Strong Classifiers*, ICCV 2019.

    factor:  the share of the rectangle lies between 0 and factor, or between the two numbers of a pair; less where it
             reaches over the edge.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liuli import layers
        >>> x, y = layers.CutMix().mix(jnp.ones((4, 8, 8, 3)), jnp.eye(4), jax.random.key(0))
        >>> y.sum(1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)

    def mixed(self, x: jax.Array, x_other: jax.Array, y: jax.Array, y_other: jax.Array, key: jax.Array) -> Any:
        keys = jax.random.split(fold(key, "rectangle"), x.shape[0])
        inside = jax.vmap(lambda k: self._rectangle(k, x[0]))(keys)  # (batch, height, width)
        share = inside.astype(jnp.float32).mean((1, 2))
        return jnp.where(inside[..., None], x_other, x), _weighed(1 - share, y, y_other)

    def _rectangle(self, key: jax.Array, image: jax.Array) -> jax.Array:
        """True for the pixels of a rectangle of the image's proportions, its centre anywhere."""
        half = jnp.sqrt(factor(key, "share", self.factor, image)) / 2
        spans = []
        for name, size in zip(("row", "column"), image.shape[:2], strict=True):
            centre = uniform(key, name, 0.0, 1.0, image) * size
            at = jnp.arange(size, dtype=wide(image)) + 0.5
            spans.append(jnp.abs(at - centre) < half * size)
        return spans[0][:, None] & spans[1][None, :]


def _weighed(share: jax.Array, one: jax.Array, other: jax.Array) -> jax.Array:
    m = share.astype(one.dtype).reshape(-1, *(1,) * (one.ndim - 1))
    return m * one + (1 - m) * other
