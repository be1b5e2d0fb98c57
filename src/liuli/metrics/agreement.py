"""Metrics of agreement: accuracy that is not flattered by classes of unlike size."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.specs import abstract, spec
from liuli.metrics.counted import Counts, _Counted, share


@abstract
class _Agreement(_Counted):
    """The base: a number for each question, from the counts of its classes; the mean over questions."""

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        counts = Counts(*super().measure(y_true, y_pred, weight))
        if self.by_column(y_pred):
            return jnp.stack(counts.both())  # (4, 2, questions)
        return jnp.stack(counts)[:, :, None]  # (4, classes, 1)

    def of(self, counts: Counts) -> jax.Array:
        return self.agreement(counts).mean()

    def agreement(self, counts: Counts) -> jax.Array:
        """The agreement on each question: (questions,) from (classes, questions)."""
        raise NotImplementedError


@spec
class BalancedAccuracy(_Agreement):
    """A = mean_c right_c / true_c, over the classes that occur: recall, in which each class weighs the same.

    y: (batch, ...), p: the same, each element a yes or no, or (batch, ..., C) for labels;  w: (batch,). The classes of
    a column are no and yes; with several columns of yes and no it is the mean over them.

    Reference: Brodersen, Ong, Stephan and Buhmann, *The Balanced Accuracy and Its Posterior Distribution*, ICPR 2010.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.BalancedAccuracy()(jnp.array([0.0, 0.0, 0.0, 1.0]), jnp.array([0.1, 0.2, 0.3, 0.4])))
        0.5
    """

    def agreement(self, counts: Counts) -> jax.Array:
        return share(counts.right, counts.true).sum(axis=0) / (counts.true > 0).sum(axis=0).astype(counts.true.dtype)


@spec
class CohenKappa(_Agreement):
    """kappa = (p_o - p_e) / (1 - p_e),  p_o = sum_c right_c / N,  p_e = sum_c guessed_c true_c / N^2

    y, p, w: as in BalancedAccuracy;  N = sum w. The accuracy p_o, less the p_e that guessing by the same frequencies
    gives: 1 is perfect, 0 is chance. NaN where chance is perfect, as in scikit-learn.

    Reference: Cohen, *A Coefficient of Agreement for Nominal Scales*, Educational and Psychological Measurement 20,
    1960.

    threshold:  as in BalancedAccuracy.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.CohenKappa()(jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([0.1, 0.6, 0.7, 0.8])))
        0.5
    """

    def agreement(self, counts: Counts) -> jax.Array:
        right, guessed, true = (each / counts.every for each in counts[:3])
        chance = (guessed * true).sum(axis=0)
        return (right.sum(axis=0) - chance) / (1 - chance)


@spec
class MatthewsCorrelation(_Agreement):
    """r = (sum_c right_c / N - sum_c q_c t_c) / sqrt((1 - sum_c q_c^2) (1 - sum_c t_c^2))

    y, p, w: as in BalancedAccuracy;  q = guessed / N, t = true / N, N = sum w. The correlation of guess and truth, for
    two classes (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)); 0 where one of them does not vary.

    Reference: Matthews, *Comparison of the Predicted and Observed Secondary Structure of T4 Phage Lysozyme*, Biochimica
    et Biophysica Acta 405, 1975; for several classes Gorodkin, Computational Biology and Chemistry 28, 2004.

    threshold:  as in BalancedAccuracy.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.MatthewsCorrelation()
        >>> round(float(score(jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([0.1, 0.6, 0.7, 0.8]))), 4)
        0.5774
    """

    def agreement(self, counts: Counts) -> jax.Array:
        right, guessed, true = (each / counts.every for each in counts[:3])
        together = right.sum(axis=0) - (guessed * true).sum(axis=0)
        spread = (guessed * (1 - guessed)).sum(axis=0) * (true * (1 - true)).sum(axis=0)
        varies = spread > 10 * jnp.finfo(spread.dtype).eps ** 2
        return jnp.where(varies, together / jnp.sqrt(jnp.where(varies, spread, 1.0)), 0.0)
