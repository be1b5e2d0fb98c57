"""The second program of a beginner's course: a 3-4-1 sigmoid network learns exclusive or in 60,000 full-batch steps.

The loss is half the sum of squared errors, the learning rate 1, there are no biases, weights start uniform in [-1, 1].
"""

import numpy as np

import liuli as ll
from liuli import layers

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = np.array([[0], [1], [1], [0]])

uniform = ll.initializers.RandomUniform(-1.0, 1.0)
hidden = layers.Dense(4, "sigmoid", use_bias=False, kernel_initializer=uniform)
output = layers.Dense(1, "sigmoid", use_bias=False, kernel_initializer=uniform)
model = ll.Model(
    ll.Sequential([ll.Input((3,)), hidden, output]),
    loss=ll.losses.MeanSquaredError(factor=0.5, reduction="sum"),
    optimizer=ll.optimizers.SGD(1.0),
    precision="float64",
)

if __name__ == "__main__":
    model.fit(X, y, epochs=60_000, verbose=0)
    print(model.predict(X).round(4))
    print(ll.inspect.trace(model, X, y))
