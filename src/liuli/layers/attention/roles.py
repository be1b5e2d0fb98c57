"""What the inputs of an attention layer are to it: query, value and key; and what their masks say.

One value is all three. In ``[query, value]`` the values are the keys as well, ``[query, value, key]`` names all.
"""

from __future__ import annotations

from typing import Any

import jax

from liuli.core.errors import ShapeError
from liuli.core.specs import with_fields
from liuli.layers.base import Context, require_rank, shown
from liuli.layers.dropout import Dropout
from liuli.layers.masks import all_of


def by_role(x: Any) -> tuple[Any, Any, Any]:
    """The query, the value and the key of which an attention layer is given ``x``."""
    return (x[0], x[1], x[-1]) if isinstance(x, tuple) else (x, x, x)


def require_roles(x: Any) -> tuple[Any, Any, Any]:
    """As ``by_role``; ShapeError unless they are sequences, with a key for each value."""
    several = x if isinstance(x, tuple) else (x,)
    if len(several) > 3:
        fix = "put layers.Concatenate(axis=1)([...]) before it"
        raise ShapeError("", got=f"{len(several)} inputs", expected="x, [query, value] or [query, value, key]", fix=fix)
    for each in several:
        require_sequence(each)
    query, value, key = by_role(x)
    if key.shape[1] != value.shape[1]:
        got = f"values of shape {shown(value)} and keys of shape {shown(key)}"
        raise ShapeError("", got=got, expected="as many keys as values", fix="give [query, value, key] in this order")
    return query, value, key


def require_sequence(x: Any) -> None:
    """Raise ShapeError unless ``x`` is a batch of sequences that are not empty."""
    require_rank(x, 3, "(batch, time, features)")
    if 0 in x.shape[1:]:
        got = f"an input of shape {shown(x)}"
        raise ShapeError("", got=got, expected="sequences that are not empty", fix="look at the data")


def query_mask(mask: Any) -> Any:
    """The mask of the query, which is that of the output."""
    return mask[0] if isinstance(mask, tuple) else mask


def key_mask(mask: Any) -> jax.Array | None:
    """True where a value, and its key, may be attended to: (batch, keys)."""
    return all_of(mask[1:]) if isinstance(mask, tuple) else mask


def dropped(rate: Any, x: jax.Array, ctx: Context) -> jax.Array:
    """``x`` with a share ``rate`` of it left out, in training; where it is None, nothing is, and nothing is drawn."""
    if rate is None or not ctx.training:
        return x
    return with_fields(Dropout(0.0), {"rate": rate}).apply({}, {}, x, ctx.at("dropout"))[0]
