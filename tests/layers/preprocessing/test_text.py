"""TextVectorization: every step, and the whole against scikit-learn's counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.layers import TextVectorization
from tests.layers.calling import call, init

TEXTS = np.array(["The cat, the dog!", "a DOG's life", "", "the end."])


def test_ids_are_padded():
    layer = TextVectorization(vocabulary=("the", "dog"))
    ids = layer.host(TEXTS)
    assert (ids.dtype, ids.tolist()) == (np.int32, [[2, 1, 2, 3], [1, 1, 1, 0], [0, 0, 0, 0], [2, 1, 0, 0]])
    assert layer.replace(output_sequence_length=2).host(TEXTS).tolist() == [[2, 1], [1, 1], [0, 0], [2, 1]]
    assert layer.replace(output_sequence_length=6).host(TEXTS).shape == (4, 6)
    assert layer.host(np.array([""])).tolist() == [[0]]
    assert layer.vocabulary_size() == 4


@pytest.mark.parametrize(
    ("standardize", "want"),
    [
        ("lower_and_strip_punctuation", ["éa", "dogs"]),
        ("lower", ["éa,", "dog's"]),
        ("strip_punctuation", ["ÉA", "Dogs"]),
        (None, ["ÉA,", "Dog's"]),
    ],
)
def test_standardize(standardize, want):
    assert TextVectorization(standardize=standardize).tokens(np.array(["ÉA,  Dog's "])) == [want]


def test_split():
    assert TextVectorization(split="character").tokens(np.array(["你好 a"])) == [["你", "好", " ", "a"]]
    assert TextVectorization(split=None).tokens(np.array([["A b", "c!"]])) == [["a b", "c"]]
    assert TextVectorization(split=None).tokens(np.array(["A b"])) == [["a b"]]
    assert TextVectorization().tokens(np.array([["A b"], ["c"]])) == [["a", "b"], ["c"]]
    with pytest.raises(ShapeError, match="one text in a row"):
        TextVectorization().tokens(np.array([["a", "b"]]))


def test_ngrams():
    x = np.array(["a b c"])
    assert TextVectorization(ngrams=2).tokens(x) == [["a", "b", "c", "a b", "b c"]]
    assert TextVectorization(ngrams=(3, 1)).tokens(x) == [["a b c", "a", "b", "c"]]
    assert TextVectorization(ngrams=(2, 9)).tokens(np.array(["a"])) == [[]]


def test_adapt_is_a_new_layer():
    fresh = TextVectorization(5)
    layer = fresh.adapt(TEXTS)
    assert fresh.vocabulary is None
    assert layer.vocabulary == ("the", "life", "end")
    assert from_json(to_json(layer)) == layer
    assert layer.adapt(np.array(["x x y"])).vocabulary == ("x", "y")


def test_vectors():
    layer = TextVectorization(vocabulary=("the", "dog"), output_mode="count")
    assert layer.host(TEXTS).tolist() == [[1, 2, 1], [3, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert layer.replace(output_mode="multi_hot").host(TEXTS).tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert layer.replace(max_tokens=5, pad_to_max_tokens=True).host(TEXTS).shape == (4, 5)


texts = st.lists(st.lists(st.sampled_from(["ab", "bc", "cd", "de", "ef", "fg"]), max_size=8).map(" ".join), min_size=1)


@pytest.mark.oracle
@settings(max_examples=25)
@given(
    train=texts.filter(any),
    test=texts,
    ngrams=st.integers(1, 3),
    mode=st.sampled_from(["count", "multi_hot", "tf_idf"]),
)
def test_as_scikit_learn_counts(train, test, ngrams, mode):
    feature = pytest.importorskip("sklearn.feature_extraction.text")
    layer = TextVectorization(ngrams=ngrams, output_mode=mode).adapt(np.array(train))
    oracle = feature.CountVectorizer(ngram_range=(1, ngrams), binary=mode == "multi_hot").fit(train)
    assert set(layer.vocabulary) == set(oracle.vocabulary_)
    found = layer.host(np.array(test))
    known = found[:, 1:][:, np.argsort(layer.vocabulary)]  # scikit-learn's are sorted, and none is for unknown ones
    counts = oracle.transform(test).toarray()
    if mode != "tf_idf":
        np.testing.assert_array_equal(known, counts)
        return
    document_counts = (oracle.transform(train).toarray() > 0).sum(0)
    np.testing.assert_allclose(known, counts * np.log(1 + len(train) / (1 + document_counts)), rtol=1e-6)


@pytest.mark.oracle
def test_as_scikit_learn_weighs():
    """Its smooth idf log((1 + N) / (1 + n)) + 1 and ours, log(1 + N / (1 + n)), rank tokens alike."""
    feature = pytest.importorskip("sklearn.feature_extraction.text")
    train = ["a b c", "a b", "a", "d d d"]
    layer = TextVectorization(output_mode="tf_idf").adapt(np.array(train))
    oracle = feature.TfidfVectorizer(token_pattern=r"\w+").fit(train)
    theirs = [oracle.idf_[oracle.vocabulary_[token]] for token in layer.vocabulary]
    assert np.argsort(theirs, kind="stable").tolist() == np.argsort(layer.idf_weights, kind="stable").tolist()


def test_what_is_refused():
    with pytest.raises(SpecError, match="tokens, as adapt finds them"):
        init(TextVectorization(), np.zeros((2, 3), np.int32))
    with pytest.raises(SpecError, match="output_sequence_length: got 3 with 'count'"):
        TextVectorization(output_mode="count", output_sequence_length=3)
    with pytest.raises(SpecError, match="'a' twice"):
        TextVectorization(vocabulary=("a", "a"))
    with pytest.raises(DataError, match="None; expected text"):
        TextVectorization().adapt(np.array(["a", None], object))
    with pytest.raises(DataError, match="no tokens"):
        TextVectorization().adapt(np.array(["", "!"]))


def test_numbers_pass_the_network():
    layer = TextVectorization(vocabulary=("the", "dog"))
    ids = layer.host(TEXTS)
    assert call(layer, ids) is ids
    assert layer.on_host
