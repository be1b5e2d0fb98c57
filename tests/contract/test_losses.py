"""What every registered loss keeps: its gradient, its precision, its reductions, weights and masks."""

import functools

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
    arrays = map(np.asarray, INPUTS.get(name, VALUES))
    return tuple(jnp.asarray(a.astype(dtype) if a.dtype.kind == "f" else a) for a in arrays)


@functools.cache
def each_of(name):
    """The loss of each sample in float32, compiled: once for all tests that ask."""
    assert not jax.config.jax_enable_x64
    return np.asarray(jax.jit(example(name).per_sample)(*pair(name)))


def test_same_when_compiled(name):
    loss, (y, p) = example(name), pair(name)
    close(each_of(name), loss.per_sample(y, p), relative=2e-6, absolute=1e-6)


def test_float32_is_near_float64(name):
    loss = example(name)
    with jax.enable_x64(True):
        exact = np.asarray(jax.jit(loss.per_sample)(*pair(name)))
        assert exact.dtype == np.float64
    single = each_of(name)
    assert single.dtype == jnp.float32
    close(single, exact, relative=1e-5)


def test_bfloat16_is_kept(name):
    half = jax.jit(example(name).per_sample)(*pair(name, jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    close(half, each_of(name), relative=0.1)


def has_slope(f, at):
    """The gradient of ``f`` is what differences say."""
    close(jax.jit(jax.grad(f))(at), central_differences(f, at), relative=1e-6, absolute=1e-8)


def test_gradient(name):
    loss = example(name)
    with jax.enable_x64(True):
        y, p = pair(name)
        weight = jnp.asarray(np.linspace(0.5, 2.0, len(y)))
        has_slope(lambda p: loss(y, p, weight), p)


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_gradient_from_logits(name):
    loss = example(name).replace(from_logits=True)
    with jax.enable_x64(True):
        y, p = pair(name)
        has_slope(lambda z: loss(y, z), 5 * p)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_gradient_of_dials(name):
    loss = example(name)
    with jax.enable_x64(True):
        y, p = pair(name)
        has_slope(lambda values: with_dials(loss, values)(y, p), jax.tree.map(jnp.asarray, moved(loss)))


@pytest.mark.parametrize("name", WITH_DIALS)
def test_many_dials_at_once(name):
    loss, (y, p) = example(name), pair(name)
    settings = [dials(loss), moved(loss)]
    together = {path: jnp.array([setting[path] for setting in settings]) for path in settings[0]}
    found = jax.jit(jax.vmap(lambda values: with_dials(loss, values)(y, p)))(together)
    alone = jax.jit(lambda: [with_dials(loss, setting)(y, p) for setting in settings])()
    close(found, np.stack(alone), relative=1e-5)


def test_reductions_and_weights(name):
    loss, (y, p) = example(name), pair(name)
    each, weight = each_of(name), np.linspace(0.5, 2.0, len(y), dtype=np.float32)
    assert each.shape == (len(y),)
    forms = [loss, loss.replace(reduction="sum")]
    plain, weighted = jax.jit(lambda y, p, w: [[form(y, p, of) for form in forms] for of in (None, w)])(y, p, weight)
    close(plain, [each.mean(), each.sum()], relative=1e-6)
    close(weighted, [(each * weight).mean(), (each * weight).sum()], relative=1e-6)


def test_a_sample_of_weight_0_is_not_there(name):
    loss, (y, p) = example(name), pair(name)
    doubled = (np.concatenate([a, a[:1]]) for a in (y, p))
    weight = np.array([1.0] * len(y) + [0.0], np.float32)
    close(jax.jit(loss.weighted)(*doubled, weight)[:-1], each_of(name), relative=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in OF_PAIRS])
def test_one_sample_at_a_time(name):
    loss, (y, p) = jax.jit(example(name).per_sample), map(np.asarray, pair(name))
    alone = [loss(y[i : i + 1], p[i : i + 1]) for i in range(len(y))]
    close(np.concatenate(alone), each_of(name), relative=2e-6, absolute=1e-6)


@pytest.mark.parametrize("name", OF_STEPS)
def test_masked_steps_are_not_there(name):
    """Sequences of 3 and 2 steps, filled up with what is no number, against their steps one by one."""
    loss, (y, p) = example(name), pair(name)
    y, p = y[:5], p[:5]
    rows, mask = np.array([[0, 1, 2, 0], [3, 4, 0, 0]]), np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    along = mask.reshape(2, 4, *[1] * (p.ndim - 1))

    def mean(p):
        return jnp.stack(_steps(loss, y, p))

    def masked(p, mask=mask):
        return loss.masked(y[rows], jnp.where(along, p[rows], jnp.nan), mask)

    def with_slope(f, p):
        value, pull = jax.vjp(f, p)
        return value, pull(jnp.array([1.0, -2.0]))[0]

    got, wanted = jax.jit(lambda p: [with_slope(f, p) for f in (masked, mean)])(p)
    close(got, wanted, relative=1e-5, absolute=1e-6)
    assert jax.jit(loss.masked)(y[rows], p[rows], np.zeros((2, 4), bool)).tolist() == [0.0, 0.0]


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
        example(name)(y, p, mask=np.ones((6, 3), bool))


def test_a_mask_that_does_not_fit(name):
    y, p = pair(name)
    with pytest.raises(ShapeError, match="mask"):
        example(name)(y, p, mask=np.ones((len(y), 77), bool))
