"""Correlations: scale and shift, and what does not vary."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import metrics

Y = jnp.array([1.0, 2.0, 4.0, 3.0])


def test_pearson_sees_neither_scale_nor_shift_but_concordance_does():
    for p, sign in ((2 * Y + 5, 1.0), (-Y, -1.0)):
        assert float(metrics.PearsonCorrelation()(Y, p)) == pytest.approx(sign)
        assert abs(float(metrics.ConcordanceCorrelation()(Y, p))) < 0.5
    assert float(metrics.ConcordanceCorrelation()(Y, Y)) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [0.1, 1e6])
@pytest.mark.parametrize("metric", [metrics.PearsonCorrelation(), metrics.ConcordanceCorrelation()])
def test_a_constant_has_no_correlation(metric, value):
    assert np.isnan(metric(jnp.full(4, value), Y))
    assert np.isnan(metric(Y, jnp.full(4, value)))
