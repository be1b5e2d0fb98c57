"""Callbacks that write and send: CSV files, TensorBoard, a server, a backup; and an error on NaN."""

import csv
import http.server
import json
import struct
import threading
import urllib.parse
import warnings
from typing import ClassVar

import numpy as np
import pytest

import liuli as ll
from liuli import callbacks, layers, optimizers
from liuli.core.errors import FileError, LiuliError, SpecError
from liuli.training import checkpoint
from liuli.training.callbacks.tensorboard import _masked

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, :1] * 2.0


def fit(*each, rate=0.05, epochs=3, **more):
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse", optimizers.SGD(rate))
    return model, model.fit(X, Y, epochs=epochs, callbacks=each, verbose=0, **more)


def test_csv_with_another_separator_and_appended(tmp_path):
    path = tmp_path / "h.csv"
    for _ in range(2):
        _, history = fit(callbacks.CSVLogger(path, separator=";", append=True))
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";"))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] * 2
    assert [float(row["loss"]) for row in rows] == history["loss"] * 2


def test_csv_of_other_quantities_is_left_alone(tmp_path):
    path = tmp_path / "h.csv"
    path.write_text("epoch,accuracy\n1,0.5\n")
    with pytest.raises(FileError, match="epoch,loss"):
        fit(callbacks.CSVLogger(path, append=True))
    assert path.read_text() == "epoch,accuracy\n1,0.5\n"


def test_nan_as_an_error():
    with pytest.raises(LiuliError, match="a smaller learning rate"):
        fit(callbacks.TerminateOnNaN(raise_error=True), rate=1e30, epochs=50)
    _, history = fit(callbacks.TerminateOnNaN(), rate=1e30, epochs=50)
    assert "the loss became" in history.stopped


class Server(http.server.BaseHTTPRequestHandler):
    got: ClassVar[list] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.got.append((self.path, self.headers, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.got = []
    found = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def test_logs_are_sent(server):
    _, history = fit(callbacks.RemoteMonitor(server, headers={"X-Run": "7"}, send_as_json=True))
    told = [json.loads(body) for _, _, body in Server.got]
    assert told == [{"epoch": i, "loss": loss} for i, loss in enumerate(history["loss"])]
    path, headers, _ = Server.got[0]
    assert (path, headers["X-Run"], headers["Content-Type"]) == ("/publish/epoch/end/", "7", "application/json")


def test_logs_are_sent_as_a_form(server):
    fit(callbacks.RemoteMonitor(server, "/here", "logs"), epochs=1)
    [(path, _, body)] = Server.got
    assert path == "/here" and json.loads(urllib.parse.parse_qs(body)["logs"][0])["epoch"] == 0


def test_a_server_that_is_not_there_is_warned_of_once():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        _, history = fit(callbacks.RemoteMonitor("http://127.0.0.1:9"))
    assert len(history) == 3 and sum("cannot be reached" in str(w.message) for w in found) == 1


@pytest.mark.parametrize("root", ["localhost:9000", "file:///etc"])
def test_an_address_must_be_of_http(root):
    with pytest.raises(SpecError, match="http"):
        callbacks.RemoteMonitor(root)


def test_the_check_sum_is_that_of_the_standard():
    """RFC 3720, appendix B.4: the CRC-32C of 32 zeros and of 123456789, unmasked."""
    for data, want in ((bytes(32), 0x8A9136AA), (b"123456789", 0xE3069283)):
        turned = (struct.unpack("<I", _masked(data))[0] - 0xA282EAD8) & 0xFFFFFFFF
        assert (turned >> 17 | turned << 15) & 0xFFFFFFFF == want


def records(path):
    """The messages of an event file."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == _masked(data[:8]) and data[12 + length : 16 + length] == _masked(data[12 : 12 + length])
        found.append(data[12 : 12 + length])
        data = data[16 + length :]
    return found


def test_events_for_tensorboard(tmp_path):
    _, history = fit(callbacks.TensorBoard(tmp_path), validation=0.2)
    [train] = (tmp_path / "train").iterdir()
    [held] = (tmp_path / "validation").iterdir()
    for path, name in ((train, "loss"), (held, "val_loss")):
        first, *events = records(path)
        assert b"brain.Event:2" in first and len(events) == 3
        for epoch, (event, value) in enumerate(zip(events, history[name], strict=True)):
            assert b"epoch_loss" in event and event.endswith(struct.pack("<f", value))
            assert event[9:11] == bytes([16, epoch])


def test_a_backup_is_taken_up_and_removed(tmp_path, monkeypatch):
    class Break(callbacks.Callback):
        def on_block_end(self, run):
            if run.epoch == 4:
                raise RuntimeError("pulled the plug")

    want, _ = fit(epochs=9)
    backup = callbacks.BackupAndRestore(tmp_path)
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.0)
    each_epoch = callbacks.LambdaCallback(lambda run, logs: None)
    with pytest.raises(RuntimeError, match="the plug"):
        fit(backup, each_epoch, Break(), epochs=9)
    assert backup.path.exists()
    model, history = fit(backup, each_epoch, callbacks.Callback(), epochs=9)
    assert not backup.path.exists() and len(history) == 9
    assert np.array_equal(model.params["dense_1"]["kernel"], want.params["dense_1"]["kernel"])


def test_a_backup_may_stay(tmp_path):
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    fit(backup)
    assert backup.path.exists()


def test_the_first_model_that_beats_a_threshold(tmp_path):
    _, history = fit(epochs=6)
    keep = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{loss:.3f}.liuli", "loss", True, initial_value_threshold=history["loss"][3] + 1e-9
    )
    fit(keep, epochs=6)
    assert sorted(p.name[0] for p in tmp_path.iterdir()) == ["4", "5", "6"]


def test_early_stopping_starts_later():
    stopping = callbacks.EarlyStopping("loss", min_delta=1e9, patience=1, start_from_epoch=4)
    _, history = fit(stopping, epochs=20)
    assert len(history) == 6


def test_every_rate_follows_the_callbacks():
    both = optimizers.MultiOptimizer(optimizers.SGD(0.1), ("dense_1/bias",), (optimizers.SGD(0.2),))
    model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse", both)
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    model.fit(X, Y, epochs=3, callbacks=[plateau], verbose=0)
    rates = [value for name, value in model.dials.items() if name.endswith("learning_rate")]
    assert rates[0] < 0.1 and rates[1] == 2 * rates[0]
