"""Model: fit, evaluate, predict, several inputs and outputs, weights, precision, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.training import loop


@pytest.fixture(scope="module")
def digits():
    return ll.data.load("digits").split(test=0.2, stratify=True, seed=0)


def classifier(**changes):
    net = ll.Sequential([layers.Rescaling(1 / 16), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
    given = {"loss": "categorical_crossentropy", "optimizer": "adam", "metrics": ["accuracy"], "seed": 0}
    return ll.Model(net, **{**given, **changes})


def line(n=64, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    return x, x @ np.array([[1.0], [-2.0], [0.5]]) + 3.0


def test_a_classifier_learns_digits(digits):
    train, test = digits
    model = classifier()
    history = model.fit(train.x, train.y, epochs=30, validation=0.1, verbose=0)
    assert len(history["loss"]) == len(history["val_accuracy"]) == 30
    assert model.evaluate(test.x, test.y)["accuracy"] > 0.95
    probabilities = model.predict(test.x)
    assert probabilities.shape == (len(test.x), 10)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-5)


def test_a_data_set_can_be_handed_over_whole(digits):
    train, test = digits
    model = classifier()
    model.fit(train, epochs=1, validation=test, verbose=0)
    assert set(model.evaluate(test)) == {"loss", "accuracy"}


def test_full_batch_descent_reaches_the_least_squares_solution():
    x, y = line()
    y = y + np.random.default_rng(1).normal(size=y.shape)
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse", ll.optimizers.SGD(0.1), precision="float64")
    model.fit(x, y, epochs=2000, batch_size=len(x), verbose=0)
    solution = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    np.testing.assert_allclose(model.params["dense_1"]["kernel"], solution[:3], rtol=1e-9)
    np.testing.assert_allclose(model.params["dense_1"]["bias"], solution[3], rtol=1e-9)


def test_an_epoch_is_the_loop_that_a_textbook_writes():
    """Mini-batches in the given order, the last one smaller: the same weights as a NumPy loop."""
    x, y = line(10)
    model = ll.Model(
        ll.Sequential([ll.Input((3,)), layers.Dense(1, use_bias=False)]),
        "mse",
        ll.optimizers.SGD(0.05),
        precision="float64",
    )
    w = np.array(model.params["dense_1"]["kernel"])
    history = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    losses = []
    for _ in range(3):
        total = 0.0
        for at in (slice(0, 4), slice(4, 8), slice(8, 10)):
            error = x[at] @ w - y[at]
            total += (error**2).sum()
            w = w - 0.05 * 2 * x[at].T @ error / len(error)
        losses.append(total / 10)
    np.testing.assert_allclose(model.params["dense_1"]["kernel"], w, rtol=1e-12)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)


def test_weighted_rows_count_as_often_as_their_weight():
    x, y = line(12)
    weights = np.array([3.0] + [1.0] * 11)
    one, two = (
        ll.Model(ll.Sequential([layers.Dense(1)]), ll.losses.MeanSquaredError(reduction="sum"), ll.optimizers.SGD(0.01))
        for _ in range(2)
    )
    one.fit(x, y, epochs=5, batch_size=12, sample_weight=weights, verbose=0)
    rows = np.r_[0, 0, np.arange(12)]
    two.fit(x[rows], y[rows], epochs=5, batch_size=14, verbose=0)
    np.testing.assert_allclose(one.params["dense_1"]["kernel"], two.params["dense_1"]["kernel"], rtol=1e-5)


def test_class_weights_are_sample_weights_by_label():
    x = line(30)[0]
    y = (x[:, 0] > 0).astype(int)
    one, two = (ll.Model(ll.Sequential([layers.Dense(2, "softmax")]), "categorical_crossentropy") for _ in range(2))
    one.fit(x, y, epochs=3, class_weight={0: 1.0, 1: 5.0}, verbose=0)
    two.fit(x, y, epochs=3, sample_weight=np.where(y == 1, 5.0, 1.0), verbose=0)
    assert (one.params["dense_1"]["kernel"] == two.params["dense_1"]["kernel"]).all()


def test_evaluation_is_exact_over_batches_of_any_size(digits):
    train, _ = digits
    model = classifier()
    model.fit(train, epochs=1, verbose=0)
    whole, parts = model.evaluate(train, batch_size=len(train)), model.evaluate(train, batch_size=100)
    assert whole == pytest.approx(parts, rel=1e-5)
    probabilities = model.predict(train.x)
    assert whole["accuracy"] == pytest.approx((probabilities.argmax(1) == train.y).mean(), abs=1e-6)
    loss = -np.log(probabilities[np.arange(len(train.y)), train.y].astype(float)).mean()
    assert whole["loss"] == pytest.approx(loss, rel=1e-4)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(digits):
    train, _ = digits

    def trained(seed):
        net = ll.Sequential([layers.Dense(16, "relu"), layers.Dropout(0.3), layers.Dense(10, "softmax")])
        model = ll.Model(net, "categorical_crossentropy", seed=seed)
        model.fit(train.x / 16, train.y, epochs=2, verbose=0)
        return np.asarray(model.params["dense_1"]["kernel"])

    assert np.array_equal(trained(0), trained(0))
    assert not np.array_equal(trained(0), trained(1))


def test_how_steps_are_grouped_into_calls_does_not_change_a_bit(digits, monkeypatch):
    train, _ = digits

    def trained(seconds):
        monkeypatch.setattr("liuli.training.loop._CALL_SECONDS", seconds)
        loop._pace.cache_clear()
        model = classifier()
        model.fit(train, epochs=3, verbose=0)
        return jax.tree.leaves(model.params)

    for a, b in zip(trained(1e-9), trained(60.0), strict=True):
        assert np.array_equal(a, b)


def test_small_epochs_that_run_together_equal_epochs_that_run_alone():
    x, y = line(32)

    def trained(callbacks):
        model = ll.Model(ll.Sequential([layers.Dense(4, "tanh"), layers.Dense(1)]), "mse")
        history = model.fit(x, y, epochs=50, batch_size=8, callbacks=callbacks, verbose=0)
        return np.asarray(model.params["dense_1"]["kernel"]), history["loss"]

    together, alone = trained([]), trained([ll.callbacks.LambdaCallback(lambda run, logs: None)])
    assert np.array_equal(together[0], alone[0]) and together[1] == alone[1]


def test_turning_a_dial_does_not_compile_again(digits):
    train, _ = digits
    model = classifier()
    model.fit(train, epochs=1, verbose=0)
    model.dials["optimizer/learning_rate"] = 0.0
    before = np.asarray(model.params["dense_2"]["kernel"])
    with jax.log_compiles(False), pytest.MonkeyPatch.context() as patch:
        patch.setattr("liuli.training.step.train_step", None)  # tracing again would call it
        model.fit(train, epochs=1, verbose=0)
    assert np.array_equal(before, model.params["dense_2"]["kernel"])


def test_parameters_may_be_assigned_and_survive_training():
    x, y = line()
    model = ll.Model(ll.Sequential([ll.Input((3,)), layers.Dense(1)]), "mse")
    model.params["dense_1"]["kernel"] = np.ones((3, 1))
    model.params["dense_1"]["bias"] = jnp.zeros(1)
    np.testing.assert_allclose(model.predict(x), x.sum(1, keepdims=True), rtol=1e-5, atol=1e-6)
    held = model.params["dense_1"]["bias"]
    model.fit(x, y, epochs=1, verbose=0)
    assert held.tolist() == [0.0]  # what a caller holds is not taken away by training


def test_frozen_layers_stay_as_they_were():
    x, y = line()
    net = ll.Sequential([ll.Input((3,)), layers.Dense(4, trainable=False), layers.Dense(1)])
    model = ll.Model(net, "mse", ll.optimizers.AdamW(0.1, weight_decay=0.1))
    before = jax.tree.map(np.asarray, model.params)
    model.fit(x, y, epochs=2, verbose=0)
    assert np.array_equal(before["dense_1"]["kernel"], model.params["dense_1"]["kernel"])
    assert not np.array_equal(before["dense_2"]["kernel"], model.params["dense_2"]["kernel"])


def test_penalties_and_constraints_act():
    x, y = line()
    strong = ll.Sequential([layers.Dense(1, kernel_regularizer=ll.regularizers.L2(10.0), kernel_constraint="non_neg")])
    model = ll.Model(strong, "mse", ll.optimizers.SGD(0.01))
    model.fit(x, y, epochs=50, verbose=0)
    kernel = np.asarray(model.params["dense_1"]["kernel"])
    assert (kernel >= 0).all() and abs(kernel).max() < 0.2
    data_loss = ((model.predict(x) - y) ** 2).mean()
    assert model.evaluate(x, y)["loss"] == pytest.approx(data_loss + 10.0 * (kernel**2).sum(), rel=1e-4)


def test_several_inputs_and_outputs():
    a, b = ll.Input((3,), name="a"), ll.Input((2,), name="b")
    h = layers.Concatenate()([a, b])
    net = ll.Graph([a, b], [layers.Dense(1, name="value")(h), layers.Dense(3, "softmax", name="kind")(h)])
    model = ll.Model(
        net,
        {"value": "mse", "kind": "categorical_crossentropy"},
        metrics={"kind": ["accuracy"]},
        loss_weights={"value": 0.5, "kind": 2.0},
    )
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(20, 3)), "b": rng.normal(size=(20, 2))}
    y = {"value": rng.normal(size=(20, 1)), "kind": rng.integers(0, 3, 20)}
    history = model.fit(x, y, epochs=2, validation=(x, y), verbose=0)
    assert history.names[:4] == ["loss", "value_loss", "kind_loss", "kind_accuracy"]
    result = model.evaluate((x["a"], x["b"]), (y["value"], y["kind"]))
    assert result["loss"] == pytest.approx(0.5 * result["value_loss"] + 2.0 * result["kind_loss"], rel=1e-5)
    value, kind = model.predict(x)
    assert value.shape == (20, 1) and kind.shape == (20, 3)


def test_batch_normalization_uses_running_statistics_when_predicting():
    x, y = line(256)
    net = ll.Sequential(
        [layers.Dense(8), layers.BatchNormalization(momentum=0.5), layers.Activation("relu"), layers.Dense(1)]
    )
    model = ll.Model(net, "mse")
    model.fit(x, y, epochs=5, verbose=0)
    assert np.abs(np.asarray(model.state["batch_normalization_1"]["moving_mean"])).max() > 0
    one, all_rows = model.predict(x[:1]), model.predict(x)
    np.testing.assert_allclose(one, all_rows[:1], rtol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float64"])
def test_other_precisions_learn_and_keep_their_parameters(precision, tmp_path):
    x, y = line(128)
    model = ll.Model(
        ll.Sequential([layers.Dense(8, "tanh"), layers.Dense(1)]), "mse", ll.optimizers.Adam(0.05), precision=precision
    )
    history = model.fit(x, y, epochs=30, verbose=0)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    expected = np.float64 if precision == "float64" else np.float32
    assert np.asarray(model.params["dense_1"]["kernel"]).dtype == expected
    again = ll.Model.load(model.save(tmp_path / "m.liuli"))
    assert np.array_equal(again.predict(x), model.predict(x))


def test_training_stops_where_the_loss_is_no_longer_finite():
    x, y = line()
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse", ll.optimizers.SGD(1e6))
    history = model.fit(x, y, epochs=100, verbose=0)
    assert len(history) < 100 or history.stopped
    assert "the loss became" in history.stopped


@pytest.mark.parametrize(
    ("net", "loss", "words"),
    [
        ([layers.Dense(3, "softmax")], ll.losses.CategoricalCrossentropy(from_logits=True), "softmax once"),
        ([layers.Dense(3)], "categorical_crossentropy", 'layers.Dense(..., "softmax")'),
        ([layers.Dense(3, "relu")], "categorical_crossentropy", "softmax as the last activation"),
        ([layers.Dense(1, "softmax")], "binary_crossentropy", "sigmoid as the last activation"),
        ([ll.Input((2,)), layers.Dense(1, "softmax")], "mse", "softmax over one unit"),
        ([layers.Dense(3)], "mean_square_error", "mean_squared_error"),
    ],
)
def test_a_loss_that_does_not_go_with_the_network_is_refused(net, loss, words):
    with pytest.raises(ll.LiuliError) as caught:
        ll.Model(ll.Sequential(net), loss)
    assert words in str(caught.value)


def test_logits_may_be_asked_for():
    x = line()[0]
    y = (x[:, 0] > 0).astype(int)
    linear = ll.Model(ll.Sequential([layers.Dense(2)]), ll.losses.CategoricalCrossentropy(from_logits=True))
    soft = ll.Model(ll.Sequential([layers.Dense(2, "softmax")]), "categorical_crossentropy")
    for model in (linear, soft):
        model.fit(x, y, epochs=2, verbose=0)
    assert np.array_equal(linear.params["dense_1"]["kernel"], soft.params["dense_1"]["kernel"])


BAD = {
    "nan": (lambda x, y: (np.where(x > 2, np.nan, x), y), {}, "finite"),
    "text": (lambda x, y: (np.array([["a"]] * 64), y), {}, "numbers"),
    "no rows": (lambda x, y: (x[:0], y[:0]), {}, "at least one row"),
    "lengths": (lambda x, y: (x, y[:5]), {}, "equally many rows"),
    "target shape": (lambda x, y: (x, y[:, 0]), {}, "y[:, None]"),
    "ragged": (lambda x, y: ([[1.0], [1.0, 2.0]], y), {}, "line up"),
    "batch": (lambda x, y: (x, y), {"batch_size": 65}, "at most 64"),
    "zero batch": (lambda x, y: (x, y), {"batch_size": 0}, "at least 1"),
    "epochs": (lambda x, y: (x, y), {"epochs": -1}, "whole number"),
    "validation": (lambda x, y: (x, y), {"validation": 1.5}, "leaves rows on both sides"),
    "weights": (lambda x, y: (x, y), {"sample_weight": [1.0]}, "(64,)"),
    "no targets": (lambda x, y: (x, None), {}, "targets"),
    "checkpoint": (lambda x, y: (x, y), {"checkpoint": "."}, "a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_stops_before_training_and_changes_nothing(case):
    change, arguments, words = BAD[case]
    model = ll.Model(ll.Sequential([ll.Input((3,)), layers.Dense(1)]), "mse")
    before = np.asarray(model.params["dense_1"]["kernel"])
    with pytest.raises(ll.LiuliError) as caught:
        model.fit(*change(*line()), verbose=0, **arguments)
    assert words in str(caught.value)
    assert np.array_equal(before, model.params["dense_1"]["kernel"]) and len(model.history) == 0


def test_labels_out_of_range_are_named():
    x = line()[0]
    model = ll.Model(ll.Sequential([layers.Dense(3, "softmax")]), "categorical_crossentropy")
    with pytest.raises(ll.LiuliError, match="3"):
        model.fit(x, np.full(len(x), 3), verbose=0)


def test_other_columns_at_prediction_are_refused():
    x, y = line()
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse")
    model.fit(x, y, verbose=0)
    with pytest.raises(ll.LiuliError, match="as the network was built"):
        model.predict(x[:, :2])


def test_wrong_parameters_are_refused():
    x, _ = line()
    model = ll.Model(ll.Sequential([ll.Input((3,)), layers.Dense(1)]), "mse")
    model.params["dense_1"]["kernel"] = np.ones((2, 1))
    with pytest.raises(ll.LiuliError, match="params/dense_1/kernel"):
        model.predict(x)


def test_two_metrics_of_one_name_are_refused():
    with pytest.raises(ll.LiuliError, match="accuracy twice"):
        classifier(metrics=["accuracy", "accuracy"])


def test_validation_data_are_checked_before_training():
    x = line()[0]
    model = ll.Model(ll.Sequential([layers.Dense(3, "softmax")]), "categorical_crossentropy")
    with pytest.raises(ll.LiuliError, match="7"):
        model.fit(x, np.zeros(len(x), int), validation=(x, np.full(len(x), 7)), verbose=0)
    assert len(model.history) == 0


def test_what_is_trained_on_is_a_copy():
    from liuli.training.rows import on_device

    for array in (
        np.arange(6.0, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 2), np.int32),
        np.ones((3, 2), bool)[:, ::2],
    ):
        placed = on_device(array)
        assert placed.dtype == array.dtype and np.array_equal(placed, array)
        before = np.array(placed)
        array[...] = 0
        assert np.array_equal(placed, before)
