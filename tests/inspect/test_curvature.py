"""Hessians against jax.hessian of a network written out by hand, Lanczos against eigh, and losses that are convex."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import liuli as ll
from liuli import layers
from liuli.inspect import trace
from liuli.inspect.curvature import Eigenpair, hessian, hessian_vector, lanczos, negative_curvature
from liuli.inspect.curvature.convexity import highest
from tests.numeric import close

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(8, 3)).astype(np.float32).astype(float), np.array([0, 1, 2, 0, 1, 2, 0, 1])
WIDE = {"precision": "float64"}


@pytest.fixture(scope="module")
def model():
    net = ll.Sequential([layers.Dense(4, "tanh", kernel_regularizer="l2"), layers.Dense(3, "softmax")])
    return ll.Model(net, "categorical_crossentropy").build((3,))


def by_hand(params):
    """The same loss, written without the library."""
    one, two = params["dense_1"], params["dense_2"]
    logits = jnp.tanh(X @ one["kernel"] + one["bias"][None]) @ two["kernel"] + two["bias"][None]
    return 0.01 * (one["kernel"] ** 2).sum() - jax.nn.log_softmax(logits)[jnp.arange(8), LABELS].mean()


@pytest.fixture(scope="module")
def dense(model):
    """The Hessian by JAX: (31, 31)"""
    with jax.enable_x64(True):
        flat, rebuild = ravel_pytree(jax.tree.map(lambda p: jnp.asarray(np.asarray(p), float), model.params))
        return np.asarray(jax.jit(jax.hessian(lambda w: by_hand(rebuild(w))))(flat))


def flat(tree):
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])


def like(params, seed=1):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda p: rng.normal(size=p.shape), params)


@pytest.mark.parametrize("exact", [False, True])
def test_eigenpairs_and_trace_are_those_of_the_hessian(model, dense, exact):
    found = hessian(model, X, LABELS, exact=exact, tolerance=1e-9, batch_size=5, **WIDE)
    values, vectors = np.linalg.eigh(dense)
    ends = [0, 1, 2, -3, -2, -1]
    np.testing.assert_allclose(found.eigenvalues, values[ends], atol=1e-9)
    for pair, vector in zip(found.pairs, vectors.T[ends], strict=True):
        assert abs(flat(pair.direction) @ vector) == pytest.approx(1, abs=1e-6)
        assert pair.residual < 1e-8 and sum(pair.shares.values()) == pytest.approx(1)
    assert abs(found.trace - np.trace(dense)) <= 4 * found.trace_error + 1e-9
    assert (found.trace_error == 0) == exact
    assert found.size == 31 and found.weights.sum() == pytest.approx(1)
    if exact:
        assert found.weights @ found.nodes**2 == pytest.approx(np.square(dense).sum() / 31)
    assert found.loss == pytest.approx(model.evaluate(X, LABELS)["loss"], rel=1e-6)


def test_density_is_one_in_all_and_has_the_moments_of_the_eigenvalues(model, dense):
    found = hessian(model, X, LABELS, **WIDE)
    at, density = found.density(points=4000, width=0.02)
    assert np.trapezoid(density, at) == pytest.approx(1, abs=1e-5)
    assert np.trapezoid(density * at, at) == pytest.approx(np.trace(dense) / 31, abs=1e-5)
    second = np.square(dense).sum() / 31 + 0.02**2
    assert np.trapezoid(density * at**2, at) == pytest.approx(second, abs=1e-5)


def test_one_layer_has_its_block(model, dense):
    found = hessian(model, X, LABELS, k=50, layer="dense_2", **WIDE)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(dense[16:, 16:]), atol=1e-9)
    assert "block of dense_2, 15 eigenvalues" in str(found)
    assert not np.any(found.largest.direction["dense_1"]["kernel"])


def test_product_is_the_slope_of_the_gradient(model, dense):
    """Against the dense Hessian, and against central differences of the gradient, in float64."""
    v, h = like(model.params), 1e-5
    got = hessian_vector(model, X, LABELS, v, batch_size=3, **WIDE)
    np.testing.assert_allclose(flat(got), dense @ flat(v), rtol=1e-9, atol=1e-12)
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(by_hand))
        at, moved = flat(model.params), h * flat(v)
        rebuild = ravel_pytree(jax.tree.map(lambda p: jnp.asarray(p, float), v))[1]
        above, below = slope(rebuild(at + moved)), slope(rebuild(at - moved))
    close(got, jax.tree.map(lambda a, b: (np.asarray(a) - np.asarray(b)) / (2 * h), above, below), 1e-8)


@pytest.fixture(scope="module")
def everything():
    """Convolution, pooling, normalization, masked recurrence, dropout; two inputs, two outputs, a frozen layer."""
    image, words = ll.Input((6, 6, 1)), ll.Input((4,), dtype="int32")
    seen = layers.MaxPooling2D(2)(layers.BatchNormalization()(layers.Conv2D(2, 3, activation="tanh")(image)))
    read = layers.LSTM(3)(layers.Embedding(5, 2, mask_zero=True)(words))
    both = layers.Dropout(0.3)(layers.Concatenate()([layers.Flatten()(seen), read]))
    still = layers.Dense(3, "gelu", trainable=False, name="still")(both)
    net = ll.Graph([image, words], [layers.Dense(2, "softmax")(still), layers.Dense(1)(still)])
    losses = ("categorical_crossentropy", ll.losses.MeanSquaredError(reduction="sum"))
    model = ll.Model(net, losses, loss_weights=(0.5, 2.0), **WIDE)
    x = (RNG.normal(size=(5, 6, 6, 1)), RNG.integers(0, 5, size=(5, 4)))
    return model, x, (np.array([0, 1, 1, 0, 1]), RNG.normal(size=(5, 1)))


@pytest.mark.parametrize("training", [False, True])
def test_product_through_every_kind_of_layer(everything, training):
    model, x, y = everything
    start = jax.device_get(model.params)
    v, h, found = like(start), 1e-5, []
    v["still"] = jax.tree.map(np.zeros_like, v["still"])
    for sign in (1, -1):
        for name, own in start.items():
            model.params[name].update({key: own[key] + sign * h * v[name][key] for key in own})
        found.append(jax.tree.map(lambda seen: seen.gradient, trace(model, x, y, training=training).params))
    for name, own in start.items():
        model.params[name].update(own)
    want = jax.tree.map(lambda a, b: (a - b) / (2 * h), *found)
    want["still"] = jax.tree.map(np.zeros_like, want["still"])
    close(hessian_vector(model, x, y, v, training=training), want, 1e-6, absolute=1e-8)


def test_product_where_training_has_native_kernels(everything):
    """In float32 layers compute natively, which has one derivative only: here it is plain, and as in float64."""
    model, x, y = everything
    narrow = ll.Model(model.net, [o.loss for o in model.recipe.outputs], loss_weights=(0.5, 2.0))
    for name, own in model.params.items():
        narrow.params[name].update({key: np.asarray(leaf, np.float32) for key, leaf in own.items()})
    v = like(model.params)
    got, want = (hessian_vector(each, x, y, v, precision="float64") for each in (narrow, model))
    close(hessian_vector(narrow, x, y, v), jax.tree.map(np.float32, got), 1e-4, absolute=1e-5)
    close(got, want, 1e-4, absolute=1e-5)


def test_linear_regression_is_known_exactly():
    """H = 2/n X^T X for each of two outputs, halved by the mean over them: every eigenvalue is there twice."""
    y = RNG.normal(size=(8, 2))
    model = ll.Model(ll.Sequential([layers.Dense(2, use_bias=False)]), "mse")
    want = np.repeat(np.linalg.eigvalsh(X.T @ X / 8), 2)
    found = hessian(model, X, y, k=2, exact=False, tolerance=1e-10, **WIDE)
    np.testing.assert_allclose(found.eigenvalues, want[[0, 1, -2, -1]], rtol=1e-9)
    assert found.negative is None and found.share_negative == 0
    assert found.trace == pytest.approx(want.sum(), rel=0.5)
    assert hessian(model, X, y, k=3, **WIDE).trace == pytest.approx(want.sum())
    line = negative_curvature(model, X, y)
    assert not line.found and not line.negative and "no negative curvature here" in str(line)
    np.testing.assert_allclose(line.bends, want[0], rtol=1e-3)


def test_logistic_regression_is_convex_even_where_eigenvalues_are_zero():
    x = np.concatenate([X, X[:, :1]], axis=1)  # a column twice: one eigenvalue is 0
    model = ll.Model(ll.Sequential([layers.Dense(1, "sigmoid")]), "binary_crossentropy")
    line = negative_curvature(model, x, (X[:, :1] > 0).astype(float), reach=3.0)
    assert not line.found and not line.negative
    assert abs(line.pair.value) < 1e-6


def test_three_points_prove_that_a_network_is_not_convex(model):
    """The points are evaluated again, as any reader of the proof would."""
    line = negative_curvature(model, X, LABELS, reach=2.0)
    assert line.found and line.negative and "the loss is not convex" in str(line)
    assert sum(line.places[::2]) / 2 == pytest.approx(line.places[1])
    again = []
    for t in line.places:
        moved = ll.Model(model.net, "categorical_crossentropy").build((3,))
        for name, own in line.pair.direction.items():
            moved.params[name].update({key: model.params[name][key] + np.float32(t) * own[key] for key in own})
        again.append(moved.evaluate(X, LABELS)["loss"])
    np.testing.assert_allclose(again, line.heights, rtol=1e-5)
    assert again[1] > (again[0] + again[2]) / 2
    step = line.at[1] - line.at[0]
    wide = negative_curvature(model, X, LABELS, reach=2.0, **WIDE)
    want = np.diff(wide.losses, 2) / step**2
    np.testing.assert_allclose(wide.bends[1:-1], want, atol=1e-3 * np.abs(want).max())
    assert wide.bends[50] == pytest.approx(wide.pair.value, abs=1e-3)


@settings(max_examples=20)
@given(st.integers(1, 24), st.integers(1, 6), st.integers(0, 99))
def test_lanczos_finds_the_ends_with_their_multiplicity(size, k, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-3, 4, size=size).astype(float)  # many are there more than once
    turns = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix, values = (turns * values) @ turns.T, np.sort(values)
    found = lanczos.extremes(lambda v: v @ matrix, size, k, tolerance=1e-8, seed=seed)
    want = values if 2 * k >= size else values[np.r_[:k, size - k : size]]
    np.testing.assert_allclose(found.values, want, atol=1e-6)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(len(want)), atol=1e-9)
    assert found.residuals.max() < 1e-6


def test_lanczos_starts_again_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(lanczos, "_MEMORY", 0)
    values = np.concatenate([np.linspace(-1, 1, 297), [3, 4, -2]])
    turns = np.linalg.qr(RNG.normal(size=(300, 300)))[0]
    rows = []

    def product(v):
        rows.append(len(v))
        return (v @ turns * values) @ turns.T

    found = lanczos.extremes(product, 300, 2, tolerance=1e-8)
    np.testing.assert_allclose(found.values, np.sort(values)[[0, 1, -2, -1]], atol=1e-9)
    assert sum(rows) == found.products > 3 * (8 * 2 + 8)  # several times the room


@settings(max_examples=10)
@given(st.integers(6, 30), st.integers(0, 3), st.integers(0, 99))
def test_quadrature_has_the_moments_of_what_is_not_known(size, m, seed):
    """As many steps as there is room integrate every power exactly, for each start; diagonal traces are exact."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size)
    found = lanczos.quadrature(lambda v: v * values, np.eye(size)[:m], 3, size, width=2, seed=seed)
    np.testing.assert_allclose(found.traces, values[m:].sum(), atol=1e-9)
    np.testing.assert_allclose(found.weights.sum(1), 1 / 3, rtol=1e-9)
    for power in (1, 2, 3):
        want = np.mean(values[m:] ** power)
        np.testing.assert_allclose((found.weights * found.nodes**power).sum(), want, atol=1e-8)


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=12))
def test_the_highest_chord_is_the_highest(losses):
    losses = np.array(losses)
    i, mid, j = highest(losses)
    every = [
        losses[a + w] - (losses[a] + losses[a + 2 * w]) / 2
        for a in range(len(losses))
        for w in range(1, len(losses))
        if a + 2 * w < len(losses)
    ]
    assert 2 * mid == i + j and losses[mid] - (losses[i] + losses[j]) / 2 == max(every)


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(ll.LiuliError, match="'dense_1'"):
        hessian(model, X, LABELS, layer="dens_1")
    with pytest.raises(ll.LiuliError, match="k=0"):
        hessian(model, X, LABELS, k=0)
    with pytest.raises(ll.LiuliError, match="batch_size"):
        hessian(model, X, LABELS, batch_size=0)
    with pytest.raises(ll.LiuliError, match="direction/dense_1"):
        hessian_vector(model, X, LABELS, {"dense_2": model.params["dense_2"]})
    with pytest.raises(ll.LiuliError, match="only zeros"):
        hessian_vector(model, X, LABELS, jax.tree.map(np.zeros_like, like(model.params)))
    still = ll.Model(ll.Sequential([layers.Dense(1, trainable=False)]), "mse")
    with pytest.raises(ll.LiuliError, match="no parameters that learn"):
        hessian(still, X, X[:, :1])
    broken = ll.Model(ll.Sequential([layers.Dense(1)]), "mse").build((3,))
    broken.params["dense_1"]["bias"] = jnp.array([jnp.nan])
    with pytest.raises(ll.LiuliError, match="a loss of nan"):
        hessian(broken, X, X[:, :1])


def test_it_is_shown(model):
    found = hessian(model, X, LABELS)
    assert "31 eigenvalues" in str(found) and "<pre" in found._repr_html_()
    ax = found.plot(words={"density": "Dichte"})
    assert ax.get_ylabel() == "Dichte" and ax.get_yscale() == "log"
    marked = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "v"])
    np.testing.assert_allclose(np.sort(marked), found.eigenvalues)
    ax = negative_curvature(model, X, LABELS).plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["second derivative below 0", "loss", "chord"]
    assert repr(Eigenpair(2.0, 0.1, {})) == "Eigenpair(2, residual 1.0e-01)"
    plt.close("all")
