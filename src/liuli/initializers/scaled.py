"""Weights drawn from a distribution whose scale follows the shape of the weights.

A kernel's last two axes are (inputs, outputs); axes before them are its receptive field, so that
fan_in = receptive * inputs and fan_out = receptive * outputs (as in Keras).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import abstract, dial, spec
from liuli.initializers.base import Initializer

__all__ = [
    "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "StandardUniform",
    "VarianceScaling", "fans",
]  # fmt: skip


@abstract
class Scaled(Initializer):
    """W of mean 0 and a variance over n, one of its fans.

    input_axes, output_axes:  the axes of W that inputs and outputs lie along, both or neither: for a W that is no
                              kernel (..., inputs, outputs), such as that of attention heads.
    """

    input_axes: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)
    output_axes: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)

    rule: ClassVar[tuple[float, str, str]] = (1.0, "fan_in", "uniform")  # scale, mode, distribution

    def check(self) -> None:
        if (self.input_axes is None) != (self.output_axes is None):
            raise SpecError(
                f"{type(self).__name__}.output_axes",
                got=f"input_axes={self.input_axes} and output_axes={self.output_axes}",
                expected="both or neither",
                fix="input_axes=(0,), output_axes=(1, 2)",
            )

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _drawn(key, shape, fans(shape, self.input_axes, self.output_axes), *self.rule)


@spec
class VarianceScaling(Scaled):
    """W of mean 0 and variance scale / n, with n = fan_in, fan_out, or their mean.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015, unifies it with Glorot and Bengio,
    2010.

    scale:         the numerator of the variance.
    mode:          which fan n is.
    distribution:  ``"truncated_normal"`` cuts at two standard deviations and is rescaled to the variance asked for;
                   ``"uniform"`` has the bounds +-sqrt(3 scale / n).

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
        both = fans(shape, self.input_axes, self.output_axes)
        return _drawn(key, shape, both, self.scale, self.mode, self.distribution)


@spec
class GlorotUniform(Scaled):
    """W ~ U[-a, a), a = sqrt(6 / (fan_in + fan_out)): keeps the variance through tanh layers, forward and back.

    Reference: Glorot and Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks*,
    AISTATS 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.GlorotUniform()(jax.random.key(0), (3, 3))).max() < 1.0)
        True
    """

    rule: ClassVar = (1.0, "fan_avg", "uniform")


@spec
class GlorotNormal(Scaled):
    """W ~ N(0, 2 / (fan_in + fan_out)), truncated at two standard deviations.

    Reference: Glorot and Bengio, AISTATS 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.GlorotNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    rule: ClassVar = (1.0, "fan_avg", "truncated_normal")


@spec
class HeUniform(Scaled):
    """W ~ U[-a, a), a = sqrt(6 / fan_in): keeps the variance through ReLU layers.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.HeUniform()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    rule: ClassVar = (2.0, "fan_in", "uniform")


@spec
class HeNormal(Scaled):
    """W ~ N(0, 2 / fan_in), truncated at two standard deviations: keeps the variance through ReLU layers.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.HeNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    rule: ClassVar = (2.0, "fan_in", "truncated_normal")


@spec
class LecunUniform(Scaled):
    """W ~ U[-a, a), a = sqrt(3 / fan_in): each unit's input has the variance of one of its inputs.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.LecunUniform()(jax.random.key(0), (3, 4))).max() <= 1.0)
        True
    """

    rule: ClassVar = (1.0, "fan_in", "uniform")


@spec
class LecunNormal(Scaled):
    """W ~ N(0, 1 / fan_in), truncated at two standard deviations. What SELU wants.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.LecunNormal()(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    rule: ClassVar = (1.0, "fan_in", "truncated_normal")


@spec
class StandardUniform(Scaled):
    """W ~ U[-a, a), a = 1 / sqrt(fan_in): the variance 1 / (3 fan_in) shrinks what passes. PyTorch's default.

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998; "standard" in Glorot and Bengio, 2010.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.StandardUniform()(jax.random.key(0), (4, 3))).max() <= 0.5)
        True
    """

    rule: ClassVar = (1 / 3, "fan_in", "uniform")


def fans(
    shape: tuple[int, ...],
    input_axes: tuple[int, ...] | None = None,
    output_axes: tuple[int, ...] | None = None,
) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight's shape; a vector counts as both. Named axes are all that count, where both are.

    Raises:
        ShapeError: the shape has no such axis.

    Example:
        >>> from liuli import initializers
        >>> initializers.fans((3, 3, 16, 32))
        (144, 288)
        >>> initializers.fans((16, 4, 8), input_axes=(0,), output_axes=(1, 2))
        (16, 32)
    """
    if input_axes is not None and output_axes is not None:
        return _size(shape, input_axes), _size(shape, output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    receptive = math.prod(shape[:-2])
    return receptive * shape[-2], receptive * shape[-1]


def _size(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    if any(not -len(shape) <= axis < len(shape) for axis in axes):
        raise ShapeError("fans", got=f"axes {axes} of the shape {shape}", expected="axes that it has", fix="(0,)")
    return math.prod(shape[axis] for axis in axes)


def _drawn(
    key: jax.Array, shape: tuple[int, ...], both: tuple[int, int], scale: Any, mode: str, distribution: str
) -> jax.Array:
    n = {"fan_in": both[0], "fan_out": both[1], "fan_avg": sum(both) / 2}[mode]
    deviation = jnp.sqrt(jnp.asarray(scale / max(1.0, n), dtype=float))
    if distribution == "uniform":
        return deviation * math.sqrt(3.0) * jax.random.uniform(key, shape, minval=-1.0)
    if distribution == "normal":
        return deviation * jax.random.normal(key, shape)
    return deviation / _TRUNCATED * jax.random.truncated_normal(key, -2.0, 2.0, shape)


_TRUNCATED = 0.87962566103423978  # the standard deviation of a standard normal cut at +-2
