"""Rescaling and Normalization."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.layers import Context, Normalization, Rescaling
from tests.layers.calling import KEY, call, init, shape
from tests.numeric import close

X = np.random.default_rng(0).normal([1e4, 0.0, -5.0], [1.0, 1e-3, 50.0], size=(200, 3))


def normalized(x, layer=None, state=None):
    layer = layer or Normalization()
    return layer.apply({}, layer.adapt(X) if state is None else state, jnp.asarray(x), Context())[0]


def test_rescaling():
    assert call(Rescaling(1 / 127.5, offset=-1.0), jnp.array([[0.0, 127.5, 255.0]])).tolist() == [[-1.0, 0.0, 1.0]]


def test_identity_before_adaptation():
    for x64 in (False, True):
        with jax.enable_x64(x64):
            x = jnp.asarray(X, float)
            for layer in (Normalization(), Normalization(invert=True)):
                assert (call(layer, x) == x).all()


def test_adapted_data_has_mean_0_and_variance_1():
    with jax.enable_x64(True):
        y = np.asarray(normalized(X))
        np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-9)
        np.testing.assert_allclose(y.var(0), 1.0, rtol=1e-9)


def test_as_scikit_learn_does():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    with jax.enable_x64(True):
        close(normalized(X), preprocessing.StandardScaler().fit_transform(X), relative=1e-10)


def test_statistics_are_taken_in_float64():
    """In float32 a variance of 1 around 1e4 has few digits left."""
    state = Normalization().adapt(X)
    assert {v.dtype for v in state.values()} == {jnp.dtype("float32")}
    close(state, {"mean": X.mean(0), "variance": X.var(0)}, relative=1e-7)


def test_all_axes_but_the_last():
    images = X.reshape(2, 10, 10, 3)
    close(Normalization().adapt(images), Normalization().adapt(X), relative=1e-7)


@pytest.mark.parametrize(
    ("axis", "others"), [(1, (0, 2, 3)), ((1, -1), (0, 2)), ((2,), (0, 1, 3)), (None, (0, 1, 2, 3))]
)
def test_axes_have_statistics_of_their_own(axis, others):
    images = X.reshape(2, 10, 10, 3)
    with jax.enable_x64(True):
        layer = Normalization(axis)
        y = np.asarray(normalized(images, layer, layer.adapt(images)))
        want = (images - images.mean(others, keepdims=True)) / images.std(others, keepdims=True)
        np.testing.assert_allclose(y, want, rtol=1e-9, atol=1e-9)


def test_statistics_may_be_given():
    y = call(Normalization(mean=(1.0, 2.0), variance=(4.0, 9.0)), jnp.array([[3.0, 5.0]]))
    assert y.tolist() == [[1.0, 1.0]]
    assert call(Normalization(mean=1.0, variance=4.0), jnp.array([[3.0, 5.0]])).tolist() == [[1.0, 2.0]]
    assert call(Normalization(1, 1.0, 4.0), jnp.ones((2, 3, 5))).shape == (2, 3, 5)


def test_fields_that_do_not_fit():
    with pytest.raises(SpecError, match=r"variance: got mean=1\.0 and variance=None"):
        Normalization(mean=1.0)
    for axis in (0, (1, 0)):
        with pytest.raises(SpecError, match="axis: got 0, the batch"):
            Normalization(axis)
    with pytest.raises(ShapeError, match=r"axes \(3,\) after the batch"):
        Normalization(3).init(KEY, shape(4, 2))
    with pytest.raises(ShapeError, match="got 3 means or variances; expected one, or 2"):
        Normalization(mean=(1.0, 2.0, 3.0), variance=1.0).init(KEY, shape(4, 2))


def test_invert_takes_it_back():
    with jax.enable_x64(True):
        state = Normalization().adapt(X)
        close(normalized(normalized(X, state=state), Normalization(invert=True), state), X, relative=1e-12)


@pytest.mark.parametrize("value", [0.1, 7.0, 0.0, 1e30])
def test_a_constant_feature_gets_variance_1(value):
    x = np.full((1000, 1), value)
    state = Normalization().adapt(x)
    assert state["variance"].tolist() == [1.0]
    assert (normalized(x.astype(np.float32), state=state) == 0).all()


def test_a_variance_too_small_for_float32_stays_finite():
    state = Normalization().adapt(np.array([[0.0], [1e-30]]))
    assert np.isfinite(normalized(np.array([[0.0], [1e-30]], np.float32), state=state)).all()


@pytest.mark.parametrize(
    ("bad", "got"), [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (None, "no values")]
)
def test_adapt_refuses(bad, got):
    with pytest.raises(DataError, match=got):
        Normalization().adapt(np.zeros((0, 3)) if bad is None else np.array([[1.0], [bad]]))


def test_half_precision():
    """The difference from a large mean is taken before rounding to few digits."""
    state = {"mean": jnp.array([1000.0]), "variance": jnp.array([4.0])}
    y = normalized(jnp.array([[1008.0]], jnp.bfloat16), state=state)
    assert (y.dtype, float(y[0, 0])) == (jnp.bfloat16, 4.0)


def test_needs_features():
    with pytest.raises(ShapeError, match="features"):
        Normalization().init(KEY, shape(3))
    with pytest.raises(ShapeError, match="got 2 features; expected 3"):
        normalized(np.zeros((4, 2), np.float32))


def test_state_and_no_parameters():
    params, state = init(Normalization(), X.astype(np.float32))
    assert params == {}
    assert {name: v.tolist() for name, v in state.items()} == {"mean": [0.0] * 3, "variance": [1.0] * 3}
