"""The whole stack in seconds: data, network, training, looking inside, saving."""

import numpy as np

import liuli as ll
from liuli import layers


def test_the_whole_stack(tmp_path):
    train, test = ll.data.load("spirals").split(test=0.25, seed=0)
    net = ll.Sequential([layers.Dense(16, "tanh"), layers.Dense(16, "tanh"), layers.Dense(1, "sigmoid")])
    model = ll.Model(net, "binary_crossentropy", ll.optimizers.Adam(0.02), ["accuracy"])
    model.fit(train, epochs=600, validation=test, callbacks=[ll.callbacks.EarlyStopping(patience=200)], verbose=0)
    assert model.evaluate(test)["accuracy"] > 0.9
    assert "dense_3" in str(model.summary())
    assert ll.inspect.trace(model, test.x[:4], test.y[:4]).loss > 0
    again = ll.Model.load(model.save(tmp_path / "spirals.liuli"))
    assert np.array_equal(again.predict(test.x), model.predict(test.x))
