"""Categories: integers encoded as vectors, and numbers put into bins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.specs import setting, spec
from liuli.layers.base import Context, Params, Shape, State, shown
from liuli.layers.preprocessing.encoding import Categories, OutputMode, encoded, float_dtype, require_integers

__all__ = ["CategoryEncoding", "Discretization"]


@spec
class CategoryEncoding(Categories):
    """y_k = 1 where k is among x, else 0            x: (batch, ..., n) of integers   y: (batch, ..., num_tokens)

    Ids outside 0 to num_tokens - 1 count nowhere. With ``"count"`` a second input (batch, ..., n) may weigh the ids.

    Reference: Keras, *CategoryEncoding*.

    num_tokens:   how many categories there are.
    output_mode:  ``"multi_hot"`` has 1 where k is there, ``"count"`` how often, ``"one_hot"`` a vector for each id:
                  (batch, ..., n, num_tokens), or (batch, ..., num_tokens) where n is 1.

    Raises:
        ShapeError: the input is not of integers, or the weights have another shape.
        LiuliError: the input carries a mask, and its time axis would be lost.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> layer = layers.CategoryEncoding(4, "count")
        >>> layer.apply({}, {}, jnp.array([[0, 2, 2], [3, 1, 0]]), layers.Context())[0].tolist()
        [[1.0, 0.0, 2.0, 0.0], [1.0, 1.0, 0.0, 1.0]]
    """

    num_tokens: int = setting(least=1)
    output_mode: Literal["multi_hot", "one_hot", "count"] = "multi_hot"

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        ids, weights = _weighted(x)
        require_integers(ids)
        if weights is not None and (weights.shape != ids.shape or self.output_mode != "count"):
            got = f"weights {shown(weights)} of ids {shown(ids)} with output_mode={self.output_mode!r}"
            fix = "give one input, or a weight for each id"
            raise ShapeError("", got=got, expected='one shape, and output_mode="count"', fix=fix)
        return super().init(key, ids)

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        ids, weights = _weighted(x)
        return encoded(ids, self.output_mode, self.num_tokens, float_dtype(x, ctx), weights), state


@spec
class Discretization(Categories):
    """y = the bin of x: how many bin_boundaries are at most x            x: (batch, ...)   y: (batch, ...) of integers

    Boundaries b_1 <= ... <= b_m make m + 1 bins: (-inf, b_1), [b_1, b_2), ..., [b_m, inf).

    Reference: Dougherty, Kohavi and Sahami, *Supervised and Unsupervised Discretization of Continuous Features*,
    ICML 1995, where quantiles are "equal frequency intervals".

    bin_boundaries:  where one bin ends and the next begins; None until ``adapt`` finds them.
    num_bins:        how many bins ``adapt`` makes, with equally many values in each.
    epsilon:         the share of the values that a bin may be off when ``adapt`` sees more than 1 / epsilon of them.
    output_mode:     ``"int"`` gives the bins' numbers; ``"one_hot"`` a vector for each, ``"multi_hot"`` and ``"count"``
                     one for all along the last axis.

    Raises:
        SpecError: neither boundaries nor a number of bins, boundaries that fall, or a call before ``adapt``.
        LiuliError: the input carries a mask, and its time axis would be lost.

    Example:
        >>> import numpy as np
        >>> from liuli import layers
        >>> layers.Discretization(num_bins=3).adapt(np.arange(9.0)).bin_boundaries
        (2.0, 5.0)
    """

    bin_boundaries: tuple[float, ...] | None = None
    num_bins: int | None = setting(default=None, least=1)
    epsilon: float = setting(default=0.01, least=1e-6, most=1.0)
    output_mode: OutputMode = "int"

    takes_integers: ClassVar[bool] = False

    def check(self) -> None:
        boundaries = self.bin_boundaries
        if boundaries is None and self.num_bins is None:
            fix = "Discretization(num_bins=10).adapt(x)"
            raise SpecError("Discretization", got="neither", expected="bin_boundaries or num_bins", fix=fix)
        if boundaries is not None and any(a > b for a, b in pairwise(boundaries)):
            got, fix = str(boundaries), "sort them"
            raise SpecError("Discretization.bin_boundaries", got=got, expected="numbers that do not fall", fix=fix)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        if self.bin_boundaries is None:
            fix = "layer = layer.adapt(x)"
            raise SpecError("bin_boundaries", got="None", expected="boundaries, as adapt finds them", fix=fix)
        return super().init(key, x)

    def adapt(self, data: Any) -> Self:
        """This layer with the boundaries of data: an array of any shape, or an iterable of arrays, read once.

        Of n values, the boundary after bin k is the value at rank k n / num_bins, between two values on a line.

        Raises:
            SpecError: num_bins is not given.
            DataError: there are no values, or some are NaN or infinite.
        """
        if self.num_bins is None:
            fix = "Discretization(num_bins=10).adapt(x)"
            raise SpecError("Discretization.num_bins", got="None", expected="how many bins to make", fix=fix)
        batches = [data] if hasattr(data, "shape") or isinstance(data, (list, tuple)) else data
        thinned = [_thinned(np.asarray(batch, np.float64).ravel(), self.epsilon) for batch in batches]
        values, weights = np.concatenate([np.empty((2, 0)), *thinned], axis=1)
        if not values.size or not np.isfinite(values).all():
            got = "NaN or infinity" if values.size else "no values"
            raise DataError("data", got=got, expected="finite values", fix="clean the data before adapt")
        order = np.argsort(values, kind="stable")
        ranks = np.cumsum(weights[order])
        wanted = ranks[-1] * np.arange(1, self.num_bins) / self.num_bins
        return self.replace(bin_boundaries=tuple(np.interp(wanted, ranks, values[order]).tolist()))

    def depth(self) -> int:
        return len(self.bin_boundaries or ()) + 1

    def ids(self, x: jax.Array) -> jax.Array:
        boundaries = jnp.asarray(self.bin_boundaries, float)
        return jnp.searchsorted(boundaries, x.astype(boundaries.dtype), side="right").astype(jnp.int32)


def _weighted(x: Any) -> tuple[Any, Any]:
    """Ids and their weights, or None."""
    return x if isinstance(x, tuple) else (x, None)


def _thinned(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Of sorted values every n-th, with the weight n, about 1 / epsilon in all: (2, values)."""
    step = max(1, int(values.size * epsilon))
    kept = np.sort(values)[step - 1 :: step]
    return np.stack([kept, np.full(kept.size, float(step))])
