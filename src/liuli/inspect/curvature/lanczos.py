"""Eigenvalues of a symmetric matrix that is known by its products with vectors: block Lanczos, and its quadrature.

H Q = Q T + N C,   Q^T Q = I,   Q^T N = 0

Q (size, m) is the basis, T its projection of H, N the next block, C zero but for what it takes from H Q into N. An
eigenpair T s = theta s gives H (Q s) = theta Q s + N C s: the residual is |C s|. Bases are kept orthogonal in full, in
float64, their vectors as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Product = Callable[[np.ndarray], np.ndarray]  # (count, size) to (count, size)

_MEMORY = 1 << 26  # numbers that a basis holds at most, unless it would be too small to converge
_LOST = 1e-10  # a vector that orthogonalization shortens to this share lay in the basis


@dataclass(frozen=True)
class Ritz:
    """Approximate eigenpairs, ascending.

    values:     (m,)
    vectors:    (m, size), orthonormal rows.
    residuals:  |H v - value v| of each, by one more product.
    products:   with vectors, in all.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    products: int


@dataclass(frozen=True)
class Quadrature:
    """What approximates the mean of f over eigenvalues: sum_i weights_i f(nodes_i).

    nodes, weights:  (probes, steps); the weights of each probe sum to 1 / probes.
    traces:          v^T H v of each probe, whose mean is the trace: (probes,)
    """

    nodes: np.ndarray
    weights: np.ndarray
    traces: np.ndarray


