"""Metrics that are the losses of the same name, as exact means over an epoch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli import losses
from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, dial, spec, with_fields
from liuli.losses.base import Loss, Shaped, class_targets
from liuli.metrics.base import _Mean, as_rows, row_weights
from liuli.metrics.classification import labels


@abstract
class _OfLoss(_Mean):
    """The base: m_i is the loss of a sample."""

    def loss(self) -> Loss:
        """The loss that is measured."""
        raise NotImplementedError

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        self.loss().check_targets(y_true, y_pred)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return self.loss().per_sample(y_true, y_pred)


@spec
class MeanAbsolutePercentageError(_OfLoss):
    """MAPE = 100 sum_i w_i mean_j |yhat_ij - y_ij| / max(|y_ij|, 1e-7) / sum_i w_i

    y, yhat: (batch, ...);  w: (batch,). In percent, as in Keras.

    Reference: Makridakis, *Accuracy Measures: Theoretical and Practical Concerns*, International Journal of
    Forecasting 9, 1993.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanAbsolutePercentageError()(jnp.array([2.0, 4.0]), jnp.array([3.0, 4.0])))
        25.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("mape",)

    def loss(self) -> Loss:
        return losses.MeanAbsolutePercentageError()


@spec
class MeanSquaredLogarithmicError(_OfLoss):
    """MSLE = sum_i w_i mean_j (log(1 + yhat_ij) - log(1 + y_ij))^2 / sum_i w_i

    y, yhat: (batch, ...), neither negative: what is below 1e-7 counts as 1e-7;  w: (batch,).

    Reference: Törnqvist, Vartia and Vartia, *How Should Relative Changes Be Measured?*, The American Statistician 39,
    1985.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.MeanSquaredLogarithmicError()(jnp.array([0.0]), jnp.array([1.0]))), 4)
        0.4805
    """

    aliases: ClassVar[tuple[str, ...]] = ("msle",)

    def loss(self) -> Loss:
        return losses.MeanSquaredLogarithmicError()


@spec
class CosineSimilarity(_OfLoss):
    """C = sum_i w_i y_i . yhat_i / (|y_i| |yhat_i|) / sum_i w_i            y, yhat: (batch, ..., n)   w: (batch,)

    The cosine of the angle along the last axis: 1 is the same direction. The loss of this name turns the sign.

    Reference: Salton and McGill, *Introduction to Modern Information Retrieval*, 1983.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.CosineSimilarity()(jnp.array([[1.0, 0.0]]), jnp.array([[3.0, 4.0]]))), 4)
        0.6
    """

    def loss(self) -> Loss:
        return losses.CosineSimilarity()

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return -super().per_sample(y_true, y_pred)


@spec
class Hinge(_OfLoss):
    """H = sum_i w_i mean_j max(0, 1 - y_ij z_ij) / sum_i w_i            y, z: (batch, ...)   w: (batch,)

    y is -1 and 1, or 0 and 1, where a 0 counts as -1.

    Reference: Cortes and Vapnik, *Support-Vector Networks*, Machine Learning 20, 1995.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.Hinge()(jnp.array([1.0, -1.0]), jnp.array([0.5, 0.5])))
        1.0
    """

    def loss(self) -> Loss:
        return losses.Hinge()


@spec
class SquaredHinge(_OfLoss):
    """H = sum_i w_i mean_j max(0, 1 - y_ij z_ij)^2 / sum_i w_i            y, z: (batch, ...)   w: (batch,)

    y is -1 and 1, or 0 and 1, where a 0 counts as -1.

    Reference: Chang, Hsieh and Lin, *Coordinate Descent Method for Large-Scale L2-loss Linear SVM*, JMLR 9, 2008.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.SquaredHinge()(jnp.array([1.0, -1.0]), jnp.array([0.5, 0.5])))
        1.25
    """

    def loss(self) -> Loss:
        return losses.SquaredHinge()


@spec
class CategoricalHinge(_OfLoss):
    """H = sum_i w_i max(0, 1 + max_c (1 - y_ic) z_ic - z_{i, y_i}) / sum_i w_i

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  z: (batch, ..., C);  w: (batch,).

    Reference: Crammer and Singer, *On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines*,
    JMLR 2, 2001.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.CategoricalHinge()(jnp.array([1]), jnp.array([[0.5, 1.0]])))
        0.5
    """

    def loss(self) -> Loss:
        return losses.CategoricalHinge()


@spec
class LogCoshError(_OfLoss):
    """L = sum_i w_i mean_j log cosh(yhat_ij - y_ij) / sum_i w_i            y, yhat: (batch, ...)   w: (batch,)

    Reference: Green, *Bayesian Reconstructions from Emission Tomography Data Using a Modified EM Algorithm*, IEEE
    Transactions on Medical Imaging 9, 1990.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.LogCoshError()(jnp.array([0.0]), jnp.array([1.0]))), 4)
        0.4338
    """

    aliases: ClassVar[tuple[str, ...]] = ("log_cosh",)

    def loss(self) -> Loss:
        return losses.LogCosh()


