"""The Hessian of the loss: its ends, its trace, its spectrum, without ever writing it down where it is large.

H_ij = d2 L / dw_i dw_j,   H v_i = lambda_i v_i,   tr H = sum_i lambda_i
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from rich.table import Table

from liuli.core.errors import LiuliError
from liuli.core.precision import Precision, compute_dtype
from liuli.core.trees import paths
from liuli.inspect.curvature import figures
from liuli.inspect.curvature.lanczos import extremes, quadrature, whole
from liuli.inspect.curvature.objective import ROWS, Objective
from liuli.inspect.display import as_html, as_text, number
from liuli.training import Model

WHOLE = 512  # up to so many parameters the whole Hessian costs no more than estimates of it
_LARGEST = 4096  # parameters of which the whole Hessian is made at all
_SMALL = 1e-3  # of the largest eigenvalue: signs of smaller ones are not told apart by quadrature
_ROUNDED = 10.0  # eigenvalues below so many units in the last place of the largest are rounding


@dataclass(frozen=True, eq=False)
class Eigenpair:
    """H v = value v: how much the loss bends along v, a direction of length 1.

    value:      the eigenvalue, loss per squared length.
    residual:   |H v - value v|: an exact eigenvalue is no further than this from ``value``.
    direction:  v in the form of the parameters, turned so that the loss falls, or stays, as a step along it begins.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Eigenpair
        >>> Eigenpair(2.0, 0.0, {"dense_1": {"bias": np.zeros(1), "kernel": np.ones((1, 1))}}).shares
        {'dense_1/bias': 0.0, 'dense_1/kernel': 1.0}
    """

    value: float
    residual: float
    direction: Any

    @property
    def shares(self) -> dict[str, float]:
        """The share of the squared length of v that lies in each parameter."""
        squares = {path: float(np.square(leaf, dtype=np.float64).sum()) for path, leaf in paths(self.direction).items()}
        return {path: square / sum(squares.values()) for path, square in squares.items()}

    def __repr__(self) -> str:
        return f"Eigenpair({number(self.value)}, residual {self.residual:.1e})"


@dataclass(frozen=True, eq=False, repr=False)
class Curvature:
    """What :func:`hessian` found. Prints as a table.

    pairs:           the ends of the spectrum, smallest first.
    trace:           the sum of all eigenvalues.
    trace_error:     its standard error; 0 where it is exact.
    nodes, weights:  the spectrum: the mean of f over all eigenvalues is sum_i weights_i f(nodes_i).
    size:            how many parameters, so how many eigenvalues.
    loss:            at these parameters.
    slope:           the length of the gradient there.
    noise:           eigenvalues closer to 0 than this are rounding.
    products:        how often H was multiplied by a vector.
    layer:           the layer whose block of H this is, or None.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1, use_bias=False)]), loss="mse")
        >>> found = ll.inspect.hessian(model, np.array([[1.0], [3.0]]), np.zeros((2, 1)))
        >>> found.largest.value, found.trace  # 2/n sum x^2
        (10.0, 10.0)
    """

    pairs: tuple[Eigenpair, ...]
    trace: float
    trace_error: float
    nodes: np.ndarray
    weights: np.ndarray
    size: int
    loss: float
    slope: float
    noise: float
    products: int
    layer: str | None = None

    @property
    def eigenvalues(self) -> np.ndarray:
        """Those of ``pairs``, ascending."""
        return np.array([pair.value for pair in self.pairs])

    @property
    def largest(self) -> Eigenpair:
        """The direction of sharpest bend."""
        return self.pairs[-1]

    @property
    def smallest(self) -> Eigenpair:
        """The direction of least, or most negative, curvature."""
        return self.pairs[0]

    @property
    def negative(self) -> Any:
        """The direction of most negative curvature, in the form of the parameters; None where there is none."""
        return self.smallest.direction if self.smallest.value < -self.noise else None

    @property
    def share_negative(self) -> float:
        """The share of all eigenvalues that are negative and larger in size than a thousandth of the largest."""
        least = max(self.noise, _SMALL * float(np.abs(self.nodes).max()))
        return float(self.weights[self.nodes < -least].sum())

    def density(self, points: int = 400, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """phi(t) = sum_i weights_i exp(-(t - nodes_i)^2 / 2 width^2) / (width sqrt(2 pi)): t and phi, (points,) each.

        width:  of each eigenvalue; by default a hundredth of the range.
        """
        least, most = self.nodes.min(), self.nodes.max()
        wide = float(0.01 * (most - least) or 0.01 * abs(most) or 1.0) if width is None else width
        at = np.linspace(least - 5 * wide, most + 5 * wide, points)
        bells = np.exp(-np.square((at[:, None] - self.nodes) / wide) / 2) / (wide * np.sqrt(2 * np.pi))
        return at, bells @ self.weights

    def plot(self, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """The density of the eigenvalues, and the ends of the spectrum marked; returns the Matplotlib axis."""
        return figures.spectrum(*self.density(), self.eigenvalues, self.noise, ax, words)

    def __repr__(self) -> str:
        return as_text(self)

    def __rich__(self) -> Table:
        table = Table(caption=self._summary(), caption_justify="left")
        table.add_column("eigenvalue", justify="right")
        table.add_column("|H v - λ v|", justify="right")
        table.add_column("mostly in", overflow="fold")
        for pair in reversed(self.pairs):
            shares = sorted(pair.shares.items(), key=lambda item: -item[1])[:2]
            where = ", ".join(f"{path} {share:.0%}" for path, share in shares if share >= 0.005)
            table.add_row(number(pair.value), f"{pair.residual:.1e}", where)
        return table

    def _repr_html_(self) -> str:
        return as_html(self)

    def _summary(self) -> str:
        error = f" ± {self.trace_error:.2g}" if self.trace_error else ""
        block = f"block of {self.layer}, " if self.layer else ""
        negative = f"{self.share_negative:.0%} of them negative"
        return (
            f"{block}{self.size} eigenvalues, {negative}; trace {number(self.trace)}{error}\n"
            f"loss {number(self.loss)}, |gradient| {number(self.slope)}; {self.products} products with H"
        )


def hessian_vector(
    model: Model,
    x: Any,
    y: Any,
    direction: Any,
    *,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Any:
    """H v = d/dt grad L(w + t v) at t = 0: how the gradient changes along v, in the form of the parameters.

    One forward derivative of one gradient, at about twice its cost, whatever the number of parameters. Frozen
    parameters neither move nor count: there H v is zero.

    Reference: Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6, 1994.

    x, y:        data as ``model.fit`` takes them; y is None for a Dataset.
    direction:   v, a tree like ``model.params``.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss, or the direction not the parameters.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1, use_bias=False)]), loss="mse")
        >>> v = {"dense_1": {"kernel": np.ones((2, 1))}}
        >>> ll.inspect.hessian_vector(model, np.eye(2), np.zeros((2, 1)), v)["dense_1"]["kernel"].tolist()
        [[1.0], [1.0]]
    """
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size)
    return objective.tree(objective.products(objective.direction(direction)[None])[0])


def hessian(
    model: Model,
    x: Any,
    y: Any = None,
    k: int = 3,
    *,
    layer: str | None = None,
    exact: bool | None = None,
    probes: int = 8,
    steps: int = 40,
    tolerance: float = 1e-4,
    limit: int = 1000,
    seed: int = 0,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Curvature:
    """H_ij = d2 L / dw_i dw_j of the loss that training makes small: its largest and smallest eigenvalues with their
    directions, its trace, and the density of its eigenvalues.

    From products H v alone: the ends by block Lanczos, the rest by stochastic Lanczos quadrature, in float64 on the
    host. Each pair says how far it is from exact. Small networks have the whole of H made instead.

    Reference: Ghorbani, Krishnan and Xiao, *An Investigation into Neural Net Optimization via Hessian Eigenvalue
    Density*, ICML 2019; Golub and Van Loan, *Matrix Computations*, 2013, chapter 10.

    x, y:        data as ``model.fit`` takes them.
    k:           how many eigenvalues at each end.
    layer:       the layer, or the path of a parameter, whose block of H is wanted.
    exact:       whether the whole of H is made; by default for up to 512 parameters.
    probes:      random vectors for the trace and the density.
    steps:       of Lanczos from each of them.
    tolerance:   of |H v - lambda v|, as a share of the largest |lambda|.
    limit:       products with H for the ends, at most.
    seed:        of the random vectors.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; ``"float64"`` has smaller residuals.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss.
        LiuliError: no layer has this name, the loss is not finite, or a number is out of bounds.

    Example:
        >>> import numpy as np, liuli as ll
        >>> net = ll.Sequential([ll.layers.Dense(3, "tanh"), ll.layers.Dense(1)])
        >>> model = ll.Model(net, loss="mse")
        >>> found = ll.inspect.hessian(model, np.eye(4), np.ones((4, 1)), k=2)
        >>> len(found.eigenvalues), found.size, found.negative is not None
        (4, 19, True)
    """
    _check(k, probes, steps, limit)
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size, layer=layer)
    loss, gradient = objective.here()
    exact = objective.size <= WHOLE if exact is None else exact
    spectrum = _exact(objective, k) if exact else _estimated(objective, k, probes, steps, tolerance, limit, seed)
    values, vectors, residuals, nodes, weights, trace, error, products = spectrum
    signs = np.where(vectors @ gradient > 0, -1.0, 1.0)
    triples = zip(values, residuals, vectors * signs[:, None], strict=True)
    return Curvature(
        pairs=tuple(Eigenpair(float(v), float(r), objective.tree(d)) for v, r, d in triples),
        trace=trace,
        trace_error=error,
        nodes=nodes,
        weights=weights,
        size=objective.size,
        loss=loss,
        slope=float(np.linalg.norm(gradient)),
        noise=noise(objective, values),
        products=products,
        layer=layer,
    )


def noise(objective: Objective, values: np.ndarray) -> float:
    """What rounding alone makes of an eigenvalue of 0, given the others."""
    unit = float(jnp.finfo(compute_dtype(objective.recipe.precision)).eps)
    return _ROUNDED * unit * float(np.abs(values).max())


class _Spectrum(NamedTuple):
    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    trace: float
    trace_error: float
    products: int


def _exact(objective: Objective, k: int) -> _Spectrum:
    """The whole of H, and all its eigenvalues; of the vectors those at the ends."""
    size = objective.size
    if size > _LARGEST:
        raise LiuliError("exact", got=f"{size} parameters", expected=f"at most {_LARGEST}", fix="leave exact out")
    matrix = whole(objective.products, size)
    values, turns = np.linalg.eigh(matrix)
    ends = np.arange(size) if 2 * k >= size else np.r_[:k, size - k : size]
    vectors = turns[:, ends].T
    residuals = np.linalg.norm(objective.products(vectors) - values[ends, None] * vectors, axis=1)
    trace, weights, products = float(np.trace(matrix)), np.full(size, 1 / size), size + len(ends)
    return _Spectrum(values[ends], vectors, residuals, values, weights, trace, 0.0, products)


def _estimated(
    objective: Objective, k: int, probes: int, steps: int, tolerance: float, limit: int, seed: int
) -> _Spectrum:
    """The ends by Lanczos; what lies between by quadrature in the space that is left."""
    size, objective.width = objective.size, min(k, objective.width)
    ends = extremes(objective.products, size, k, tolerance, limit, seed)
    found, rest = len(ends.values), size - len(ends.values)
    trace, nodes, weights = float(ends.values.sum()), ends.values, np.full(found, 1 / size)
    if not rest:
        return _Spectrum(ends.values, ends.vectors, ends.residuals, nodes, weights, trace, 0.0, ends.products)
    between = quadrature(objective.products, ends.vectors, probes, steps, objective.width, seed + 1)
    nodes = np.concatenate([nodes, between.nodes.ravel()])
    weights = np.concatenate([weights, between.weights.ravel() * rest / size])
    error = float(between.traces.std(ddof=1) / np.sqrt(probes))
    products = ends.products + probes * between.nodes.shape[1]
    trace += float(between.traces.mean())
    return _Spectrum(ends.values, ends.vectors, ends.residuals, nodes, weights, trace, error, products)


def _check(k: int, probes: int, steps: int, limit: int) -> None:
    if min(k, steps, limit) < 1 or probes < 2:
        got = f"k={k}, probes={probes}, steps={steps}, limit={limit}"
        raise LiuliError("hessian", got=got, expected="numbers above 0, and 2 probes or more", fix="leave them out")
