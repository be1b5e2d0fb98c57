"""Normalizations of weights: wrappers that give a layer another kernel than the one that is trained."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.activations import Identity
from liuli.core.errors import ShapeError, SpecError
from liuli.core.keys import fold
from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, setting, spec, with_fields
from liuli.layers.axes import unit
from liuli.layers.base import Context, Params, Shape, State
from liuli.layers.normalization.affine import average
from liuli.layers.wrapping import Wrapper

__all__ = ["SpectralNormalization", "WeightNormalization"]

_STARTING = 15  # power iterations when u is made


@abstract
class _OtherKernel(Wrapper):
    """The base of wrappers that change the kernel of a layer, or the embeddings."""

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        params, state = super().init(key, x)
        if _weight(params) is None:
            got = f"{type(self.layer).__name__}, which has no kernel"
            raise SpecError("", got=got, expected="a layer with one, such as Dense", fix="wrap another layer")
        return params, state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return self.layer.output_mask(x, mask)


@spec
class WeightNormalization(_OtherKernel):
    """w = g v / ||v||            v: the kernel of ``layer`` (..., n)   g: (n,)   ||v||: over all axes but the last

    Length and direction of each unit's weights are learned apart. The parameter ``layer/kernel`` holds v. g starts at
    ||v||, so that w = v; with ``data_init`` the first batch then sets g and the bias b such that the pre-activations
    of that batch have mean 0 and variance 1: g = 1 / deviation, b = -mean / deviation of x v / ||v||. Regularizers of
    ``layer`` see w, its constraints v.

    Taps: ``w``, and those of ``layer``, under ``layer``.

    Reference: Salimans and Kingma, *Weight Normalization*, NIPS 2016.

    layer:      what is wrapped: a layer with a kernel whose last axis is its outputs, or with embeddings.
    data_init:  whether the first batch sets g and b; PyTorch has no such thing.

    Raises:
        SpecError: ``layer`` has no kernel; or ``data_init`` where it does not end in an activation.
        ShapeError: ``data_init`` where the last axis of the kernel is not that of the outputs.

    Example:
        >>> from liuli import layers
        >>> layers.WeightNormalization(layers.Dense(64, "relu"))
        WeightNormalization(Dense(64, activation=ReLU()))
    """

    data_init: bool = True

    @property
    def adjusts(self) -> bool:  # type: ignore[override]
        return self.data_init

    def check(self) -> None:
        if self.data_init and not self.layer.ends_in_activation:
            got = f"data_init=True around {type(self.layer).__name__}, which has no pre-activation of its own"
            raise SpecError("WeightNormalization", got=got, expected="a layer like Dense", fix="data_init=False")

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        params, state = super().init(key, x)
        v = params["layer"][_weight(params)]
        params = {**params, "g": jnp.sqrt(jnp.square(v).sum(_but_last(v)))}
        if self.data_init:
            like = jax.tree.map(lambda one: Shape(one.shape, v.dtype), x)
            outputs = jax.eval_shape(lambda x: self._linear(params, state, x, Context()), like).shape[-1]
            if outputs != v.shape[-1]:
                got = f"a kernel of shape {v.shape} for {outputs} outputs"
                raise ShapeError("", got=got, expected="outputs along its last axis", fix="data_init=False")
        return params, state

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        own, name = self._normalized(params)["layer"], _weight(params)
        return self.inner({**params, "layer": {**own, name: ctx.tap("w", own[name])}}, state, x, ctx)

    def adjust(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Params, State]:
        """g and b such that the pre-activations of ``x`` have mean 0 and variance 1; a constant unit keeps its g."""
        own, g = params["layer"], params["g"]
        x = jax.tree.map(lambda one: one.astype(g.dtype), x)
        bare = {**own, **({"bias": jnp.zeros_like(own["bias"])} if "bias" in own else {})}
        t = self._linear({"layer": bare, "g": jnp.ones_like(g)}, state, x, ctx)
        centre = average(t, _but_last(t), ctx.mask)
        mean, variance = centre.reshape(-1), average(jnp.square(t - centre), _but_last(t), ctx.mask).reshape(-1)
        varies = variance > jnp.finfo(g.dtype).eps * jnp.square(mean)  # by more than rounding
        g = jnp.where(varies, jax.lax.rsqrt(jnp.where(varies, variance, 1.0)), g)
        bias = {"bias": -mean * g} if "bias" in own else {}
        return {**params, "layer": {**own, **bias}, "g": g}, state

    def penalty(self, params: Params) -> jax.Array | float:
        return super().penalty(self._normalized(params))

    def _normalized(self, params: Params) -> Params:
        """The parameters with w in the place of v."""
        own, name = params["layer"], _weight(params)
        direction = unit(own[name], _but_last(own[name]))
        w = direction * params["g"].reshape((1,) * (direction.ndim - 1) + (-1,))
        return {**params, "layer": {**own, name: w}}

    def _linear(self, params: Params, state: State, x: Any, ctx: Context) -> jax.Array:
        """The pre-activations."""
        linear = with_fields(self, {"layer": with_fields(self.layer, {"activation": Identity()})})
        return linear.apply(params, state, x, ctx)[0]


@spec
class SpectralNormalization(_OtherKernel):
    """w = W / sigma,   sigma = v^T W u = ||W u||,   v = W u / ||W u||            W: (m, n)   u: (n,)

    W is the kernel of ``layer`` with all axes but the last as one; sigma comes near its largest singular value, so
    that the layer changes no distance by more than a factor of about 1 (its Lipschitz constant). In training each call
    moves u, which is state: u <- W^T v / ||W^T v||, ``power_iterations`` times. u and v are constants to the gradient.
    u starts after 15 iterations, as in PyTorch. Keras overwrites W with w instead.

    Taps: ``sigma``, ``w``, and those of ``layer``, under ``layer``.

    Reference: Miyato, Kataoka, Koyama and Yoshida, *Spectral Normalization for Generative Adversarial Networks*, ICLR
    2018.

    layer:             what is wrapped: a layer with a kernel, or with embeddings.
    power_iterations:  how often a call in training moves u.

    Raises:
        SpecError: ``layer`` has no kernel.

    Example:
        >>> from liuli import layers
        >>> layers.SpectralNormalization(layers.Dense(1))
        SpectralNormalization(Dense(1))
    """

    power_iterations: int = setting(default=1, least=1)

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        params, state = super().init(key, x)
        matrix = _matrix(params["layer"][_weight(params)])
        u = unit(jax.random.normal(fold(key, "u"), matrix.shape[-1:], matrix.dtype), 0)
        return params, {**state, "u": _iterated(matrix, u, _STARTING)}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        own, name = params["layer"], _weight(params)
        matrix = _matrix(own[name])
        u = state["u"].astype(matrix.dtype)
        if ctx.training and self.trainable:
            u = _iterated(matrix, u, self.power_iterations)
            state = {**state, "u": u.astype(state["u"].dtype)}
        u = jax.lax.stop_gradient(u)
        v = jax.lax.stop_gradient(unit(matrix @ u, 0))
        sigma = ctx.tap("sigma", v @ matrix @ u)
        w = matrix / jnp.where(sigma > 0, sigma, 1.0)
        w = ctx.tap("w", w.reshape(own[name].shape).astype(own[name].dtype))
        return self.inner({**params, "layer": {**own, name: w}}, state, x, ctx)


def _weight(params: Params) -> Any:
    """What the weights of the wrapped layer are called; None where it has none."""
    return next((name for name in ("kernel", "embeddings") if name in params.get("layer", {})), None)


def _but_last(x: jax.Array) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _matrix(kernel: jax.Array) -> jax.Array:
    return at_least_float32(kernel).reshape(-1, kernel.shape[-1])


def _iterated(matrix: jax.Array, u: jax.Array, times: int) -> jax.Array:
    """u nearer to the first right singular vector; where the matrix is zero, as it is."""

    def step(_: Any, u: jax.Array) -> jax.Array:
        moved = unit(unit(matrix @ u, 0) @ matrix, 0)
        return jnp.where(jnp.any(moved != 0), moved, u)

    return jax.lax.fori_loop(0, times, step, u)
