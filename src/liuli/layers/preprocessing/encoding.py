"""From ids to vectors: what ``output_mode`` says of a layer whose values are categories."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import ShapeError
from liuli.core.specs import abstract
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.masks import all_of, refuse_mask

OutputMode = Literal["int", "one_hot", "multi_hot", "count"]


@abstract
class Categories(Layer):
    """A layer that finds an id for each value, and gives the ids or encodes them. An id below 0 counts nowhere."""

    takes_integers: ClassVar[bool] = True

    def ids(self, x: Any) -> jax.Array:
        """The id of each value: integers of the shape of ``x``."""
        raise NotImplementedError

    def depth(self) -> int:
        """How many ids there are, which is how long a vector is."""
        raise NotImplementedError

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(self._least_rank, 9)), "(batch, ..., values)")
        return {}, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        ids = self.ids(x)
        return (ids if self._mode == "int" else encoded(ids, self._mode, self.depth(), float_dtype(x, ctx))), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        mask = all_of(mask) if isinstance(mask, tuple) else mask
        if self._mode not in ("int", "one_hot"):
            refuse_mask(mask, f"output_mode={self._mode!r}", 'use output_mode="one_hot"')
        return mask

    @property
    def _mode(self) -> str:
        return self.output_mode  # type: ignore[attr-defined]

    @property
    def _least_rank(self) -> int:
        return 1 if self._mode in ("int", "one_hot") else 2


def require_integers(x: Shape) -> None:
    """Raise ShapeError unless ``x`` holds integers."""
    if not jnp.issubdtype(x.dtype, jnp.integer):
        got = f"an input of {x.dtype}, of shape {shown(x)}"
        raise ShapeError("", got=got, expected="integers", fix='x.astype("int32")')


def encoded(ids: jax.Array, mode: str, depth: int, dtype: Any, weights: jax.Array | None = None) -> jax.Array:
    """``ids`` as vectors of ``depth``: one for each id (one_hot), or one for all ids along the last axis.

    one_hot:    (batch, ..., n) -> (batch, ..., n, depth), and (batch, ..., 1) -> (batch, ..., depth).
    count:      (batch, ..., n) -> (batch, ..., depth): how often each id is there, or the sum of its ``weights``.
    multi_hot:  as count: 1 where an id is there.
    """
    if mode == "one_hot":
        alone = ids.ndim > 1 and ids.shape[-1] == 1
        return jax.nn.one_hot(ids[..., 0] if alone else ids, depth, dtype=dtype)
    rows = ids.reshape(math.prod(ids.shape[:-1]), ids.shape[-1])
    places = jnp.arange(rows.shape[0])[:, None], jnp.where(rows < 0, depth, rows)  # an index below 0 would wrap around
    ones = jnp.ones(rows.shape, float) if weights is None else weights.reshape(rows.shape).astype(float)
    counts = jnp.zeros((rows.shape[0], depth), float).at[places].add(ones, mode="drop")  # bfloat16 counts to 256 only
    counts = jnp.minimum(counts, 1.0) if mode == "multi_hot" else counts
    return counts.reshape(*ids.shape[:-1], depth).astype(dtype)


def encoded_on_host(ids: np.ndarray, mode: str, depth: int) -> np.ndarray:
    """As ``encoded``, by NumPy, in the default float dtype: nothing is compiled for texts of another length."""
    if mode == "one_hot" and (ids.ndim == 1 or ids.shape[-1] != 1):
        ids = ids[..., None]
    rows = ids.reshape(math.prod(ids.shape[:-1]), ids.shape[-1])
    places = np.arange(len(rows))[:, None] * depth + rows
    counts = np.bincount(places[(rows >= 0) & (rows < depth)], minlength=len(rows) * depth)
    counts = counts if mode == "count" else np.minimum(counts, 1)
    return counts.reshape(*ids.shape[:-1], depth).astype(jnp.result_type(float))


def float_dtype(x: Any, ctx: Context) -> Any:
    """The dtype of what is made of ``x``: its own, or for integers what the network computes in."""
    floats = [v.dtype for v in jax.tree.leaves(x) if jnp.issubdtype(v.dtype, jnp.inexact)]
    return floats[0] if floats else ctx.dtype or float
