"""Many numbers as a point in the plane: principal components (by SVD) and t-SNE of activations and embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from liuli.core.errors import DataError
from liuli.core.extras import require
from liuli.core.fields import nearest
from liuli.core.trees import flatten
from liuli.inspect.seeing.drawing import BLUE, MARKERS, PALETTE, axis, below, beside, short, titled
from liuli.inspect.seeing.running import class_names, inputs_of, names_classes, read
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

Way = Literal["pca", "tsne"]


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """x_i - mean = sum over k of c_ik u_k,   with u the directions of the largest variance, orthogonal to each other

    points:    c, (rows, components).
    axes:      u, (components, features), of length 1.
    mean:      (features,).
    variance:  of the points along each axis, divided by rows - 1: (components,).
    share:     of the whole variance, (components,).

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import pca
        >>> pca(np.array([[0.0, 0.0], [3.0, 4.0]])).axes.round(2).tolist()
        [[0.6, 0.8]]
    """

    points: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    share: np.ndarray

    def project(self, values: np.ndarray) -> np.ndarray:
        """c = (x - mean) u^T of other rows, (rows, components)."""
        return (np.asarray(values, np.float64).reshape(len(values), -1) - self.mean) @ self.axes.T


@dataclass(frozen=True, eq=False)
class Embedded:
    """Rows as points in the plane, or in as many dimensions as were asked for.

    points:  (rows, components).
    at:      what they were made from: a tap, or a table of vectors.
    way:     "pca" or "tsne".
    share:   of the variance along each axis; None for t-SNE.
    labels:  the number of the class of each row; None where it is not known.
    names:   the names of the classes.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import embedding
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(4), ll.layers.Dense(1)]), loss="mse")
        >>> embedding(model, np.eye(5), "dense_1/y").points.shape
        (5, 2)
    """

    points: np.ndarray
    at: str
    way: Way
    share: np.ndarray | None = None
    labels: np.ndarray | None = None
    names: tuple[str, ...] = ()


def pca(values: Any, components: int | None = None) -> PrincipalComponents:
    """X - mean = U S V^T,   axes V^T,   points U S,   variance S^2 / (rows - 1)            X: (rows, features)

    By singular values in float64, exact. The largest element of every axis is positive. There are at most rows - 1
    components that vary.

    Reference: Pearson, *On Lines and Planes of Closest Fit to Systems of Points in Space*, 1901.

    values:      (rows, ...), made flat.
    components:  how many; all that vary where it is not given.

    Raises:
        DataError: fewer than two rows, numbers that are not finite, or more components than there are.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import pca
        >>> found = pca(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]), 2)
        >>> found.share.round(2).tolist()
        [0.8, 0.2]
    """
    x = np.asarray(values, np.float64)
    x = x.reshape(len(x), -1) if x.ndim else x
    if x.ndim != 2 or len(x) < 2 or not x.size or not np.isfinite(x).all():
        got = f"values of shape {np.shape(values)}"
        raise DataError("pca", got=got, expected="two rows or more of finite numbers", fix="give more rows")
    mean = x.mean(0)
    left, sizes, axes = np.linalg.svd(x - mean, full_matrices=False)
    most = min(len(sizes), len(x) - 1)
    count = max(1, int((sizes[:most] > 1e-12 * max(sizes[0], 1e-300)).sum())) if components is None else components
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or not 1 <= count <= len(sizes):
        raise DataError("pca: components", got=repr(components), expected=f"1 to {len(sizes)}", fix="components=2")
    signs = np.where(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1) < 0, -1.0, 1.0)
    variance = sizes**2 / (len(x) - 1)
    share = variance / (variance.sum() or 1.0)
    points = (left * sizes) * signs.T
    return PrincipalComponents(points[:, :count], (axes * signs)[:count], mean, variance[:count], share[:count])


def embedding(
    model: Model,
    x: Any,
    at: str,
    y: Any = None,
    way: Way = "pca",
    components: int = 2,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Embedded:
    """The value of a tap for each row, made flat, as a point in few dimensions.

    Reference: van der Maaten and Hinton, *Visualizing Data using t-SNE*, JMLR 9, 2008 (scikit-learn's).

    x:           rows as ``model.predict`` takes them.
    at:          the tap: a path of ``inspect.trace``.
    y:           the classes of the rows; of tables and data sets they are found there.
    way:         "pca" or "tsne".
    components:  how many dimensions.
    perplexity:  of t-SNE: about how many neighbours count; less where there are few rows.
    seed:        of t-SNE.

    Raises:
        UnknownPathError: there is no such tap.
        DataError: there are too few rows, or another way is asked for.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import embedding
        >>> data = ll.data.load("iris")
        >>> net = ll.Sequential([ll.layers.Dense(8, "relu"), ll.layers.Dense(3, "softmax")])
        >>> found = embedding(ll.Model(net, loss="categorical_crossentropy"), data, "dense_1/y")
        >>> found.points.shape, found.names[0]
        ((150, 2), 'setosa')
    """
    values = read(model, inputs_of(model, x), (at,))[at]
    labels, names = None, ()
    if (y is not None or getattr(x, "task", None) is not None) and names_classes(model):
        targets = model.prepare(x, y)[1][0]
        one_hot = targets.ndim == 2 and targets.shape[1] > 1
        labels = targets.argmax(1) if one_hot else np.maximum(np.rint(targets.reshape(-1)), 0).astype(int)
        width = targets.shape[1] if one_hot else max(2, int(labels.max()) + 1)
        names = class_names(model, x, max(width, len(getattr(x, "class_names", ()))))
    return _reduced(values, at, way, components, perplexity, seed, labels, names)


def embedding_table(
    model: Model, layer: str, way: Way = "pca", components: int = 2, perplexity: float = 30.0, seed: int = 0
) -> Embedded:
    """The vectors of an Embedding layer, (ids, size), as points in few dimensions.

    layer:  the name of the layer.
    way, components, perplexity, seed:  as in ``embedding``.

    Raises:
        DataError: there is no such layer, or it has no table of vectors.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import embedding_table
        >>> net = ll.Sequential([ll.Input((3,), "int32"), ll.layers.Embedding(10, 4), ll.layers.Flatten(),
        ...                      ll.layers.Dense(1)])
        >>> embedding_table(ll.Model(net, loss="mse"), "embedding_1").points.shape
        (10, 2)
    """
    tables = {p.rpartition("/")[0]: v for p, v in flatten(model.params).items() if p.endswith("embeddings")}
    if layer not in tables:
        fix = f"write {nearest(layer, tables)}" if tables else "see embedding for other layers"
        raise DataError("embedding_table", got=repr(layer), expected="a layer with a table of vectors", fix=fix)
    return _reduced(np.asarray(tables[layer], np.float32), layer, way, components, perplexity, seed, None, ())


def plot_embedding(
    embedded: Embedded, texts: Sequence[str] | None = None, ax: Any = None, most: int = 60, language: Language = "en"
) -> Any:
    """The points, a marker and a colour for each class, a text beside each where there are some; returns the axis.

    embedded:  what :func:`embedding` or :func:`embedding_table` found.
    texts:     what each point is called, such as the words of a vocabulary.
    ax:        the Matplotlib axis to draw on; a new one where it is not given.
    most:      how many texts are written at most.
    language:  "en" or "zh".

    Raises:
        DataError: there are not as many texts as points.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import Embedded, plot_embedding
        >>> found = Embedded(np.zeros((2, 2)), "dense_1/y", "pca", np.array([0.75, 0.25]))
        >>> plot_embedding(found, ax=Figure().subplots()).get_xlabel()
        'principal component 1 (75 % of the variance)'
    """
    if texts is not None and len(texts) != len(embedded.points):
        got, fix = f"{len(texts)} texts for {len(embedded.points)} points", "one for each point"
        raise DataError("texts", got=got, expected=f"{len(embedded.points)}", fix=fix)
    ax, points = axis(ax), embedded.points
    points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))
    if embedded.labels is None:
        ax.scatter(points[:, 0], points[:, 1], s=14, color=BLUE, alpha=0.7, linewidths=0)
    for i, name in enumerate(embedded.names if embedded.labels is not None else ()):
        mine = points[embedded.labels == i]
        hollow = i >= len(PALETTE)
        colour = PALETTE[i % len(PALETTE)]
        face = {"facecolors": "none" if hollow else colour, "edgecolors": colour, "linewidths": 0.9 * hollow}
        ax.scatter(mine[:, 0], mine[:, 1], s=20, marker=MARKERS[i % len(MARKERS)], alpha=0.8, label=short(name), **face)
    if embedded.labels is not None:
        ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for text, (x, y) in list(zip(texts or (), points[:, :2], strict=False))[:most]:
        ax.annotate(short(text), (x, y), (3, 3), textcoords="offset points", fontsize=8, parse_math=False)
    below(ax, _axis_name(embedded, 0, language))
    beside(ax, _axis_name(embedded, 1, language))
    titled(ax, embedded.at)
    return ax


def _reduced(
    values: np.ndarray, at: str, way: Way, components: int, perplexity: float, seed: int, labels: Any, names: Any
) -> Embedded:
    if way not in get_args(Way):
        fix = f"write {nearest(str(way), get_args(Way))}"
        raise DataError("embedding: way", got=repr(way), expected="pca or tsne", fix=fix)
    found = pca(values, min(components, *values.reshape(len(values), -1).shape) if way == "pca" else None)
    if way == "pca":
        return Embedded(found.points, at, way, found.share, labels, names)
    if len(values) < 4:
        raise DataError("embedding", got=f"{len(values)} rows", expected="4 or more for t-SNE", fix='way="pca"')
    near = min(perplexity, (len(values) - 1) / 3)
    tsne = require("sklearn.manifold", extra="data").TSNE
    points = tsne(components, perplexity=near, init="random", random_state=seed).fit_transform(
        found.points[:, :50].astype(np.float32)
    )
    return Embedded(points, at, way, None, labels, names)


def _axis_name(embedded: Embedded, number: int, language: Language) -> str:
    if embedded.share is None:
        return said("axis of t-SNE", language, n=number + 1)
    share = embedded.share[number] if number < len(embedded.share) else 0.0
    return said("component", language, n=number + 1, share=f"{share * 100:.0f} %")
