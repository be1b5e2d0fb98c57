"""What is counted: classes, columns and first guesses."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import metrics
from liuli.core.errors import ShapeError, SpecError

Y = jnp.array([0, 1, 2, 2])
P = jnp.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])  # right, wrong, right, wrong


def test_counts_of_classes_and_of_columns():
    kinds = (metrics.TruePositives, metrics.FalsePositives, metrics.FalseNegatives, metrics.TrueNegatives)
    assert [float(kind()(Y, P)) for kind in kinds] == [2, 2, 2, 6]
    hot = jnp.eye(3)[Y]
    assert [float(kind(0.25)(hot, P)) for kind in kinds] == [2, 4, 2, 4]
    assert [float(kind()(hot[:, 0], P[:, 0])) for kind in kinds] == [0, 1, 1, 2]
    assert sum(float(kind()(Y, P, jnp.array([1.0, 2.0, 3.0, 0.5]))) for kind in kinds) == 3 * 6.5


def test_averages():
    found = [float(metrics.Recall(average=average)(Y, P)) for average in ("macro", "micro", "weighted")]
    np.testing.assert_allclose(found, [(1 + 0 + 0.5) / 3, 0.5, (1 + 0 + 0.5 * 2) / 4], rtol=1e-6)


def test_one_class_and_first_guesses():
    assert float(metrics.Precision(class_id=2)(Y, P)) == 0.5
    assert float(metrics.Recall(top_k=2, average="micro")(Y, P)) == 0.75
    assert float(metrics.Recall(top_k=2, average="micro")(jnp.eye(3)[Y], P)) == 0.75
    assert float(metrics.Precision(0.25, top_k=2, average="micro")(jnp.eye(3)[Y], P)) == pytest.approx(2 / 6)
    assert float(metrics.Recall(top_k=3)(Y, P)) == 1.0
    for metric in (metrics.Recall(top_k=4), metrics.Recall(class_id=3)):
        with pytest.raises(ShapeError, match="at most"):
            metric(Y, P)


def test_intersections_over_unions():
    each = [float(metrics.IoU(target_class_ids=(c,))(Y, P)) for c in range(3)]
    np.testing.assert_allclose(each, [1 / 2, 0, 1 / 3], rtol=1e-6)
    for metric in (metrics.IoU(), metrics.MeanIoU(), metrics.IoU(target_class_ids=(0, 1, 2))):
        np.testing.assert_allclose(metric(Y, P), np.mean(each), rtol=1e-6)
    with pytest.raises(ShapeError, match="target_class_ids of at most 2"):
        metrics.IoU(target_class_ids=(3,))(Y, P)


def test_a_class_that_is_ignored():
    np.testing.assert_allclose(metrics.MeanIoU(ignore_class=2)(Y, P), metrics.MeanIoU()(Y[:2], P[:2]), rtol=1e-6)
    marked = Y.at[0].set(255)
    np.testing.assert_allclose(metrics.MeanIoU(ignore_class=255)(marked, P), metrics.MeanIoU()(Y[1:], P[1:]), rtol=1e-6)
    image = jnp.stack([marked, Y]), jnp.stack([P, P])
    both = metrics.MeanIoU(ignore_class=255)(*image, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(both, metrics.MeanIoU()(Y[1:], P[1:]), rtol=1e-6)


def test_no_and_yes_are_classes():
    y, p = jnp.array([0.0, 1.0, 1.0]), jnp.array([0.1, 0.6, 0.2])
    found = [float(metrics.BinaryIoU(target_class_ids=ids)(y, p)) for ids in ((0,), (1,), (0, 1))]
    np.testing.assert_allclose(found, [0.5, 0.5, 0.5])
    assert float(metrics.BinaryIoU(0.1)(y, p)) == 1.0
    with pytest.raises(SpecError, match="0, 1, or both"):
        metrics.BinaryIoU(target_class_ids=(2,))


@pytest.mark.parametrize("metric", [metrics.CohenKappa(), metrics.MatthewsCorrelation()], ids=repr)
def test_agreement_by_chance_is_none(metric):
    y, p = jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([0.1, 0.9, 0.1, 0.9])
    assert float(metric(y, p)) == pytest.approx(0.0, abs=1e-6)
    assert float(metric(y, y)) == pytest.approx(1.0)
    assert float(metric(y, 1 - y)) == pytest.approx(-1.0)


def test_agreement_on_several_questions_is_the_mean():
    y, p = jnp.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]), jnp.array([[0.2, 0.6], [0.8, 0.3], [0.4, 0.1]])
    for cls in (metrics.CohenKappa, metrics.MatthewsCorrelation, metrics.BalancedAccuracy):
        each = [float(cls()(y[:, j], p[:, j])) for j in range(2)]
        assert float(cls(0.5)(y, p)) == pytest.approx(np.mean(each))


def test_guessing_one_class_is_no_agreement():
    y = jnp.array([0.0, 0.0, 1.0])
    assert float(metrics.BalancedAccuracy()(y, jnp.zeros(3))) == 0.5
    assert float(metrics.MatthewsCorrelation()(y, jnp.zeros(3))) == 0.0
    assert float(metrics.BalancedAccuracy()(jnp.zeros(3), jnp.zeros(3))) == 1.0
