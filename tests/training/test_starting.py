"""What a fit does before its first step, and between batches: mixed samples, layers that start from data, states that
go on."""

import jax
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import DataError, SpecError
from liuli.core.keys import fold
from liuli.layers import Context

RNG = np.random.default_rng(0)
X = RNG.normal(2.0, 3.0, size=(64, 5)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[np.arange(64) % 3]


def classifier(*first):
    net = ll.Sequential([*first, layers.Dense(3, "softmax")])
    return ll.Model(net, loss="categorical_crossentropy", optimizer=ll.optimizers.SGD(0.1), seed=0)


class TestAugment:
    def test_samples_are_mixed_while_training_only(self):
        plain, mixed = classifier(), classifier()
        histories = [
            plain.fit(X, Y, epochs=2, verbose=0),
            mixed.fit(X, Y, epochs=2, verbose=0, augment=[layers.MixUp(1.0)]),
        ]
        assert histories[0]["loss"] != histories[1]["loss"]
        assert mixed.evaluate(X, Y) == mixed.evaluate(X, Y)
        again = classifier()
        again.fit(X, Y, epochs=2, verbose=0, augment=[layers.MixUp(1.0)])
        np.testing.assert_array_equal(again.params["dense_1"]["kernel"], mixed.params["dense_1"]["kernel"])

    def test_one_step_is_a_step_on_the_mixed_batch(self):
        mixing, model, other = layers.MixUp(1.0), classifier(), classifier()
        model.fit(X, Y, batch_size=64, shuffle=False, verbose=0, augment=[mixing])
        other.build((5,))
        key = fold(jax.random.fold_in(other._train.key, 0), "augment/0")
        x, y = mixing.mix(X, Y, key)
        other.fit(np.asarray(x), np.asarray(y), batch_size=64, shuffle=False, verbose=0)
        np.testing.assert_allclose(
            model.params["dense_1"]["kernel"], other.params["dense_1"]["kernel"], rtol=1e-5, atol=1e-6
        )

    def test_labels_are_refused(self):
        with pytest.raises(DataError, match="one-hot"):
            classifier().fit(X, np.arange(64) % 3, verbose=0, augment=[layers.MixUp()])

    def test_one_input_and_one_output(self):
        x = ll.Input((5,))
        model = ll.Model(ll.Graph(x, [layers.Dense(1)(x), layers.Dense(1)(x)]), loss=("mse", "mse"))
        with pytest.raises(SpecError, match="one input and one output to mix"):
            model.fit(X, (Y[:, :1], Y[:, :1]), verbose=0, augment=[layers.MixUp()])


class TestAdjust:
    def test_weights_start_from_the_first_batch(self):
        model = classifier(layers.WeightNormalization(layers.Dense(7)), layers.Activation("relu"))
        model.build((5,))
        first = ll.Graph(("input_1",), ("weight_normalization_1",), model.net.nodes[:2])
        before, _ = first.apply(model.params, model.state, X, Context())
        assert np.abs(np.asarray(before).mean(0)).max() > 0.5
        model.fit(X, Y, epochs=1, batch_size=64, shuffle=False, verbose=0, callbacks=())
        started = classifier(layers.WeightNormalization(layers.Dense(7)), layers.Activation("relu")).build((5,))
        adjusted, _ = started.net.adjust(started.params, started.state, X, Context(training=True))
        z, _ = first.apply(adjusted, {}, X, Context())
        np.testing.assert_allclose(np.asarray(z).mean(0), 0.0, atol=1e-5)
        np.testing.assert_allclose(np.asarray(z).std(0), 1.0, rtol=1e-4)
        after = np.asarray(model.params["weight_normalization_1"]["g"])
        np.testing.assert_allclose(after, adjusted["weight_normalization_1"]["g"], rtol=0.5)
        assert not np.allclose(after, started.params["weight_normalization_1"]["g"], rtol=0.1)

    def test_once_only(self):
        model = classifier(layers.WeightNormalization(layers.Dense(7)))
        model.fit(X, Y, epochs=1, verbose=0)
        model.dials["optimizer/learning_rate"] = 0.0
        before = np.asarray(model.params["weight_normalization_1"]["g"])
        model.fit(5 * X, Y, epochs=1, verbose=0)
        np.testing.assert_array_equal(model.params["weight_normalization_1"]["g"], before)


class TestStateful:
    LONG = RNG.normal(size=(8, 12, 2)).astype(np.float32)

    def model(self, stateful, batch=None):
        x = ll.Input((4, 2) if stateful else (12, 2), batch_size=batch)
        net = ll.Graph(x, layers.SimpleRNN(3, return_sequences=True, stateful=stateful, name="rnn")(x))
        return ll.Model(net, loss="mse", optimizer=ll.optimizers.SGD(0.0), seed=0)

    def test_a_batch_goes_on_where_the_one_before_it_ended(self):
        """Eight long sequences in three pieces, each batch the next piece of all."""
        pieces = np.concatenate([self.LONG[:, i : i + 4] for i in (0, 4, 8)])
        target = np.zeros((24, 4, 3), np.float32)
        parts, whole = self.model(True, 8), self.model(False)
        losses = parts.fit(pieces, target, shuffle=False, verbose=0)["loss"]
        expected = whole.evaluate(self.LONG, np.zeros((8, 12, 3), np.float32))["loss"]
        np.testing.assert_allclose(losses[0], expected, rtol=1e-5)
        carried = np.asarray(parts.state["rnn"]["h"])
        np.testing.assert_allclose(carried, whole.predict(self.LONG)[:, -1], rtol=1e-5, atol=1e-6)
        assert not np.asarray(parts.reset_state().state["rnn"]["h"]).any()

    def test_every_batch_has_the_size_that_was_declared(self):
        model, target = self.model(True, 8), np.zeros((20, 4, 3), np.float32)
        with pytest.raises(DataError, match=r"20 rows in batches of 8.*multiple of 8"):
            model.fit(RNG.normal(size=(20, 4, 2)), target, verbose=0)
        with pytest.raises(DataError, match="in batches of 4"):
            model.fit(RNG.normal(size=(16, 4, 2)), target[:16], batch_size=4, verbose=0)
        assert model.predict(RNG.normal(size=(3, 4, 2))).shape == (3, 4, 3)
        assert np.isfinite(model.evaluate(RNG.normal(size=(11, 4, 2)), target[:11])["loss"])


def test_penalties_on_activity_are_trained_against():
    net = ll.Sequential([layers.Dense(4, activity_regularizer=ll.regularizers.L2(0.5)), layers.Dense(1)])
    model = ll.Model(net, loss="mse", optimizer=ll.optimizers.SGD(0.0), seed=0)
    y = RNG.normal(size=(64, 1)).astype(np.float32)
    seen = model.fit(X, y, batch_size=64, verbose=0)["loss"][0]
    hidden = X @ np.asarray(model.params["dense_1"]["kernel"]) + np.asarray(model.params["dense_1"]["bias"])
    fit = float(np.square(model.predict(X) - y).mean())
    np.testing.assert_allclose(seen, fit + 0.5 * np.square(hidden).sum() / 64, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, y)["loss"], seen, rtol=1e-5)


