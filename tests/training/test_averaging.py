"""Averaged weights and accumulated gradients in training."""

import numpy as np
import pytest

import liuli as ll
from liuli import callbacks, layers, optimizers
from liuli.core.errors import SpecError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 3))
Y = X @ [[1.0], [-2.0], [0.5]]


def model(optimizer, **changes):
    return ll.Model(ll.Sequential([layers.Dense(4, "tanh"), layers.Dense(1)]), "mse", optimizer, **changes)


def kernel(m):
    return np.asarray(m.params["dense_1"]["kernel"])


def test_fit_ends_with_the_average_of_the_weights():
    path = []

    def keep(run, logs):
        path.append(np.asarray(run.state.params["dense_1"]["kernel"]))

    m = model(optimizers.SGD(0.1, ema_momentum=0.6))
    m.fit(X, Y, epochs=5, batch_size=96, verbose=0, callbacks=[callbacks.LambdaCallback(keep)])
    average = path[0]
    for weights in path[1:]:
        average = 0.6 * average + 0.4 * weights
    np.testing.assert_allclose(kernel(m), average, rtol=1e-5)
    assert not np.allclose(kernel(m), path[-1])


def test_validation_is_of_the_average():
    m = model(optimizers.SGD(0.1, ema_momentum=0.9))
    history = m.fit(X, Y, epochs=3, validation=(X, Y), verbose=0)
    assert history["val_loss"][-1] == pytest.approx(m.evaluate(X, Y)["loss"], rel=1e-6)


def test_what_is_saved_on_the_way_is_the_average(tmp_path):
    m = model(optimizers.SGD(0.1, ema_momentum=0.9))
    m.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.liuli")])
    assert np.array_equal(kernel(ll.Model.load(tmp_path / "m.liuli")), kernel(m))


def test_early_stopping_puts_back_the_average_of_the_best_epoch(tmp_path):
    class Rising(callbacks.Callback):
        def on_epoch_end(self, run, logs):
            logs["made_up"] = float(run.epoch)

    m = model(optimizers.SGD(0.1, ema_momentum=0.9))
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}.liuli")
    m.fit(X, Y, epochs=9, verbose=0, callbacks=[Rising(), keep, callbacks.EarlyStopping("made_up", patience=2)])
    assert np.array_equal(kernel(m), kernel(ll.Model.load(tmp_path / "1.liuli")))


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.Adam(0.01, ema_momentum=0.9),
        optimizers.ASGD(0.05),
        optimizers.ScheduleFreeAdamW(0.01),
        optimizers.SGD(0.05, gradient_accumulation_steps=5, ema_momentum=0.9),
    ],
    ids=repr,
)
def test_broken_off_and_resumed_ends_in_the_same_bits(optimizer, tmp_path):
    """The checkpoint is taken in the middle: what was averaged at the end of the first part must not go in."""

    def fit(epochs, path):
        m = model(optimizer)
        m.fit(
            X, Y, epochs=epochs, batch_size=32, validation=0.2, verbose=0, checkpoint=path, resume_from_checkpoint=True
        )
        return m

    straight = fit(7, tmp_path / "a")
    fit(3, tmp_path / "b")
    resumed = fit(7, tmp_path / "b")
    assert straight.history.lines() == resumed.history.lines()
    assert np.array_equal(kernel(straight), kernel(resumed))


def test_accumulated_batches_train_as_one():
    small = model(optimizers.Adam(0.01, gradient_accumulation_steps=3), precision="float64")
    large = model(optimizers.Adam(0.01), precision="float64")
    small.fit(X, Y, epochs=4, batch_size=32, shuffle=False, verbose=0)
    large.fit(X, Y, epochs=4, batch_size=96, shuffle=False, verbose=0)
    np.testing.assert_allclose(kernel(small), kernel(large), rtol=1e-10)


def test_a_loaded_model_averages_from_its_own_weights(tmp_path):
    m = model(optimizers.SGD(0.0, gradient_accumulation_steps=100, ema_momentum=0.9))
    m.build((3,))
    m.params["dense_1"]["kernel"] = np.ones((3, 4), "float32")
    loaded = ll.Model.load(m.save(tmp_path / "m.liuli"))
    loaded.fit(X, Y, epochs=1, verbose=0)
    assert np.array_equal(kernel(loaded), np.ones((3, 4)))


def test_swapping_needs_an_average():
    with pytest.raises(SpecError, match="keeps no average"):
        model("adam").fit(X, Y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    model(optimizers.Adam(ema_momentum=0.9)).fit(X, Y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
