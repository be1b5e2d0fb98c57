"""Optimizers that only Keras has, or has in this form: fifty steps of the same problem."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import optimizers
from tests.oracles.descending import START, STEPS, agree, flat, gradient, ours, steps
from tests.oracles.keras_oracle import keras

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def double():
    """Keras keeps rates in its default dtype."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    with jax.enable_x64(True):
        yield
    keras.config.set_floatx(before)


def theirs(optimizer):
    """The parameters after each step."""
    with jax.numpy_dtype_promotion("standard"):
        variables = {name: keras.Variable(value, dtype="float64", name=name) for name, value in START.items()}
        path = []
        for _ in range(STEPS):
            g = gradient({name: np.asarray(v.value) for name, v in variables.items()})
            optimizer.apply([jnp.asarray(g[name]) for name in variables], list(variables.values()))
            path.append(flat({name: np.asarray(v.value) for name, v in variables.items()}))
        return np.stack(path)


of = keras.optimizers
CASES = {
    "adagrad": (optimizers.Adagrad(0.1, epsilon=1e-3), lambda: of.Adagrad(0.1, epsilon=1e-3)),
    "adadelta": (optimizers.Adadelta(1.0, rho=0.8), lambda: of.Adadelta(1.0, rho=0.8)),
    "ftrl": (optimizers.Ftrl(0.1), lambda: of.Ftrl(0.1)),
    "ftrl, other dials": (
        optimizers.Ftrl(0.2, -0.7, 0.3, 0.01, 0.02, 0.03, 0.5),
        lambda: of.Ftrl(0.2, -0.7, 0.3, 0.01, 0.02, 0.03, beta=0.5),
    ),
    "lamb": (optimizers.Lamb(0.02, epsilon=1e-3), lambda: of.Lamb(0.02, epsilon=1e-3)),
    "lion": (optimizers.Lion(0.003), lambda: of.Lion(0.003)),
    "lion, other dials": (optimizers.Lion(0.003, 0.7, 0.8), lambda: of.Lion(0.003, 0.7, 0.8)),
    "nadam": (optimizers.Nadam(0.005, epsilon=1e-3, momentum_decay=1.0), lambda: of.Nadam(0.005, epsilon=1e-3)),
}

MUON = {
    "as it is": (optimizers.Muon(0.02, epsilon=0.0), lambda: of.Muon(0.02, epsilon=0.0)),
    "other dials": (
        optimizers.Muon(0.01, epsilon=0.0, adam_lr_ratio=0.5, momentum=0.8, nesterov=False, rms_rate=None, muon_a=3.0),
        lambda: of.Muon(0.01, epsilon=0.0, adam_lr_ratio=0.5, momentum=0.8, nesterov=False, rms_rate=None, muon_a=3.0),
    ),
    "a matrix excluded": (
        optimizers.Muon(0.02, epsilon=0.0, exclude_layers=("kern",)),
        lambda: of.Muon(0.02, epsilon=0.0, exclude_layers=["kern"]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_steps(case):
    optimizer, make = CASES[case]
    agree(optimizer, theirs(make()))


@pytest.mark.parametrize("case", MUON)
def test_muon(case):
    """Keras takes norms in float32 whatever it is given; in float64 Muon is compared with NumPy."""
    optimizer, make = MUON[case]
    want = theirs(make())
    np.testing.assert_allclose(ours(optimizer, "float32"), want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_schedule_free():
    """Keras's variables are y, ours x."""
    path = steps(optimizers.ScheduleFreeAdamW(0.05))
    y = [flat({name: w[name] + (1 - 0.9) * slots.ahead[name] for name in w}) for w, slots in path]
    np.testing.assert_allclose(np.stack(y), theirs(of.ScheduleFreeAdamW(0.05)), rtol=1e-10)


def test_weight_decay_is_the_same_where_nothing_else_moves():
    """Keras decays before the step and we within it: the same to first order, and the same without gradients."""
    w, start = keras.Variable(np.ones(3), dtype="float64"), {"w": jnp.ones(3)}
    theirs, mine = of.SGD(0.1, weight_decay=0.2), optimizers.SGD(0.1, weight_decay=0.2)
    theirs.apply([jnp.zeros(3)], [w])
    got, _ = mine.apply({"w": jnp.zeros(3)}, start, mine.init(start), 0)
    np.testing.assert_allclose(got["w"], np.asarray(w.value), rtol=1e-15)


def test_the_average_of_the_weights():
    want = of.SGD(0.1, momentum=0.5, use_ema=True, ema_momentum=0.8)
    theirs(want)
    found = flat({n: np.asarray(v.value) for n, v in zip(START, want._model_variables_moving_average, strict=True)})
    mine = optimizers.SGD(0.1, momentum=0.5, ema_momentum=0.8)
    w, slots = steps(mine)[-1]
    np.testing.assert_allclose(flat(mine.averaged(w, slots)), found, rtol=1e-10)


def test_accumulated_gradients():
    agree(optimizers.SGD(0.3, gradient_accumulation_steps=3), theirs(of.SGD(0.3, gradient_accumulation_steps=3)))
