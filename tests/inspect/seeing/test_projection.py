"""Projections of activations: principal components beside scikit-learn's, and what is projected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import embedding, embedding_table, pca, plot_embedding

RNG = np.random.default_rng(0)


@pytest.mark.oracle
@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=60)
def test_pca_is_that_of_scikit_learn(rows, features, seed):
    theirs = pytest.importorskip("sklearn.decomposition", reason="the oracle is scikit-learn").PCA
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)) * rng.uniform(0.1, 5, features) + rng.normal(size=features)
    count = min(rows - 1, features)
    oracle, found = theirs(count).fit(x), pca(x, count)
    near = {"rtol": 1e-7, "atol": 1e-8}
    np.testing.assert_allclose(found.variance, oracle.explained_variance_, **near)
    np.testing.assert_allclose(found.share, oracle.explained_variance_ratio_, **near)
    signs = np.sign((found.axes * oracle.components_).sum(1))[:, None]  # of an axis either direction will do
    np.testing.assert_allclose(found.axes, signs * oracle.components_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.points, signs.T * oracle.transform(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.project(x), found.points, **near)


def test_pca_takes_what_varies():
    x = RNG.normal(size=(20, 2)) @ RNG.normal(size=(2, 6))
    found = pca(x)
    assert found.axes.shape == (2, 6) and found.share.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.points @ found.axes + found.mean, x, atol=1e-12)
    still = pca(np.ones((3, 2)))
    np.testing.assert_array_equal(still.points, 0.0)
    for wrong in (np.ones((1, 2)), np.array([[1.0, np.nan], [0.0, 1.0]])):
        with pytest.raises(ll.LiuliError, match="two rows"):
            pca(wrong)
    with pytest.raises(ll.LiuliError, match="1 to 2"):
        pca(np.eye(2), 3)


@pytest.fixture(scope="module")
def seen():
    data = ll.data.load("iris").take(range(0, 150, 4))
    net = ll.Sequential([layers.Dense(6, "relu"), layers.Dense(3, "softmax")])
    return data, ll.Model(net, loss="categorical_crossentropy", schema=ll.data.Schema.fit(data))


def test_activations_are_those_of_the_trace(seen):
    data, model = seen
    found = embedding(model, data, "dense_1/y")
    value = ll.inspect.trace(model, data, None)["dense_1/y"].value
    np.testing.assert_allclose(found.points, pca(value, 2).points, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.labels, data.y)
    ax = plot_embedding(found, ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["setosa", "versicolor", "virginica"]
    for number, drawn in enumerate(ax.collections):
        np.testing.assert_allclose(drawn.get_offsets(), found.points[data.y == number])


@pytest.mark.oracle
def test_t_sne_is_that_of_scikit_learn(seen):
    pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's")
    data, model = seen
    found = embedding(model, data, "dense_1/y", way="tsne")
    assert found.points.shape == (len(data), 2) and found.share is None
    np.testing.assert_array_equal(found.points, embedding(model, data, "dense_1/y", way="tsne").points)
    assert "t-SNE" in plot_embedding(found, ax=Figure().subplots(), language="zh").get_xlabel()


def test_a_table_of_vectors():
    net = ll.Sequential([ll.Input((3,), "int32"), layers.Embedding(7, 4), layers.Flatten(), layers.Dense(1)])
    model = ll.Model(net, loss="mse")
    found = embedding_table(model, "embedding_1", components=3)
    table = np.asarray(model.params["embedding_1"]["embeddings"])
    np.testing.assert_allclose(found.points, pca(table, 3).points, atol=1e-6)
    ax = plot_embedding(found, texts=list("abcdefg"), ax=Figure().subplots())
    assert [text.get_text() for text in ax.texts] == list("abcdefg")
    with pytest.raises(ll.LiuliError, match="embedding_1"):
        embedding_table(model, "dense_1")
    with pytest.raises(ll.LiuliError, match="pca or tsne"):
        embedding_table(model, "embedding_1", way="umap")
    with pytest.raises(ll.LiuliError, match="2 texts for 7 points"):
        plot_embedding(found, texts=["a", "b"])
