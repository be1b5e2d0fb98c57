"""Every picture of the glass box: a network of spirals, one of handwritten digits, one of diabetes, each looked into.

python examples/inside.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers

see = ll.inspect


def spirals():
    data = ll.data.load("spirals")
    net = ll.Sequential([layers.Dense(16, "tanh"), layers.Dense(8, "tanh"), layers.Dense(1, "sigmoid")])
    model = ll.Model(net, "binary_crossentropy", ll.optimizers.Adam(0.02), metrics=["accuracy"])
    before = ll.Model(net, "binary_crossentropy", seed=1).build((2,))
    history = model.fit(data, epochs=300, batch_size=10, probes=16, verbose=0)
    yield "probes", lambda ax: history.probes.plot("update ratio", ax=ax)
    yield "decision_boundary", lambda ax: see.plot_decision_boundary(see.decision_boundary(model, data), ax=ax)
    yield "responses", lambda ax: see.plot_response_maps(see.response_maps(model, data, "dense_2/y"), ax=ax)
    yield "trace", see.trace(model, data.x, data.y).plot
    yield "spectrum", see.hessian(model, data).plot
    yield "not_convex", see.negative_curvature(model, data).plot
    yield "plane", see.plane(model, data).plot
    yield "line", see.along(model, data).plot
    yield "between", see.between(before, model, data).plot
    yield "sharpness", see.sharpness(model, data).plot


def digits():
    train, test = ll.data.load("digits").split(test=0.2, stratify=True, seed=0)
    conv = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(16, 2, activation="relu")]
    net = ll.Sequential(
        [layers.Reshape((8, 8, 1)), layers.Rescaling(1 / 16), *conv, layers.Flatten(), layers.Dense(10, "softmax")]
    )
    model = ll.Model(net, "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train, epochs=15, validation=0.1, probes=4, verbose=0)
    wrong = test.take(see.worst(model, test, k=3).rows.tolist())
    found = see.integrated_gradients(model, wrong)
    yield "learning_curves", history.plot
    yield "filters", lambda ax: see.plot_filters(see.filters(model), ax=ax)
    yield "feature_maps", lambda ax: see.plot_feature_maps(see.feature_maps(model, wrong), ax=ax)
    yield "saliency", lambda ax: see.plot_attribution(see.saliency(model, wrong), image_shape=(8, 8), ax=ax)
    yield "integrated_gradients", lambda ax: see.plot_attribution(found, image_shape=(8, 8), ax=ax)
    yield "grad_cam", lambda ax: see.plot_grad_cam(see.grad_cam(model, wrong), ax=ax)
    yield "pca", lambda ax: see.plot_embedding(see.embedding(model, test, "flatten_1/y"), ax=ax)
    yield "tsne", lambda ax: see.plot_embedding(see.embedding(model, test, "flatten_1/y", way="tsne"), ax=ax)
    yield "confusion", lambda ax: see.plot_confusion(see.confusion(model, test), ax=ax)
    yield "calibration", lambda ax: see.plot_calibration(see.calibration(model, test), ax=ax)
    yield "worst", lambda ax: see.plot_worst(see.worst(model, test), (8, 8), ax=ax)


def diabetes():
    data = ll.data.load("diabetes")
    schema = ll.data.fit_schema(data)
    model = ll.Model(ll.Sequential([layers.Dense(16, "relu"), layers.Dense(1)]), "mse", schema=schema)
    model.fit(data, epochs=60, verbose=0)
    errors = see.residuals(model, data)
    yield "residuals", lambda ax: see.plot_residuals(errors, ax=ax)
    yield "quantiles", lambda ax: see.plot_quantiles(errors, ax=ax)
    yield "dependence", lambda ax: see.plot_dependence(see.partial_dependence(model, data, "bmi"), ax=ax)


def copying():
    """Attention that learns to look at the step before."""
    words = np.random.default_rng(0).integers(0, 6, size=(512, 8))
    ids = ll.Input((8,), "int32")
    h = layers.PositionEmbedding(8)(layers.Embedding(6, 16)(ids))
    h = layers.MultiHeadAttention(2, 8)(h)
    model = ll.Model(ll.Graph(ids, layers.Dense(6, "softmax")(h)), "categorical_crossentropy", ll.optimizers.Adam(0.01))
    model.fit(words, np.roll(words, 1, axis=1), epochs=40, verbose=0)
    maps = see.attention_maps(model, words[:1])
    yield "attention", lambda ax: see.plot_attention(maps, tokens=list(map(str, words[0])), ax=ax)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for source in (spirals, digits, diabetes, copying):
        for name, draw in source():
            figure = Figure((5.6, 4.4), layout="constrained")
            draw(ax=figure.subplots())
            figure.savefig(folder / f"{name}.png", dpi=120)
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "inside"))