@pytest.mark.parametrize(("rows", "batch"), [(5, 4), (3, 4), (9, 2)])
def test_rows_that_fill_a_batch_are_not_penalized(rows, batch):
    net = ll.Sequential([layers.Dense(4, activity_regularizer=ll.regularizers.L2(0.5)), layers.Dense(1)])
    model = ll.Model(net, loss="mse", seed=0).build((5,))
    hidden = X[:rows] @ np.asarray(model.params["dense_1"]["kernel"])
    fit = float(np.square(model.predict(X[:rows]) - Y[:rows, :1]).mean())
    found = model.evaluate(X[:rows], Y[:rows, :1], batch_size=batch)["loss"]
    np.testing.assert_allclose(found, fit + 0.5 * np.square(hidden).sum() / rows, rtol=1e-5)


def test_a_penalized_output_keeps_its_activation():
    """The penalty is on probabilities, not on what softmax is of."""
    net = ll.Sequential([layers.Dense(3, "softmax", activity_regularizer=ll.regularizers.L1(1.0))])
    model = ll.Model(net, loss="categorical_crossentropy", optimizer=ll.optimizers.SGD(0.0), seed=0)
    plain = classifier()
    np.testing.assert_allclose(
        model.build((5,)).evaluate(X, Y)["loss"], plain.build((5,)).evaluate(X, Y)["loss"] + 1.0, rtol=1e-5
    )
