"""Layers on the host: raw values in, numbers for the compiled graph out."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import DataError, SpecError
from liuli.core.specs import spec
from liuli.layers import Layer


@spec
class Lengths(Layer):
    """The lengths of texts: (batch,) to (batch, 1)."""

    on_host: ClassVar[bool] = True

    def host(self, x):
        return np.char.str_len(x)[:, None].astype(np.float32)

    def apply(self, params, state, x, ctx):
        return x, state


TEXTS = np.array(["a", "bbb", "cc", "dddd"])
LENGTHS = np.array([[1.0], [3.0], [2.0], [4.0]])


def test_a_network_learns_from_text(tmp_path):
    model = ll.Model(ll.Sequential([Lengths(), layers.Dense(1)]), loss="mse", optimizer=ll.optimizers.SGD(0.05))
    model.fit(TEXTS, 2 * LENGTHS + 1, epochs=2000, verbose=0)
    np.testing.assert_allclose(model.predict(np.array(["eeeee"])), [[11.0]], rtol=1e-3)
    model.save(tmp_path / "m.liuli")
    again = ll.Model.load(tmp_path / "m.liuli", registry=[Lengths])
    np.testing.assert_array_equal(again.predict(TEXTS), model.predict(TEXTS))


def test_several_in_a_row_and_a_declared_input():
    x = ll.Input((1,))
    net = ll.Graph(x, layers.Dense(1, kernel_initializer="ones")(Lengths()(x)))
    model = ll.Model(net, loss="mse")
    np.testing.assert_allclose(model.predict(TEXTS), LENGTHS)


def test_must_stand_first_and_alone():
    with pytest.raises(SpecError, match="an input of the network, which nothing else takes"):
        ll.Model(ll.Sequential([layers.Dense(1), Lengths()]), loss="mse")
    x = ll.Input((1,))
    both = layers.Add()([layers.Dense(1)(Lengths()(x)), layers.Dense(1)(x)])
    with pytest.raises(SpecError, match="a second input"):
        ll.Model(ll.Graph(x, both), loss="mse")


def test_values_that_it_does_not_take():
    model = ll.Model(ll.Sequential([Lengths(), layers.Dense(1)]), loss="mse")
    with pytest.raises(DataError, match="values that Lengths"):
        model.predict(jnp.ones((3, 2)))
