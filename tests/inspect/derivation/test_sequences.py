"""Rules of layers over time: each line, computed in NumPy, is the number that automatic differentiation gave."""

import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.specs import spec
from liuli.inspect import derive
from tests.inspect.derivation.test_values import DRAWN, by_rules_alone, checked, joined, steps

__all__ = ["by_rules_alone"]  # a fixture

RNG = np.random.default_rng(1)
SEQUENCES = RNG.normal(size=(3, 5, 2))
PADDED = SEQUENCES.copy()
PADDED[0, 3:] = PADDED[1, :2] = 0.0
IDS = np.array([[1, 2, 0, 0], [3, 5, 4, 0], [0, 0, 0, 0]])
MEMORY = RNG.normal(size=(3, 3, 4))
x = ll.Input((5, 2))


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_on_the_board(reset_after):
    text = checked(ll.Sequential([layers.GRU(2, reset_after=reset_after, bias_initializer=DRAWN)]), SEQUENCES)
    for line in (
        "h₁ = σ(z_(1,t)) ⊙ h_(1,t-1) + (1 - σ(z_(1,t))) ⊙ tanh(g_(1,t))",
        "∂L/∂g₁ = ∂L/∂h_(1,t) ⊙ (1 - σ(z_(1,t))) ⊙ tanh'(g_(1,t))",
        "∂L/∂W₁ = Σₜ (x)ₜᵀ [∂L/∂z_(1,t), ∂L/∂r_(1,t), ∂L/∂g_(1,t)]",
    ):
        assert line in text


def test_options_of_recurrent_layers():
    """Masks, dropout, order, cut gradients, activations that are not element by element; stacks of cells."""
    stack = layers.StackedRNNCells(
        [
            layers.GRUCell(3, reset_after=False, dropout=0.3, kernel_regularizer="l2"),
            layers.StackedRNNCells([layers.LSTMCell(2, recurrent_dropout=0.3, use_bias=False)]),
            layers.SimpleRNNCell(4, recurrent_regularizer="l1"),
        ]
    )
    many = {"return_sequences": True}
    net = [
        layers.Masking(),
        layers.GRU(3, "relu", go_backwards=True, dropout=0.3, recurrent_dropout=0.2, num_steps=2, **many),
        layers.SimpleRNN(3, use_bias=False, zero_output_for_mask=True, dropout=0.2, **many),
        layers.LSTM(2, "softmax", num_steps=3, dropout=0.4, recurrent_dropout=0.4, **many),
        layers.RNN(stack, num_steps=2),
        layers.Dense(2, kernel_regularizer="l2"),
    ]
    text = checked(ll.Sequential(net), PADDED)
    assert "∂L/∂h₃ = ∂L/∂a₃ + ∂L/∂z_(3,t+1) U₃ᵀ" in text


def test_states_that_are_given_and_returned():
    h, c = ll.Input((3,)), ll.Input((3,))
    y, h_1, c_1 = layers.LSTM(3, return_state=True)([x, h, c])
    many, h_2 = layers.GRU(3, return_state=True, return_sequences=True)([x, h_1])
    cells = layers.StackedRNNCells([layers.SimpleRNNCell(3), layers.LSTMCell(3)])
    over_time = layers.RNN(cells, return_state=True, return_sequences=True)([many, h_2, h_1, c_1])
    alone = [
        layers.StackedRNNCells([layers.GRUCell(3, dropout=0.2), layers.LSTMCell(3)])([y, h_2, h_1, c_1]),
        layers.LSTMCell(3, recurrent_dropout=0.2)([y, h_2, c]),
        layers.SimpleRNNCell(3)([y, h_1]),
        layers.GRUCell(3, reset_after=False)([y, h_1]),
    ]
    net = joined([x, h, c], [value for made in (over_time, *alone) for value in made])
    given = RNG.normal(size=(2, 3, 3))
    text = checked(net, (SEQUENCES, *given))
    assert "∂L/∂x₃ = " in text and "∂L/∂c_(1,1) ⊙ σ(f_(1,1))" in text


def test_a_state_that_is_kept_from_the_batch_before():
    layer = layers.LSTM(2, stateful=True)
    net = ll.Sequential([ll.Input((5, 2), batch_size=3), layer])
    model = ll.Model(net, "mse")
    model.fit(SEQUENCES, np.ones((3, 2)), epochs=1, batch_size=3, verbose=False)
    found = derive(model, SEQUENCES, np.ones((3, 2)))
    assert max(found.errors.values()) < 1e-5


def test_convolutions_over_time():
    cubes, images = RNG.normal(size=(3, 2, 2, 2, 3, 1)), RNG.normal(size=(3, 3, 4, 3, 2))
    rows, image, cube = ll.Input((5, 4, 2)), ll.Input(images.shape[1:]), ll.Input(cubes.shape[1:])
    drops = {"dropout": 0.2, "recurrent_dropout": 0.3}
    masked = layers.Masking()(rows)
    made = [
        *layers.ConvLSTM1D(2, 2, 2, return_state=True, num_steps=2, go_backwards=True, **drops)(masked),
        layers.ConvLSTM1D(2, 3, padding="same", return_sequences=True, dilation_rate=2)(rows),
        layers.ConvLSTM2D(2, 2, (2, 1), "same")(image),
        layers.ConvLSTM3D(1, (1, 2, 2), use_bias=False)(cube),
    ]
    given = RNG.normal(size=(3, 5, 4, 2))
    given[0, 3:] = 0.0
    text = checked(joined([rows, image, cube], made), (given, images, cubes))
    assert "∂L/∂W₆ = Σₜ (x₁)ₜ ⋆ ∂L/∂z_(6,t)" in text


