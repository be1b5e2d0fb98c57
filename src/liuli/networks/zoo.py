"""Networks that are known to work: a perceptron with hidden layers for tables, a convolutional network for images.

The last layer follows from the question. How many classes there are says it: none asks for numbers, two for one
probability, more for one probability each.
"""

from __future__ import annotations

from collections.abc import Sequence

from liuli import layers
from liuli.activations import Activation
from liuli.core.errors import SpecError
from liuli.networks.graph import Graph
from liuli.networks.sequential import Sequential

WIDEST = 256  # filters of the last blocks


def mlp(
    classes: int | None = None,
    *,
    hidden: Sequence[int] = (64, 64),
    activation: str | Activation = "relu",
    dropout: float = 0.0,
    outputs: int = 1,
) -> Graph:
    """h_0 = x;  h_i = f(h_{i-1} W_i + b_i);  y = g(h_n W + b)            x: (batch, n)   y: as in ``head``

    After each hidden layer comes dropout, where there is any.

    Reference: Rumelhart, Hinton and Williams, *Learning Representations by Back-propagating Errors*, 1986.

    classes:     how many there are; None for numbers.
    hidden:      the units of each hidden layer.
    activation:  f, by name or as an object.
    dropout:     the share of hidden units that is left out in training.
    outputs:     how many numbers are predicted, where there are no classes.

    Raises:
        SpecError: a size or a share is out of range.

    Example:
        >>> from liuli.networks import zoo
        >>> zoo.mlp(3, hidden=(32,))
        Sequential([Dense(32, activation=ReLU()), Dense(3, activation=Softmax())])
    """
    pieces: list[layers.Layer] = []
    for units in hidden:
        pieces.append(layers.Dense(units, activation))  # type: ignore[arg-type]
        pieces += [layers.Dropout(dropout)] if dropout else []
    return Sequential([*pieces, head(classes, outputs)])


def cnn(
    image_shape: tuple[int, int, int],
    classes: int | None,
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    filters: int = 32,
    dense: int = 128,
    dropout: float = 0.4,
    outputs: int = 1,
) -> Graph:
    """y = g(relu(flat(B_k(...B_1(scale x + offset))) W_1 + b_1) W_2 + b_2)            x: (batch, ...)

    A block B_i is two convolutions of 3 x 3, each with batch normalization and ReLU, then the largest of each 2 x 2
    pixels. Filters double from block to block (256 at most); as many blocks as leave 2 to 4 pixels a side. Half of the
    dropout follows each block, all of it the dense layer. Images may come flat.

    Reference: Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015;
    batch normalization: Ioffe and Szegedy, ICML 2015.

    image_shape:    (height, width, channels).
    classes:        how many there are; None for numbers.
    scale, offset:  what brings pixels to about 0 to 1, such as scale=1 / 255.
    filters:        of the first block.
    dense:          the units between the blocks and the answer.
    dropout:        the share of these units that is left out in training.
    outputs:        how many numbers are predicted, where there are no classes.

    Raises:
        SpecError: ``image_shape`` is not that of an image, or a size or a share is out of range.

    Example:
        >>> from liuli.networks import zoo
        >>> len(zoo.cnn((8, 8, 1), 10, scale=1 / 16).nodes)
        23
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise SpecError(
            "cnn.image_shape", got=str(image_shape), expected="(height, width, channels)", fix="write (28, 28, 1)"
        )
    pieces: list[layers.Layer] = [layers.Rescaling(scale, offset), layers.Reshape(image_shape)]
    for i in range(max(1, min(image_shape[:2]).bit_length() - 2)):
        pieces += _block(min(filters * 2**i, WIDEST), dropout / 2)
    pieces += [layers.Flatten(), layers.Dense(dense, "relu"), layers.Dropout(dropout)]  # type: ignore[arg-type]
    return Sequential([*pieces, head(classes, outputs)])


def head(classes: int | None, outputs: int = 1) -> layers.Dense:
    """y = h W + b for numbers, sigmoid(h W + b) for two classes, softmax(h W + b) for more    h: (batch, n)

    y: (batch, outputs), (batch, 1) and (batch, classes).

    classes:  how many there are; None for numbers.
    outputs:  how many numbers are predicted, where there are no classes.

    Raises:
        SpecError: fewer than two classes.

    Example:
        >>> from liuli.networks import zoo
        >>> zoo.head(None), zoo.head(2), zoo.head(3)
        (Dense(1), Dense(1, activation=Sigmoid()), Dense(3, activation=Softmax()))
    """
    if classes is not None and classes < 2:
        raise SpecError("head.classes", got=str(classes), expected="two or more, or None", fix="write head(None)")
    units, last = (outputs, "linear") if classes is None else (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return layers.Dense(units, last)  # type: ignore[arg-type]


def _block(filters: int, dropout: float) -> list[layers.Layer]:
    """Two convolutions and a pooling; a bias would be taken off again by the normalization."""
    pieces: list[layers.Layer] = []
    for _ in range(2):
        pieces.append(layers.Conv2D(filters, 3, padding="same", use_bias=False))  # type: ignore[arg-type]
        pieces += [layers.BatchNormalization(momentum=0.9), layers.Activation("relu")]  # type: ignore[arg-type]
    pieces.append(layers.MaxPooling2D(padding="same"))
    return [*pieces, layers.Dropout(dropout)] if dropout else pieces


__all__ = ["cnn", "head", "mlp"]
