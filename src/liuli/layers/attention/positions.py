"""Positions: how a step's place in time is written into what attention, blind to order, sees of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.precision import at_least_float32
from liuli.core.specs import dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer
from liuli.layers.attention.roles import require_sequence
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown

__all__ = ["PositionEmbedding", "RotaryEmbedding", "SinusoidalPositionalEncoding"]


@spec
class SinusoidalPositionalEncoding(Layer):
    """y = x + P,   P_t,2i = sin(t / max_wavelength^(2i / n)),   P_t,2i+1 = cos(t / max_wavelength^(2i / n))

    x, y: (batch, time, n)   P: (time, n)

    Reference: Vaswani et al., *Attention Is All You Need*, NIPS 2017.

    max_wavelength:  1 / 2pi of the longest wave's length.

    Raises:
        ShapeError: the input is not (batch, time, features).

    Example:
        >>> from liuli import layers
        >>> layers.SinusoidalPositionalEncoding()
        SinusoidalPositionalEncoding()
    """

    max_wavelength: float = dial(default=10_000.0, least=1.0)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_sequence(x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        _, time, n = x.shape
        angles = _angles(at_least_float32(x), self.max_wavelength)
        waves = jnp.stack([jnp.sin(angles), jnp.cos(angles)], -1).reshape(time, -1)[:, :n]
        return x + waves.astype(x.dtype)[None], state


@spec
class PositionEmbedding(Layer):
    """y = x + E_1..time            x, y: (batch, time, n)   E: (sequence_length, n), one row for each place in time

    Reference: Gehring et al., *Convolutional Sequence to Sequence Learning*, ICML 2017.

    sequence_length:  the longest sequence that may come.
    initializer:      how E, the parameter ``embeddings``, starts.

    Raises:
        ShapeError: the input is not (batch, time, features), or longer than sequence_length.

    Example:
        >>> from liuli import layers
        >>> layers.PositionEmbedding(128)
        PositionEmbedding(128)
    """

    sequence_length: int = setting(least=1)
    initializer: Initializer = GlorotUniform()

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_sequence(x)
        self._require_room(x)
        return {"embeddings": self.initializer(fold(key, "embeddings"), (self.sequence_length, x.shape[-1]))}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        self._require_room(x)
        return x + params["embeddings"][None, : x.shape[1]], state

    def _require_room(self, x: Shape | jax.Array) -> None:
        if x.shape[1] > self.sequence_length:
            got, fix = f"a sequence of {x.shape[1]} steps", f"sequence_length={x.shape[1]}"
            raise ShapeError("", got=got, expected=f"at most sequence_length={self.sequence_length}", fix=fix)


@spec
class RotaryEmbedding(Layer):
    """y_t,i + j y_t,i+n/2 = exp(j a_t,i) (x_t,i + j x_t,i+n/2),   a_t,i = t / scaling_factor max_wavelength^(-2i / n)

    x, y: (batch, time, ..., n)   i: 0 to n/2 - 1

    A feature and the one n/2 further are turned as a complex number, by an angle that grows with time. The product of
    a query and a key that are turned like this depends on how far apart they are alone. (Su et al. pair 2i with 2i + 1;
    the halves, as here, are GPT-NeoX's, Llama's and KerasHub's.)

    Reference: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021.

    max_wavelength:  1 / 2pi of the longest wave's length, about: the base of the angles.
    scaling_factor:  by how much time is slowed down, which reaches sequences longer than those trained on.

    Raises:
        ShapeError: the input has no time or an odd number of features.

    Example:
        >>> from liuli import layers
        >>> layers.MultiHeadAttention(4, 16, rotary=layers.RotaryEmbedding())
        MultiHeadAttention(4, 16, rotary=RotaryEmbedding())
    """

    max_wavelength: float = dial(default=10_000.0, least=1.0)
    scaling_factor: float = dial(default=1.0, least=1e-6)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(3, 9)), "(batch, time, ..., features)")
        if x.shape[-1] % 2:
            got = f"{x.shape[-1]} features, of an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected="an even number", fix=f"bring it to {x.shape[-1] + 1} with a Dense")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.rotated(x), state

    def rotated(self, x: jax.Array) -> jax.Array:
        """``x`` (batch, time, ..., n), each step turned by its place in time."""
        wide = at_least_float32(x)
        angles = _angles(wide, self.max_wavelength) / self.scaling_factor
        angles = angles.reshape(1, x.shape[1], *(1,) * (x.ndim - 3), -1)
        cos, sin = jnp.cos(angles), jnp.sin(angles)
        real, imaginary = jnp.split(wide, 2, -1)
        return jnp.concatenate([real * cos - imaginary * sin, real * sin + imaginary * cos], -1).astype(x.dtype)


def _angles(x: jax.Array, max_wavelength: float) -> jax.Array:
    """t max_wavelength^(-2i / n) for x (batch, time, ..., n), i = 0 to ceil(n / 2) - 1: (time, ceil(n / 2))."""
    time, n = x.shape[1], x.shape[-1]
    paces = jnp.asarray(max_wavelength, x.dtype) ** (-jnp.arange(0, n, 2, dtype=x.dtype) / n)
    return jnp.arange(time, dtype=x.dtype)[:, None] * paces[None]
