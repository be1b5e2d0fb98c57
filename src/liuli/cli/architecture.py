"""From what ``--network`` says to a graph, and the settings that suit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liuli import layers
from liuli.core.errors import LiuliError, SpecError
from liuli.core.fields import nearest
from liuli.core.files import told
from liuli.core.specs import from_json, members, named, snake_case
from liuli.data import ArraySchema, ClassTarget, Preprocessing
from liuli.layers import Layer
from liuli.networks import Graph, Sequential, zoo

EXAMPLE = '"64 relu, dropout 0.2, 64 relu"'


@dataclass(frozen=True)
class Habits:
    """What suits a kind of network, unless it is told otherwise.

    samples:  epochs make about so many samples go through the network, between ``fewest`` and ``epochs``.
    rate:     the learning rate of Adam; None is the optimizer's own.
    cosine:   whether the rate falls to 0 along a cosine.
    """

    epochs: int = 200
    fewest: int = 10
    samples: int = 2_000_000
    batch_size: int = 32
    rate: float | None = None
    cosine: bool = False
    patience: int = 20

    def epochs_for(self, rows: int) -> int:
        """Fewer epochs for very many rows."""
        return max(self.fewest, min(self.epochs, self.samples // rows))


HABITS = {"cnn": Habits(40, 5, 200_000, 64, 0.003, True, 0)}


def choose(asked: str | None, image_shape: tuple[int, ...] | None) -> str:
    """What ``--network`` says, or a cnn for images and an mlp for all else."""
    return asked or ("mlp" if image_shape is None else "cnn")


def build(text: str, schema: Preprocessing, image_shape: tuple[int, ...] | None, outputs: int) -> Graph:
    """The graph that ``text`` means for data like these, with the last layer that the target asks for.

    Raises:
        FileError: a file of a graph cannot be read.
        SpecError: a layer cannot be understood, or a cnn is asked for where there are no images.
    """
    if text.endswith(".json"):
        return _fitting(_read(Path(text)), text, schema.encoded_shape)
    classes = len(schema.target.classes) if isinstance(schema.target, ClassTarget) else None
    if text == "cnn":
        if image_shape is None:
            got = f"cnn for rows of shape {schema.encoded_shape}"
            raise SpecError("--network", got=got, expected="images", fix=f"--network mlp, or --network {EXAMPLE}")
        scale, offset = _scaling(schema)
        return zoo.cnn(image_shape, classes, scale=scale, offset=offset, outputs=outputs)  # type: ignore[arg-type]
    if text == "mlp":
        inner = [node.layer for node in zoo.mlp(classes, outputs=outputs).nodes[1:]]
    else:
        inner = [*parse(text), zoo.head(classes, outputs)]
    return Sequential(_joined(inner, schema, image_shape))


def parse(text: str) -> list[Layer]:
    """The layers that ``text`` names, separated by commas.

    Raises:
        SpecError: a part cannot be understood; it is named.

    >>> parse("8 relu, dropout 0.5")
    [Dense(8, activation=ReLU()), Dropout(0.5)]
    """
    return [_layer(i, part.split()) for i, part in enumerate(text.split(","), 1)]


def _layer(position: int, words: list[str]) -> Layer:
    where = f"--network, part {position} ({' '.join(words)!r})"
    kind, values = (words[0], words[1:]) if words and not words[0].lstrip("-").isdigit() else ("dense", words)
    try:
        if kind in _MAKERS:
            return _MAKERS[kind](*values)
        if kind in _activations() and not values:
            return layers.Activation(kind)  # type: ignore[arg-type]
    except LiuliError as error:
        raise SpecError(where, got=error.got, expected=error.expected, fix=error.fix) from None
    except (TypeError, ValueError):
        raise SpecError(where, got=" ".join(words), expected=_FORMS[kind], fix=f"write {EXAMPLE}") from None
    known = nearest(kind, [*_MAKERS, *_activations()])
    raise SpecError(where, got=kind or "nothing", expected="a layer", fix=f"write {known}, as in {EXAMPLE}")


def _dense(units: str, activation: str = "linear") -> Layer:
    return layers.Dense(int(units), _activation(activation))  # type: ignore[arg-type]


def _conv(filters: str, size: str, activation: str = "linear") -> Layer:
    return layers.Conv2D(int(filters), int(size), padding="same", activation=_activation(activation))  # type: ignore[arg-type]


def _activation(name: str) -> Layer:
    return named("activations", name)  # type: ignore[return-value]


def _activations() -> list[str]:
    return [snake_case(name) for name in members("activations")]


def _joined(inner: list[Layer], schema: Preprocessing, image_shape: tuple[int, ...] | None) -> list[Layer]:
    """The layers behind what they need: arrays scaled, flat images in shape again, images made flat for Dense."""
    if not isinstance(schema, ArraySchema):
        return inner
    scale, offset = _scaling(schema)
    joined: list[Layer] = [layers.Rescaling(scale, offset)]
    shape = schema.encoded_shape
    if image_shape is not None and shape != image_shape and any(isinstance(each, _SPATIAL) for each in inner):
        joined.append(layers.Reshape(image_shape))
        shape = image_shape
    flat = len(shape) == 1
    for each in inner:
        if isinstance(each, layers.Dense) and not flat:
            joined.append(layers.Flatten())
        flat = flat or isinstance(each, layers.Dense | layers.Flatten)
        joined.append(each)
    return joined


def _scaling(schema: Preprocessing) -> tuple[float, float]:
    """What brings the numbers of the training part to 0 to 1."""
    low, high = (schema.minimum, schema.maximum) if isinstance(schema, ArraySchema) else (0.0, 1.0)
    scale = 1.0 / (high - low) if high > low else 1.0
    return scale, -low * scale + 0.0


def _read(path: Path) -> Graph:
    with told(path, "read"):
        content = path.read_bytes()
    try:
        found = from_json(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise SpecError(str(path), got="text that is not UTF-8", expected="JSON", fix="export it again") from None
    except LiuliError as error:
        raise error.at(str(path)) from None
    if not isinstance(found, Graph):
        raise SpecError(
            str(path), got=f"a {type(found).__name__}", expected="a Graph", fix="core.specs.to_json(ll.Sequential(...))"
        )
    return found


def _fitting(graph: Graph, path: str, shape: tuple[int, ...]) -> Graph:
    """The graph, if it takes rows of this shape and makes one output of them."""
    if (len(graph.inputs), len(graph.outputs)) != (1, 1):
        got = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise SpecError(path, got=got, expected="one of each", fix="train such a graph from Python")
    declared = getattr(graph.names[graph.inputs[0]], "shape", None)
    if declared not in (None, shape):
        fix = "leave the shape of the input out, or use other data"
        raise SpecError(path, got=f"an input of shape {declared}", expected=f"{shape}, as the data have it", fix=fix)
    return graph


_SPATIAL = (layers.Conv2D, layers.MaxPooling2D)
_MAKERS: dict[str, Callable[..., Layer]] = {
    "dense": _dense,
    "dropout": lambda rate: layers.Dropout(float(rate)),
    "conv": _conv,
    "pool": lambda size="2": layers.MaxPooling2D((int(size), int(size))),
    "flatten": layers.Flatten,
    "batchnorm": layers.BatchNormalization,
    "layernorm": layers.LayerNormalization,
}
_FORMS = {
    "dense": "units and perhaps an activation, such as 64 relu",
    "dropout": "a share, such as dropout 0.2",
    "conv": "filters, size and perhaps an activation, such as conv 32 3 relu",
    "pool": "a size, such as pool 2",
    "flatten": "flatten alone",
    "batchnorm": "batchnorm alone",
    "layernorm": "layernorm alone",
}
