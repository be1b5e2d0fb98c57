"""Callbacks: when they act, and what they leave behind."""

import csv

import numpy as np
import pytest

import liuli as ll
from liuli import callbacks, layers


def data(n=60):
    x = np.random.default_rng(0).normal(size=(n, 3))
    return x, x[:, :1] * 2.0


def model(rate=0.05):
    return ll.Model(ll.Sequential([layers.Dense(1)]), "mse", ll.optimizers.SGD(rate))


class Scripted(callbacks.Callback):
    """Puts a made-up quantity into the logs."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, run, logs):
        logs["made_up"] = self.values[run.epoch - 1]


def test_early_stopping_waits_and_puts_back_the_best_weights():
    kept = {}

    def keep(run, logs):
        kept[run.epoch] = np.asarray(run.state.params["dense_1"]["kernel"]).copy()

    m = model()
    stopping = callbacks.EarlyStopping("made_up", patience=2)
    script = Scripted([3.0, 2.0, 2.5, 2.1, 0.0, 0.0])
    history = m.fit(*data(), epochs=6, callbacks=[script, stopping, callbacks.LambdaCallback(keep)], verbose=0)
    assert len(history) == 4 and "since epoch 2" in history.stopped
    assert np.array_equal(m.params["dense_1"]["kernel"], kept[2])
    assert not np.array_equal(kept[2], kept[4])


def test_early_stopping_knows_what_is_better_by_name():
    script = Scripted([0.1, 0.5, 0.4, 0.3])
    script.on_epoch_end = lambda run, logs: logs.update(val_accuracy=script.values[run.epoch - 1])
    stopping = callbacks.EarlyStopping("val_accuracy", patience=1)
    assert stopping.best.improved({"val_accuracy": 0.1}) and stopping.best.improved({"val_accuracy": 0.5})
    assert not stopping.best.improved({"val_accuracy": 0.4})


def test_an_unknown_quantity_is_named():
    with pytest.raises(ll.LiuliError, match="val_loss"):
        model().fit(*data(), epochs=1, callbacks=[callbacks.EarlyStopping()], verbose=0)


def test_the_rate_falls_on_a_plateau():
    rates = []
    m = model(0.1)
    plateau = callbacks.ReduceLROnPlateau("made_up", factor=0.5, patience=2, cooldown=1, min_lr=0.02)
    watch = callbacks.LambdaCallback(lambda run, logs: rates.append(run.dial("optimizer/learning_rate")))
    m.fit(*data(), epochs=10, callbacks=[Scripted([1.0] * 10), plateau, watch], verbose=0)
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.02, 0.02])


def test_a_scheduler_sets_the_rate_of_each_epoch():
    m = model(0.1)
    history = m.fit(
        *data(), epochs=3, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / 2**epoch)], verbose=0
    )
    assert history["learning_rate"] == pytest.approx([0.1, 0.05, 0.025])


def test_a_dial_out_of_bounds_is_refused():
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: -1.0)
    with pytest.raises(ll.LiuliError, match="at least"):
        model().fit(*data(), epochs=1, callbacks=[scheduler], verbose=0)


def test_the_best_model_is_saved(tmp_path):
    m = model()
    keep = callbacks.ModelCheckpoint(tmp_path / "best-{epoch}.liuli", "made_up", save_best_only=True)
    m.fit(*data(), epochs=4, callbacks=[Scripted([2.0, 1.0, 3.0, 0.5]), keep], verbose=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best-1.liuli", "best-2.liuli", "best-4.liuli"]
    last = ll.Model.load(tmp_path / "best-4.liuli")
    assert np.array_equal(last.params["dense_1"]["kernel"], m.params["dense_1"]["kernel"])


def test_the_history_as_csv(tmp_path):
    history = model().fit(*data(), epochs=5, callbacks=[callbacks.CSVLogger(tmp_path / "h.csv")], verbose=0)
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
    assert [float(r["loss"]) for r in rows] == history["loss"] and rows[-1]["epoch"] == "5"


def test_every_epoch_is_told_in_order_also_where_many_run_together():
    told = []
    m = model()
    m.fit(
        *data(),
        epochs=200,
        callbacks=[callbacks.LambdaCallback(lambda run, logs: told.append(run.epoch), every_epoch=False)],
        verbose=0,
    )
    assert told == list(range(1, 201))


def test_progress_is_lines_where_the_output_is_no_terminal(capsys):
    model().fit(*data(), epochs=3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and lines[2].startswith("epoch 3/3  loss") and "samples/s" in lines[2]


def test_silence(capsys):
    model().fit(*data(), epochs=3, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_the_bar_on_a_terminal_shows_loss_speed_and_time():
    from rich.console import Console

    from liuli.training.bar import Bar

    console = Console(force_terminal=True, width=100, record=True, color_system=None)
    m = model()
    m.fit(*data(), epochs=3, verbose=0, callbacks=[Bar(console)])
    text = console.export_text()
    assert "epoch 3/3" in text and "loss" in text and "left" in text
