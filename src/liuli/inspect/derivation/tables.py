"""Layers that look vectors up in a table E: row j of dL/dE gathers what comes back from every place of id j."""

from __future__ import annotations

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import transposed

Array = np.ndarray


def embedding(call: Call) -> Piece:
    """a = E[x]: row j of dL/dE is the sum of dL/da where x = j."""
    E = call.weight_symbol("embeddings")
    forward = Expression(f"{E}[{call.X}]", lambda: call.weight("embeddings")[_ids(call)])
    gathered = Expression(rf"\sum_{{{call.X} = j}} {call.D('y')}", lambda: _scattered(call, call.gradient("y")))
    return Piece([Step("y", forward)], [], [None], {"embeddings": gathered})


def embedding_bag(call: Call) -> Piece:
    """a = sum_t m_t E[x_t], or their mean: every step of id j brings dL/da to row j."""
    E, m, mean = call.weight_symbol("embeddings"), f"m_{{{call.index}}}", call.layer.mode == "mean"
    masked = call.mask is not None or call.layer.mask_zero

    def shares() -> Array:
        """What each step counts: (batch, time, 1)."""
        counts = np.ones(call.x.shape)
        counts = counts if call.mask is None else counts * np.asarray(call.mask, np.float64)
        counts = counts * (call.x != 0) if call.layer.mask_zero else counts
        number = np.maximum(counts.sum(1, keepdims=True), 1.0) if mean else 1.0
        return (counts / number)[..., None]

    before = (
        rf"\frac{{1}}{{\sum_{{t}} {m}}} " if mean and masked else rf"\frac{{1}}{{{call.x.shape[1]}}} " if mean else ""
    )
    factor = rf"({m})_{{t}} \, " if masked else ""
    forward = Expression(
        rf"{before}\sum_{{t}} {factor}{E}[({call.X})_{{t}}]",
        lambda: (shares() * call.weight("embeddings")[_ids(call)]).sum(1),
        rf"{m} \in \{{0, 1\}}" if masked else "",
    )
    back = Expression(
        rf"\sum_{{({call.X})_{{t}} = j}} {before}{factor}{call.D('y')}",
        lambda: _scattered(call, shares() * call.gradient("y")[:, None]),
    )
    return Piece([Step("y", forward)], [], [None], {"embeddings": back})


def reversible(call: Call) -> Piece:
    """a = E[x] of ids; of vectors z = x E^T and a = z, or c tanh(z / c), so that E learns from both uses."""
    own = "embeddings" if "reverse_embeddings" not in call.params else "reverse_embeddings"
    if call.trace[call.inputs[0]].gradient is None:
        piece = embedding(call)
        zero = Expression("0", lambda: np.zeros_like(call.weight(own)))
        return piece if own == "embeddings" else Piece(piece.forward, [], [None], {**piece.params, own: zero})
    tied, E, dz, cap = own == "embeddings", call.weight_symbol(own), call.D("z"), call.layer.logit_soft_cap

    def matrix() -> Array:
        return call.weight(own).T if tied else call.weight(own)

    def to_matrix() -> Array:
        x, g = (array.reshape(-1, array.shape[-1]) for array in (call.x, call.gradient("z")))
        return g.T @ x if tied else x.T @ g

    across = transposed(E) if tied else E
    z, y = call.symbol("z"), call.symbol("y")
    line = Expression(z, lambda: call.value("z"))
    back = Expression(call.D("y"), lambda: call.gradient("y"))
    if cap is not None:
        line = Expression(rf"{cap:.4g} \tanh(\frac{{{z}}}{{{cap:.4g}}})", lambda: cap * np.tanh(call.value("z") / cap))
        slope = rf"(1 - \frac{{{y}^{{2}}}}{{{cap:.4g}^{{2}}}})"
        back = Expression(
            rf"{call.D('y')} \odot {slope}", lambda: call.gradient("y") * (1.0 - np.tanh(call.value("z") / cap) ** 2)
        )
    forward = [Step("z", Expression(f"{call.X} {across}", lambda: call.x @ matrix())), Step("y", line)]
    of_E = f"{transposed(dz)} {call.X}" if tied else f"{transposed(call.X)} {dz}"
    entering = Expression(f"{dz} {E if tied else transposed(E)}", lambda: call.gradient("z") @ matrix().T)
    zero = Expression("0", lambda: np.zeros_like(call.weight("embeddings")))
    params = {} if tied else {"embeddings": zero}
    return Piece(forward, [Step("z", back)], [entering], {**params, own: Expression(of_E, to_matrix)})


def _ids(call: Call) -> Array:
    return np.clip(call.x.astype(int), 0, call.weight("embeddings").shape[0] - 1)


def _scattered(call: Call, gradient: Array) -> Array:
    found = np.zeros_like(call.weight("embeddings"))
    np.add.at(found, _ids(call), gradient)
    return found


RULES = {
    layers.Embedding: embedding,
    layers.EmbeddingBag: embedding_bag,
    layers.ReversibleEmbedding: reversible,
}
