"""Normalizations over the places and some of the channels of each sample: group and instance."""

from __future__ import annotations

import jax

from liuli.constraints import Constraint
from liuli.core.errors import ShapeError, SpecError
from liuli.core.precision import at_least_float32
from liuli.core.specs import dial, setting, spec
from liuli.initializers import Initializer, Ones, Zeros
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.normalization.affine import affine, require_features, scaled, standardized
from liuli.regularizers import Regularizer

__all__ = ["GroupNormalization", "InstanceNormalization"]


@spec
class GroupNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   gamma, beta: (n,)

    The n channels fall into groups of neighbours. Mean and variance (with 1 / N) are those of a group, over all its
    places and channels, for each sample alone; of a sequence, over the steps that the mask counts. In half precision
    they are computed in float32.

    Taps: ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Wu and He, *Group Normalization*, ECCV 2018.

    groups:   how many groups there are; 1 is one for all channels, -1 one for each.
    epsilon, center, scale:  as in LayerNormalization.
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:  as in
        LayerNormalization.

    Raises:
        SpecError: ``groups`` is 0.
        ShapeError: the input has no features, or they do not divide into the groups.

    Example:
        >>> from liuli import layers
        >>> layers.GroupNormalization(8)
        GroupNormalization(groups=8)
    """

    groups: int = setting(default=32, least=-1)
    epsilon: float = dial(default=0.001, least=0.0)
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = Zeros()
    gamma_initializer: Initializer = Ones()
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def check(self) -> None:
        if self.groups == 0:
            raise SpecError("GroupNormalization.groups", got="0", expected="1 or more, or -1", fix="groups=1")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_features(x)
        if x.shape[-1] % self.groups:
            got = f"{x.shape[-1]} channels, of an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"a multiple of groups={self.groups}", fix="set groups=1, or -1")
        return affine(self, key, x.shape[-1:]), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        groups = x.shape[-1] if self.groups == -1 else self.groups
        split = at_least_float32(x).reshape(*x.shape[:-1], groups, -1)  # (batch, ..., groups, n / groups)
        axes = (*range(1, x.ndim - 1), x.ndim)
        xhat = standardized(split, axes, self.epsilon, ctx.mask if x.ndim > 2 else None)
        return scaled(params, ctx.tap("xhat", xhat.reshape(x.shape).astype(x.dtype)), (x.ndim - 1,)), state


@spec
class InstanceNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (batch, ..., n)   gamma, beta: (n,)

    Mean and variance (with 1 / N) are those of each channel of each sample alone, over its places; of a sequence, over
    the steps that the mask counts. In half precision they are computed in float32.

    Taps: ``xhat`` = (x - mean) / sqrt(variance + epsilon).

    Reference: Ulyanov, Vedaldi and Lempitsky, *Instance Normalization*, 2016.

    epsilon:  keeps the division finite (PyTorch has 1e-5).
    center:   whether there is a beta (in PyTorch by default not).
    scale:    whether there is a gamma (in PyTorch by default not).
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:  as in
        LayerNormalization.

    Raises:
        ShapeError: the input has no places to take the mean over.

    Example:
        >>> from liuli import layers
        >>> layers.InstanceNormalization(scale=False)
        InstanceNormalization(scale=False)
    """

    epsilon: float = dial(default=0.001, least=0.0)
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = Zeros()
    gamma_initializer: Initializer = Ones()
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(3, 9)), "(batch, places, ..., channels)")
        return affine(self, key, x.shape[-1:]), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        xhat = standardized(at_least_float32(x), tuple(range(1, x.ndim - 1)), self.epsilon, ctx.mask)
        return scaled(params, ctx.tap("xhat", xhat.astype(x.dtype)), (x.ndim - 1,)), state
