"""Curves: what has no area, columns, and rates that cannot be had."""

import jax.numpy as jnp
import pytest

from liuli import metrics
from liuli.core.errors import ShapeError

Y, P = jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])


@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_area_without_a_yes_is_nan(curve):
    assert jnp.isnan(metrics.AUC(curve=curve)(jnp.zeros(3), jnp.array([0.1, 0.5, 0.9])))
    assert jnp.isnan(metrics.AUC()(jnp.ones(3), jnp.array([0.1, 0.5, 0.9])))


def test_one_column_unless_told_otherwise():
    y, p = jnp.array([0, 1, 2]), jnp.eye(3)
    for metric in (metrics.AUC(), metrics.PrecisionAtRecall(0.5)):
        with pytest.raises(ShapeError, match="one column"):
            metric(jnp.eye(3), p)
    assert float(metrics.AUC(multi_label=True)(y, p)) == 1.0
    assert float(metrics.AUC(multi_label=True)(jnp.eye(3), p)) == 1.0
    assert float(metrics.PrecisionAtRecall(0.5, class_id=2)(y, p)) == 1.0
    with pytest.raises(ShapeError, match="class_id of at most 2"):
        metrics.PrecisionAtRecall(0.5, class_id=3)(y, p)


def test_the_order_alone_makes_the_area():
    assert float(metrics.AUC(from_logits=True)(Y, 4 * P - 2)) == float(metrics.AUC()(Y, P)) == 0.75


def test_a_rate_that_is_never_reached():
    assert float(metrics.RecallAtPrecision(0.9)(1 - Y, P)) == 0.0
    assert float(metrics.RecallAtPrecision(0.5)(Y, P)) == 1.0
    assert float(metrics.SpecificityAtSensitivity(1.0)(Y, P)) == 0.5
