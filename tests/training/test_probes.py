"""Probes against the trace of the same step, direct formulas, and gradients taken apart sample by sample."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import FileError
from liuli.inspect import trace
from liuli.training.batches import batching
from liuli.training.probes import Records
from liuli.training.probes.panels import KINDS

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(48, 6)).astype("float32"), RNG.integers(0, 3, size=48)
Y = X[:, :2] ** 2


def network():
    return ll.Sequential([layers.Dense(8, "tanh"), layers.Dense(5, "relu"), layers.Dense(3, "softmax")])


def one_step(net, loss, x, y, probes, **how):
    """The trace of a batch, the records of the step that follows, and the model before and after it."""
    before, model = (ll.Model(net, loss, **how) for _ in range(2))
    before.build(x.shape[1:])
    seen = trace(before, x, y, training=True)
    history = model.fit(x, y, batch_size=len(x), probes=probes, verbose=0)
    return seen, history.probes, before, model


def test_a_step_is_measured_as_it_is_traced():
    bins = 7
    seen, found, before, after = one_step(
        network(), "categorical_crossentropy", 4 * X, LABELS, ll.Probes(every=1, histograms=bins)
    )
    assert found.layers == ["dense_1", "dense_2", "dense_3"] and found.steps.tolist() == [0]
    for name, tap in (("dense_1", "y"), ("dense_2", "y"), ("dense_3", "z")):
        a, g = seen[f"{name}/{tap}"].value, seen[f"{name}/{tap}"].gradient
        facts = {"mean": a.mean(), "std": a.std(), "zeros": (a == 0).mean(), "gradient": np.linalg.norm(g)}
        for fact, value in facts.items():
            np.testing.assert_allclose(found[f"{name}/{fact}"], [value], rtol=2e-5, atol=1e-6, err_msg=f"{name} {fact}")
        values = np.linalg.eigvalsh(np.cov(a, rowvar=False, bias=True))
        np.testing.assert_allclose(found[f"{name}/rank"], [values.sum() ** 2 / (values**2).sum()], rtol=1e-4)
        for kind, array in (("values", a), ("gradients", g)):
            least, most = found[f"{name}/{kind}/edges"][0]
            np.testing.assert_allclose([least, most], [array.min(), array.max()], rtol=1e-5, atol=1e-7)
            counts = np.histogram(array, bins, (least, most))[0]
            assert np.abs(found[f"{name}/{kind}/counts"][0] - counts).sum() <= 2  # one at a border
    slope = 1 - seen["dense_1/y"].value ** 2
    assert found["dense_1/saturated"][0] == pytest.approx((np.abs(slope) < 0.01).mean(), abs=1e-6) != 0
    assert "dense_2/saturated" not in found
    for path in found.parameters:
        layer, name = path.split("/")
        w, new = np.asarray(before.params[layer][name]), np.asarray(after.params[layer][name])
        facts = {
            "weight": np.linalg.norm(w),
            "gradient": np.linalg.norm(seen.params[layer][name].gradient),
            "update": np.linalg.norm(new - w),
        }
        for fact, value in facts.items():
            np.testing.assert_allclose(found[f"{path}/{fact}"], [value], rtol=1e-4, atol=1e-6, err_msg=f"{path} {fact}")
    each = -np.log(seen["dense_3/y"].value[np.arange(48), LABELS])
    assert found["worst/row"][0].tolist() == np.argsort(-each)[:4].tolist()
    np.testing.assert_allclose(found["worst/loss"][0], np.sort(each)[::-1][:4], rtol=1e-5)
    assert found["loss"][0] == pytest.approx(seen.loss, rel=1e-5) and found["batch"][0] == 48


@pytest.mark.parametrize("optimizer", ["adam", ll.optimizers.SAM("sgd"), ll.optimizers.Adam(clipnorm=0.1)])
def test_training_goes_on_as_without(optimizer):
    def fitted(probes):
        model = ll.Model(network(), "categorical_crossentropy", optimizer, metrics=["accuracy"])
        history = model.fit(X, LABELS, epochs=5, batch_size=10, validation=0.2, probes=probes, verbose=0)
        return model, history

    (plain, alone), (measured, history) = fitted(None), fitted(3)
    assert alone.probes is None and history.probes.steps.tolist() == [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19]
    for name, value in alone.epochs[-1].items():
        assert history.epochs[-1][name] == pytest.approx(value, rel=1e-5), name
    for ours, theirs in zip(measured.params.values(), plain.params.values(), strict=True):
        np.testing.assert_allclose(ours["kernel"], theirs["kernel"], rtol=1e-4, atol=1e-6)


def test_rows_are_those_of_the_data():
    """Two equal rows of different classes are the worst in the end, under their own numbers."""
    x, y = np.concatenate([X, X[-1:]]), np.concatenate([LABELS, [(LABELS[-1] + 1) % 3]])
    x = 0.1 * x + np.pad(np.eye(3)[LABELS[np.minimum(np.arange(49), 47)]], ((0, 0), (0, 3)))
    model = ll.Model(network(), "categorical_crossentropy", ll.optimizers.Adam(0.05))
    how = {"epochs": 60, "validation": 0.1, "probes": ll.Probes(every=1, worst=2), "verbose": 0}
    found = model.fit(x, y, batch_size=44, **how).probes
    assert found["worst/row"].max() == 48  # 44 rows are trained on
    assert set(found["worst/row"][-20:].ravel().tolist()) == {47, 48}


def test_gradient_noise_against_single_samples():
    """At fixed weights: |G|^2 and the covariance of single gradients, of a linear regression, in closed form."""
    x = RNG.normal(size=(256, 3)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5]], "float32") + RNG.normal(size=(256, 1)).astype("float32")
    model = ll.Model(ll.Sequential([layers.Dense(1, use_bias=False)]), "mse", ll.optimizers.SGD(0.0))
    model.build((3,))
    w = np.asarray(model.params["dense_1"]["kernel"], np.float64)
    each = 2 * x * (x @ w - y)  # (samples, 3)
    batch, plan = 16, batching(256, 16, True, 0)
    history = model.fit(x, y, epochs=400, batch_size=batch, probes=1, verbose=0)
    orders = np.concatenate([plan.orders(epoch, 1)[0] for epoch in range(3)])
    means = each[orders].mean(1)  # (steps, 3)
    np.testing.assert_allclose(
        history.probes["noise/product"][1:48], (means[1:] * means[:-1]).sum(1), rtol=1e-3, atol=1e-4
    )
    expected = each.var(0).sum() / np.square(each.mean(0)).sum()
    assert np.isnan(history.probes["noise/product"][0])
    assert history.probes.noise_scale()[-1] == pytest.approx(expected, rel=0.1)
    assert np.isfinite(history.probes.noise_scale(window=10)[-100:]).any()


def test_units_that_never_act_are_dead():
    net = ll.Sequential([layers.Dense(4, "relu"), layers.Dense(2)])
    model = ll.Model(net, "mse", ll.optimizers.SGD(0.0))
    model.build((6,))
    bias = np.array([0.0, -1e6, 0.0, -1e6], "float32")
    model.params["dense_1"]["bias"] = bias
    found = model.fit(X, Y, epochs=6, batch_size=24, probes=ll.Probes(every=1, window=5), verbose=0).probes
    assert found["dense_1/dead"].tolist() == [0.0] * 4 + [0.5] * 8
    assert not found["dense_2/dead"].any()


def test_a_convolution_that_is_one_operation_with_its_pooling():
    net = ll.Sequential(
        [layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2)]
    )
    x = RNG.normal(size=(8, 8, 8, 1)).astype("float32")
    model = ll.Model(net, "mse")
    model.build((8, 8, 1))
    pooled = trace(model, x, Y[:8])["max_pooling2d_1/y"].value
    found = model.fit(x, Y[:8], probes=1, verbose=0).probes
    assert found.layers[-2:] == ["max_pooling2d_1", "dense_1"]
    np.testing.assert_allclose(found["max_pooling2d_1/mean"][0], pooled.mean(), rtol=1e-4)
    np.testing.assert_allclose(found["max_pooling2d_1/zeros"][0], (pooled == 0).mean(), atol=1e-6)


def test_networks_of_every_kind():
    """Several outputs, a graph within, a shared layer, a recurrent layer, integers, a last batch that is smaller."""
    ids, x = ll.Input((5,), "int32"), ll.Input((6,))
    inner = ll.Sequential([layers.Dense(4, "sigmoid"), layers.Dense(4)])
    h = layers.LSTM(4)(layers.Embedding(9, 3)(ids))
    shared = layers.Dense(4, "relu")
    both = layers.Concatenate()([shared(h), shared(inner(x))])
    net = ll.Graph([ids, x], [layers.Dense(2)(both), layers.Dense(3, "softmax")(both)])
    model = ll.Model(net, ["mse", "categorical_crossentropy"])
    tokens = RNG.integers(0, 9, size=(48, 5))
    found = model.fit((tokens, X), (Y, LABELS), epochs=2, batch_size=20, probes=2, verbose=0).probes
    assert {"lstm_1", "embedding_1", "graph_1/dense_1", "dense_1", "dense_1@2"} <= set(found.layers)
    assert found.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert found["batch"].tolist() == [20, 20, 8] * 2
    assert all(np.isfinite(values).all() for name, values in found.items() if not name.startswith("noise"))


def test_resumed_records_are_those_of_an_unbroken_run(tmp_path):
    def fitted(epochs, **how):
        model = ll.Model(network(), "categorical_crossentropy")
        return model.fit(X, LABELS, epochs=epochs, batch_size=10, probes=ll.Probes(every=3, window=2), verbose=0, **how)

    whole, path = fitted(6).probes, tmp_path / "checkpoint.liuli"
    fitted(3, checkpoint=path)
    resumed = fitted(6, checkpoint=path, resume_from_checkpoint=True).probes
    assert resumed.steps.tolist() == whole.steps.tolist()
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)
    with pytest.raises(FileError, match="another training"):
        ll.Model(network(), "categorical_crossentropy").fit(
            X, LABELS, epochs=6, batch_size=10, verbose=0, checkpoint=path, resume_from_checkpoint=True
        )


def test_records_on_disk(tmp_path):
    found = Records([0, 4], {"dense_1/mean": [0.5, 1.0], "worst/row": [[1, 2], [2, 3]]})
    again = Records.load(found.save(tmp_path / "probes.liuli"))
    assert again.steps.tolist() == [0, 4] and again["dense_1/mean"].tolist() == [0.5, 1.0]
    assert again.worst() == [(2, 2), (1, 1), (3, 1)]
    (tmp_path / "probes.liuli").write_bytes(b"nothing")
    with pytest.raises(FileError, match="damaged"):
        Records.load(tmp_path / "probes.liuli")
    with pytest.raises(ll.LiuliError, match="dense_1/mean"):
        found["dense_1/meen"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_of_record_is_drawn(language):
    model = ll.Model(network(), "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=12, batch_size=12, probes=ll.Probes(every=1, window=2), verbose=0)
    axes = history.plot(language=language)
    drawn = [name for name, kind in KINDS.items() if kind.lines(history.probes)]
    assert {"gradient", "update ratio", "saturated", "rank", "noise scale"} <= set(drawn)
    assert len(axes) == 1 + len(drawn) and all(ax.get_xlabel() and ax.get_ylabel() for ax in axes)
    ratio = history.probes.plot("update ratio", language=language)
    line = next(line for line in ratio.lines if line.get_label() == "dense_2/kernel")
    np.testing.assert_allclose(line.get_ydata(), history.probes.update_ratio("dense_2/kernel"))
    with pytest.raises(ll.LiuliError, match="update ratio"):
        history.probes.plot("update ration")


def test_histograms_hold_every_element():
    model = ll.Model(network(), "categorical_crossentropy")
    how = {"epochs": 3, "batch_size": 12, "verbose": 0}
    found = model.fit(X, LABELS, probes=ll.Probes(every=1, histograms=8), **how).probes
    for what in ("values", "gradients"):
        shares = found.plot_histogram("dense_1", what, language="zh").collections[0].get_array()
        np.testing.assert_allclose(np.asarray(shares).reshape(16, 12).sum(0), 1.0, rtol=1e-5)
    with pytest.raises(ll.LiuliError, match="record"):
        model.fit(X, LABELS, probes=1, **how).probes.plot_histogram("dense_1")


def test_what_is_asked_for_is_checked():
    with pytest.raises(ll.LiuliError, match="every"):
        ll.Model(network(), "categorical_crossentropy").fit(X, LABELS, probes=0, verbose=0)
