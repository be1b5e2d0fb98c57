"""CategoryEncoding and Discretization: what Keras does not say, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import DataError, LiuliError, ShapeError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.layers import CategoryEncoding, Context, Discretization
from tests.layers.calling import KEY, call, init, shape

IDS = jnp.array([[0, 2, 2], [3, -1, 9]])


@pytest.mark.parametrize(
    ("mode", "want"), [("multi_hot", [[1, 0, 1, 0], [0, 0, 0, 1]]), ("count", [[1, 0, 2, 0], [0, 0, 0, 1]])]
)
def test_ids_outside_count_nowhere(mode, want):
    assert call(CategoryEncoding(4, mode), IDS).tolist() == want
    assert call(CategoryEncoding(4, "one_hot"), IDS)[1].sum(1).tolist() == [1, 0, 0]


def test_more_axes_are_kept():
    x = jnp.stack([IDS, IDS[::-1]])
    y = call(CategoryEncoding(4, "count"), x)
    assert y.shape == (2, 2, 4)
    assert y[1, 1].tolist() == call(CategoryEncoding(4, "count"), IDS)[0].tolist()
    assert call(CategoryEncoding(4, "one_hot"), IDS[:, :1]).shape == (2, 4)
    assert call(CategoryEncoding(4, "one_hot"), IDS[:, 0]).shape == (2, 4)


def test_counts_are_exact_in_half_precision():
    y = call(CategoryEncoding(2, "count"), jnp.zeros((1, 1000), int), dtype=jnp.bfloat16)
    assert (y.dtype, y.tolist()) == (jnp.bfloat16, [[1000.0, 0.0]])


def test_weights_are_summed():
    weights = jnp.array([[1.0, 0.5, 2.0], [3.0, 1.0, 1.0]])
    assert call(CategoryEncoding(4, "count"), (IDS, weights)).tolist() == [[1, 0, 2.5, 0], [0, 0, 0, 3]]


def test_bad_input_is_refused():
    with pytest.raises(ShapeError, match="expected integers"):
        init(CategoryEncoding(4), jnp.zeros((2, 3)))
    with pytest.raises(ShapeError, match="values"):
        init(CategoryEncoding(4), jnp.zeros(3, int))
    with pytest.raises(ShapeError, match='output_mode="count"'):
        init(CategoryEncoding(4), (IDS, jnp.ones((2, 3))))
    with pytest.raises(ShapeError, match=r"weights \(batch, 1\) of ids \(batch, 3\)"):
        init(CategoryEncoding(4, "count"), (IDS, jnp.ones((2, 1))))


def test_masks_pass_where_time_is_kept():
    mask = jnp.ones((2, 3), bool)
    assert CategoryEncoding(4, "one_hot").output_mask(IDS, mask) is mask
    with pytest.raises(LiuliError, match="multi_hot"):
        CategoryEncoding(4).output_mask(IDS, mask)


def test_bins_are_closed_below():
    x = jnp.array([[-5.0, 0.0, 0.5, 1.0, 9.0]])
    assert call(Discretization((0.0, 1.0)), x).tolist() == [[0, 1, 1, 2, 2]]
    assert call(Discretization((0.0, 0.0)), x).tolist() == [[0, 2, 2, 2, 2]]  # an empty bin keeps its number


def test_adapt_fills_bins_alike():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = np.random.default_rng(0).exponential(size=(1000, 1))
    layer = Discretization(num_bins=8, epsilon=0.001).adapt(x)
    oracle = preprocessing.KBinsDiscretizer(8, encode="ordinal", quantile_method="averaged_inverted_cdf").fit(x)
    np.testing.assert_allclose(layer.bin_boundaries, oracle.bin_edges_[0][1:-1], rtol=0.02)
    counts = np.bincount(np.asarray(call(layer, jnp.asarray(x, float))).ravel())
    assert abs(counts - 125).max() <= 1


@pytest.mark.parametrize("epsilon", [0.1, 0.01])
def test_bins_are_off_by_epsilon_at_most(epsilon):
    x = np.random.default_rng(1).normal(size=5000)
    for data in (x, (batch for batch in np.split(x, 5))):
        boundaries = Discretization(num_bins=5, epsilon=epsilon).adapt(data).bin_boundaries
        shares = (x[:, None] < np.array(boundaries)).mean(0)
        assert abs(shares - np.arange(1, 5) / 5).max() <= epsilon


def test_adapted_layer_is_a_value():
    layer = Discretization(num_bins=4).adapt([1.0, 2.0, 3.0, 4.0])
    assert from_json(to_json(layer)) == layer
    assert layer.num_bins == len(layer.bin_boundaries) + 1 == layer.depth()


def test_discretization_refuses():
    with pytest.raises(SpecError, match="got neither"):
        Discretization()
    with pytest.raises(SpecError, match="bin_boundaries: got"):
        Discretization((1.0, 0.0))
    with pytest.raises(SpecError, match="boundaries, as adapt finds them"):
        Discretization(num_bins=3).init(KEY, shape(4, 2))
    with pytest.raises(SpecError, match="num_bins: got None"):
        Discretization((0.0,)).adapt([1.0])
    for bad, got in (([], "no values"), ([1.0, np.nan], "NaN or infinity")):
        with pytest.raises(DataError, match=got):
            Discretization(num_bins=3).adapt(bad)


def test_float_dtype_is_kept_and_integers_are_numbers():
    layer = Discretization((0.0,), output_mode="one_hot")
    assert call(layer, jnp.zeros((2, 3), jnp.float16)).dtype == jnp.float16
    assert not layer.takes_integers
    assert jax.eval_shape(lambda x: layer.apply({}, {}, x, Context())[0], shape(2, 3)).shape == (2, 3, 2)
