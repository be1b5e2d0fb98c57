"""Losses of embeddings: what has the same label should lie close together, what has not far apart.

Each sample of a batch is an anchor, compared with all others: a loss is (batch,), each anchor's share. What it learns
from is the batch, so it matters how many of each label are in one, and a sample of weight 0 is not there at all.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import abstract, dial, spec
from liuli.losses.base import Loss, Shaped, mean_where


class Pairs(NamedTuple):
    """Which anchors (rows) and others (columns) are alike, and which are not: (batch, batch) each, no one with itself.

    itself:  the pairs of each sample that is there with itself.
    """

    alike: jax.Array
    unlike: jax.Array
    itself: jax.Array


@abstract
class _OfPairs(Loss):
    """The base: targets are integer labels (batch,), predictions embeddings (batch, n)."""

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        integers = jnp.issubdtype(y_true.dtype, jnp.integer)
        if len(y_pred.shape) != 2 or y_true.shape != y_pred.shape[:1] or not integers:
            raise ShapeError(
                "target",
                got=f"{y_true.dtype} targets of shape {y_true.shape} against predictions of shape {y_pred.shape}",
                expected="integer labels (batch,) against embeddings (batch, n)",
                fix="y.astype(int)" if y_true.shape == y_pred.shape[:1] else "one label for each embedding",
            )

    def among(self, pairs: Pairs, y_pred: jax.Array) -> jax.Array:
        """l for each anchor: (batch,)."""
        raise NotImplementedError

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return self.among(_pairs(y_true, jnp.ones(len(y_true), bool)), y_pred)

    def masked(self, y_true: jax.Array, y_pred: jax.Array, mask: jax.Array) -> jax.Array:
        raise ShapeError(
            "mask",
            got=f"a mask of shape {mask.shape}",
            expected="one embedding for each sample, without a mask",
            fix="end the sequence first, with layers.LSTM(units)",
        )

    def weighted(
        self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array | None = None, mask: jax.Array | None = None
    ) -> jax.Array:
        if weight is None or mask is not None:
            return super().weighted(y_true, y_pred, weight, mask)
        return self.among(_pairs(y_true, weight > 0), y_pred) * weight.astype(y_pred.dtype)


@spec
class Contrastive(_OfPairs):
    """l_i = factor mean_j (d_ij^2 where y_j = y_i, max(0, margin - d_ij)^2 where not),  d_ij = |x_i - x_j|

    y: (batch,), integer labels;  x: (batch, n), embeddings;  l: (batch,), the mean over all others in the batch.

    Reference: Hadsell, Chopra and LeCun, *Dimensionality Reduction by Learning an Invariant Mapping*, CVPR 2006.

    margin:     the distance beyond which what is not alike costs nothing.
    factor:     1/2 as in the paper; TensorFlow Addons, which takes distances for predictions, has 1.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.Contrastive()(jnp.array([0, 0]), jnp.array([[0.0, 0.0], [3.0, 4.0]])))
        12.5
    """

    margin: float = dial(default=1.0, least=0.0)
    factor: float = dial(default=0.5, least=0.0)

    def among(self, pairs: Pairs, y_pred: jax.Array) -> jax.Array:
        square = _squared_distances(y_pred)
        apart = jnp.square(jax.nn.relu(self.margin - _root(square)))
        return self.factor * mean_where(pairs.alike | pairs.unlike, jnp.where(pairs.alike, square, apart))


@spec
class TripletMargin(_OfPairs):
    """l_i = mean_{j, k} max(0, d_ij - d_ik + margin),  y_j = y_i, y_k != y_i,  d_ij = |x_i - x_j|

    y: (batch,), integer labels;  x: (batch, n), embeddings;  l: (batch,), the mean over the triplets of an anchor i,
    0 where it has none.

    Reference: Schroff, Kalenichenko and Philbin, *FaceNet*, CVPR 2015, semi-hard triplets; Hermans, Beyer and Leibe,
    *In Defense of the Triplet Loss for Person Re-Identification*, 2017, hard ones and all.

    margin:     by how much what is not alike should be farther away.
    mining:     which triplets count: ``"all"``; ``"semi_hard"``, for each j the nearest k that is farther away than j,
                the farthest k where none is; ``"hard"``, the farthest j with the nearest k.
    squared:    whether d is the squared distance, as in FaceNet; PyTorch and TensorFlow Addons take the distance.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> loss = losses.TripletMargin(2.0, mining="hard")
        >>> loss.per_sample(jnp.array([0, 0, 1]), jnp.array([[0.0], [1.0], [3.0]])).tolist()
        [0.0, 1.0, 0.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ("triplet",)

    margin: float = dial(default=1.0)
    mining: Literal["semi_hard", "hard", "all"] = dataclasses.field(default="semi_hard", kw_only=True)
    squared: bool = dataclasses.field(default=False, kw_only=True)

    def among(self, pairs: Pairs, y_pred: jax.Array) -> jax.Array:
        square = _squared_distances(y_pred)
        d = square if self.squared else _root(square)
        whole = pairs.alike.any(axis=1) & pairs.unlike.any(axis=1)  # anchors that have triplets
        if self.mining == "all":
            triplets = pairs.alike[:, :, None] & pairs.unlike[:, None, :]
            return mean_where(triplets, jax.nn.relu(d[:, :, None] - d[:, None, :] + self.margin))
        if self.mining == "hard":
            farthest, nearest = _largest(d, pairs.alike), -_largest(-d, pairs.unlike)
            return jnp.where(whole, jax.nn.relu(farthest - nearest + self.margin), 0.0)
        beyond = pairs.unlike[:, None, :] & (d[:, None, :] > d[:, :, None])  # (anchor, j, k)
        nearest = -_largest(-jnp.broadcast_to(d[:, None, :], beyond.shape), beyond)
        other = jnp.where(beyond.any(axis=-1), nearest, _largest(d, pairs.unlike)[:, None])
        return mean_where(pairs.alike & whole[:, None], jax.nn.relu(d - other + self.margin))


@spec
class InfoNCE(_OfPairs):
    """l_i = -mean_{j: y_j = y_i} log (exp(s_ij / temperature) / sum_{k != i} exp(s_ik / temperature))

    y: (batch,), integer labels: two views of one thing share a label;  x: (batch, n), embeddings, whose cosines are
    s_ij = x_i . x_j / (|x_i| |x_j|);  l: (batch,), 0 where an anchor has none alike. With two samples of each label it
    is SimCLR's NT-Xent, with more the supervised contrastive loss.

    Reference: van den Oord, Li and Vinyals, *Representation Learning with Contrastive Predictive Coding*, 2018; Chen et
    al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020; Khosla et al., *Supervised
    Contrastive Learning*, NeurIPS 2020.

    temperature:  the smaller, the more the hardest negatives weigh.
    reduction:    the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> x = jnp.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
        >>> round(float(losses.InfoNCE(1.0)(jnp.array([0, 0, 1, 1]), x)), 4)
        0.5514
    """

    aliases: ClassVar[tuple[str, ...]] = ("nt_xent", "supervised_contrastive")

    temperature: float = dial(default=0.1, least=1e-4)

    def among(self, pairs: Pairs, y_pred: jax.Array) -> jax.Array:
        scores = _cosines(y_pred) / self.temperature
        total = _log_sum_exp(scores, pairs.alike | pairs.unlike)
        return mean_where(pairs.alike, total[:, None] - scores)


@spec
class Circle(_OfPairs):
    """l_i = log(1 + sum_j exp(gamma a_j (d_ij - margin)) sum_k exp(gamma b_k (1 - margin - d_ik)))

    y: (batch,), integer labels;  x: (batch, n), embeddings, with d_ij = 1 - x_i . x_j / (|x_i| |x_j|), j over those
    with y_j = y_i and k over the others, weighed by a_j = d_ij + margin and b_k = max(0, 1 + margin - d_ik);
    l: (batch,), 0 where an anchor has no j or no k. Keras takes embeddings of length 1, and the mean over the anchors
    whose l is not 0.

    Reference: Sun et al., *Circle Loss: A Unified Perspective of Pair Similarity Optimization*, CVPR 2020.

    gamma:            how sharply the worst pairs are picked out.
    margin:           the distance within which alike ones should lie; those that are not, beyond 1 - margin.
    remove_diagonal:  whether an anchor is left out of those alike to it.
    reduction:        the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> x = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> losses.Circle().per_sample(jnp.array([0, 0, 1]), x).round(4).tolist()
        [0.0, 0.0, 0.0]
    """

    gamma: float = dial(default=80.0, least=0.0)
    margin: float = dial(default=0.4, least=0.0, most=1.0)
    remove_diagonal: bool = True

    def among(self, pairs: Pairs, y_pred: jax.Array) -> jax.Array:
        d = jnp.maximum(1 - _cosines(y_pred), 0.0)
        alike = pairs.alike if self.remove_diagonal else pairs.alike | pairs.itself
        near = self.gamma * (d + self.margin) * (d - self.margin)
        far = self.gamma * jax.nn.relu(1 + self.margin - d) * (1 - self.margin - d)
        whole = alike.any(axis=1) & pairs.unlike.any(axis=1)
        both = _log_sum_exp(near, alike) + _log_sum_exp(far, pairs.unlike)
        return jnp.where(whole, jax.nn.softplus(jnp.where(whole, both, 0.0)), 0.0)


def _pairs(y_true: jax.Array, present: jax.Array) -> Pairs:
    itself = jnp.eye(len(y_true), dtype=bool)
    both = present[:, None] & present[None, :]
    same = y_true[:, None] == y_true[None, :]
    return Pairs(same & both & ~itself, ~same & both, itself & both)


def _squared_distances(x: jax.Array) -> jax.Array:
    return jnp.square(x[:, None, :] - x[None, :, :]).sum(axis=-1)


def _root(square: jax.Array) -> jax.Array:
    """sqrt, whose gradient at 0 is 0."""
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _cosines(x: jax.Array) -> jax.Array:
    square = jnp.square(x).sum(axis=-1, keepdims=True)
    unit = x / jnp.sqrt(jnp.where(square > 0, square, 1.0))
    return unit @ unit.T


def _largest(values: jax.Array, keep: jax.Array) -> jax.Array:
    """The largest along the last axis among those to keep; 0 where there is none."""
    found = jnp.where(keep, values, -jnp.inf).max(axis=-1)
    return jnp.where(keep.any(axis=-1), found, 0.0)


def _log_sum_exp(values: jax.Array, keep: jax.Array) -> jax.Array:
    """log sum exp along the last axis over those to keep; over all where there is none."""
    keep = keep | ~keep.any(axis=-1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(keep, values, -jnp.inf), axis=-1)
