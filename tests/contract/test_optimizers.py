"""What every registered optimizer keeps: it goes downhill, compiled or not, and its dials are arguments."""

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


def steps(optimizer, count, w=START, values=None, slots=None, objective=bowl):
    """Parameters and slots after ``count`` compiled steps."""

    @jax.jit
    def run(w, slots, values):
        def body(i, carry):
            w, slots = carry
            return with_dials(optimizer, values).advance(objective, w, slots, i)[:2]

        return jax.lax.fori_loop(0, count, body, (w, slots))

    values = dials(optimizer) if values is None else values
    return run(w, optimizer.init(w) if slots is None else slots, values)


def test_goes_downhill(name):
    optimizer = example(name)
    if isinstance(optimizer, optimizers.FirstOrder):
        optimizer = optimizer.replace(learning_rate=max(0.05, optimizer.learning_rate))
    w, slots = steps(optimizer, 60)
    assert bowl(optimizer.averaged(w, slots))[0] < 0.999 * bowl(START)[0]


def test_tells_what_was_measured_before_the_step(name):
    optimizer = example(name)
    _, _, aux = optimizer.advance(bowl, START, optimizer.init(START), 0)
    np.testing.assert_allclose(aux["loss"], bowl(START)[0], rtol=1e-6)


def test_compiled_is_as_not_compiled(name):
    optimizer = example(name)
    w, slots = START, optimizer.init(START)
    for i in range(3):
        w, slots, _ = optimizer.advance(bowl, w, slots, i)
    got, _ = steps(optimizer, 3)
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
    optimizer = example(name)
    values = {key: jnp.asarray([value, 0.9 * value]) for key, value in dials(optimizer).items()}
    many, _ = jax.vmap(lambda values: steps(optimizer, 3, values=values))(values)
    for i in range(2):
        one, _ = steps(optimizer, 3, values={key: value[i] for key, value in values.items()})
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-5), many, one)


def test_a_gradient_of_zero_moves_nothing_but_by_decay(name):
    if name in FORGETS | RESTLESS:
        pytest.skip("moves without a gradient, as its docstring says")
    optimizer = example(name)
    w, slots = steps(optimizer, 3, objective=lambda w: (0.0 * sum(leaf.sum() for leaf in w.values()), ()))
    shrunk = {"optimizers.AdamW", "optimizers.Muon", "optimizers.ASGD"}
    for key, leaf in START.items():
        share = np.asarray(w[key] / leaf)
        np.testing.assert_allclose(share, 1.0, rtol=1e-4 if name in shrunk else 1e-7)
        assert name not in shrunk or (share < 1).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slots))


def test_decay_alone_shrinks_the_weights():
    for name in NAMES:
        by_norm = {"optimizers.Lamb", "optimizers.Lars"}  # which make every step as long as the weights
        if isinstance(example(name), optimizers.FirstOrder) and name not in FORGETS | by_norm:
            w, _ = steps(example(name).replace(weight_decay=0.1), 1, objective=lambda w: (0.0 * w["bias"].sum(), ()))
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
