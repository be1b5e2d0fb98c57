"""Activations that pass the positive side on: ReLU and its smooth or leaky relatives."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.activations.base import Activation
from liuli.core.specs import dial, spec

__all__ = ["ELU", "GELU", "Identity", "LeakyReLU", "ReLU", "SiLU", "Softplus"]


@spec
class Identity(Activation):
    """f(z) = z            f'(z) = 1

    Example:
        >>> from liuli import activations
        >>> float(activations.Identity()(2.0))
        2.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("linear",)

    def __call__(self, z: jax.Array) -> jax.Array:
        return z


@spec
class ReLU(Activation):
    """f(z) = max(0, z)            f'(z) = 1 where z > 0, else 0

    Reference: Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML 2010.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.ReLU()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.relu(z)


@spec
class LeakyReLU(Activation):
    """f(z) = z where z > 0, else negative_slope z

    Reference: Maas, Hannun and Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models*, ICML 2013.

    negative_slope:  0.01 as in the paper and PyTorch; Keras's layer has 0.3, TensorFlow's function 0.2.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.LeakyReLU(0.5)(jnp.array([-1.0, 2.0])).tolist()
        [-0.5, 2.0]
    """

    negative_slope: float = dial(default=0.01, least=0.0)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(z > 0, z, self.negative_slope * z)


@spec
class ELU(Activation):
    """f(z) = z where z > 0, else alpha (exp(z) - 1)

    Reference: Clevert, Unterthiner and Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear
    Units*, ICLR 2016.

    alpha:  minus the value that f approaches on the negative side.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.ELU()(jnp.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    alpha: float = dial(default=1.0, least=0.0)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(z > 0, z, self.alpha * jnp.expm1(jnp.where(z > 0, 0, z)))


@spec
class GELU(Activation):
    """f(z) = z Phi(z), Phi the standard normal distribution function

    Reference: Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016.

    approximate:  the tanh form 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))), as in GPT-2; exact by default, as in
                  Keras and PyTorch.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.GELU()(1.0)), 4)
        0.8413
    """

    approximate: bool = False

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.gelu(z, approximate=self.approximate)


@spec
class SiLU(Activation):
    """f(z) = z sigmoid(z)

    Reference: Elfwing, Uchibe and Doya, *Sigmoid-Weighted Linear Units*, 2018; Ramachandran, Zoph and Le call it
    swish, 2017.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.SiLU()(1.0)), 4)
        0.7311
    """

    aliases: ClassVar[tuple[str, ...]] = ("swish",)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.silu(z)


@spec
class Softplus(Activation):
    """f(z) = log(1 + exp(z))            f'(z) = sigmoid(z)

    Reference: Dugas et al., *Incorporating Second-Order Functional Knowledge for Better Option Pricing*, NIPS 2000.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.Softplus()(0.0)), 4)
        0.6931
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.softplus(z)
