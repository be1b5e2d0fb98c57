"""Activations that pass the positive side on: ReLU and its smooth or leaky relatives."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.activations.base import Activation
from liuli.core.specs import dial, spec

__all__ = [
    "CELU", "ELU", "GELU", "SELU", "Exponential", "HardSiLU", "Identity", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SiLU",
    "Softplus", "SparsePlus", "Squareplus",
]  # fmt: skip


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
        return jax.nn.gelu(z) if self.approximate else kernels.gelu(z)


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


@spec
class ReLU6(Activation):
    """f(z) = min(max(0, z), 6)            f'(z) = 1 where 0 < z < 6, else 0

    Reference: Krizhevsky, *Convolutional Deep Belief Networks on CIFAR-10*, 2010.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.ReLU6()(jnp.array([-1.0, 2.0, 8.0])).tolist()
        [0.0, 2.0, 6.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.relu6(z)


@spec
class SELU(Activation):
    """f(z) = scale z where z > 0, else scale alpha (exp(z) - 1), with scale = 1.0507 and alpha = 1.6733

    With these two constants mean 0 and variance 1 are a fixed point from layer to layer. Wants LecunNormal kernels.

    Reference: Klambauer, Unterthiner, Mayr and Hochreiter, *Self-Normalizing Neural Networks*, NIPS 2017.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.SELU()(1.0)), 4)
        1.0507
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.selu(z)


@spec
class CELU(Activation):
    """f(z) = z where z > 0, else alpha (exp(z / alpha) - 1)            f' is continuous whatever alpha is

    Reference: Barron, *Continuously Differentiable Exponential Linear Units*, 2017.

    alpha:  minus the value that f approaches on the negative side.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.CELU(0.5)(jnp.array([-100.0, 2.0])).tolist()
        [-0.5, 2.0]
    """

    alpha: float = dial(default=1.0, least=1e-6)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.where(z > 0, z, self.alpha * jnp.expm1(jnp.where(z > 0, 0, z) / self.alpha))


@spec
class Mish(Activation):
    """f(z) = z tanh(softplus(z))

    Reference: Misra, *Mish: A Self Regularized Non-Monotonic Activation Function*, BMVC 2020.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.Mish()(1.0)), 4)
        0.8651
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.mish(z)


@spec
class HardSiLU(Activation):
    """f(z) = z min(max(0, z + 3), 6) / 6

    Reference: Howard et al., *Searching for MobileNetV3*, ICCV 2019.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.HardSiLU()(jnp.array([-4.0, 0.0, 4.0])).tolist()
        [-0.0, 0.0, 4.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ("hard_swish",)

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.hard_silu(z)


@spec
class Exponential(Activation):
    """f(z) = exp(z)            f'(z) = f(z)            overflows in float32 from z = 89 on

    Reference: the inverse link of a Poisson regression; McCullagh and Nelder, *Generalized Linear Models*, 1989.

    Example:
        >>> from liuli import activations
        >>> float(activations.Exponential()(0.0))
        1.0
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.exp(z)


@spec
class SparsePlus(Activation):
    """f(z) = 0 where z <= -1, (z + 1)^2 / 4 where |z| < 1, else z            f'(z) = sparse_sigmoid(z)

    Reference: the integral of Martins and Astudillo's sparse sigmoid, as Softplus is of Sigmoid; this form as in Keras.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.SparsePlus()(jnp.array([-2.0, 0.0, 2.0])).tolist()
        [0.0, 0.25, 2.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.sparse_plus(z)


@spec
class Squareplus(Activation):
    """f(z) = (z + sqrt(z^2 + b)) / 2            f'(z) = (1 + z / sqrt(z^2 + b)) / 2

    Left of zero it is computed as b / (2 (sqrt(z^2 + b) - z)), where the sum would cancel.

    Reference: Barron, *Squareplus: A Softplus-Like Algebraic Rectifier*, 2021.

    b:  how round the bend is; f(0) = sqrt(b) / 2.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.Squareplus()(jnp.array([0.0])).tolist()
        [1.0]
    """

    b: float = dial(default=4.0, least=1e-6)

    def __call__(self, z: jax.Array) -> jax.Array:
        double = jnp.where(z > 0, z, -z) + jnp.sqrt(jnp.square(z) + self.b)
        return jnp.where(z > 0, double / 2, self.b / (2 * double))
