"""Where native kernels are used, and that everything works where they are not."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import kernels, layers
from liuli.kernels import native

ONE = jnp.ones(1)
built = pytest.mark.skipif(not kernels.usable(ONE), reason="the native kernels were not built")


@pytest.fixture
def looked_for_again():
    native._library.cache_clear()
    yield
    native._library.cache_clear()


def test_no_library(monkeypatch, tmp_path, looked_for_again):
    monkeypatch.setattr(native, "_LIBRARY", tmp_path / "none.so")
    assert not kernels.usable(ONE)


def test_a_library_for_another_system(monkeypatch, tmp_path, looked_for_again):
    other = tmp_path / "other.so"
    other.write_bytes(b"MZ")
    monkeypatch.setattr(native, "_LIBRARY", other)
    assert not kernels.usable(ONE)


@built
def test_an_older_processor(monkeypatch, looked_for_again):
    class Library:
        def __init__(self, path):
            pass

        def liuli_supported(self):
            return 0

    monkeypatch.setattr(native.ctypes, "CDLL", Library)
    assert not kernels.usable(ONE)


@built
def test_only_arrays_of_floats_that_hold_something():
    assert kernels.usable(ONE, None, jnp.ones((2, 3)))
    assert not kernels.usable(ONE, jnp.ones(1, jnp.bfloat16))
    assert not kernels.usable(jnp.ones((0, 3)))


@built
def test_plain_is_another_program():
    run = jax.jit(kernels.gelu)
    texts = [run.lower(ONE).as_text()]
    with kernels.plain():
        texts.append(run.lower(ONE).as_text())
    texts.append(run.lower(ONE).as_text())
    assert ["liuli_gelu" in text for text in texts] == [True, False, True]


TRAINED = """
import numpy as np, liuli as ll
from liuli import kernels, layers
import jax.numpy as jnp
usable = kernels.usable(jnp.ones(1))
x, y = np.random.default_rng(0).standard_normal((12, 6, 3)).astype(np.float32), np.arange(12) % 2
net = ll.Sequential([layers.Conv1D(4, 3, activation="relu"), layers.LSTM(5), layers.Dense(2, "softmax")])
loss = ll.Model(net, "categorical_crossentropy", "sgd", seed=1).fit(x, y, epochs=3, verbose=0)["loss"][-1]
"""


@built
def test_switched_off_it_learns_the_same():
    exec(TRAINED, here := {})
    code, env = TRAINED + "print(usable, loss)", {**os.environ, "LIULI_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=env, capture_output=True, text=True)
    used, loss = done.stdout.split()
    assert (here["usable"], used) == (True, "False")
    assert here["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_newton_differentiates_twice():
    x = np.random.default_rng(0).standard_normal((8, 5, 5, 1)).astype(np.float32)
    net = ll.Sequential([layers.Conv2D(2, 3, activation="gelu"), layers.Flatten(), layers.Dense(1)])

    def loss():
        model = ll.Model(net, "mse", ll.optimizers.Newton(damping=1.0))
        return model.fit(x, x.mean((1, 2)), epochs=2, batch_size=8, verbose=0)["loss"]

    found = loss()
    with kernels.plain():
        assert found == pytest.approx(loss(), rel=1e-3)
