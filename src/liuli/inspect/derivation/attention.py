"""Attention: y_t = sum_s w_ts v_s, w_t = softmax over s of the scores; back from y to values, weights and scores.

dL/dv = w^T dL/dy,   dL/dw = dL/dy v^T,   dL/ds = w (dL/dw - <dL/dw, w>)
"""

from __future__ import annotations

import numpy as np

from liuli import layers
from liuli.inspect.derivation.activations import softmax
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.drawn import left
from liuli.inspect.derivation.lines import Expression, Piece, Step, total
from liuli.inspect.derivation.notation import transposed

Array = np.ndarray


class Roles:
    """Which inputs are query, value and key, and which of them may be attended to."""

    def __init__(self, call: Call) -> None:
        self.call, self.layer = call, call.layer
        last = len(call.inputs) - 1
        self.places = {"query": 0, "value": min(1, last), "key": last}

    def x(self, role: str) -> Array:
        return self.call.xs[self.places[role]]

    def X(self, role: str) -> str:
        return self.call.symbols[self.places[role]]

    def seen(self) -> Array:
        """1 where a query may take from a key, (batch or 1, queries, keys)."""
        queries, keys = self.x("query").shape[1], self.x("key").shape[1]
        ahead = np.arange(keys)[None] - np.arange(queries)[:, None]
        near = np.ones((1, queries, keys))
        if self.layer.use_causal_mask:
            near *= ahead <= 0
        if (window := getattr(self.layer, "sliding_window", None)) is not None:
            near *= np.abs(ahead) < window
        masks = self.call.mask[1:] if isinstance(self.call.mask, tuple) else (self.call.mask,)
        for mask in masks:
            near = near if mask is None else near * np.asarray(mask, np.float64)[:, None]
        return near

    def seen_symbol(self) -> str:
        """The same in letters; nothing where all is seen."""
        masks = self.call.mask[1:] if isinstance(self.call.mask, tuple) else (self.call.mask,)
        window = getattr(self.layer, "sliding_window", None)
        found = [r"[s \le t]"] if self.layer.use_causal_mask else []
        found += [] if window is None else [f"[|s - t| < {window}]"]
        return r" \, ".join([*found, *(["m_{s}"] if any(mask is not None for mask in masks) else [])])

    def gathered(self, terms: dict[str, Expression]) -> list[Expression]:
        """The gradient of each input, from all roles that it plays."""
        count = len(self.call.inputs)
        return [total([term for role, term in terms.items() if self.places[role] == i]) for i in range(count)]


class Weighing:
    """From scores to weights and their part in the mean, and back. Arrays are (batch, ..., queries, keys)."""

    def __init__(self, call: Call, roles: Roles) -> None:
        self.call, self.roles = call, roles

    def seen(self) -> Array:
        seen, scores = self.roles.seen(), self.call.value("scores")
        return seen.reshape(seen.shape[0], *(1,) * (scores.ndim - 3), *seen.shape[1:])

    def weights(self) -> Array:
        seen = self.seen()
        return seen * softmax(np.where(seen > 0, self.call.value("scores"), -1e30))

    def factor(self) -> Array:
        """What dropout multiplies weights with."""
        rate: float | None = self.call.layer.dropout
        if rate is None or not self.call.training:
            return np.ones(())
        return left(self.call, self.call.value("weights").shape, rate, "dropout")

    def used(self) -> Array:
        return self.call.value("weights") * self.factor()

    def dscores(self) -> Array:
        w, dw = self.call.value("weights"), self.call.gradient("weights")
        return w * (dw - (dw * w).sum(-1, keepdims=True))

    def steps(self) -> tuple[Step, Step]:
        """The weights, and the gradient of the scores."""
        w, s, dw = self.call.symbol("weights"), self.call.symbol("scores"), self.call.D("weights")
        seen = self.roles.seen_symbol()
        shown, where = (rf"{s} + \log M", f"M_{{ts}} = {seen}") if seen else (s, "")
        back = Expression(rf"{w} \odot ({dw} - \langle {dw}, {w}\rangle)", self.dscores)
        return Step("weights", Expression(rf"\mathrm{{softmax}}({shown})", self.weights, where)), Step("scores", back)

    def symbol(self) -> str:
        """The weights with what dropout leaves of them."""
        w, drops = self.call.symbol("weights"), self.call.layer.dropout is not None
        return rf"(m_{{{self.call.index}}} \odot {w})" if drops and self.call.training else w

    def dropped(self, formula: str) -> str:
        drops = self.call.training and self.call.layer.dropout is not None
        return rf"m_{{{self.call.index}}} \odot ({formula})" if drops else formula


