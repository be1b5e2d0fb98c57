"""Rows that stay with the caller: what is taken from them, and what is trained on them."""

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import liuli as ll
from liuli import layers
from liuli.training.rows import Rows, is_rows, on_device, taken_rows

LARGE = 1 << 20  # bytes


def lying(shape, dtype, behind):
    """Numbers that begin so many bytes behind a 64-byte border."""
    count = int(np.prod(shape))
    room = np.zeros(count * np.dtype(dtype).itemsize + 128, np.uint8)
    start = -room.ctypes.data % 64 + behind
    array = room[start : start + count * np.dtype(dtype).itemsize].view(dtype).reshape(shape)
    array[...] = np.random.default_rng(0).integers(0, 100, shape)
    return array


@settings(max_examples=12)
@given(
    st.lists(st.integers(1, 5), max_size=2),
    st.sampled_from([np.float32, np.int32, np.uint8]),
    st.integers(0, 15),
    st.integers(0, 2**32 - 1),
)
@example([], np.uint8, 1, 0)
@example([784], np.float32, 4, 0)
def test_rows_are_those_that_numpy_takes(row, dtype, words, seed):
    item = np.dtype(dtype).itemsize
    x = lying((LARGE // (item * int(np.prod(row))) + 1, *row), dtype, 4 * words)
    placed = on_device(x, in_batches=True)
    assert is_rows(placed) == bool(words) and placed.shape == x.shape and placed.dtype == x.dtype
    rows = np.r_[0, len(x) - 1, np.arange(70), np.random.default_rng(seed).integers(0, len(x), 30)].astype(np.int32)
    assert np.array_equal(jax.jit(taken_rows)(placed, rows), x[rows])


def test_large_rows_are_not_copied():
    x = lying((LARGE, 2), np.float32, 16)
    placed = on_device(x, in_batches=True)
    assert isinstance(placed, Rows) and placed.rest.unsafe_buffer_pointer() == x.ctypes.data + 48
    for copied in (x[:, ::2], x[:100], x.T):
        assert not is_rows(on_device(copied, in_batches=True))
    assert not is_rows(on_device(x))


@pytest.mark.parametrize("batch", [100, 4096])
def test_where_rows_lie_does_not_change_a_bit(batch):
    def trained(behind):
        x = lying((4096, 70), np.float32, behind)
        model = ll.Model(ll.Sequential([layers.Rescaling(0.01), layers.Dense(3), layers.Dense(1)]), "mse")
        history = model.fit(x, x[:, :1], epochs=2, batch_size=batch, validation=(x, x[:, 1:2]), verbose=0)
        return (
            *jax.tree.leaves(model.params),
            *history["loss"],
            *history["val_loss"],
            model.evaluate(x, x[:, :1])["loss"],
        )

    for a, b in zip(trained(16), trained(0), strict=True):
        assert np.array_equal(a, b)


def test_many_networks_learn_from_rows_that_stay():
    x = lying((4096, 70), np.float32, 16) / np.float32(100)
    y = x[:, :1]
    model = ll.Model(ll.Sequential([layers.Dense(3, "tanh"), layers.Dense(1)]), "mse", ll.optimizers.SGD(0.1))
    many = ll.fit_many(model, x, y, seeds=[0, 1], batch_size=512, epochs=2)
    model.fit(x, y, batch_size=512, epochs=2, verbose=0)
    np.testing.assert_allclose(many["loss"][0], model.history["loss"], rtol=1e-5)
