"""Models that have not learned: what is tested is that they are seen as they are."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session")
def table():
    """Columns of every kind, some of them with gaps; a number to predict."""
    rng, n = np.random.default_rng(0), 40
    age = rng.integers(20, 70, n).astype(float)
    age[3] = np.nan
    city = rng.choice(["Bern", "Basel", "Chur"], n).astype(object)
    city[5] = None
    rows = {
        "age": age,
        "city": city,
        "smokes": rng.choice([True, False], n),
        "born": np.datetime64("2024-01-01") + rng.integers(0, 300, n),
        "height": rng.normal(170, 10, n),
        "pay": rng.normal(1000, 200, n),
    }
    return ll.data.Table.of(rows, target="pay")


@pytest.fixture(scope="session")
def payer(table):
    """A model of the table, raw rows in and pay out."""
    net = ll.Sequential([layers.Dense(5, "tanh"), layers.Dense(1)])
    schema = ll.data.Schema.fit(table)
    return ll.Model(net, loss="mse", schema=schema).build(schema.encoded_shape)
