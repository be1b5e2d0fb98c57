"""IntegerLookup and StringLookup: ids, vectors, the way back, unknown tokens, vocabularies."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import DataError, LiuliError, ShapeError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.layers import IntegerLookup, StringLookup
from tests.layers.calling import call, init

WORDS = np.array([["b", "a", ""], ["c", "b", "b"], ["x", "", "a"]])
NUMBERS = np.array([[20, 10, 0], [30, 20, 20], [99, 0, 10]])
TEXT = StringLookup(mask_token="", vocabulary=("a", "b", "c"))
INTS = IntegerLookup(mask_token=0, vocabulary=(10, 20, 30))


def ids_of(fields):
    """The ids of one and the same data by both layers."""
    text = TEXT.replace(**fields).host(WORDS)
    ints = np.asarray(call(INTS.replace(**fields), jnp.asarray(NUMBERS)))
    assert text.dtype == ints.dtype
    assert text.tolist() == ints.tolist()
    return text.tolist()


def test_mask_then_unknown_then_vocabulary():
    assert ids_of({}) == [[3, 2, 0], [4, 3, 3], [1, 0, 2]]
    assert TEXT.vocabulary_size() == INTS.vocabulary_size() == 5
    assert TEXT.replace(mask_token=None).host(np.array(["a", "", "c"])).tolist() == [1, 0, 3]


def test_vectors_leave_the_mask_out():
    assert ids_of({"output_mode": "count"}) == [[0, 1, 1, 0], [0, 0, 2, 1], [1, 1, 0, 0]]
    assert ids_of({"output_mode": "multi_hot"}) == [[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]]
    assert ids_of({"output_mode": "one_hot"})[2] == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    padded = ids_of({"output_mode": "count", "max_tokens": 6, "pad_to_max_tokens": True})
    assert padded[1] == [0, 0, 2, 1, 0, 0]


def test_tf_idf_weighs_counts_and_unknown_tokens_by_the_mean():
    fields = {"output_mode": "tf_idf", "idf_weights": (1.0, 2.0, 6.0)}
    assert ids_of(fields) == [[0, 1, 2, 0], [0, 0, 4, 6], [3, 1, 0, 0]]
    assert ids_of({**fields, "max_tokens": 5, "pad_to_max_tokens": True})[2] == [3, 1, 0, 0, 0]


def test_way_back():
    back = TEXT.replace(invert=True)
    assert back.host(TEXT.host(WORDS)).tolist() == [["b", "a", ""], ["c", "b", "b"], ["[UNK]", "", "a"]]
    assert back.host(np.array([-1, 5])).tolist() == ["[UNK]", "[UNK]"]
    ids = call(INTS, jnp.asarray(NUMBERS))
    assert call(INTS.replace(invert=True), ids).tolist() == [[20, 10, 0], [30, 20, 20], [-1, 0, 10]]
    assert call(INTS.replace(invert=True), jnp.array([-1, 5])).tolist() == [-1, -1]


def test_several_ids_for_unknown_tokens():
    words = np.array([f"word {i}" for i in range(3000)])
    ids = TEXT.replace(num_oov_indices=3).host(words)
    assert (np.bincount(ids, minlength=4)[1:] > 900).all()
    assert (ids == TEXT.replace(num_oov_indices=3).host(words)).all()
    assert (ids != TEXT.replace(num_oov_indices=3, salt=1).host(words)).mean() > 0.5
    x = jnp.arange(-3000, 0)
    modulo = call(INTS.replace(num_oov_indices=3), x)
    assert (modulo == 1 + x % 3).all()
    hashed = np.asarray(call(INTS.replace(num_oov_indices=3, oov_method="hash"), 3 * x))
    assert (np.bincount(hashed, minlength=4)[1:] > 900).all()
    assert TEXT.replace(num_oov_indices=3).host(np.array(["a"])).tolist() == [4]


def test_no_id_for_unknown_tokens():
    assert TEXT.replace(num_oov_indices=0).host(np.array(["a", ""])).tolist() == [1, 0]
    with pytest.raises(DataError, match="unknown token 'x'"):
        TEXT.replace(num_oov_indices=0).host(WORDS)
    integers = INTS.replace(num_oov_indices=0, mask_token=None)
    assert call(integers, jnp.array([10, 5])).tolist() == [0, -1]
    assert call(integers.replace(output_mode="count"), jnp.array([[10, 5]])).tolist() == [[1, 0, 0]]


def test_adapt_takes_the_most_frequent_first():
    layer = StringLookup(mask_token="").adapt(WORDS)
    assert layer.vocabulary == ("b", "a", "x", "c")  # ties: the last token first
    assert StringLookup(4, mask_token="").adapt(WORDS).vocabulary == ("b", "a")
    assert IntegerLookup(mask_token=0).adapt(NUMBERS).vocabulary == (20, 10, 99, 30)
    assert StringLookup().adapt(np.array(["[UNK]", "a", "a"])).vocabulary == ("a",)
    assert from_json(to_json(layer)) == layer


def test_adapt_weighs_by_documents():
    layer = StringLookup(mask_token="", output_mode="tf_idf").adapt(WORDS)
    np.testing.assert_allclose(layer.idf_weights, np.log(1 + 3 / (1 + np.array([2, 2, 1, 1]))))
    again = layer.adapt(WORDS[:1])
    assert (again.vocabulary, len(again.idf_weights)) == (("b", "a"), 2)


def test_a_fresh_layer_is_no_network():
    for layer, x in ((IntegerLookup(), jnp.zeros((2, 3), int)), (StringLookup(), jnp.zeros((2, 3), int))):
        with pytest.raises(SpecError, match="tokens, as adapt finds them"):
            init(layer, x)
    with pytest.raises(SpecError, match="True in a network"):
        init(TEXT.replace(invert=True), jnp.zeros((2, 3), int))
    with pytest.raises(ShapeError, match="expected integers"):
        init(INTS, jnp.zeros((2, 3)))


def test_numbers_pass_the_network():
    ids = jnp.asarray(TEXT.host(WORDS))
    mask = ids != 0
    assert call(TEXT, ids) is ids
    assert TEXT.output_mask(ids, mask) is mask
    with pytest.raises(LiuliError, match="count"):
        INTS.replace(output_mode="count").output_mask(ids, mask)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vocabulary": ("a", "a")}, "'a' twice"),
        ({"vocabulary": ("a", "")}, "'' twice"),
        ({"vocabulary": ("a", "[UNK]"), "invert": True}, r"'\[UNK\]' twice"),
        ({"max_tokens": 4}, "3 tokens and 2 ids before them; expected at most 4"),
        ({"pad_to_max_tokens": True}, "max_tokens: got None"),
        ({"invert": True, "output_mode": "count"}, "'count' with invert=True"),
        ({"output_mode": "tf_idf"}, "got None weights; expected 3"),
        ({"idf_weights": (1.0, 1.0, 1.0)}, "got 3 weights; expected None"),
    ],
)
def test_fields_that_do_not_fit(fields, message):
    with pytest.raises(SpecError, match=message):
        TEXT.replace(**fields)


def test_data_without_tokens():
    with pytest.raises(DataError, match="no tokens"):
        StringLookup(mask_token="").adapt(np.array(["", ""]))
    with pytest.raises(DataError, match="3; expected text"):
        StringLookup().adapt(np.array([3, 4]))
    for bad in (np.array([0.5]), np.array([2**40])):
        with pytest.raises(DataError, match="integers of 32 bits"):
            IntegerLookup().adapt(bad)
    with pytest.raises(SpecError, match="vocabulary: got"):
        IntegerLookup(vocabulary=(2**31,))
