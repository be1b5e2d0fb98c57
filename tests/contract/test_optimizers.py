"""What every registered optimizer keeps: it goes downhill, compiled or not, and its dials are arguments."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers, optimizers
from liuli.core.dials import dials, with_dials
from tests.contract.examples import SPECS, example

NAMES = [name for name in SPECS if name.startswith("optimizers.")]
FORGETS = {"optimizers.Ftrl"}  # the initial weights
RESTLESS = {"optimizers.Yogi"}  # its mean begins above 0
START = {"kernel": jnp.asarray([[1.0, -2.0, 3.0], [0.5, 1.5, -1.0]]), "bias": jnp.asarray([1.0, -1.0, 2.0])}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def bowl(w):
    """A convex quadratic with its bottom at 0.2 everywhere, and what else was measured."""
    loss = jnp.square(w["kernel"] - 0.2).sum() + 3.0 * jnp.square(w["bias"] - 0.2).sum()
    return loss, {"loss": loss}


@functools.cache
def program(optimizer):
    """Parameters and slots after so many steps down the bowl, which may be flat: compiled once for all tests."""

    @jax.jit
    def run(values, count, depth):
        def body(i, carry):
            return with_dials(optimizer, values).advance(objective, *carry, i)[:2]

        def objective(w):
            loss, _ = bowl(w)
            return depth * loss, ()

        return jax.lax.fori_loop(0, count, body, (START, optimizer.init(START)))

    return run


def steps(name, count, values=None, depth=1.0):
    """Parameters and slots of the optimizer called ``name`` after ``count`` compiled steps."""
    return program(example(name))(dials(example(name)) if values is None else values, count, depth)


def test_goes_downhill(name):
    optimizer = example(name)
    if isinstance(optimizer, optimizers.FirstOrder):
        optimizer = optimizer.replace(learning_rate=max(0.05, optimizer.learning_rate))
    w, slots = steps(name, 60, dials(optimizer))
    assert bowl(optimizer.averaged(w, slots))[0] < 0.999 * bowl(START)[0]


def test_compiled_is_as_not_compiled_and_tells_what_was_measured_before_the_step(name):
    optimizer = example(name)
    w, slots, measured = START, optimizer.init(START), []
    for i in range(3):
        w, slots, aux = optimizer.advance(bowl, w, slots, i)
        measured.append(aux["loss"])
    np.testing.assert_allclose(measured[0], bowl(START)[0], rtol=1e-6)
    got, _ = steps(name, 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), got, w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_keeps_every_dtype(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        optimizer = example(name)
        w = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), START)
        slots = optimizer.init(w)
        moved, after, _ = jax.eval_shape(lambda w, slots: optimizer.advance(bowl, w, slots, 0), w, slots)
        before, now = (jax.tree.map(lambda a: (a.shape, a.dtype), tree) for tree in ((w, slots), (moved, after)))
        assert before == now


def test_dials_do_not_recompile_and_can_be_mapped_over(name):
    first = dials(example(name))
    settings = [first, {key: 0.9 * value for key, value in first.items()}]
    values = {key: np.array([setting[key] for setting in settings], np.float32) for key in first}
    many, _ = jax.jit(jax.vmap(lambda values: steps(name, 3, values)))(values)
    for i in range(2):
        one, _ = steps(name, 3, settings[i])
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-5), many, one)


def test_a_gradient_of_zero_moves_nothing_but_by_decay(name):
    if name in FORGETS | RESTLESS:
        pytest.skip("moves without a gradient, as its docstring says")
    w, slots = steps(name, 3, depth=0.0)
    shrunk = {"optimizers.AdamW", "optimizers.Muon", "optimizers.ASGD"}
    for key, leaf in START.items():
        share = np.asarray(w[key] / leaf)
        np.testing.assert_allclose(share, 1.0, rtol=1e-4 if name in shrunk else 1e-7)
        assert name not in shrunk or (share < 1).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slots))


def flat(w):
    return 0.0 * w["bias"].sum(), ()


def test_decay_alone_shrinks_the_weights():
    by_norm = {"optimizers.Lamb", "optimizers.Lars"}  # which make every step as long as the weights
    decaying = {
        name: example(name).replace(weight_decay=0.1)
        for name in NAMES
        if isinstance(example(name), optimizers.FirstOrder) and name not in FORGETS | by_norm
    }

    @jax.jit
    def moved(w):
        return {name: each.advance(flat, w, each.init(w), 0)[0] for name, each in decaying.items()}

    for name, w in moved(START).items():
        rate = example(name).rate(0)
        np.testing.assert_allclose(w["kernel"], START["kernel"] * (1 - 0.1 * rate), rtol=1e-4, err_msg=name)


def test_trains_a_model_and_its_slots_survive_a_checkpoint(name, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]])
    optimizer = example(name)
    if name == "optimizers.MultiOptimizer":
        optimizer = optimizer.replace(prefixes=("dense_1/bias",))

    def fit(epochs, path):
        model = ll.Model(ll.Sequential([layers.Dense(1)]), "mse", optimizer)
        model.fit(x, y, epochs=epochs, batch_size=32, verbose=0, checkpoint=path, resume_from_checkpoint=True)
        return model

    straight = fit(4, tmp_path / "a")
    fit(2, tmp_path / "b")
    resumed = fit(4, tmp_path / "b")
    assert straight.history["loss"] == resumed.history["loss"]
    assert np.array_equal(straight.params["dense_1"]["kernel"], resumed.params["dense_1"]["kernel"])
    assert straight.history["loss"][-1] != straight.history["loss"][0]
