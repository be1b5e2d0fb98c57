"""What ``--network`` understands, and what it makes of it."""

import pytest

import liuli as ll
from liuli import layers
from liuli.cli.architecture import build, parse
from liuli.core.errors import SpecError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64 relu, dropout 0.2, 64", [layers.Dense(64, "relu"), layers.Dropout(0.2), layers.Dense(64)]),
        ("conv 32 3 relu,pool 2", [layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]),
        ("flatten , batchnorm", [layers.Flatten(), layers.BatchNormalization()]),
        ("layernorm, tanh", [layers.LayerNormalization(), layers.Activation("tanh")]),
    ],
)
def test_layers_are_read(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("64 relu, dropuot 0.2", "part 2 ('dropuot 0.2')"),
        ("64 rellu", "'relu'"),
        ("64 relu,, 32", "part 2 ('')"),
        ("0 relu", "at least 1"),
        ("-3", "at least 1"),
        ("dropout", "dropout 0.2"),
        ("dropout 1.5", "at most 1"),
        ("conv 8", "conv 32 3 relu"),
        ("conv 8 3 relu 5", "conv 32 3 relu"),
        ("flatten 3", "flatten alone"),
        ("", "part 1"),
    ],
)
def test_errors_name_the_part_and_what_to_write(text, named):
    with pytest.raises(SpecError) as error:
        parse(text)
    assert named in str(error.value) and str(error.value).startswith("--network, part ")


def test_pixels_are_scaled_by_the_training_part_and_put_in_shape():
    digits = ll.data.load("digits")
    schema = ll.data.fit_schema(digits)
    net = build("conv 4 3 relu, pool 2, 8 relu", schema, (8, 8, 1), 1)
    names = [type(layer).__name__ for layer in net.names.values()]
    assert names == ["InputLayer", "Rescaling", "Reshape", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense"]
    assert net.names["rescaling_1"] == layers.Rescaling(1 / 16)


def test_tables_need_no_scaling():
    schema = ll.data.fit_schema(ll.data.load("iris"))
    net = build("8 relu", schema, None, 1)
    assert net == ll.Sequential([layers.Dense(8, "relu"), layers.Dense(3, "softmax")])
