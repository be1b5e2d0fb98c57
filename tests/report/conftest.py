"""Trainings that reports are made of, each made once: arguments of ``write_report``, and the folder of the model."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers

pytest.importorskip("matplotlib", reason="the report needs the plot extra")
pytest.importorskip("sklearn", reason="real data come with the data extra")

HOSTILE = 'x"><script>alert(1)</script>'
CLASSES = ("<b>low</b> & $x$", "'high' </style>", "北京")


def told(model, data, train, test, history, /, **facts):
    evaluation = model.evaluate(test)
    return {
        "model": model, "history": history, "data": data, "train": train, "test": test, "evaluation": evaluation,
        "facts": facts,
    }  # fmt: skip


def mixed_table(rows=120):
    """Numbers, categories, dates and truth values, cells missing, and names that would break a page."""
    rng = np.random.default_rng(0)
    age = [None if i % 11 == 0 else int(a) for i, a in enumerate(rng.integers(18, 80, rows))]
    columns = {
        "customer_id": [f"u{i}" for i in range(rows)],
        "age": age,
        HOSTILE: rng.choice(["Bern", "<i>Chur</i>", "Zug"], rows).tolist(),
        "born": (np.datetime64("2000-01-01") + rng.integers(0, 5000, rows)).astype(str).tolist(),
        "smokes": rng.choice(["yes", "no"], rows).tolist(),
        "risk": np.array(CLASSES)[np.arange(rows) % 3].tolist(),
    }
    return ll.data.Table.of(columns, name="customers </title>")


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    data = ll.data.load("digits")
    train, test = data.split(test=0.2, stratify=True, seed=0)
    net = ll.Sequential([layers.Rescaling(1 / 16), layers.Dense(16, "relu"), layers.Dense(10, "softmax")])
    model = ll.Model(net, "categorical_crossentropy", metrics=["accuracy"], schema=ll.data.fit_schema(train))
    history = model.fit(train, epochs=4, validation=0.1, probes=16, verbose=0)
    folder = tmp_path_factory.mktemp("digits")
    model.save(folder / "my model.liuli")
    given = told(model, data, train, test, history, model="my model.liuli", command="liuli train digits", seconds=1.5)
    return given, folder


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory):
    data = ll.data.load("diabetes")
    train, test = data.split(test=0.2, seed=0)
    net = ll.Sequential([layers.Dense(8, "relu"), layers.Dense(1)])
    model = ll.Model(net, "mse", metrics=["mae"], schema=ll.data.fit_schema(train))
    history = model.fit(train, epochs=3, verbose=0)
    folder = tmp_path_factory.mktemp("diabetes")
    model.save(folder / "model.liuli")
    return told(model, data, train, test, history), folder


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    data = mixed_table()
    train, test = data.split(test=0.25, stratify=True, seed=0)
    schema = ll.data.fit_schema(train)
    x = ll.Input(schema.encoded_shape, name="features")
    shared = layers.Dense(8, "relu", name="shared")
    first = layers.Dense(8, name="first")(x)
    net = ll.Graph(x, layers.Dense(3, "softmax")(layers.Add()([first, shared(shared(first))])))
    model = ll.Model(net, "categorical_crossentropy", metrics=["accuracy"], schema=schema)
    history = model.fit(train, epochs=3, verbose=0)
    folder = tmp_path_factory.mktemp("mixed")
    model.save(folder / "model.liuli")
    return told(model, data, train, test, history), folder