def test_attention():
    """Roles, masks, windows, heads that share keys, rotation, gates and dropout."""
    ids, memory = ll.Input((4,), dtype="int32"), ll.Input((3, 4))
    h = layers.PositionEmbedding(6)(layers.Embedding(6, 4, mask_zero=True)(ids))
    h = layers.RotaryEmbedding(scaling_factor=2.0)(layers.SinusoidalPositionalEncoding()(h))
    drop, rotary = {"dropout": 0.3}, {"rotary": layers.RotaryEmbedding()}
    rows = [
        layers.Attention(use_scale=True, **drop)([memory, h]),
        layers.Attention(score_mode="concat", use_scale=True, use_causal_mask=True)([memory, h, h]),
        layers.AdditiveAttention(**drop)(h),
        layers.MultiHeadAttention(2, 4, value_dim=3, use_gate=True, kernel_regularizer="l2", **drop, **rotary)(h),
        layers.GroupedQueryAttention(2, 4, 2, use_causal_mask=True)([memory, h]),
    ]
    bare = layers.MultiHeadAttention(2, 4, sliding_window=2, use_bias=False, output_shape=(2, 3))(
        [memory, memory, memory]
    )
    text = checked(joined([ids, memory], [*map(steps, rows), bare]), (IDS, MEMORY))
    for line in (
        "s₅ = g₅ x₂ a₄ᵀ", "a₅ = (m₅ ⊙ w₅) a₄", "∂L/∂s₅ = w₅ ⊙ (∂L/∂w₅ - ⟨∂L/∂w₅, w₅⟩)",
        "∂L/∂W_(17,o) = c₁₇ᵀ ∂L/∂z₁₇",
    ):  # fmt: skip
        assert line in text


def test_blocks_of_transformers():
    ids, memory = ll.Input((4,), dtype="int32"), ll.Input((3, 4))
    h = layers.Embedding(6, 4, mask_zero=True)(ids)
    h = layers.TransformerEncoder(3, 2, dropout=0.3, activation="gelu", rotary=layers.RotaryEmbedding())(h)
    h = layers.TransformerDecoder(5, 1, dropout=0.1, normalize_first=True)([h, memory])
    text = checked(joined([ids, memory], [steps(h), memory]), (IDS, MEMORY))
    assert "a₄ = a₁ + a₃" in text


def test_two_directions():
    many = {"return_sequences": True}
    penalized = layers.LSTM(2, kernel_regularizer="l2", activity_regularizer="l1", **many)
    directions = layers.Bidirectional(penalized, merge_mode="sum")(layers.Masking()(x))
    y, h, c, h_2, c_2 = layers.Bidirectional(layers.LSTM(2, return_state=True), merge_mode="ave")(directions)
    backward = layers.SimpleRNN(2, go_backwards=True)
    rows = [
        y, c, c_2,
        layers.Bidirectional(layers.SimpleRNN(2), merge_mode="mul", backward_layer=backward)([directions, h, h_2]),
        *map(steps, layers.Bidirectional(layers.RNN(layers.SimpleRNNCell(3), **many), merge_mode=None)(directions)),
        steps(layers.Bidirectional(layers.SimpleRNN(3, go_backwards=True, **many))(directions)),
    ]  # fmt: skip
    text = checked(joined([x], rows), PADDED)
    assert "a₄ = a₂ + reversed(a₃)" in text


def test_the_same_at_every_step():
    ids = ll.Input((2, 2), dtype="int32")
    both = {"kernel_regularizer": "l2", "activity_regularizer": "l2"}
    h = layers.TimeDistributed(layers.Dense(3, "relu", **both))(layers.Masking()(x))
    inner = ll.Sequential([layers.Dense(3, "tanh"), layers.Dropout(0.2)])
    cell = layers.TimeDistributed(layers.SimpleRNNCell(3))([h, layers.TimeDistributed(inner)(h)])
    rows = [steps(value) for value in cell] + [layers.TimeDistributed(layers.Embedding(6, 2))(ids)]
    graph = {"time_distributed_2/layer/y", "time_distributed_2/layer/input_1/y"}  # are y of what is inside
    text = checked(joined([x, ids], rows), (PADDED, IDS.reshape(3, 2, 2)), unused=graph)
    assert "a₂ = reshape(a₁, 15 × 2)" in text


@spec
class Decay(layers.Cell):
    """h' = 0.9 h + x: a cell that no rule knows."""

    def start(self, x):
        return (jnp.zeros(x.shape, x.dtype),)

    def step(self, shared, x, states, ctx):
        return (0.9 * states[0] + x,)


def test_a_cell_of_ones_own_is_described_in_general(monkeypatch):
    monkeypatch.undo()
    found = derive(ll.Model(ll.Sequential([layers.RNN(Decay())]), "mse"), SEQUENCES, np.ones((3, 2)))
    assert max(found.errors.values()) < 1e-5
    assert "∂L/∂x = (∂a₁/∂x)ᵀ ∂L/∂a₁" in str(found)


def test_penalties_within_wrappers_and_states_that_nothing_takes():
    dense = layers.WeightNormalization(layers.Dense(3, kernel_regularizer="l2"))
    found = derive(ll.Model(ll.Sequential([dense]), "mse"), np.ones((2, 4)), np.ones((2, 3)))
    assert max(found.errors.values()) < 1e-5 and "+ R" in str(found)
    x = ll.Input((3, 2))
    y, _, _ = layers.LSTM(2, return_state=True)(x)
    found = derive(ll.Model(ll.Graph(x, layers.Dense(1)(y)), "mse"), np.ones((2, 3, 2)), np.ones((2, 1)))
    zeros = [line for line in found.lines if line.expression.latex == "0"]
    assert max(found.errors.values()) < 1e-5 and len(zeros) == 2
