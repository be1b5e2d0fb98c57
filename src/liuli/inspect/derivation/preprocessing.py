"""Categories, lookups, hashes and text: ids and their encodings, through which nothing flows back; spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step

Array = np.ndarray


def category_encoding(call: Call) -> Piece:
    """a[k] = [k in x], or how often; the ids have no gradient, their weights that of the place where they are added."""
    mode, depth = call.layer.output_mode, call.layer.num_tokens
    if len(call.inputs) == 1:
        return _encoded(call, call.X, lambda: call.x.astype(int), mode, depth, "")
    ids, weights = call.symbols

    def hot() -> Array:
        return 1.0 * (call.xs[0].astype(int)[..., None] == np.arange(depth))

    made = Expression(rf"\sum_{{j}} {weights}[j] [{ids}[j] = k]", lambda: (call.xs[1][..., None] * hot()).sum(-2))
    back = Expression(f"{call.D('y')}[{ids}[j]]", lambda: (call.gradient("y")[..., None, :] * hot()).sum(-1))
    return Piece([Step("y", made)], [], [None, back])


def discretization(call: Call) -> Piece:
    """The bin of x is how many boundaries are at most x: a staircase."""
    layer: Any = call.layer
    b = np.asarray(layer.bin_boundaries, np.float32 if call.trace.recipe.precision != "float64" else np.float64)
    known = rf"b = ({', '.join(f'{v:.4g}' for v in layer.bin_boundaries)})"
    ids = rf"\sum_{{m}} [b_{{m}} \le {call.X}]"
    return _encoded(call, ids, lambda: (call.x[..., None] >= b).sum(-1), layer.output_mode, layer.depth(), known)


def looked_up(call: Call) -> Piece:
    """The place of x in the vocabulary; what is unknown has ids of its own."""
    layer: Any = call.layer
    x, weigh = rf"\mathrm{{lookup}}({call.X})", layer.output_mode == "tf_idf"
    mode = "count" if weigh else layer.output_mode
    found = _encoded(call, x, lambda: _by_layer(call), mode, layer.depth(), "")
    if not weigh:
        return found
    counted = found.forward[0].expression
    made = Expression(rf"w_{{k}} {counted.latex}", lambda: counted.compute() * layer.all_idf(), r"w: \mathrm{idf}")
    return Piece([Step("y", made)], [], found.inputs)


def hashed(call: Call) -> Piece:
    """The bin of x, or of several x, by MurmurHash3: what follows from the bits alone."""
    layer: Any = call.layer
    if call.layer.on_host and call.xs[0].dtype.kind not in "iuf":
        return from_host(call)
    x = rf"\mathrm{{murmur}}({', '.join(call.symbols)}) \bmod {layer.num_bins}"
    return _encoded(call, x, lambda: _by_layer(call), layer.output_mode, layer.num_bins, "")


def from_host(call: Call) -> Piece:
    """a = x: the layer did its work before the network began, where text became numbers."""
    name = rf"{call.X} = \mathrm{{{type(call.layer).__name__}}}(\mathrm{{text}})"
    made = Expression(call.X, lambda: call.x, name)
    return Piece([Step("y", made)], [], [Expression(call.D("y"), lambda: call.gradient("y"))])


def _encoded(call: Call, ids: str, find: Callable[[], Array], mode: str, depth: int, where: str) -> Piece:
    """Ids as they are, or as vectors; nothing flows back."""

    def hot() -> Array:
        found = 1.0 * (find()[..., None] == np.arange(depth))
        return found[..., 0, :] if mode == "one_hot" and found.ndim > 2 and found.shape[-2] == 1 else found

    formulas: dict[str, tuple[str, Callable[[], Array]]] = {
        "int": (ids, find),
        "one_hot": (f"[{ids} = k]", hot),
        "count": (rf"\sum_{{j}} [{ids} = k]_{{j}}", lambda: hot().sum(-2)),
        "multi_hot": (rf"\max_{{j}} [{ids} = k]_{{j}}", lambda: hot().max(-2)),
    }
    formula, compute = formulas[mode]
    nothing = [Expression("0", lambda x=x: np.zeros(x.shape)) for x in call.xs]
    return Piece([Step("y", Expression(formula, compute, where))], [], nothing)


def _by_layer(call: Call) -> Array:
    layer: Any = call.layer
    xs = tuple(jnp.asarray(call.trace[path].value) for path in call.inputs)
    return np.asarray(layer.ids(xs if isinstance(layer, layers.HashedCrossing) else xs[0]))


RULES = {
    layers.CategoryEncoding: category_encoding,
    layers.Discretization: discretization,
    layers.HashedCrossing: hashed,
    layers.Hashing: hashed,
    layers.IntegerLookup: looked_up,
    layers.StringLookup: from_host,
    layers.TextVectorization: from_host,
}
