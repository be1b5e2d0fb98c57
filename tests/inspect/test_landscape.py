"""The landscape of losses that are known in closed form, and of networks, where evaluate() measures it."""

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liuli as ll
from liuli import layers
from liuli.inspect.curvature.objective import Objective
from liuli.inspect.landscape import Between, along, between, figures, plane, sharpness, trajectory
from liuli.inspect.landscape.directions import filter_normalized
from liuli.inspect.landscape.planes import barycentric, principal

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3)).astype(np.float32).astype(float)
Y = RNG.normal(size=(6, 1)).astype(np.float32).astype(float)
WIDE = {"precision": "float64"}


@pytest.fixture(scope="module")
def linear():
    """L(w) = |X w - y|^2 / n"""
    return ll.Model(ll.Sequential([layers.Dense(1, use_bias=False)]), "mse").build((3,))


def quadratic(w, x=X, y=Y):
    return float(np.square(x @ w - y).mean())


def kernel(model):
    return np.asarray(model.params["dense_1"]["kernel"], np.float64)


def tree(array):
    return {"dense_1": {"kernel": array}}


def network(seed):
    norm = layers.BatchNormalization(momentum=0.5)
    net = ll.Sequential([layers.Dense(4, "tanh"), norm, layers.Dropout(0.5), layers.Dense(1, "sigmoid")])
    model = ll.Model(net, "binary_crossentropy", ll.optimizers.Adam(0.1), ["accuracy"], seed=seed)
    model.fit(X, LABELS, epochs=20, verbose=0)
    return model


LABELS = (X[:, :1] * X[:, 1:2] > 0).astype(float)


@pytest.fixture(scope="module")
def three():
    return [network(seed) for seed in (0, 1, 2)]


def evaluated(model, params):
    """What evaluate() measures at other parameters; the model is put back."""
    before = jax.device_get(model.params)
    for chosen in (params, before):
        for name, own in chosen.items():
            model.params[name].update({key: np.asarray(leaf, np.float32) for key, leaf in own.items()})
        if chosen is params:
            logs = model.evaluate(X, LABELS)
    return logs["loss"]


# ---- along a line ----------------------------------------------------------------------------------------------------


def test_a_line_through_a_quadratic(linear):
    d = RNG.normal(size=(3, 1))
    found = along(linear, X, Y, tree(d), reach=2.0, points=9, batch_size=4, **WIDE)
    np.testing.assert_allclose(found.losses, [quadratic(kernel(linear) + t * d) for t in found.at], rtol=1e-12)
    assert found.loss == pytest.approx(quadratic(kernel(linear)), rel=1e-12)
    assert found.at[0] == -2 and found.losses[4] == found.loss


def test_the_gradient_leads_down_at_its_own_length(linear):
    found = along(linear, X, Y, "gradient", reach=1e-4, points=3, **WIDE)
    g = 2 / 6 * X.T @ (X @ kernel(linear) - Y)
    assert (found.losses[2] - found.losses[0]) / 2e-4 == pytest.approx(-np.linalg.norm(g), rel=1e-6)


def test_filters_of_a_random_direction_are_as_long_as_those_of_the_network():
    net = ll.Sequential([
        layers.Embedding(4, 3), layers.Conv1D(5, 2), layers.LayerNormalization(), layers.GRU(2), layers.Dense(2)
    ])  # fmt: skip
    model = ll.Model(net, "mse")
    objective = Objective(model, RNG.integers(0, 4, size=(2, 4)), np.zeros((2, 2)))
    d = objective.tree(filter_normalized(objective, np.random.default_rng(0)))
    norms = {"embedding_1": 1, "conv1d_1": (0, 1), "dense_1": 0}
    for name, axes in norms.items():
        key = "embeddings" if name == "embedding_1" else "kernel"
        got, want = (np.sqrt(np.square(np.asarray(p[name][key])).sum(axes)) for p in (d, model.params))
        np.testing.assert_allclose(got, want, rtol=1e-5)
        assert np.abs(d[name][key] - np.asarray(model.params[name][key])).max() > 0.01
    assert not any(np.any(d[name]["bias"]) for name in ("conv1d_1", "gru_1", "dense_1"))
    assert not np.any(d["layer_normalization_1"]["gamma"])


# ---- between models --------------------------------------------------------------------------------------------------


def test_both_ends_are_the_models(three):
    a, b, _ = three
    found = between(a, b, X, LABELS, points=3)
    for i, model in ((0, a), (-1, b)):
        logs = model.evaluate(X, LABELS)
        assert {name: values[i] for name, values in found.logs.items()} == pytest.approx(logs, rel=1e-6)
    assert found.above[0] == found.above[-1] == 0


