"""Embeddings: a vector for each of finitely many things."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.constraints import Constraint
from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import Initializer, RandomUniform
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.masks import all_of
from liuli.regularizers import Regularizer

__all__ = ["Embedding"]


@spec
class Embedding(Layer):
    """y = E[x]            x: (batch, ...) of integers   E: (input_dim, output_dim)   y: (batch, ..., output_dim)

    An id below 0 is looked up as 0, one of input_dim or more as input_dim - 1.

    Reference: Bengio, Ducharme, Vincent and Jauvin, *A Neural Probabilistic Language Model*, JMLR 3, 2003.

    input_dim:               how many ids there are: 0 to input_dim - 1.
    output_dim:              the length of a vector.
    embeddings_initializer:  how E starts.
    embeddings_regularizer:  a penalty added to the loss.
    embeddings_constraint:   what E is put back into after each update.
    mask_zero:               whether id 0 is padding, which layers after this one leave out; x is then (batch, time).

    Raises:
        ShapeError: the input is not of integers, or has no time axis that a mask could speak of.

    Example:
        >>> from liuli import layers
        >>> layers.Embedding(10_000, 64, mask_zero=True)
        Embedding(10000, 64, mask_zero=True)
    """

    input_dim: int = setting(least=1)
    output_dim: int = setting(least=1)
    embeddings_initializer: Initializer = RandomUniform()
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        if not jnp.issubdtype(x.dtype, jnp.integer):
            got = f"an input of {x.dtype}, of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"integers from 0 to {self.input_dim - 1}", fix='x.astype("int32")')
        require_rank(
            x, 2 if self.mask_zero else tuple(range(1, 8)), "(batch, time)" if self.mask_zero else "(batch, ...)"
        )
        shape = (self.input_dim, self.output_dim)
        return {"embeddings": self.embeddings_initializer(fold(key, "embeddings"), shape)}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return jnp.take(params["embeddings"], x, axis=0, mode="clip"), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return all_of((mask, x != 0)) if self.mask_zero else mask
