"""Activations that draw values towards zero, or replace those that are too small."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.activations.base import Activation
from liuli.core.specs import dial, spec

__all__ = ["HardShrink", "SoftShrink", "TanhShrink", "Threshold"]


@spec
class TanhShrink(Activation):
    """f(z) = z - tanh(z)            f'(z) = tanh(z)^2

    Reference: a smooth relative of SoftShrink; this form as in PyTorch and Keras.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.TanhShrink()(1.0)), 4)
        0.2384
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return z - jnp.tanh(z)


@spec
class SoftShrink(Activation):
    """f(z) = sign(z) max(0, |z| - threshold)            f'(z) = 1 where |z| > threshold, else 0

    Reference: Donoho and Johnstone, *Ideal Spatial Adaptation by Wavelet Shrinkage*, Biometrika 81, 1994.

    threshold:  how far every value is drawn towards zero.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.SoftShrink()(jnp.array([-2.0, 0.25, 2.0])).tolist()
        [-1.5, 0.0, 1.5]
    """

    threshold: float = dial(default=0.5, least=0.0)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(jnp.abs(z) > self.threshold, z - jnp.sign(z) * self.threshold, 0)


@spec
class HardShrink(Activation):
    """f(z) = z where |z| > threshold, else 0            f'(z) = 1 where |z| > threshold, else 0

    Reference: Donoho and Johnstone, *Ideal Spatial Adaptation by Wavelet Shrinkage*, Biometrika 81, 1994.

    threshold:  how large a value must be in order to pass.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.HardShrink()(jnp.array([-2.0, 0.25, 2.0])).tolist()
        [-2.0, 0.0, 2.0]
    """

    threshold: float = dial(default=0.5, least=0.0)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(jnp.abs(z) > self.threshold, z, 0)


@spec
class Threshold(Activation):
    """f(z) = z where z > threshold, else value            f'(z) = 1 where z > threshold, else 0

    With the defaults this is ReLU.

    Reference: Nair and Hinton, ICML 2010, for threshold = value = 0; this form as in PyTorch and Keras.

    threshold:  what z must exceed in order to pass.
    value:      what stands in its place otherwise (Keras's default_value).

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.Threshold(1.0, -5.0)(jnp.array([0.5, 2.0])).tolist()
        [-5.0, 2.0]
    """

    threshold: float = dial(default=0.0)
    value: float = dial(default=0.0)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(z > self.threshold, z, self.value)
