"""Metrics of rankings: whether what is relevant comes first. The last axis holds the items, ranked by their scores.

Targets are relevances, one for each item, or the integer label of the one relevant item. Where scores are equal the
relevant item counts as the first of them.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from liuli.core.specs import abstract, setting, spec
from liuli.losses.base import Shaped, class_targets, mean_over_features
from liuli.losses.margin import one_hot
from liuli.metrics.base import _Mean


@abstract
class _Ranking(_Mean):
    """The base: targets are relevances (batch, ..., items), or labels (batch, ...)."""

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)


@spec
class MeanReciprocalRank(_Ranking):
    """MRR = sum_i w_i / r_i / sum_i w_i,  with r_i the rank of the first relevant item, 1 for the top

    y: (batch, ..., items), relevant where above 0, or (batch, ...), integer labels;  s: (batch, ..., items), scores;
    w: (batch,). A ranking without a relevant item counts 0.

    Reference: Voorhees, *The TREC-8 Question Answering Track Report*, 1999.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanReciprocalRank()(jnp.array([0, 2]), jnp.array([[0.1, 0.2, 0.7], [0.2, 0.1, 0.7]])))
        0.6667
    """

    aliases: ClassVar[tuple[str, ...]] = ("mrr",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        rank, found = _first_rank(y_true, y_pred)
        return mean_over_features(jnp.where(found, 1 / rank.astype(y_pred.dtype), 0.0))


@spec
class HitRate(_Ranking):
    """H = sum_i w_i [r_i <= k] / sum_i w_i,  with r_i the rank of the first relevant item, 1 for the top

    y, s, w: as in MeanReciprocalRank. With one relevant item it is TopKCategoricalAccuracy.

    Reference: Deshpande and Karypis, *Item-Based Top-N Recommendation Algorithms*, ACM TOIS 22, 2004.

    k:     how many items are looked at.
    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.HitRate(1)(jnp.array([[1, 0, 1], [1, 1, 0]]), jnp.array([[0.1, 0.2, 0.7], [0.2, 0.1, 0.7]])))
        0.5
    """

    k: int = setting(default=10, least=1)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        rank, found = _first_rank(y_true, y_pred)
        return mean_over_features((found & (rank <= self.k)).astype(y_pred.dtype))


@spec
class NDCG(_Ranking):
    """NDCG = sum_i w_i DCG_i / DCG*_i / sum_i w_i,  DCG = sum_{r <= k} g(y_r) / log2(r + 1)

    y: (batch, ..., items), relevances of at least 0, or (batch, ...), integer labels;  s: (batch, ..., items), scores;
    w: (batch,);  y_r is the relevance of the item at rank r, and DCG* that of the best order. A ranking without a
    relevant item counts 0. Equal scores keep the order of the items (scikit-learn's ``ignore_ties=True``).

    Reference: Järvelin and Kekäläinen, *Cumulated Gain-Based Evaluation of IR Techniques*, ACM TOIS 20, 2002; the
    exponential gain: Burges et al., *Learning to Rank Using Gradient Descent*, ICML 2005.

    k:     how many items are looked at; None looks at all.
    gain:  g(y), ``"linear"``, y, as in scikit-learn, or ``"exponential"``, 2^y - 1, as in web search.
    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.NDCG()(jnp.array([[3.0, 2.0, 0.0]]), jnp.array([[0.2, 0.7, 0.1]]))), 4)
        0.9134
    """

    k: int | None = setting(default=None, least=1)
    gain: Literal["linear", "exponential"] = dataclasses.field(default="linear", kw_only=True)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = one_hot(y_true, y_pred)
        gains = y if self.gain == "linear" else jnp.exp2(y) - 1
        order = jnp.argsort(-y_pred, axis=-1, stable=True)
        found, best = self._cumulated(jnp.take_along_axis(gains, order, axis=-1)), self._cumulated(-jnp.sort(-gains))
        return mean_over_features(jnp.where(best > 0, found / jnp.where(best > 0, best, 1.0), 0.0))

    def _cumulated(self, gains: jax.Array) -> jax.Array:
        """DCG from gains in the order of ranks: (batch, ...)."""
        first = gains[..., : self.k]
        return first @ (1 / jnp.log2(jnp.arange(2, first.shape[-1] + 2).astype(first.dtype)))


def _first_rank(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The rank of the first relevant item, and whether there is one: (batch, ...) each."""
    relevant = one_hot(y_true, y_pred) > 0
    best = jnp.where(relevant, y_pred, -jnp.inf).max(axis=-1, keepdims=True)
    return 1 + (~(y_pred <= best)).sum(axis=-1), relevant.any(axis=-1)
