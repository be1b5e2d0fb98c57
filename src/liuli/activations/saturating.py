"""Activations that flatten out on both sides: their gradient vanishes where |z| is large."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.activations.base import Activation
from liuli.core.specs import spec

__all__ = ["HardSigmoid", "HardTanh", "LogSigmoid", "Sigmoid", "Softsign", "SparseSigmoid", "Tanh"]


@spec
class Sigmoid(Activation):
    """f(z) = 1 / (1 + exp(-z))            f'(z) = f(z) (1 - f(z)) <= 1/4            range (0, 1)

    Reference: Verhulst's logistic function; as a unit: Rumelhart, Hinton and Williams, Nature 323, 1986.

    Example:
        >>> from liuli import activations
        >>> float(activations.Sigmoid()(0.0))
        0.5
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(z)


@spec
class Tanh(Activation):
    """f(z) = tanh(z)            f'(z) = 1 - f(z)^2 <= 1            range (-1, 1), centred on zero

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> from liuli import activations
        >>> float(activations.Tanh()(0.0))
        0.0
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.tanh(z)


@spec
class Softsign(Activation):
    """f(z) = z / (1 + |z|)            f'(z) = 1 / (1 + |z|)^2 <= 1            range (-1, 1), approached slowly

    Reference: Bergstra, Desjardins, Lamblin and Bengio, *Quadratic Polynomials Learn Better Image Features*, 2009.

    Example:
        >>> from liuli import activations
        >>> float(activations.Softsign()(1.0))
        0.5
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.soft_sign(z)


@spec
class LogSigmoid(Activation):
    """f(z) = -log(1 + exp(-z))            f'(z) = sigmoid(-z)            range (-inf, 0), flat where z is large

    Reference: the logarithm of the logistic function, without overflow.

    Example:
        >>> from liuli import activations
        >>> round(float(activations.LogSigmoid()(0.0)), 4)
        -0.6931
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.log_sigmoid(z)


@spec
class HardSigmoid(Activation):
    """f(z) = min(max(0, z + 3), 6) / 6            f'(z) = 1/6 where |z| < 3, else 0            range [0, 1]

    Reference: Howard et al., *Searching for MobileNetV3*, ICCV 2019. The slope 1/6 is Keras 3's and PyTorch's; Keras 2
    had 0.2.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.HardSigmoid()(jnp.array([-4.0, 0.0, 4.0])).tolist()
        [0.0, 0.5, 1.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.hard_sigmoid(z)


@spec
class HardTanh(Activation):
    """f(z) = min(max(-1, z), 1)            f'(z) = 1 where |z| < 1, else 0            range [-1, 1]

    Reference: Collobert, *Large Scale Machine Learning*, thesis, 2004.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.HardTanh()(jnp.array([-4.0, 0.5, 4.0])).tolist()
        [-1.0, 0.5, 1.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.hard_tanh(z)


@spec
class SparseSigmoid(Activation):
    """f(z) = min(max(0, (z + 1) / 2), 1)            f'(z) = 1/2 where |z| < 1, else 0            range [0, 1]

    The sparsemax of (z, 0), its first element: what Sigmoid is to Softmax.

    Reference: Martins and Astudillo, *From Softmax to Sparsemax*, ICML 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.SparseSigmoid()(jnp.array([-2.0, 0.5, 2.0])).tolist()
        [0.0, 0.75, 1.0]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.sparse_sigmoid(z)
