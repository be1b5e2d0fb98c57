"""Embeddings: a vector for each of finitely many things, or for a bag of them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

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

__all__ = ["Embedding", "EmbeddingBag"]


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
        _require_integers(x, self.input_dim)
        require_rank(
            x, 2 if self.mask_zero else tuple(range(1, 8)), "(batch, time)" if self.mask_zero else "(batch, ...)"
        )
        shape = (self.input_dim, self.output_dim)
        return {"embeddings": self.embeddings_initializer(fold(key, "embeddings"), shape)}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return jnp.take(params["embeddings"], x, axis=0, mode="clip"), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return all_of((mask, x != 0)) if self.mask_zero else mask


@spec
class EmbeddingBag(Layer):
    """y = sum over t of E[x_t], or their mean            x: (batch, time) of integers   y: (batch, output_dim)

    E: (input_dim, output_dim)

    Only the steps that the mask counts are in it; of none, y is 0. Ids out of range are looked up as in Embedding.

    Reference: Joulin, Grave, Bojanowski and Mikolov, *Bag of Tricks for Efficient Text Classification*, EACL 2017.

    input_dim, output_dim:  as in Embedding.
    mode:                   ``"mean"`` or ``"sum"``.
    embeddings_initializer, embeddings_regularizer, embeddings_constraint:  as in Embedding (PyTorch starts at N(0, 1)).
    mask_zero:              whether id 0 is padding, which does not count.

    Raises:
        ShapeError: the input is not of integers, or not (batch, time).

    Example:
        >>> from liuli import layers
        >>> layers.EmbeddingBag(10_000, 64, "sum")
        EmbeddingBag(10000, 64, mode='sum')
    """

    input_dim: int = setting(least=1)
    output_dim: int = setting(least=1)
    mode: Literal["mean", "sum"] = "mean"
    embeddings_initializer: Initializer = RandomUniform()
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        _require_integers(x, self.input_dim)
        require_rank(x, 2, "(batch, time)")
        shape = (self.input_dim, self.output_dim)
        return {"embeddings": self.embeddings_initializer(fold(key, "embeddings"), shape)}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        vectors = jnp.take(params["embeddings"], x, axis=0, mode="clip")  # (batch, time, output_dim)
        counted = all_of((ctx.mask, x != 0 if self.mask_zero else None))
        counts = jnp.ones_like(vectors[..., :1]) if counted is None else counted[..., None].astype(vectors.dtype)
        y = (vectors * counts).sum(1)
        return (y / jnp.maximum(counts.sum(1), 1) if self.mode == "mean" else y), state

    def output_mask(self, x: Any, mask: Any) -> None:
        return None


def _require_integers(x: Shape, input_dim: int) -> None:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        got = f"an input of {x.dtype}, of shape {shown(x)}"
        raise ShapeError("", got=got, expected=f"integers from 0 to {input_dim - 1}", fix='x.astype("int32")')