@spec
class Poisson(_OfLoss):
    """P = sum_i w_i mean_j (r_ij - y_ij log(r_ij + 1e-7)) / sum_i w_i            y, r: (batch, ...)   w: (batch,)

    y are counts, r the rates that are predicted for them.

    Reference: Nelder and Wedderburn, *Generalized Linear Models*, Journal of the Royal Statistical Society A 135, 1972.

    log_input:  whether predictions are logarithms of rates.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.Poisson()(jnp.array([1.0, 3.0]), jnp.array([1.0, 2.0]))), 4)
        0.4603
    """

    log_input: bool = dataclasses.field(default=False, kw_only=True)

    def loss(self) -> Loss:
        return losses.Poisson(log_input=self.log_input)


@abstract
class _OfProbabilities(_OfLoss):
    """The base of what is measured on probabilities; ``from_logits`` where the network gives none."""

    from_logits: bool = dataclasses.field(default=False, kw_only=True)


@spec
class KLDivergence(_OfProbabilities):
    """D = sum_i w_i sum_c y_ic log(y_ic / p_ic) / sum_i w_i            y, p: (batch, ..., C)   w: (batch,)

    Reference: Kullback and Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics 22, 1951.

    from_logits:  whether predictions come before a softmax; a Model sees to this itself.
    name:         what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.KLDivergence()(jnp.array([[0.5, 0.5]]), jnp.array([[0.25, 0.75]]))), 4)
        0.1438
    """

    aliases: ClassVar[tuple[str, ...]] = ("kld",)

    def loss(self) -> Loss:
        return losses.KLDivergence(from_logits=self.from_logits)


@spec
class CategoricalCrossentropy(_OfProbabilities):
    """H = -sum_i w_i log p_{i, y_i} / sum_i w_i

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  p: (batch, ..., C);  w: (batch,).

    Reference: Bridle, *Training Stochastic Model Recognition Algorithms as Networks*, NIPS 1989.

    label_smoothing:  the share of each target that is spread over all classes.
    from_logits:      whether predictions come before a softmax; a Model sees to this itself.
    name:             what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.CategoricalCrossentropy()(jnp.array([1]), jnp.array([[0.75, 0.25]]))), 4)
        1.3863
    """

    aliases: ClassVar[tuple[str, ...]] = ("sparse_categorical_crossentropy",)

    label_smoothing: float = dial(default=0.0, least=0.0, most=1.0)

    def loss(self) -> Loss:
        plain = losses.CategoricalCrossentropy(from_logits=self.from_logits)
        return with_fields(plain, {"label_smoothing": self.label_smoothing})


@spec
class Perplexity(_OfProbabilities):
    """PP = exp(-sum_i w_i log p_{i, y_i} / sum_i w_i),  over all labels i

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  p: (batch, ..., C);  w: (batch,), that of each label
    of the sample. Among so many equally probable classes the network hesitates: C where it knows nothing, 1 where it is
    certain and right.

    Reference: Jelinek, Mercer, Bahl and Baker, *Perplexity: A Measure of the Difficulty of Speech Recognition Tasks*,
    Journal of the Acoustical Society of America 62, 1977.

    ignore_class:  a label that is not counted, such as the 0 that fills up shorter sentences.
    from_logits:   whether predictions come before a softmax; a Model sees to this itself.
    name:          what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.Perplexity()(jnp.array([[1, 0]]), jnp.array([[[0.75, 0.25], [0.25, 0.75]]]))), 4)
        4.0
    """

    ignore_class: int | None = dataclasses.field(default=None, kw_only=True)

    def loss(self) -> Loss:
        return losses.SparseCategoricalCrossentropy(self.ignore_class, from_logits=self.from_logits)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        y, p = labels(y_true, y_pred).reshape(-1), as_rows(at_least_float32(y_pred))
        weights = row_weights(weight, p)[:, 0]
        if self.ignore_class is not None:
            weights = weights * (y != self.ignore_class).astype(p.dtype)
        return jnp.stack([(weights * self.per_sample(y, p)).sum(), weights.sum()])

    def result(self, total: jax.Array) -> jax.Array:
        return jnp.exp(super().result(total))


@spec
class BinaryCrossentropy(_OfProbabilities):
    """H = -sum_i w_i mean_j (y_ij log p_ij + (1 - y_ij) log(1 - p_ij)) / sum_i w_i

    y, p: (batch, ...), each element a yes (1) or no (0) of its own;  w: (batch,).

    Reference: Berkson, *Application of the Logistic Function to Bio-Assay*, 1944; Cox, 1958.

    label_smoothing:  the share of each target that is moved towards 1/2.
    from_logits:      whether predictions come before a sigmoid; a Model sees to this itself.
    name:             what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.BinaryCrossentropy()(jnp.array([1.0]), jnp.array([0.25]))), 4)
        1.3863
    """

    aliases: ClassVar[tuple[str, ...]] = ("bce",)

    label_smoothing: float = dial(default=0.0, least=0.0, most=1.0)

    def loss(self) -> Loss:
        plain = losses.BinaryCrossentropy(from_logits=self.from_logits)
        return with_fields(plain, {"label_smoothing": self.label_smoothing})