def test_the_barrier_between_two_networks_that_compute_the_same():
    """v tanh(u x), and the same with both signs turned: half way it is 0 everywhere."""
    a, b = (ll.Model(ll.Sequential([layers.Dense(2, "tanh"), layers.Dense(1)]), "mse").build((3,)) for _ in range(2))
    for name in b.params:
        b.params[name]["kernel"] = -a.params[name]["kernel"]
    found = between(a, b, X, Y, points=5)
    ends = a.evaluate(X, Y)["loss"]
    assert found.losses[[0, -1]] == pytest.approx([ends, ends]) and found.losses[2] == pytest.approx(
        np.square(Y).mean()
    )
    assert found.barrier == pytest.approx(max(found.losses) - ends) and "barrier" in str(found)
    same = between(a, a, X, Y, points=3)
    assert same.barrier < 1e-6 and "no barrier" in str(same)


# ---- on a plane ------------------------------------------------------------------------------------------------------


def test_a_plane_through_a_quadratic(linear):
    d, e = RNG.normal(size=(2, 3, 1))
    found = plane(linear, X, Y, [tree(d), tree(e)], reach=1.5, points=5, **WIDE)
    want = [[quadratic(kernel(linear) + a * d + b * e) for a in found.a] for b in found.b]
    np.testing.assert_allclose(found.losses, want, rtol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_the_middle_of_a_plane_is_the_model(three, training):
    found = plane(three[0], X, LABELS, reach=0.5, points=3, training=training)
    want = ll.inspect.trace(three[0], X, LABELS, training=training).loss
    assert found.losses[1, 1] == pytest.approx(want, rel=1e-6) and found.loss == pytest.approx(want, rel=1e-6)
    if not training:
        assert found.loss == pytest.approx(three[0].evaluate(X, LABELS)["loss"], rel=1e-6)
        params = jax.tree.map(lambda p, d: p - np.float32(0.5) * d, three[0].params, found.directions[0])
        assert found.losses[1, 0] == pytest.approx(evaluated(three[0], params), rel=1e-4)


def test_three_models_lie_on_their_plane(three):
    """On a grid of 8 x 8 with a margin of a fifth, the models lie on its second and seventh lines."""
    first, *others = three
    found = plane(first, X, LABELS, models=others, points=8)
    at = np.array(list(found.marks.values()))
    assert at[0].tolist() == [0, 0] and at[1][1] == pytest.approx(0, abs=1e-5)
    for place, model in zip(at, three, strict=True):
        moved = jax.tree.map(lambda p, d, e, c=place: p + np.float32(c[0]) * d + np.float32(c[1]) * e,
                             first.params, *found.directions)  # fmt: skip
        jax.tree.map(lambda m, p: np.testing.assert_allclose(m, p, atol=1e-4), moved, model.params)
    on_grid = 0
    for place, model in zip(at, three, strict=True):
        column, row = np.argmin(np.abs(found.a - place[0])), np.argmin(np.abs(found.b - place[1]))
        if np.allclose([found.a[column], found.b[row]], place, atol=1e-6 * np.ptp(found.a)):
            assert found.losses[row, column] == pytest.approx(model.evaluate(X, LABELS)["loss"], rel=1e-3)
            on_grid += 1
    assert on_grid >= 2  # all whose a is the least or the largest
    assert found.loss == pytest.approx(first.evaluate(X, LABELS)["loss"], rel=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 99))
def test_places_of_a_triangle_are_weights_of_its_corners(seed):
    rng = np.random.default_rng(seed)
    corners, weights = rng.normal(size=(3, 2)), rng.dirichlet(np.ones(3), size=4)
    np.testing.assert_allclose(barycentric(weights @ corners, corners), weights, atol=1e-6)
    np.testing.assert_allclose(barycentric(corners, corners), np.eye(3), atol=1e-6)
    far = barycentric(10 * rng.normal(size=(4, 2)), corners)
    assert (far >= 0).all() and far.sum(1) == pytest.approx(1)


def test_the_way_of_a_training_lies_on_its_plane(linear):
    """Gradient descent on a quadratic in a plane of w: two components are all, and the losses are known."""
    x, w = X * [1, 1, 0], np.array([[2.0], [-1.0], [0.0]])
    way = [w]
    for _ in range(6):
        w = w - 0.2 * 2 / 6 * x.T @ (x @ w - Y)
        way.append(w)
    found = trajectory(linear, x, Y, way=[tree(step) for step in way], points=5, **WIDE)
    assert sum(found.explained) == pytest.approx(1) and found.path[-1].tolist() == [0, 0]
    for step, place in zip(way, found.path, strict=True):
        assert np.linalg.norm(step - way[-1]) == pytest.approx(np.linalg.norm(place))
    d, e = (found.directions[i]["dense_1"]["kernel"] for i in (0, 1))
    want = [[quadratic(way[-1] + a * d + b * e, x) for a in found.a] for b in found.b]
    np.testing.assert_allclose(found.losses, want, rtol=1e-9)
    assert found.a.min() <= found.path[:, 0].min() and found.a.max() >= found.path[:, 0].max()
    ax = found.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["start", "end"]
    plt.close("all")


