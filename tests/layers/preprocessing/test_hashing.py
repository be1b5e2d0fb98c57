"""Hashing and HashedCrossing: MurmurHash3 bit by bit, bins that are alike, text on the host."""

import hashlib

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.layers import HashedCrossing, Hashing
from liuli.layers.preprocessing.hashing import fingerprint, murmur3
from tests.layers.calling import call, init

INTEGERS = np.random.default_rng(0).integers(-(2**31), 2**31, size=(3, 500)).astype(np.int32)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("words", [1, 2, 3])
def test_murmur3_is_scikit_learns(seed, words):
    utils = pytest.importorskip("sklearn.utils")
    want = [utils.murmurhash3_32(column.tobytes(), seed, positive=True) for column in INTEGERS[:words].T]
    assert murmur3(list(INTEGERS[:words]), seed).tolist() == want
    assert murmur3(list(jnp.asarray(INTEGERS[:words])), seed).tolist() == want


def test_bins_are_alike():
    stats = pytest.importorskip("scipy.stats")
    x = jnp.arange(20_000)
    for layer in (Hashing(13), Hashing(13, salt=5), Hashing(14, mask_value=-1)):
        found = np.bincount(np.asarray(call(layer, 2 * x)))
        assert stats.chisquare(found[found > 0]).pvalue > 1e-3
    crossed = np.bincount(np.asarray(call(HashedCrossing(11), (x // 100, x % 100))))
    assert stats.chisquare(crossed).pvalue > 1e-3


def test_salt_makes_another_hash():
    x = jnp.arange(1000)
    same = (call(Hashing(10), x) == call(Hashing(10, salt=7), x)).mean()
    assert 0.05 < same < 0.15
    assert (call(Hashing(10), x) == call(Hashing(10, salt=0), x)).all()


def test_mask_has_bin_0_alone():
    x = jnp.arange(-50, 50)
    y = np.asarray(call(Hashing(5, mask_value=7), x))
    assert y[57] == 0
    assert set(np.delete(y, 57)) == {1, 2, 3, 4}
    with pytest.raises(SpecError, match="num_bins: got 1 and a mask_value"):
        Hashing(1, mask_value=7)


def test_text_is_made_an_integer_on_the_host():
    texts = np.array([["red", "grün"], ["", "red"]])
    ids = Hashing(8, mask_value="").host(texts)
    want = [int.from_bytes(hashlib.blake2b(t.encode()).digest()[:4], "little", signed=True) for t in texts.ravel()]
    assert (ids.dtype, ids.ravel().tolist()) == (np.int32, want)
    assert Hashing(8).host(texts.astype(object)).tolist() == ids.tolist()
    assert Hashing(8).host(np.char.encode(texts, "utf-8")).tolist() == ids.tolist()
    assert call(Hashing(8, mask_value=""), jnp.asarray(ids))[1, 0] == 0
    assert fingerprint("red") == want[0]


def test_integers_pass_the_host():
    assert Hashing(8).host(INTEGERS) is INTEGERS


def test_encodings():
    x = jnp.array([[1, 2, 1], [3, 3, 3]])
    ids = call(Hashing(6), x)
    counts = np.stack([np.bincount(row, minlength=6) for row in np.asarray(ids)])
    assert call(Hashing(6, output_mode="count"), x).tolist() == counts.tolist()
    assert call(Hashing(6, output_mode="one_hot"), x).argmax(-1).tolist() == ids.tolist()
    crossed = call(HashedCrossing(6), (x, x[::-1]))
    assert call(HashedCrossing(6, "one_hot"), (x, x[::-1])).argmax(-1).tolist() == crossed.tolist()


def test_order_counts_in_a_crossing():
    a, b = jnp.arange(100), jnp.arange(100)[::-1]
    assert (call(HashedCrossing(1000), (a, b)) != call(HashedCrossing(1000), (b, a))).mean() > 0.9


def test_bad_input_is_refused():
    with pytest.raises(ShapeError, match="expected integers"):
        init(Hashing(3), jnp.zeros((2, 3)))
    with pytest.raises(ShapeError, match="expected integers"):
        init(HashedCrossing(3), (jnp.zeros(2, int), jnp.zeros(2)))
    for bad in (jnp.zeros(2, int), (jnp.zeros(2, int), jnp.zeros(3, int))):
        with pytest.raises(ShapeError, match="two or more inputs of one shape"):
            init(HashedCrossing(3), bad)
    with pytest.raises(DataError, match="nan; expected text"):
        Hashing(3).host(np.array(["a", np.nan], object))
