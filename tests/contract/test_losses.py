"""What every registered loss keeps: its gradient, its precision, its reductions, weights and masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.dials import dials, with_dials
from liuli.core.errors import ShapeError
from liuli.losses import MarginRanking
from liuli.losses.pairs import _OfPairs
from tests.contract.examples import INPUTS, SPECS, example, moved
from tests.contract.given.losses import VALUES
from tests.numeric import central_differences, close

LOSSES = [name for name in SPECS if name.startswith("losses.")]
WITH_DIALS = [name for name in LOSSES if dials(example(name))]
OF_PAIRS = [name for name in LOSSES if isinstance(example(name), _OfPairs)]
OF_STEPS = [name for name in LOSSES if name not in (*OF_PAIRS, "losses.CTC")]
WITH_LOGITS = [name for name in LOSSES if hasattr(example(name), "from_logits")]


@pytest.fixture(params=LOSSES)
def name(request):
    return request.param


def pair(name, dtype=float):
    """Targets and predictions that suit the loss, floats in ``dtype``."""
    arrays = map(jnp.asarray, INPUTS.get(name, VALUES))
    return tuple(a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.inexact) else a for a in arrays)


def test_same_when_compiled(name):
    loss, (y, p) = example(name), pair(name)
    close(jax.jit(loss.per_sample)(y, p), loss.per_sample(y, p), relative=2e-6, absolute=1e-6)


def test_float32_is_near_float64(name):
    loss = example(name)
    with jax.enable_x64(True):
        exact = np.asarray(loss.per_sample(*pair(name)))
        assert exact.dtype == np.float64
    single = loss.per_sample(*pair(name, jnp.float32))
    assert single.dtype == jnp.float32
    close(single, exact, relative=1e-5)


def test_bfloat16_is_kept(name):
    loss = example(name)
    half = loss.per_sample(*pair(name, jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    close(half, loss.per_sample(*pair(name)), relative=0.1)


def test_gradient(name):
    loss = example(name)
    with jax.enable_x64(True):
        y, p = pair(name)
        weight = jnp.linspace(0.5, 2.0, len(y))
        f = lambda p: loss(y, p, weight)  # noqa: E731
        close(jax.grad(f)(p), central_differences(f, p), relative=1e-6, absolute=1e-8)


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_gradient_from_logits(name):
    loss = example(name).replace(from_logits=True)
    with jax.enable_x64(True):
        y, p = pair(name)
        f = lambda z: loss(y, z)  # noqa: E731
        close(jax.grad(f)(5 * p), central_differences(f, 5 * p), relative=1e-6, absolute=1e-8)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_gradient_of_dials(name):
    loss = example(name)
    with jax.enable_x64(True):
        y, p = pair(name)
        at = {path: jnp.asarray(value) for path, value in moved(loss).items()}
        f = lambda values: with_dials(loss, values)(y, p)  # noqa: E731
        close(jax.grad(f)(at), central_differences(f, at), relative=1e-6, absolute=1e-8)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_many_dials_at_once(name):
    loss, (y, p) = example(name), pair(name)
    settings = [dials(loss), moved(loss)]
    together = {path: jnp.array([setting[path] for setting in settings]) for path in settings[0]}
    found = jax.vmap(lambda values: with_dials(loss, values)(y, p))(together)
    close(found, jnp.stack([with_dials(loss, setting)(y, p) for setting in settings]), relative=1e-5)


def test_reductions_and_weights(name):
    loss, (y, p) = example(name), pair(name)
    each, weight = loss.per_sample(y, p), jnp.linspace(0.5, 2.0, len(y))
    assert each.shape == (len(y),)
    close(loss(y, p), each.mean(), relative=1e-6)
    close(loss.replace(reduction="sum")(y, p), each.sum(), relative=1e-6)
    close(loss(y, p, weight), (each * weight).mean(), relative=1e-6)
    close(loss.replace(reduction="sum")(y, p, weight), (each * weight).sum(), relative=1e-6)


def test_a_sample_of_weight_0_is_not_there(name):
    loss, (y, p) = example(name), pair(name)
    doubled = (jnp.concatenate([a, a[:1]]) for a in (y, p))
    weight = jnp.array([1.0] * len(y) + [0.0])
    close(loss.weighted(*doubled, weight)[:-1], loss.per_sample(y, p), relative=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in OF_PAIRS])
def test_one_sample_at_a_time(name):
    loss, (y, p) = example(name), pair(name)
    alone = [loss.per_sample(y[i : i + 1], p[i : i + 1]) for i in range(len(y))]
    close(jnp.concatenate(alone), loss.per_sample(y, p), relative=2e-6, absolute=1e-6)


@pytest.mark.parametrize("name", OF_STEPS)
def test_masked_steps_are_not_there(name):
    """Sequences of 3 and 2 steps, filled up with what is no number, against their steps one by one."""
    loss, (y, p) = example(name), pair(name)
    y, p = y[:5], p[:5]
    rows, mask = np.array([[0, 1, 2, 0], [3, 4, 0, 0]]), jnp.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    along = np.array(mask).reshape(2, 4, *[1] * (p.ndim - 1))

    def mean(p):
        return jnp.stack(_steps(loss, y, p))

    def masked(p):
        return loss.masked(y[rows], jnp.where(along, p[rows], jnp.nan), mask)

    close(masked(p), mean(p), relative=1e-5, absolute=1e-6)
    number = jnp.array([1.0, -2.0])
    gradient = jax.grad(lambda p: masked(p) @ number)(p)
    close(gradient, jax.grad(lambda p: mean(p) @ number)(p), relative=1e-5, absolute=1e-6)
    assert loss.masked(y[rows], p[rows], jnp.zeros((2, 4), bool)).tolist() == [0.0, 0.0]


def _steps(loss, y, p):
    """The loss of each sequence, without padding and without a mask."""
    parts = [(y[:3], p[:3]), (y[3:], p[3:])]
    if isinstance(loss, MarginRanking):  # which takes no sequences, but may be used within one
        return [loss.per_sample(*part).mean() for part in parts]
    return [loss.per_sample(*(a[None] for a in part))[0] for part in parts]


@pytest.mark.parametrize("name", OF_PAIRS)
def test_pairs_have_no_masks(name):
    y, p = pair(name)
    with pytest.raises(ShapeError, match="mask"):
        example(name)(y, p, mask=jnp.ones((6, 3), bool))


def test_a_mask_that_does_not_fit(name):
    y, p = pair(name)
    with pytest.raises(ShapeError, match="mask"):
        example(name)(y, p, mask=jnp.ones((len(y), 77), bool))