def test_principal_directions_are_those_of_the_singular_values():
    rows = RNG.normal(size=(5, 40)) * np.array([5, 3, 1, 1, 0])[:, None]
    directions, path, explained = principal(rows)
    _, lengths, turned = np.linalg.svd(rows)
    np.testing.assert_allclose(np.abs((directions * turned[:2]).sum(1)), 1, rtol=1e-9)
    np.testing.assert_allclose(explained, lengths[:2] ** 2 / np.square(lengths).sum(), rtol=1e-9)
    np.testing.assert_allclose(path, rows @ directions.T, atol=1e-9)


# ---- sharpness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bottom", [False, True])
def test_sharpness_of_a_quadratic_with_axes(linear, bottom):
    """X = diag(s): L = sum_i (s_i w_i - y_i)^2 / 3; in a box each coordinate goes to its worse end."""
    s, y = np.array([1.0, 2.0, 4.0]), np.array([[0.5], [1.0], [-2.0]])
    w = y[:, 0] / s if bottom else np.array([1.0, 0.25, 0.5])
    model = ll.Model(linear.net, "mse", **WIDE).build((3,))
    model.params["dense_1"]["kernel"] = w[:, None]
    found = sharpness(model, np.diag(s), y, epsilon=0.01, rho=0.1, tolerance=1e-9)
    g, h = 2 / 3 * s * (s * w - y[:, 0]), 2 / 3 * s**2
    room, loss = 0.01 * (np.abs(w) + 1), quadratic(w[:, None], np.diag(s), y)
    rise = (np.abs(g) * room + h / 2 * room**2).sum()
    assert found.loss == pytest.approx(loss, abs=1e-15)
    assert found.box == pytest.approx(100 * rise / (1 + loss)) and found.highest == pytest.approx(loss + rise)
    assert found.eigenvalue == pytest.approx(h.max())
    if bottom:
        assert found.ball == 0
    else:
        e = 0.1 * g / np.linalg.norm(g)
        assert found.ball == pytest.approx(g @ e + (h / 2 * e**2).sum())
        np.testing.assert_allclose(found.to_ball, [quadratic((w + t * e)[:, None], np.diag(s), y) for t in found.at])
    assert found.to_box[0] == pytest.approx(loss, abs=1e-15) and found.to_box[-1] == pytest.approx(loss + rise)


# ---- figures and faults ----------------------------------------------------------------------------------------------


def test_figures_say_what_they_show(three):
    a, b, _ = three
    line = along(a, X, LABELS, points=5)
    ax = line.plot(words={"loss": "Verlust"})
    assert ax.get_ylabel() == "Verlust" and "loss" in str(line)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), line.losses)
    way = between(a, b, X, LABELS, points=5)
    assert way.plot("accuracy").get_ylabel() == "accuracy"
    assert (
        "barrier"
        in Between(np.array([0, 0.5, 1]), {"loss": np.array([0.0, 2, 1])}).plot().get_legend_handles_labels()[1][1]
    )
    flat = plane(a, X, LABELS, points=5)
    assert flat.plot().get_xlabel() == "a, along the first direction" and "5 x 5" in str(flat)
    solid = flat.plot(ax=plt.figure().add_subplot(projection="3d"))
    assert "loss" in solid.get_zlabel()
    assert len(sharpness(a, X, LABELS, ascent=2).plot().lines) == 2
    plt.close("all")


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, 1.0], [-1.0, 3.0], [0.0, 1e6], [1e-30, 1.0], [1.0, 500.0], []])
def test_levels_rise_and_hold_all_values(values):
    levels = figures.spread(np.array(values))
    assert (np.diff(levels) > 0).all()
    assert all(levels[0] <= v <= levels[-1] for v in values)


def test_what_does_not_fit_is_refused(linear):
    d = tree(np.ones((3, 1)))
    cases = {
        "points=1": lambda: along(linear, X, Y, points=1),
        "'random'": lambda: along(linear, X, Y, "downhill"),
        "on one line": lambda: plane(linear, X, Y, [d, d]),
        "1 of them": lambda: plane(linear, X, Y, [d]),
        "the other 2": lambda: plane(linear, X, Y, models=[linear]),
        "3 or more": lambda: trajectory(linear, X, Y, way=[d]),
        "lie on a line": lambda: trajectory(linear, X, Y, way=[d, tree(np.zeros((3, 1))), d]),
        "epsilon=0": lambda: sharpness(linear, X, Y, epsilon=0),
        "second/params": lambda: between(linear, ll.Model(ll.Sequential([layers.Dense(1)]), "mse"), X, Y),
        "'accuracy'": lambda: Between(np.ones(2), {"loss": np.ones(2)}).plot("accuracy"),
    }
    for words, call in cases.items():
        with pytest.raises(ll.LiuliError, match=words):
            call()
    nothing = ll.Model(ll.Sequential([layers.BatchNormalization()]), "mse")
    with pytest.raises(ll.LiuliError, match="weights to scale by"):
        along(nothing, X, X)
