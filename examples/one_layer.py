"""The first program of a beginner's course: sigmoid(X @ w) on four samples of three inputs, 10,000 full-batch steps.

The loss is half the sum of squared errors, the learning rate 1, there is no bias.
"""

import numpy as np

import liuli as ll
from liuli import layers

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = np.array([[0], [0], [1], [1]])

model = ll.Model(
    ll.Sequential([ll.Input((3,)), layers.Dense(1, "sigmoid", use_bias=False)]),
    loss=ll.losses.MeanSquaredError(factor=0.5, reduction="sum"),
    optimizer=ll.optimizers.SGD(1.0),
    precision="float64",
)

if __name__ == "__main__":
    model.fit(X, y, epochs=10_000, verbose=0)
    print(model.predict(X).round(4))
    print(ll.inspect.derive(model, X, y))
