"""Cells of one step, cells on top of each other, and any cell over time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.dials import dials
from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.core.specs import dial, spec
from liuli.layers import RNN, Cell, Context, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from liuli.regularizers import L2
from tests.layers.calling import KEY, Watching, init, shape, taps
from tests.numeric import close

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(3, 5, 2)), jnp.float32)
MASK = jnp.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]], bool)
KINDS = ["SimpleRNN", "LSTM", "GRU"]


@spec
class Leaky(Cell):
    """h' = keep h + x w, with a count of its steps."""

    keep: float = dial(default=0.5, least=0.0, most=1.0)
    state_names = ("h", "count")

    def parameters(self, key, x):
        return {"w": jnp.arange(1.0, 1.0 + x.shape[-1])}

    def start(self, x):
        return jnp.zeros(x.shape, x.dtype), jnp.zeros((x.shape[0], 1), x.dtype)

    def step(self, shared, x, states, ctx):
        h, count = states
        return self.keep * h + x * shared["w"][None], count + 1.0


def unrolled(x, mask):
    h, ys = np.zeros((3, 2)), []
    for t in range(x.shape[1]):
        h = np.where(mask[:, t, None], 0.5 * h + x[:, t] * np.array([1.0, 2.0]), h)
        ys.append(h)
    return np.stack(ys, 1)


def test_a_cell_of_ones_own():
    layer = RNN(Leaky(), return_sequences=True, return_state=True)
    params, state = init(layer, X)
    y, h, count = layer.apply(params, state, X, Context(mask=MASK))[0]
    expected = unrolled(np.asarray(X), np.asarray(MASK))
    close((y, h), (expected, expected[:, -1]), relative=1e-6)
    assert count[:, 0].tolist() == [5.0, 2.0, 2.0]
    assert dials(layer) == {"cell/keep": 0.5}
    assert jax.tree.map(jnp.shape, params) == {"cell": {"w": (2,)}}


def test_states_of_a_cell_of_ones_own_are_seen():
    layer = RNN(Leaky(), return_sequences=True)
    values, gradients = taps(layer, *init(layer, X), X, jnp.sum, mask=MASK)
    close(values["cell/h"], unrolled(np.asarray(X), np.asarray(MASK)), relative=1e-6)
    close(gradients["cell/h"][0, :, 0], 2 - 0.5 ** jnp.arange(4.0, -1.0, -1.0), relative=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_over_time_is_the_layer(kind):
    layer = getattr(layers, kind)(3, return_sequences=True, return_state=True)
    cell = RNN(getattr(layers, f"{kind}Cell")(3), return_sequences=True, return_state=True)
    params, _ = init(layer, X)
    expected = layer.apply(params, {}, X, Context(mask=MASK))[0]
    close(cell.apply({"cell": params}, {}, X, Context(mask=MASK))[0], expected, relative=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_alone_is_one_step(kind):
    cell, layer = getattr(layers, f"{kind}Cell")(3), getattr(layers, kind)(3, return_state=True)
    states = [jnp.asarray(RNG.normal(size=(3, 3)), jnp.float32) for _ in cell.state_names]
    params, _ = init(cell, (X[:, 0], *states))
    expected = layer.apply(params, {}, (X[:, :1], *states), Context())[0]
    close(cell.apply(params, {}, (X[:, 0], *states), Context())[0], expected, relative=1e-6)


def test_a_cell_alone_needs_its_states_and_takes_no_mask():
    with pytest.raises(ShapeError, match=r"no states; expected h \(batch, 3\) and c \(batch, 3\)"):
        LSTMCell(3).init(KEY, shape(4, 2))
    with pytest.raises(LiuliError, match=r"layers\.RNN\(GRUCell"):
        GRUCell(3).output_mask((X[:, 0], X[:, 0]), (MASK, None))


def test_a_cell_in_a_graph():
    x, h = ll.Input((2,)), ll.Input((3,))
    y, after = GRUCell(3)([x, h])
    model = ll.Model(ll.Graph([x, h], layers.Add()([y, after])), loss="mse")
    assert model.predict((np.ones((4, 2)), np.ones((4, 3)))).shape == (4, 3)


def test_a_stack_is_layers_one_after_the_other():
    stack = RNN(StackedRNNCells([LSTMCell(4), GRUCell(3)]), return_sequences=True, return_state=True)
    params, _ = init(stack, X)
    assert set(params["cell"]) == {"0", "1"}
    first = layers.LSTM(4, return_sequences=True, return_state=True)
    second = layers.GRU(3, return_sequences=True, return_state=True)
    y, *below = first.apply(params["cell"]["0"], {}, X, Context(mask=MASK))[0]
    y, *above = second.apply(params["cell"]["1"], {}, y, Context(mask=MASK))[0]
    close(stack.apply(params, {}, X, Context(mask=MASK))[0], (y, *below, *above), relative=1e-6)
    assert stack.output_count == 4


def test_paths_within_a_stack():
    stack = RNN(StackedRNNCells([SimpleRNNCell(2, dropout=0.1), Leaky()]), stateful=True)
    assert {"cell/0/dropout", "cell/1/keep"} <= set(dials(stack))
    seen = Watching()
    params, state = init(stack, X)
    stack.apply(params, state, X, Context(watch=seen))
    assert list(seen.values) == ["cell/0/z", "cell/0/h", "cell/1/h", "cell/1/count"]
    assert set(state) == {"h_0", "h_1", "count_1"}


def test_penalties_and_constraints_reach_the_cells():
    stack = RNN(StackedRNNCells([GRUCell(2, recurrent_regularizer=L2(0.5)), GRUCell(2, kernel_constraint="non_neg")]))
    params = jax.tree.map(lambda p: -jnp.ones_like(p), init(stack, X)[0])
    assert float(stack.penalty(params)) == 0.5 * 2 * 6
    after = stack.constrained(params)["cell"]
    assert not after["1"]["kernel"].any()
    assert (after["0"]["kernel"] == -1).all()
    assert stack.cell.penalty(params["cell"]) == stack.penalty(params)


def test_needs_cells():
    with pytest.raises(SpecError, match="at least one"):
        StackedRNNCells([])
    with pytest.raises(SpecError, match=r"RNN\.cell"):
        RNN(layers.LSTM(3))


def test_a_stack_learns_within_a_model(tmp_path):
    x = np.asarray(X)
    net = ll.Sequential([RNN(StackedRNNCells([GRUCell(4, dropout=0.1), LSTMCell(4)])), layers.Dense(1)])
    model = ll.Model(net, loss="mse", optimizer=ll.optimizers.Adam(0.05), seed=0)
    model.fit(x, x[:, 0, :1], epochs=3, verbose=0)
    model.save(tmp_path / "m.liuli")
    np.testing.assert_array_equal(ll.Model.load(tmp_path / "m.liuli").predict(x), model.predict(x))
