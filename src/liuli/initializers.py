"""Initializers: how weights start. W ~ a distribution whose scale follows the shape of W.

A kernel's last two axes are (inputs, outputs); axes before them are its receptive field, so that
fan_in = receptive * inputs and fan_out = receptive * outputs (as in Keras).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import Spec, dial, spec


class Initializer(Spec, family="initializers"):
    """Called as ``initializer(key, shape)``: an array of the default float dtype."""

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        raise NotImplementedError


@spec
class Zeros(Initializer):
    """W = 0. Right for biases; a kernel of zeros keeps all units alike (symmetry).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Zeros()(jax.random.key(0), (2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.zeros(shape)


@spec
class Ones(Initializer):
    """W = 1. The start of a normalization's scale.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Ones()(jax.random.key(0), (2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.ones(shape)


@spec
class Constant(Initializer):
    """W = value.

    value:  every element.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Constant(0.5)(jax.random.key(0), (2,)).tolist()
        [0.5, 0.5]
    """

    value: float = dial(default=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.full(shape, self.value, dtype=float)


@spec
class RandomNormal(Initializer):
    """W ~ N(mean, stddev^2)

    mean, stddev:  of the normal distribution (Keras's defaults).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.RandomNormal(stddev=0.1)(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    mean: float = dial(default=0.0)
    stddev: float = dial(default=0.05, least=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.mean + self.stddev * jax.random.normal(key, shape)


@spec
class TruncatedNormal(Initializer):
    """W ~ N(mean, stddev^2), drawn again where it is more than two stddev from the mean.

    mean, stddev:  of the normal distribution before it is cut (Keras's defaults); what is left deviates by 0.88 stddev.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.TruncatedNormal(stddev=0.1)(jax.random.key(0), (30, 40))).max() <= 0.2)
        True
    """

    mean: float = dial(default=0.0)
    stddev: float = dial(default=0.05, least=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.mean + self.stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape)


@spec
class RandomUniform(Initializer):
    """W ~ U[minval, maxval)

    minval, maxval:  the bounds (Keras's defaults).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.RandomUniform(-1.0, 1.0)(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    minval: float = dial(default=-0.05)
    maxval: float = dial(default=0.05)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.minval + (self.maxval - self.minval) * jax.random.uniform(key, shape)


@spec
class VarianceScaling(Initializer):
    """W of mean 0 and variance scale / n, with n = fan_in, fan_out, or their mean.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015, unifies it with Glorot and Bengio,
    2010.

    scale:         the numerator of the variance.
    mode:          which fan n is.
    distribution:  ``"truncated_normal"`` cuts at two standard deviations and is rescaled to the variance asked for;
                   ``"uniform"``
                   has the bounds +-sqrt(3 scale / n).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.VarianceScaling(2.0)(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    scale: float = dial(default=1.0, least=0.0)
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "normal", "uniform"] = "truncated_normal"

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, self.scale, self.mode, self.distribution)


@spec
class GlorotUniform(Initializer):
    """W ~ U[-a, a), a = sqrt(6 / (fan_in + fan_out)): keeps the variance through tanh layers, forward and back.

    Reference: Glorot and Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks*,
    AISTATS 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.GlorotUniform()(jax.random.key(0), (3, 3))).max() < 1.0)
        True
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 1.0, "fan_avg", "uniform")


@spec
class GlorotNormal(Initializer):
    """W ~ N(0, 2 / (fan_in + fan_out)), truncated at two standard deviations.

    Reference: Glorot and Bengio, AISTATS 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.GlorotNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 1.0, "fan_avg", "truncated_normal")


@spec
class HeUniform(Initializer):
    """W ~ U[-a, a), a = sqrt(6 / fan_in): keeps the variance through ReLU layers.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.HeUniform()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 2.0, "fan_in", "uniform")


@spec
class HeNormal(Initializer):
    """W ~ N(0, 2 / fan_in), truncated at two standard deviations: keeps the variance through ReLU layers.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.HeNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 2.0, "fan_in", "truncated_normal")


@spec
class LecunUniform(Initializer):
    """W ~ U[-a, a), a = sqrt(3 / fan_in): each unit's input has the variance of one of its inputs.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.LecunUniform()(jax.random.key(0), (3, 4))).max() <= 1.0)
        True
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 1.0, "fan_in", "uniform")


@spec
class LecunNormal(Initializer):
    """W ~ N(0, 1 / fan_in), truncated at two standard deviations. What SELU wants.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.LecunNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 1.0, "fan_in", "truncated_normal")


