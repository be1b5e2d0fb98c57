"""An activation as a layer."""

import jax
import jax.numpy as jnp

from liuli import activations
from liuli.layers import Activation
from tests.layers.calling import call, taps
from tests.numeric import close


def test_applies_the_function():
    x = jnp.array([[-1.0, 2.0]])
    assert call(Activation("relu"), x).tolist() == [[0.0, 2.0]]
    assert Activation(activations.LeakyReLU(0.5)).activation.negative_slope == 0.5


def test_tap_is_what_comes_in():
    x = jnp.array([[-1.0, 2.0]])
    values, gradients = taps(Activation("tanh"), {}, {}, x, jnp.sum)
    close((values, gradients), ({"z": x}, {"z": jax.grad(lambda z: jnp.tanh(z).sum())(x)}), relative=1e-6)
