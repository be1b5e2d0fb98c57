"""What all metrics share: labels, sums that add up, weights, precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import metrics
from liuli.core.errors import ShapeError
from liuli.core.specs import members, snake_case
from liuli.metrics.base import as_rows, row_weights

METRICS = [cls() for name, cls in members("metrics").items() if name != "Accuracy"]


def sample(metric, n=12):
    """Targets and predictions that suit the metric."""
    rng = np.random.default_rng(0)
    y = jnp.asarray(rng.integers(0, 2, n).astype(np.float32))
    if "Categorical" in type(metric).__name__:
        return jnp.asarray(rng.integers(0, 7, n)), jnp.asarray(rng.random((n, 7)), jnp.float32)
    return y, jnp.asarray(rng.random(n), jnp.float32)


@pytest.fixture(params=METRICS, ids=repr)
def metric(request):
    return request.param


def test_labels(metric):
    assert metric.label == snake_case(type(metric).__name__)
    assert metric.replace(name="mine").label == "mine"


def test_a_batch_adds_up(metric):
    y, p = sample(metric)
    weight = jnp.arange(12.0)
    sums = [metric.measure(y[part], p[part], weight[part]) for part in (slice(0, 5), slice(5, 12))]
    np.testing.assert_allclose(sums[0] + sums[1], metric.measure(y, p, weight), rtol=1e-6)


def test_a_weight_is_so_many_samples(metric):
    y, p = sample(metric)
    often = np.repeat(np.arange(12), np.arange(12) % 3)
    np.testing.assert_allclose(metric(y[often], p[often]), metric(y, p, jnp.arange(12) % 3), rtol=1e-5)


def test_half_precision_is_summed_in_single(metric):
    y, p = sample(metric)
    sums = metric.measure(y, p.astype(jnp.bfloat16), jnp.ones(12, jnp.bfloat16))
    assert sums.dtype == jnp.float32
    with jax.enable_x64(True):
        assert metric.measure(y, p.astype(jnp.float64), jnp.ones(12)).dtype == jnp.float64


def test_compiled_and_mapped(metric):
    y, p = sample(metric)
    weight = jnp.ones(12)
    np.testing.assert_allclose(jax.jit(metric)(y, p, weight), metric(y, p, weight), rtol=1e-6, atol=1e-7)
    both = jax.vmap(metric.measure)(jnp.stack([y, y]), jnp.stack([p, p]), jnp.stack([weight, weight]))
    np.testing.assert_allclose(both[1], metric.measure(y, p, weight), rtol=1e-6)


def test_nothing_is_broadcast(metric):
    y, p = sample(metric)
    with pytest.raises(ShapeError):
        metric.measure(y[:, None], p, jnp.ones(12))
    with pytest.raises(ShapeError):
        metric.measure(y[:6], p, jnp.ones(12))


def test_rows():
    assert as_rows(jnp.zeros(4)).shape == (4, 1)
    assert as_rows(jnp.zeros((4, 3))).shape == (4, 3)
    assert as_rows(jnp.zeros((4, 5, 3))).shape == (20, 3)
    assert row_weights(jnp.array([1.0, 2.0]), jnp.zeros((4, 3))).tolist() == [[1.0], [1.0], [2.0], [2.0]]
    assert metrics.Metric().name is None
