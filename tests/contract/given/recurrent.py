"""Recurrent layers and cells, and wrappers over time."""

from liuli import layers
from tests.contract.given import floats

DROPPING = {"units": 2, "dropout": 0.3, "recurrent_dropout": 0.2}
X, H, C = floats(3, 2), floats(3, 2), floats(3, 2)
STACK = {"cells": (layers.GRUCell(2, reset_after=False), layers.LSTMCell(1, dropout=0.3))}

FIELDS = {
    "layers.Bidirectional": {"layer": layers.GRU(1, recurrent_dropout=0.3, return_sequences=True)},
    "layers.GRU": DROPPING,
    "layers.GRUCell": DROPPING,
    "layers.LSTM": DROPPING,
    "layers.LSTMCell": DROPPING,
    "layers.RNN": {"cell": layers.StackedRNNCells(**STACK), "return_sequences": True},
    "layers.SimpleRNN": DROPPING,
    "layers.SimpleRNNCell": DROPPING,
    "layers.StackedRNNCells": STACK,
    "layers.TimeDistributed": {"layer": layers.Dense(3, "tanh")},
}

INPUTS = {
    "layers.Bidirectional": floats(2, 3, 2),
    "layers.GRU": floats(3, 4, 2),
    "layers.GRUCell": (X, H),
    "layers.LSTM": floats(3, 4, 2),
    "layers.LSTMCell": (X, H, C),
    "layers.RNN": floats(2, 3, 2),
    "layers.SimpleRNN": floats(3, 4, 2),
    "layers.SimpleRNNCell": (X, H),
    "layers.StackedRNNCells": (X, H, floats(3, 1), floats(3, 1)),
    "layers.TimeDistributed": floats(3, 4, 2),
}
