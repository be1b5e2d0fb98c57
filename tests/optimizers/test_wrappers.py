"""Optimizers around optimizers, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers, optimizers
from liuli.core.dials import dials
from liuli.core.errors import SpecError

W = {"dense_1/kernel": jnp.ones((2, 2)), "dense_1/bias": jnp.ones(2), "dense_10/kernel": jnp.ones((2, 2))}


@pytest.mark.parametrize("inner", ["lbfgs", "newton", "schedule_free_adamw"])
def test_what_evaluates_the_loss_by_itself_is_refused(inner):
    for make in (
        lambda: optimizers.SAM(inner),
        lambda: optimizers.LossScaleOptimizer(inner),
        lambda: optimizers.MultiOptimizer("sgd", ("dense_1",), (inner,)),
    ):
        with pytest.raises(SpecError, match="evaluates the loss by itself"):
            make()


def test_the_longest_prefix_counts():
    rates = optimizers.SGD(1.0), optimizers.SGD(2.0), optimizers.SGD(3.0)
    optimizer = optimizers.MultiOptimizer(rates[0], ("dense_1/", "dense_1/bias"), rates[1:])
    moved, _ = optimizer.apply(jax.tree.map(jnp.ones_like, W), W, optimizer.init(W), 0)
    assert [float(moved[path].ravel()[0]) for path in W] == [-1.0, -2.0, 0.0]
    assert sorted(dials(optimizer).values()) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("prefixes", "count"), [(("a", "b"), 1), (("a", "a"), 2), (("",), 1)], ids=["too few", "twice", "empty"]
)
def test_prefixes_that_make_no_sense(prefixes, count):
    with pytest.raises(SpecError, match="one optimizer for each prefix"):
        optimizers.MultiOptimizer("sgd", prefixes, ("adam",) * count)


def test_a_prefix_that_fits_nothing():
    with pytest.raises(SpecError, match="'dense_2', which fits no parameter"):
        optimizers.MultiOptimizer("sgd", ("dense_2",), ("adam",)).init(W)


def test_the_scale_falls_where_a_gradient_is_not_finite_and_grows_again():
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), 8.0, 2)
    w = {"w": jnp.ones(2)}
    slots, scales = optimizer.init(w), []
    for i, bad in enumerate([False, True, False, False, False]):
        before = w["w"]
        w, slots, _ = optimizer.advance(lambda w, bad=bad: (w["w"].sum() * (np.inf if bad else 1.0), ()), w, slots, i)
        assert bool((w["w"] == before).all()) == bad
        scales.append(float(slots.scale))
    assert scales == [8.0, 4.0, 4.0, 8.0, 8.0]


def test_small_gradients_survive_float16():
    """The targets are so near that without a scale every gradient is 0 in float16."""
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")

    def moved(optimizer):
        net = ll.Sequential([ll.Input((4,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        model = ll.Model(net, "mse", optimizer, precision="float16", loss_weights=[1e-9])
        before = np.asarray(model.params["dense_1"]["kernel"])
        model.fit(x, x[:, :1], epochs=1, batch_size=32, verbose=0)
        return np.abs(np.asarray(model.params["dense_1"]["kernel"]) - before).max()

    assert moved(optimizers.SGD(1e4)) == 0.0
    assert moved(optimizers.LossScaleOptimizer(optimizers.SGD(1e4), 2.0**20)) > 0.0


def test_the_average_of_what_is_inside():
    inner = optimizers.SGD(0.1, ema_momentum=0.5)
    for optimizer in (
        optimizers.SAM(inner),
        optimizers.LossScaleOptimizer(inner),
        optimizers.MultiOptimizer("sgd", ("dense_1",), (inner,)),
    ):
        w, slots = W, optimizer.init(W)
        for i in range(3):
            w, slots, _ = optimizer.advance(lambda w: (sum((leaf**2).sum() for leaf in w.values()), ()), w, slots, i)
        means = optimizer.averaged(w, slots)
        assert float(means["dense_1/bias"][0]) > float(w["dense_1/bias"][0])


def test_schedule_free_refuses_another_average():
    with pytest.raises(SpecError, match="averages by itself"):
        optimizers.ScheduleFreeAdamW(ema_momentum=0.9)
