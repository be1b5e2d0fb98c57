"""An embedding that reads its table both ways: from ids to vectors, and from vectors to a score for each id."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.constraints import Constraint
from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import dial, setting, spec
from liuli.initializers import Initializer, RandomUniform
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.masks import all_of
from liuli.regularizers import Regularizer

__all__ = ["ReversibleEmbedding"]


@spec
class ReversibleEmbedding(Layer):
    """y = E[x] of integers x,   y = x E^T of floats x            E: (input_dim, output_dim)

    Of x: (batch, ...) y is (batch, ..., output_dim), of x: (batch, ..., output_dim) it is (batch, ..., input_dim).

    Called on ids it embeds them; called again, on what a network made of their vectors, it gives a logit for each id.
    What comes in tells the two apart (Keras has ``reverse=True`` in the call). An id below 0 is looked up as 0, one of
    input_dim or more as input_dim - 1.

    Reference: Press and Wolf, *Using the Output Embedding to Improve Language Models*, EACL 2017.

    input_dim:               how many ids there are: 0 to input_dim - 1.
    output_dim:              the length of a vector.
    tie_weights:             whether E serves both ways; else there is ``reverse_embeddings`` (output_dim, input_dim) in
                             the place of E^T.
    embeddings_initializer:  how E and ``reverse_embeddings`` start.
    embeddings_regularizer:  a penalty on E added to the loss.
    embeddings_constraint:   what E is put back into after each update.
    mask_zero:               whether id 0 is padding, which layers after this one leave out; x is then (batch, time).
    logit_soft_cap:          logits z become cap tanh(z / cap), between -cap and cap; None leaves them.

    Raises:
        ShapeError: vectors of another length than output_dim, or ids without a time axis that a mask could speak of.

    Example:
        >>> import liuli as ll
        >>> ids = ll.Input((16,), dtype="int32")
        >>> embedding = ll.layers.ReversibleEmbedding(1000, 64)
        >>> h = ll.layers.TransformerDecoder(128, 4)(embedding(ids))
        >>> ll.Graph(ids, embedding(h)).outputs
        ('reversible_embedding_1@2',)
    """

    input_dim: int = setting(least=1)
    output_dim: int = setting(least=1)
    tie_weights: bool = True
    embeddings_initializer: Initializer = RandomUniform()
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False
    logit_soft_cap: float | None = dial(default=None, least=1e-6)

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        if _are_ids(x) and self.mask_zero:
            require_rank(x, 2, "(batch, time)")
        shape = (self.input_dim, self.output_dim)
        params = {"embeddings": self.embeddings_initializer(fold(key, "embeddings"), shape)}
        if not self.tie_weights:
            params["reverse_embeddings"] = self.embeddings_initializer(fold(key, "reverse_embeddings"), shape[::-1])
        self._require_vectors(x)
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if _are_ids(x):
            return jnp.take(params["embeddings"], x, axis=0, mode="clip"), state
        self._require_vectors(x)
        z = x @ (params["embeddings"].T if self.tie_weights else params["reverse_embeddings"])
        z = ctx.tap("z", z)  # (batch, ..., input_dim)
        return z if self.logit_soft_cap is None else self.logit_soft_cap * jnp.tanh(z / self.logit_soft_cap), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return all_of((mask, x != 0)) if self.mask_zero and _are_ids(x) else mask

    def _require_vectors(self, x: Any) -> None:
        if not _are_ids(x) and x.shape[-1:] != (self.output_dim,):
            got = f"floats of shape {shown(x)}"
            expected = f"integers from 0 to {self.input_dim - 1}, or vectors of length output_dim={self.output_dim}"
            raise ShapeError("", got=got, expected=expected, fix='x.astype("int32"), where they are ids')


def _are_ids(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.integer)
