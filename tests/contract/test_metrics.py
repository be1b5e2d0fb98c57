"""What every registered metric keeps: sums add up, weights count, masked steps do not, precision is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.dials import dials, with_dials
from liuli.core.errors import ShapeError
from liuli.core.specs import snake_case
from tests.contract.examples import INPUTS, SPECS, example, moved
from tests.contract.given.losses import VALUES
from tests.numeric import close

METRICS = [name for name in SPECS if name.startswith("metrics.") and name != "metrics.Accuracy"]
WITH_LOGITS = [name for name in METRICS if hasattr(example(name), "from_logits")]
WITH_DIALS = [name for name in METRICS if dials(example(name))]


@pytest.fixture(params=METRICS)
def name(request):
    return request.param


def pair(name, times=2):
    """Targets and predictions that suit the metric, twelve of them."""
    arrays = (np.concatenate([a] * times) for a in INPUTS.get(name, VALUES))
    return tuple(jnp.asarray(a, float if a.dtype.kind == "f" else int) for a in arrays)


def test_labels(name):
    metric = example(name)
    assert metric.label == snake_case(type(metric).__name__)
    assert metric.replace(name="mine").label == "mine"


def test_a_batch_adds_up(name):
    metric, (y, p) = example(name), pair(name)
    weight = jnp.arange(12.0)
    sums = [metric.measure(y[part], p[part], weight[part]) for part in (slice(0, 5), slice(5, 12))]
    close(sums[0] + sums[1], metric.measure(y, p, weight), relative=1e-6)


def test_a_weight_is_so_many_samples(name):
    metric, (y, p) = example(name), pair(name)
    often = np.repeat(np.arange(12), np.arange(12) % 3)
    close(metric(y[often], p[often]), metric(y, p, jnp.arange(12) % 3), relative=1e-5)


def test_half_precision_is_summed_in_single(name):
    metric, (y, p) = example(name), pair(name)
    sums = metric.measure(y, p.astype(jnp.bfloat16), jnp.ones(12, jnp.bfloat16))
    assert sums.dtype == jnp.float32
    with jax.enable_x64(True):
        assert metric.measure(y, jnp.asarray(np.asarray(p), jnp.float64), jnp.ones(12)).dtype == jnp.float64


def test_compiled_and_mapped(name):
    metric, (y, p) = example(name), pair(name)
    weight = jnp.ones(12)
    close(jax.jit(metric)(y, p, weight), metric(y, p, weight), relative=1e-5)
    both = jax.vmap(metric.measure)(jnp.stack([y, y]), jnp.stack([p, p]), jnp.stack([weight, weight]))
    close(both[1], metric.measure(y, p, weight), relative=1e-6)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_many_dials_at_once(name):
    metric, (y, p) = example(name), pair(name)
    settings = [dials(metric), moved(metric)]
    together = {path: jnp.array([setting[path] for setting in settings]) for path in settings[0]}
    found = jax.vmap(lambda values: with_dials(metric, values)(y, p))(together)
    close(found, jnp.stack([with_dials(metric, setting)(y, p) for setting in settings]), relative=1e-5)


def test_masked_steps_are_not_there(name):
    """Sequences of 3 and 2 steps, filled up with what is no number, against five samples."""
    metric, (y, p) = example(name), pair(name, 1)
    rows, mask = np.array([[0, 1, 2, 0], [3, 4, 0, 0]]), jnp.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    along = np.array(mask).reshape(2, 4, *[1] * (p.ndim - 1))
    weight = jnp.array([2.0, 3.0])
    padded = metric.sums(y[rows], jnp.where(along, p[rows], jnp.nan), weight, mask)
    close(padded, metric.measure(y[:5], p[:5], jnp.array([2.0, 2.0, 2.0, 3.0, 3.0])), relative=1e-6)
    close(metric(y[rows], p[rows], weight, mask), metric.result(padded), relative=1e-6)


def test_nothing_is_broadcast(name):
    metric, (y, p) = example(name), pair(name)
    with pytest.raises(ShapeError):
        metric.measure(y[:, None], p, jnp.ones(12))
    with pytest.raises(ShapeError):
        metric.measure(y[:6], p, jnp.ones(12))


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_logits_become_probabilities(name):
    metric, (y, p) = example(name), pair(name)
    several = p.ndim > 1 and name != "metrics.BinaryCrossentropy"
    z = jnp.log(p) if several else jnp.log(p) - jnp.log1p(-p)
    close(metric.replace(from_logits=True)(y, z), metric(y, p), relative=1e-5)