@spec
class StandardUniform(Initializer):
    """W ~ U[-a, a), a = 1 / sqrt(fan_in): the variance 1 / (3 fan_in) shrinks what passes. PyTorch's default.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998; "standard" in Glorot and Bengio, 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.StandardUniform()(jax.random.key(0), (4, 3))).max() <= 0.5)
        True
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _scaled(key, shape, 1 / 3, "fan_in", "uniform")


@spec
class Identity(Initializer):
    """W_io = gain [i = o], square or not; in a convolution's kernel at its centre, zero around it.

    With ``padding="same"`` and gain 1, a convolution passes its input on. The centre is at (size - 1) // 2.

    Reference: Le, Jaitly and Hinton, *A Simple Way to Initialize Recurrent Networks of Rectified Linear Units*, 2015.

    gain:  the value on the diagonal.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Identity()(jax.random.key(0), (2, 3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    gain: float = dial(default=1.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        if len(shape) < 2:
            raise ShapeError(
                "Identity",
                got=f"the shape {shape}",
                expected="a kernel (..., inputs, outputs)",
                fix='write "zeros" or "ones" for a bias or a scale',
            )
        centre = tuple((size - 1) // 2 for size in shape[:-2])
        return jnp.zeros(shape).at[centre].set(self.gain * jnp.eye(shape[-2], shape[-1]))


@spec
class Orthogonal(Initializer):
    """W with orthonormal columns (or rows, whichever are fewer), times gain: W^T W = gain^2 I.

    Reference: Saxe, McClelland and Ganguli, *Exact Solutions to the Nonlinear Dynamics of Learning*, ICLR 2014.

    gain:  the length of each column.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liuli import initializers
        >>> w = initializers.Orthogonal()(jax.random.key(0), (4, 3))
        >>> bool(jnp.allclose(w.T @ w, jnp.eye(3), atol=1e-5))
        True
    """

    gain: float = dial(default=1.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = jax.random.normal(key, (max(rows, columns), min(rows, columns)))
        q, r = jnp.linalg.qr(tall)
        q = q * jnp.sign(jnp.diagonal(r))[None, :]  # without this Q is not uniform over the orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight's shape; a vector counts as both.

    Example:
        >>> from liuli import initializers
        >>> initializers.fans((3, 3, 16, 32))
        (144, 288)
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    receptive = math.prod(shape[:-2])
    return receptive * shape[-2], receptive * shape[-1]


def _scaled(key: jax.Array, shape: tuple[int, ...], scale: Any, mode: str, distribution: str) -> jax.Array:
    fan_in, fan_out = fans(shape)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    deviation = jnp.sqrt(jnp.asarray(scale / max(1.0, n), dtype=float))
    if distribution == "uniform":
        return deviation * math.sqrt(3.0) * jax.random.uniform(key, shape, minval=-1.0)
    if distribution == "normal":
        return deviation * jax.random.normal(key, shape)
    return deviation / _TRUNCATED * jax.random.truncated_normal(key, -2.0, 2.0, shape)


_TRUNCATED = 0.87962566103423978  # the standard deviation of a standard normal cut at +-2

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "StandardUniform", "TruncatedNormal",
    "VarianceScaling", "Zeros", "fans",
]  # fmt: skip
