"""Attributions: what they add up to, what they are of, and whom they speak of."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import grad_cam, integrated_gradients, plot_attribution, plot_grad_cam, saliency

RNG = np.random.default_rng(0)
FLAT, IMAGES, IDS = RNG.normal(size=(3, 5)), RNG.normal(size=(3, 6, 6, 2)), RNG.integers(0, 9, size=(3, 4))


def model_of(*hidden, last="softmax", units=3, **kwargs):
    losses = {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy", "linear": "mse"}
    return ll.Model(ll.Sequential([*hidden, layers.Dense(units, last)]), loss=losses[last], **kwargs)


NETWORKS = {
    "smooth": (lambda: model_of(layers.Dense(6, "tanh"), precision="float64"), FLAT, 1e-8),
    "one unit": (
        lambda: model_of(layers.BatchNormalization(), layers.Dense(6, "gelu"), last="sigmoid", units=1),
        FLAT,
        1e-5,
    ),
    "convolution": (
        lambda: model_of(layers.Conv2D(4, 3, activation="tanh"), layers.MaxPooling2D(2), layers.Flatten()),
        IMAGES,
        2e-2,
    ),
    "recurrent": (lambda: model_of(layers.Embedding(9, 4), layers.LSTM(5)), IDS, 1e-5),
    "attention": (
        lambda: model_of(layers.Embedding(9, 4), layers.MultiHeadAttention(2, 3), layers.GlobalAveragePooling1D()),
        IDS,
        1e-5,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_are_complete(name):
    make, x, share = NETWORKS[name]
    model = make()
    found = integrated_gradients(model, x, baseline=0.5, steps=512)
    change = found.scores - found.baselines
    np.testing.assert_allclose(found.total, change, atol=share * np.abs(change).max())
    np.testing.assert_allclose(found.gap, found.total - change, atol=1e-6)


def test_more_steps_make_the_gap_smaller():
    model = model_of(layers.Dense(8, "relu"), layers.Dense(8, "relu"), precision="float64")
    few, many = (integrated_gradients(model, FLAT, baseline=0.5, steps=n) for n in (4, 512))
    assert np.abs(many.gap).max() < 0.1 * np.abs(few.gap).max()
    assert np.abs(many.gap).max() < 0.01 * np.abs(many.scores - many.baselines).max()


def test_baselines():
    model = model_of(layers.Dense(6, "tanh"))
    same = integrated_gradients(model, FLAT, baseline=FLAT.astype(np.float32))
    np.testing.assert_array_equal(same.values, 0.0)
    mean = integrated_gradients(model, FLAT, target=1, baseline="mean")
    np.testing.assert_allclose(mean.baselines, mean.baselines[0], rtol=1e-5)
    with pytest.raises(ll.LiuliError, match=r"shape \(5,\)"):
        integrated_gradients(model, FLAT, baseline=np.zeros(4))
    with pytest.raises(ll.LiuliError, match="one with a baseline"):
        saliency(model, FLAT).gap  # noqa: B018


def test_a_linear_model_is_its_weights():
    model = model_of(last="linear", units=2)
    kernel = np.asarray(model.build((5,)).params["dense_1"]["kernel"])
    for unit in (0, 1):
        np.testing.assert_allclose(
            saliency(model, FLAT, target=unit).values, np.tile(kernel[:, unit], (3, 1)), rtol=1e-6
        )
        product = saliency(model, FLAT, target=unit, method="gradient x input").values
        np.testing.assert_allclose(product, FLAT * kernel[:, unit], rtol=1e-5)
        np.testing.assert_allclose(integrated_gradients(model, FLAT, target=unit).values, product, rtol=1e-4, atol=1e-6)


def test_of_the_loss_it_is_the_gradient_of_the_trace():
    model, y = model_of(layers.Dense(6, "relu")), np.array([0, 2, 1])
    t = ll.inspect.trace(model, FLAT, y)
    found = saliency(model, FLAT, y, of="loss")
    np.testing.assert_allclose(found.values / 3, t["input_1/y"].gradient, rtol=1e-5, atol=1e-7)  # the mean of 3 rows
    assert found.scores.mean() == pytest.approx(t.loss, rel=1e-5)
    inner = saliency(model, FLAT, y, of="loss", at="dense_1/y")
    np.testing.assert_allclose(inner.values / 3, t["dense_1/y"].gradient, rtol=1e-5, atol=1e-7)


def test_smoothgrad_is_the_mean_over_noise():
    model = model_of(layers.Dense(6, "tanh"))
    quiet = saliency(model, FLAT, target=0, method="smoothgrad", noise=0.0, samples=3)
    np.testing.assert_allclose(quiet.values, saliency(model, FLAT, target=0).values, rtol=1e-5)
    noisy = saliency(model, FLAT, target=0, method="smoothgrad", noise=0.1, samples=4000)
    sigma = 0.1 * np.ptp(FLAT, axis=1, keepdims=True)
    copies = FLAT[None] + sigma * RNG.normal(size=(4000, 3, 5))
    each = saliency(model, copies.reshape(-1, 5), target=0).values.reshape(4000, 3, 5)
    np.testing.assert_allclose(noisy.values, each.mean(0), atol=5 * each.std(0).max() / 4000**0.5)


def test_columns_of_a_schema(table, payer):
    rows = table.take(range(4))
    found = integrated_gradients(payer, rows)
    assert found.names == payer.recipe.schema.feature_names
    columns = found.by_column()
    assert columns.names == ("age", "city", "smokes", "born", "height")
    np.testing.assert_allclose(columns.total, found.total, rtol=1e-5)
    city = [i for i, name in enumerate(found.names) if name.startswith("city")]
    np.testing.assert_allclose(columns.values[:, 1], found.values[:, city].sum(1), rtol=1e-6)
    ax = plot_attribution(found, ax=Figure().subplots(), language="zh")
    assert {label.get_text() for label in ax.get_yticklabels()} == set(columns.names)
    raw = {"age": 40, "city": "Bern", "smokes": True, "born": "2024-03-01", "height": 170}
    other = integrated_gradients(payer, rows, baseline=raw)
    wanted = (payer.predict([raw])[0, 0] - payer.recipe.schema.target.mean) / payer.recipe.schema.target.std
    np.testing.assert_allclose(other.baselines, wanted, rtol=1e-4)


def test_tokens_and_images_are_drawn():
    model = model_of(layers.Embedding(9, 4), layers.LSTM(5))
    found = integrated_gradients(model, IDS)
    assert found.at == "embedding_1/y" and found.tokens.shape == (3, 4)
    np.testing.assert_allclose(found.tokens.sum(1), found.total, rtol=1e-4)
    ax = plot_attribution(found, tokens=["a", "b", "c", "d"], ax=Figure().subplots())
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(found.tokens[0].tolist())
    with pytest.raises(ll.LiuliError, match="3 tokens for 4 steps"):
        plot_attribution(found, tokens=["a", "b", "c"], ax=Figure().subplots())
    slope = saliency(model, IDS)
    np.testing.assert_allclose(slope.tokens, np.linalg.norm(slope.values, axis=-1))
    flat = saliency(model_of(), RNG.normal(size=(2, 12)), method="gradient x input")
    ax = plot_attribution(flat, image_shape=(3, 4), ax=Figure().subplots())
    np.testing.assert_array_equal(ax.images[1].get_array(), flat.values[0].reshape(3, 4))


def test_whole_numbers_that_are_amounts_are_seen_as_they_are():
    net = [layers.Rescaling(1 / 255), layers.Flatten()]
    model, x = model_of(*net), RNG.integers(0, 256, size=(2, 3, 3, 1)).astype(np.uint8)
    found = saliency(model, x, target=1)
    kernel = np.asarray(model.params["dense_1"]["kernel"])[:, 1].reshape(3, 3, 1) / 255
    assert found.at == "input_1/y"
    np.testing.assert_allclose(found.values, np.stack([kernel, kernel]), rtol=1e-5)


def test_classes_by_name():
    data = ll.data.load("iris")
    model = ll.Model(
        ll.Sequential([layers.Dense(3, "softmax")]), "categorical_crossentropy", schema=ll.data.Schema.fit(data)
    )
    rows = data.take(range(3))
    named = saliency(model, rows, target="versicolor")
    assert named.targets == ("versicolor",) * 3
    np.testing.assert_array_equal(named.values, saliency(model, rows, target=[1, 1, 1]).values)
    with pytest.raises(ll.LiuliError, match="virginica"):
        saliency(model, rows, target="virginia")


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda m: saliency(m, FLAT, of="los"), "score, output or loss"),
        (lambda m: saliency(m, FLAT, method="gradients"), "gradient"),
        (lambda m: saliency(m, FLAT, of="loss"), "no targets"),
        (lambda m: saliency(m, FLAT, target=3), "0 to 2"),
        (lambda m: saliency(m, FLAT, target=[0, 1]), "2 targets for 3 rows"),
        (lambda m: saliency(m, FLAT, at="dense_9/y"), "dense_1/y"),
        (lambda m: saliency(m, FLAT, method="smoothgrad", samples=0), "1 sample"),
        (lambda m: integrated_gradients(m, FLAT, steps=0), "1 or more"),
        (lambda m: grad_cam(m, FLAT), "convolutions"),
        (lambda m: grad_cam(m, FLAT, at="dense_1/y"), "maps over places"),
    ],
)
def test_questions_that_make_no_sense_are_refused(ask, match):
    with pytest.raises(ll.LiuliError, match=match):
        ask(model_of())


def test_one_unit_speaks_for_one_class():
    model = model_of(last="sigmoid", units=1)
    np.testing.assert_array_equal(saliency(model, FLAT, target=1).values, saliency(model, FLAT).values)
    with pytest.raises(ll.LiuliError, match="turn the sign"):
        saliency(model, FLAT, target=0)


def test_a_value_within_a_loop_is_refused():
    with pytest.raises(ll.LiuliError, match="lstm_1/y"):
        saliency(model_of(layers.LSTM(5)), RNG.normal(size=(2, 3, 2)), at="lstm_1/c")


def test_grad_cam_of_mean_pooling_is_the_class_activation_map():
    """Where the maps are averaged and weighed, alpha is the weight over the number of places (Zhou et al., 2016)."""
    hidden = [layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(5, 3)]
    model = model_of(*hidden, layers.GlobalAveragePooling2D())
    found = grad_cam(model, IMAGES, target=2)
    kernel = np.asarray(model.params["dense_1"]["kernel"])[:, 2]
    maps = ll.inspect.trace(model, IMAGES, np.zeros(3, int))["conv2d_2/y"].value
    assert found.at == "conv2d_2/y" and found.heat.shape == (3, 6, 6)
    np.testing.assert_allclose(found.weights, np.tile(kernel / 4, (3, 1)), rtol=1e-5)
    np.testing.assert_allclose(found.maps, np.maximum(maps @ (kernel / 4), 0), rtol=1e-4, atol=1e-6)
    ax = plot_grad_cam(found, row=1, ax=Figure().subplots())
    assert len(ax.images) == 2 and "conv2d_2/y" in ax.get_title("left")


def test_grad_cam_within_a_graph_and_over_time():
    inner = ll.Sequential([layers.Conv1D(4, 2), layers.Conv1D(3, 2, activation="relu")])
    found = grad_cam(model_of(inner, layers.GlobalMaxPooling1D()), RNG.normal(size=(2, 7, 2)))
    assert found.at == "graph_1/conv1d_2/y" and found.maps.shape == (2, 5) and found.heat.shape == (2, 7)
    assert plot_grad_cam(found, ax=Figure().subplots(), language="zh").get_xlabel() == "时间步"


def test_raw_text_is_seen_word_by_word():
    texts = np.array(["a good film", "bad"], object)
    words = layers.TextVectorization(output_sequence_length=3).adapt(texts)
    model = model_of(words, layers.Embedding(9, 4), layers.GlobalAveragePooling1D(), last="sigmoid", units=1)
    found = integrated_gradients(model, texts, baseline="mean")
    assert found.at == "embedding_1/y" and found.tokens.shape == (2, 3)
    np.testing.assert_allclose(found.gap, 0, atol=1e-6)


def test_one_of_several_inputs():
    a, b = ll.Input((2,)), ll.Input((3,))
    model = ll.Model(ll.Graph([a, b], layers.Dense(1)(layers.Concatenate()([a, b]))), loss="mse")
    found = saliency(model, (FLAT[:, :2], FLAT[:, 2:]), at="input_2/y")
    np.testing.assert_allclose(found.values, np.tile(model.params["dense_1"]["kernel"][2:, 0], (3, 1)), rtol=1e-6)
    with pytest.raises(ll.LiuliError, match="at='input_1/y'"):
        saliency(model, (FLAT[:, :2], FLAT[:, 2:]))
