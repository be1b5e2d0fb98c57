"""Checkpoints: a run that was killed and resumed ends in the same bits as one that was not."""

import os
import signal
import time

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import FileError
from tests.training.killing import start


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    assert finish(start(folder, "first")) == 0  # which waits for the server
    began = time.monotonic()
    assert finish(start(folder, "a")) == 0
    return (folder / "a.liuli").read_bytes(), (folder / "a.jsonl").read_text(), time.monotonic() - began


def finish(process):
    process.join(120)
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(int(os.environ.get("LIULI_KILL_TRIALS", "3"))))
def test_killed_at_a_random_moment_and_resumed_gives_the_same_bits(unbroken, tmp_path, trial):
    model, history, seconds = unbroken
    rng = np.random.default_rng(trial)
    for _ in range(3):
        process = start(tmp_path, "b")
        process.join(rng.uniform(0.3, 1.1) * seconds)
        process.kill()
        process.join()
    assert finish(start(tmp_path, "b")) == 0
    assert (tmp_path / "b.liuli").read_bytes() == model
    assert (tmp_path / "b.jsonl").read_text() == history


def data():
    x = np.random.default_rng(0).normal(size=(64, 3))
    return x, x[:, :1]


def fit(epochs, path, rate=0.01, **changes):
    net = ll.Sequential([layers.Dense(4, "tanh"), layers.Dropout(0.1), layers.Dense(1)])
    model = ll.Model(net, "mse", ll.optimizers.Adam(rate))
    x, y = data()
    model.fit(changes.pop("x", x), y, epochs=epochs, checkpoint=path, resume_from_checkpoint=True, verbose=0, **changes)
    return model


def test_more_epochs_go_on_from_the_checkpoint(tmp_path):
    straight = fit(10, tmp_path / "a")
    fit(4, tmp_path / "b")
    resumed = fit(10, tmp_path / "b")
    assert straight.history["loss"] == resumed.history["loss"]
    assert np.array_equal(straight.params["dense_1"]["kernel"], resumed.params["dense_1"]["kernel"])


@pytest.mark.parametrize("change", [{"rate": 0.02}, {"batch_size": 16}, {"x": np.zeros((64, 3))}])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, change):
    fit(1, tmp_path / "c")
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(FileError, match="another training"):
        fit(2, tmp_path / "c", **change)
    assert (tmp_path / "c").read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    fit(1, tmp_path / "c")
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:-50])
    with pytest.raises(FileError, match="damaged"):
        fit(2, tmp_path / "c")


def test_a_model_is_no_checkpoint(tmp_path):
    fit(1, None).save(tmp_path / "c")
    with pytest.raises(FileError, match="a liuli model"):
        fit(2, tmp_path / "c")


def test_ctrl_c_ends_the_training_with_the_model_usable():
    class Interrupt(ll.callbacks.Callback):
        def on_chunk_end(self, run, done):
            if run.epoch == 3:
                os.kill(os.getpid(), signal.SIGINT)

    x, y = data()
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse")
    history = model.fit(x, y, epochs=1000, validation=0.2, callbacks=[Interrupt()], verbose=0)
    assert history.stopped == "interrupted" and 3 <= len(history) <= 4
    assert np.isfinite(model.predict(x)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
