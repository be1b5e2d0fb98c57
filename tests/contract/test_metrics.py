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
    measure, parts = example(name).measure, (slice(0, 5), slice(5, 12), slice(12))
    sums = jax.jit(lambda *given: [measure(*(a[part] for a in given)) for part in parts])
    first, second, whole = sums(*pair(name), np.arange(12.0, dtype=np.float32))
    close(first + second, whole, relative=1e-6)


def test_a_weight_is_so_many_samples(name):
    metric, (y, p) = example(name), pair(name)
    count = np.arange(12) % 3
    often = np.repeat(np.arange(12), count)
    close(*jax.jit(lambda y, p: (metric(y[often], p[often]), metric(y, p, jnp.asarray(count))))(y, p), relative=1e-5)


def test_half_precision_is_summed_in_single(name):
    metric, (y, p) = example(name), pair(name)
    for dtype, wanted in (("bfloat16", "float32"), ("float64", "float64")):
        with jax.enable_x64(dtype == "float64"):
            sums = jax.eval_shape(metric.measure, y, *(jax.ShapeDtypeStruct(s, dtype) for s in (p.shape, (12,))))
        assert sums.dtype == wanted


def test_compiled_and_mapped(name):
    metric, (y, p) = example(name), pair(name)
    given = y, p, np.ones(12, np.float32)
    twice = tuple(np.stack([a, a]) for a in given)
    compiled, both = jax.jit(lambda given, twice: (metric(*given), jax.vmap(metric.measure)(*twice)))(given, twice)
    sums = metric.measure(*map(jnp.asarray, given))
    close(compiled, metric.result(sums), relative=1e-5)
    close(both[1], sums, relative=1e-6)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_many_dials_at_once(name):
    metric, (y, p) = example(name), pair(name)
    settings = [dials(metric), moved(metric)]
    together = {path: jnp.array([setting[path] for setting in settings]) for path in settings[0]}
    found = jax.jit(jax.vmap(lambda values: with_dials(metric, values)(y, p)))(together)
    alone = jax.jit(lambda: [with_dials(metric, setting)(y, p) for setting in settings])()
    close(found, np.stack(alone), relative=1e-5)


def test_masked_steps_are_not_there(name):
    """Sequences of 3 and 2 steps, filled up with what is no number, against five samples."""
    metric, (y, p) = example(name), pair(name, 1)
    rows, mask = np.array([[0, 1, 2, 0], [3, 4, 0, 0]]), jnp.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    along = np.array(mask).reshape(2, 4, *[1] * (p.ndim - 1))
    weight = jnp.array([2.0, 3.0])

    @jax.jit
    def found(y, p):
        padded = metric.sums(y[rows], jnp.where(along, p[rows], jnp.nan), weight, mask)
        flat = metric.measure(y[:5], p[:5], jnp.array([2.0, 2.0, 2.0, 3.0, 3.0]))
        return (padded, metric(y[rows], p[rows], weight, mask)), (flat, metric.result(padded))

    close(*found(y, p), relative=1e-6)


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
    z = np.log(p) if several else np.log(p) - np.log1p(-np.asarray(p))
    close(*jax.jit(lambda y, p, z: (metric.replace(from_logits=True)(y, z), metric(y, p)))(y, p, z), relative=1e-5)
