"""A training in a process of its own, which may be killed. One server has imported everything, and forks for each."""

import multiprocessing
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

import liuli as ll
from liuli import layers
from liuli.training import checkpoint as checkpoints


def start(folder: Path, name: str) -> BaseProcess:
    """The training that writes ``name``.liuli, its history, and a checkpoint after every epoch."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    process = forking.Process(target=_train, args=(folder / f"{name}.liuli", folder / f"{name}.checkpoint"))
    process.start()
    return process


def _train(out: Path, checkpoint: Path) -> None:
    checkpoints._PAUSE = 0.0
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 8))
    y = (x @ rng.normal(size=(8, 3))).argmax(1)
    hidden = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    net = ll.Sequential([*hidden, layers.Dense(3, "softmax")])
    model = ll.Model(net, "categorical_crossentropy", metrics=["accuracy"], seed=3)
    callbacks = [ll.callbacks.EarlyStopping(patience=40), ll.callbacks.ReduceLROnPlateau(factor=0.5, patience=3)]
    model.fit(x, y, epochs=60, batch_size=32, validation=0.2, callbacks=callbacks, verbose=0,
              checkpoint=checkpoint, resume_from_checkpoint=True)  # fmt: skip
    model.save(out)
    out.with_suffix(".jsonl").write_text(model.history.lines())