def extremes(product: Product, size: int, k: int, tolerance: float = 1e-4, limit: int = 1000, seed: int = 0) -> Ritz:
    """The k smallest and the k largest eigenpairs, or all of fewer: by block Lanczos with thick restarts.

    Blocks of k find eigenvalues that are there up to k times. The iteration ends when all residuals are below
    ``tolerance`` times the largest absolute eigenvalue, or after ``limit`` products.

    Reference: Golub and Underwood, *The block Lanczos method for computing eigenvalues*, 1977; restarts: Wu and Simon,
    *Thick-restart Lanczos method for large symmetric eigenvalue problems*, SIAM J. Matrix Anal. Appl. 22, 2000.
    """
    krylov, done = _Krylov(product, size, min(k, size), seed), False
    while not done:
        krylov.grow()
        values, turns = np.linalg.eigh(krylov.projected)
        wanted = _ends(len(values), k)
        residuals = np.linalg.norm(krylov.coupling @ turns[:, wanted], axis=0)
        settled = len(values) >= min(2 * k, size) and (residuals <= tolerance * np.abs(values).max()).all()
        done = settled or len(krylov.next) == 0 or krylov.products >= limit
        if not done and len(values) + len(krylov.next) > krylov.room:
            krylov.restart(values, turns, _ends(len(values), krylov.room // 4))
    vectors = turns[:, wanted].T @ krylov.basis
    images = product(vectors)
    values = np.einsum("ms,ms->m", vectors, images)
    residuals = np.linalg.norm(images - values[:, None] * vectors, axis=1)
    order = np.argsort(values, kind="stable")
    return Ritz(values[order], vectors[order], residuals[order], krylov.products + len(vectors))


def quadrature(
    product: Product, known: np.ndarray, probes: int, steps: int, width: int = 1, seed: int = 0
) -> Quadrature:
    """Stochastic Lanczos quadrature of H in the space orthogonal to the rows of ``known`` (m, size), m < size.

    ``steps`` Lanczos steps from each of ``probes`` random vectors of signs: eigenvalues of T are the nodes, squares of
    the first components of its eigenvectors the weights. Its first element gives Hutchinson's estimate of the trace.
    What the largest eigenvalues add is known, so that it does not blur the rest. ``width`` probes go side by side.

    Reference: Ubaru, Chen and Saad, *Fast estimation of tr(f(A)) via stochastic Lanczos quadrature*, SIAM J. Matrix
    Anal. Appl. 38, 2017; the known part apart: Meyer, Musco, Musco and Woodruff, *Hutch++*, SOSA 2021.
    """
    rng, (m, size) = np.random.default_rng(seed), known.shape
    steps = min(steps, size - m)
    width = max(1, min(width, probes, _MEMORY // (steps * size)))
    found = []
    for first in range(0, probes, width):
        signs = rng.choice([-1.0, 1.0], size=(min(width, probes - first), size))
        starts = _across(_across(signs, known), known)
        lengths = np.linalg.norm(starts, axis=1)
        diagonal, beside = _tridiagonal(product, starts / lengths[:, None], steps, known)
        found.append((diagonal, beside, diagonal[:, 0] * np.square(lengths)))
    diagonal, beside, traces = (np.concatenate(each) for each in zip(*found, strict=True))
    matrices, i = np.zeros((probes, steps, steps)), np.arange(steps)
    matrices[:, i, i] = diagonal
    matrices[:, i[1:], i[:-1]] = beside[:, :-1]  # eigh reads the lower triangle
    nodes, turns = np.linalg.eigh(matrices)
    return Quadrature(nodes, np.square(turns[:, 0]) / probes, traces)


def whole(product: Product, size: int) -> np.ndarray:
    """The matrix itself, (size, size), made symmetric against rounding."""
    made = product(np.eye(size))
    return (made + made.T) / 2


@dataclass
class _Krylov:
    """The basis and what is known of H in it. ``room`` is the largest basis, ``next`` the block that it grows by."""

    product: Product
    size: int
    block: int
    seed: int
    products: int = 0
    basis: np.ndarray = field(init=False)
    projected: np.ndarray = field(init=False)
    coupling: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.room = min(self.size, int(np.clip(_MEMORY // self.size, 8 * self.block + 8, 24 * self.block + 40)))
        self.basis, self.projected = np.zeros((0, self.size)), np.zeros((0, 0))
        self.next = _orthonormal(self.rng.normal(size=(self.block, self.size)), self.basis, self.rng)[0]

    def grow(self) -> None:
        """Take the next block into the basis, at the price of one product for each of its vectors."""
        images = self.product(self.next)
        self.products += len(self.next)
        across, own = self.basis @ images.T, self.next @ images.T
        self.projected = np.block([[self.projected, across], [across.T, (own + own.T) / 2]])
        before, self.basis = len(self.basis), np.concatenate([self.basis, self.next])
        self.next, lengths = _orthonormal(images, self.basis, self.rng)
        self.coupling = np.concatenate([np.zeros((len(lengths), before)), lengths], axis=1)

    def restart(self, values: np.ndarray, turns: np.ndarray, kept: np.ndarray) -> None:
        """Keep of the basis only these eigenvectors of T."""
        self.basis = turns[:, kept].T @ self.basis
        self.projected = np.diag(values[kept])
        self.coupling = self.coupling @ turns[:, kept]


def _orthonormal(rows: np.ndarray, basis: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """N and R with rows^T = basis^T (...) + N^T R: N orthonormal rows, orthogonal to the basis, at most as many as
    there is room for. A row that adds nothing to the basis is replaced by a random one."""
    size = rows.shape[1]
    count = min(len(rows), size - len(basis))
    made, lengths = np.zeros((count, size)), np.zeros((count, len(rows)))
    for i, row in enumerate(rows):
        rest = _without(row, basis)
        lengths[:i, i] = made[:i] @ rest
        rest, scale = _without(rest, made[:i]), float(np.linalg.norm(row))
        if i >= count:
            continue
        if np.linalg.norm(rest) > _LOST * scale:
            lengths[i, i] = np.linalg.norm(rest)
        else:
            rest = _without(_without(rng.normal(size=size), basis), made[:i])
        made[i] = rest / np.linalg.norm(rest)
        made[i] = _without(_without(made[i], basis), made[:i])
        made[i] /= np.linalg.norm(made[i])
    return made, lengths


def _without(vector: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The part that is orthogonal to the rows of ``basis``: twice is enough."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


def _ends(count: int, k: int) -> np.ndarray:
    """The numbers of the k first and the k last of ``count``."""
    return np.unique(np.concatenate([np.arange(min(k, count)), np.arange(max(0, count - k), count)]))


def _across(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The part of each row that is orthogonal to ``known``."""
    return rows - (rows @ known.T) @ known


def _tridiagonal(product: Product, starts: np.ndarray, steps: int, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The diagonal of T and what is beside it, (probes, steps) each, from every start (probes, size)."""
    basis = np.zeros((len(starts), steps, starts.shape[1]))
    diagonal, beside = np.zeros((2, len(starts), steps))
    now = starts
    for step in range(steps):
        basis[:, step] = now
        images = product(now)
        diagonal[:, step] = np.einsum("ps,ps->p", now, images)
        scale = np.linalg.norm(images, axis=1)
        for _ in range(2):
            images = _across(images, known)
            images = images - np.einsum("pks,pk->ps", basis, np.einsum("pks,ps->pk", basis, images))
        length = np.linalg.norm(images, axis=1)
        ended = length <= _LOST * np.maximum(scale, np.finfo(float).tiny)  # all that the start holds has been found
        beside[:, step] = np.where(ended, 0.0, length)
        now = np.where(ended[:, None], 0.0, images / np.where(ended, 1.0, length)[:, None])
    return diagonal, beside
