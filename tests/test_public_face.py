"""The lines of the public face run as they stand."""

import jax
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_public_face():
    import liuli as ll
    from liuli import layers

    data = ll.data.load("digits")  # real data, bundled with scikit-learn
    train, test = data.split(test=0.2, stratify=True, seed=0)
    net = ll.Sequential([layers.Dense(64, "relu"), layers.Dropout(0.2), layers.Dense(10, "softmax")])
    model = ll.Model(
        net, loss="categorical_crossentropy", optimizer=ll.optimizers.Adam(1e-3), metrics=["accuracy"], seed=0
    )
    history = model.fit(train.x, train.y, epochs=20, batch_size=32, validation=0.1)
    assert len(history) == 20
    result = model.evaluate(test.x, test.y)  # {"loss": ..., "accuracy": ...}
    assert list(result) == ["loss", "accuracy"] and result["accuracy"] > 0.9
    before = model.predict(test.x)  # (n, 10) probabilities
    assert before.shape == (len(test.x), 10)
    model.save("digits.liuli")
    model = ll.Model.load("digits.liuli")
    assert np.array_equal(model.predict(test.x), before)
    assert isinstance(model.params["dense_1"]["kernel"], jax.Array)  # may be assigned

    x_batch, y_batch = train.x[:8], train.y[:8]
    t = ll.inspect.trace(model, x_batch, y_batch)
    assert t["dense_1/z"].value.shape == t["dense_1/z"].gradient.shape == (8, 64)
    assert t.loss == pytest.approx(model.evaluate(x_batch, y_batch)["loss"], rel=1e-5)
    assert t.params["dense_1"]["kernel"].gradient.shape == (64, 64)
    derivation = ll.inspect.derive(model, x_batch, y_batch)  # back-propagation in symbols and numbers
    assert "dense_1" in str(derivation) and "align" in derivation.to_latex() and "<" in derivation._repr_html_()
    assert ll.inspect.gradcheck(model, x_batch, y_batch).ok  # against central differences in float64


def test_the_functional_face():
    import liuli as ll
    from liuli import layers

    x = ll.Input((32,))
    h = layers.Dense(64, "relu", name="hidden")(x)
    net = ll.Graph(x, layers.Add()([h, layers.Dense(64)(h)]))  # any acyclic graph
    model = ll.Model(net, "mse")
    assert model.predict(np.zeros((3, 32))).shape == (3, 64)
