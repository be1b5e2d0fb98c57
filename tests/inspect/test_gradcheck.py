"""Right gradients pass, planted wrong ones are found and named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.specs import spec
from liuli.inspect import gradcheck
from liuli.layers import Layer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 5)), RNG.normal(size=(6, 2))


@jax.custom_vjp
def scaled(x, w):
    return x * w


scaled.defvjp(lambda x, w: (x * w, (x, w)), lambda kept, g: (g * kept[1], 1.001 * (g * kept[0]).sum(0, keepdims=True)))


@spec
class Wrong(Layer):
    """y = x w, whose gradient of w is a thousandth too large."""

    def init(self, key, x):
        return {"w": jnp.ones((1, x.shape[-1]))}, {}

    def apply(self, params, state, x, ctx):
        return scaled(x, jnp.broadcast_to(params["w"], (1, x.shape[-1]))), state


def test_a_wrong_gradient_is_found_and_named():
    model = ll.Model(ll.Sequential([layers.Dense(4, "tanh"), Wrong(), layers.Dense(2)]), "mse")
    found = gradcheck(model, X, Y)
    assert not found.ok
    assert [check.path for check in found.checks if not check.ok] == ["wrong_1/w"]
    assert found.worst.path == "wrong_1/w"
    assert found.worst.analytic == pytest.approx(1.001 * found.worst.numeric, rel=1e-6)
    assert found.worst.error == pytest.approx(0.001 / 1.001, rel=1e-3)
    assert "wrong: wrong_1/w[0, " in str(found) and "wrong_1/w" in found._repr_html_()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_right_gradients_pass(training, precision):
    stack = [layers.Dense(4, "relu", kernel_regularizer="l2"), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = ll.Model(
        ll.Sequential([*stack, layers.Dense(3, "softmax")]), "categorical_crossentropy", precision=precision
    )
    found = gradcheck(model, X, np.array([0, 1, 2, 0, 1, 2]), training=training)
    assert found.ok, str(found)
    assert len(found.checks) == 7 and all(check.numeric != 0 for check in found.checks)
    assert "gradients are right" in str(found)


def test_sequences_and_integers():
    net = ll.Sequential([layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2), layers.Dense(2)])
    found = gradcheck(ll.Model(net, "mse"), RNG.integers(0, 5, size=(6, 4)), Y)
    assert found.ok and "input_1" not in {check.path for check in found.checks}


def test_a_kink_is_not_wrong():
    """At x = 0 with zero biases every ReLU stands at its kink: there is nothing to compare."""
    model = ll.Model(ll.Sequential([layers.Dense(4, "relu"), layers.Dense(2)]), "mse")
    found = gradcheck(model, np.zeros((2, 5)), np.ones((2, 2)))
    assert found.ok
    seen = {check.path: (check.elements, check.kinks) for check in found.checks}
    assert seen["dense_1/bias"] == (0, 4) and seen["input_1"] == (0, 10)
    assert seen["dense_2/bias"] == (2, 0) and seen["dense_1/kernel"] == (20, 0)


def test_only_what_was_asked_for():
    model = ll.Model(ll.Sequential([layers.Dense(4), layers.Dense(2)]), "mse")
    found = gradcheck(model, X, Y, parameters=["dense_2/kernel", "input_1"], samples=3)
    assert [(check.path, check.elements) for check in found.checks] == [("dense_2/kernel", 3), ("input_1", 3)]
    with pytest.raises(ll.LiuliError, match="'dense_2/kernel'"):
        gradcheck(model, X, Y, parameters=["dense_2/kernl"])
    with pytest.raises(ll.LiuliError, match="samples=0"):
        gradcheck(model, X, Y, samples=0)


def test_the_seed_draws_the_elements():
    model = ll.Model(ll.Sequential([layers.Dense(40, "tanh"), layers.Dense(2)]), "mse")
    drawn = [gradcheck(model, X, Y, ["dense_1/kernel"], samples=1, seed=seed).worst.index for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_model_is_as_it_was():
    model = ll.Model(ll.Sequential([layers.Dense(2)]), "mse").build((5,))
    before = jax.tree.map(np.asarray, model.params)
    gradcheck(model, X, Y)
    jax.tree.map(np.testing.assert_array_equal, before, jax.tree.map(np.asarray, model.params))
    assert model.params["dense_1"]["kernel"].dtype == jnp.float32 and not jax.config.jax_enable_x64