def attention(call: Call) -> Piece:
    """Scores g q k^T, or of tanh(q + k): dL/dq and dL/dk through them, dL/dv through the mean."""
    roles = Roles(call)
    weighing, scoring = Weighing(call, roles), _Scores(call, roles)
    weights, dscores = weighing.steps()
    v, dy, w = roles.X("value"), call.D("y"), weighing.symbol()
    forward = [
        Step("scores", Expression(scoring.formula(), scoring.compute)),
        weights,
        Step("y", Expression(f"{w} {v}", lambda: weighing.used() @ roles.x("value"))),
    ]

    def dweights() -> Array:
        return weighing.factor() * (call.gradient("y") @ np.swapaxes(roles.x("value"), -1, -2))

    backward = [Step("weights", Expression(weighing.dropped(f"{dy} {transposed(v)}"), dweights)), dscores]
    of_value = Expression(f"{transposed(w)} {dy}", lambda: np.swapaxes(weighing.used(), -1, -2) @ call.gradient("y"))
    inputs = roles.gathered({"query": scoring.to("query"), "value": of_value, "key": scoring.to("key")})
    return Piece(forward, backward, inputs, scoring.params())


class _Scores:
    """The scores of Attention and AdditiveAttention: c sum_i g_i tanh(q_i + k_i), or g q . k."""

    def __init__(self, call: Call, roles: Roles) -> None:
        self.call, self.roles = call, roles
        self.additive = isinstance(call.layer, layers.AdditiveAttention)
        self.dot = not self.additive and call.layer.score_mode == "dot"
        self.g = call.weight_symbol("scale") if "scale" in call.params else ""

    def scale(self) -> Array:
        return self.call.weight("scale") if self.g else np.ones(())

    def outer(self) -> Array:
        """What tanh is multiplied with: g in AdditiveAttention, else c."""
        return self.scale() if self.additive else self.call.weight("concat_score_weight")

    def inner(self) -> Array:
        """What q + k is multiplied with."""
        return np.ones(()) if self.additive else self.scale()

    def sums(self) -> Array:
        return self.roles.x("query")[:, :, None] + self.roles.x("key")[:, None]

    def bent(self) -> Array:
        return np.tanh(self.inner() * self.sums())

    def products(self) -> Array:
        return self.roles.x("query") @ np.swapaxes(self.roles.x("key"), -1, -2)

    def compute(self) -> Array:
        return self.scale() * self.products() if self.dot else (self.outer() * self.bent()).sum(-1)

    def formula(self) -> str:
        q, k = self.roles.X("query"), self.roles.X("key")
        if self.dot:
            return f"{self.g} {q} {transposed(k)}".strip()
        return rf"\sum_{{i}} {self._outer_symbol()}\tanh({self._inside()})"

    def to(self, role: str) -> Expression:
        """The gradient of the query, or of the key."""
        ds, other = self.call.D("scores"), self.roles.X("key" if role == "query" else "query")
        if self.dot:
            turned = ds if role == "query" else transposed(ds)
            return Expression(f"{self.g} {turned} {other}".strip(), lambda: self._to_dot(role))
        over = "s" if role == "query" else "t"
        g = f"{self.g} " if self.g and not self.additive else ""
        text = rf"\sum_{{{over}}} {g}{self._outer_symbol()}{ds} \odot (1 - \tanh^{{2}}({self._inside()}))"
        return Expression(text, lambda: (self.inner() * self._dsums()).sum(2 if role == "query" else 1))

    def params(self) -> dict[str, Expression]:
        ds = self.call.D("scores")
        if self.dot:
            product = f"{self.roles.X('query')} {transposed(self.roles.X('key'))}"
            of_g = Expression(rf"\sum {ds} \odot {product}", lambda: np.sum(self._ds() * self.products()))
            return {"scale": of_g} if self.g else {}
        tanh, inside = rf"\tanh({self._inside()})", rf"({self.roles.X('query')}_{{t}} + {self.roles.X('key')}_{{s}})"
        if self.additive:
            of_g = Expression(
                rf"\sum_{{t, s}} {ds} {tanh}", lambda: (self._ds()[..., None] * self.bent()).sum((0, 1, 2))
            )
            return {"scale": of_g} if self.g else {}
        of_c = Expression(rf"\sum {ds} \odot {tanh}", lambda: np.sum(self._ds()[..., None] * self.bent()))
        slope = rf"{self._outer_symbol()}(1 - \tanh^{{2}}({self._inside()})) \odot {inside}"
        of_scale = Expression(rf"\sum {ds} \odot {slope}", lambda: np.sum(self._dsums() * self.sums()))
        return {"concat_score_weight": of_c} | ({"scale": of_scale} if self.g else {})

    def _ds(self) -> Array:
        return self.call.gradient("scores")

    def _dsums(self) -> Array:
        """The gradient of what tanh is of."""
        return self._ds()[..., None] * self.outer() * (1.0 - self.bent() ** 2)

    def _to_dot(self, role: str) -> Array:
        if role == "query":
            return self.scale() * (self._ds() @ self.roles.x("key"))
        return self.scale() * (np.swapaxes(self._ds(), -1, -2) @ self.roles.x("query"))

    def _outer_symbol(self) -> str:
        symbol = self.g if self.additive else self.call.weight_symbol("concat_score_weight")
        return f"{symbol} " if symbol else ""

    def _inside(self) -> str:
        pair = rf"({self.roles.X('query')})_{{t}} + ({self.roles.X('key')})_{{s}}"
        return rf"{self.g} ({pair})" if self.g and not self.additive else pair


RULES = {layers.AdditiveAttention: attention, layers.Attention: attention}
