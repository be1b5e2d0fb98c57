"""Attention of several heads: q, k, v = x W + b in heads, each attends on its own, and z = [c_1 ... c_H] W_o + b_o."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli import layers
from liuli.inspect.derivation.activations import sigmoid
from liuli.inspect.derivation.attention import Array, Roles, Weighing
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step, total
from liuli.inspect.derivation.notation import transposed
from liuli.inspect.derivation.penalties import penalized
from liuli.inspect.derivation.positions import rotated, turning, turning_words

_SOURCES = {"q": "query", "k": "key", "v": "value"}


class _Heads:
    """The numbers: q, k, v are (batch, time, heads, size), scores and weights (batch, heads, queries, keys)."""

    def __init__(self, call: Call) -> None:
        self.call, self.layer, self.roles = call, call.layer, Roles(call)
        self.weighing = Weighing(call, self.roles)
        self.heads, self.groups, self.size, _ = call.layer.sizes()
        self.scale = 1.0 / np.sqrt(self.size)

    def projected(self, tap: str) -> Array:
        """q, k or v."""
        own = _SOURCES[tap]
        made = self.affine(own, self.roles.x(own))
        made = made.reshape(*made.shape[:2], self.heads if tap == "q" else self.groups, -1)
        return rotated(self.rotary, made) if self.rotary is not None and tap != "v" else made

    def affine(self, own: str, x: Array) -> Array:
        b = self.call.weight(f"{own}/bias") if self.layer.use_bias else 0.0
        return x @ self.call.weight(f"{own}/kernel") + b

    @property
    def rotary(self) -> layers.RotaryEmbedding | None:
        return self.layer.rotary

    def shared(self, tap: str) -> Array:
        """k or v, once for each head that takes it."""
        return np.repeat(self.call.value(tap), self.heads // self.groups, axis=2)

    def summed(self, gradient: Array) -> Array:
        """The gradient of what heads share, from all of them."""
        batch, time, _, size = gradient.shape
        return gradient.reshape(batch, time, self.groups, -1, size).sum(3)

    def scores(self) -> Array:
        return self.scale * np.einsum("bthd,bshd->bhts", self.call.value("q"), self.shared("k"))

    def context(self) -> Array:
        return np.einsum("bhts,bshm->bthm", self.weighing.used(), self.shared("v"))

    def gate(self) -> Array:
        return sigmoid(self.affine("gate", self.roles.x("query"))).reshape(self.call.value("context").shape)

    def gated(self) -> Array:
        """What W_o takes: (batch, queries, heads value_dim)."""
        context = self.call.value("context") * (self.call.value("gate") if self.layer.use_gate else 1.0)
        return context.reshape(*context.shape[:2], -1)

    def dgated(self) -> Array:
        back = self.call.gradient("z") @ self.call.weight("attention_output/kernel").T
        return back.reshape(self.call.value("context").shape)

    def dcontext(self) -> Array:
        return self.dgated() * (self.call.value("gate") if self.layer.use_gate else 1.0)

    def dweights(self) -> Array:
        return self.weighing.factor() * np.einsum("bthm,bshm->bhts", self.call.gradient("context"), self.shared("v"))

    def of_projection(self, tap: str) -> Array:
        """dL/dq, dL/dk or dL/dv."""
        call, ds = self.call, self.call.gradient("scores")
        if tap == "q":
            return self.scale * np.einsum("bhts,bshd->bthd", ds, self.shared("k"))
        if tap == "k":
            return self.scale * self.summed(np.einsum("bhts,bthd->bshd", ds, call.value("q")))
        return self.summed(np.einsum("bhts,bthm->bshm", self.weighing.used(), call.gradient("context")))

    def before(self, tap: str) -> Array:
        """The gradient of x W + b, of which a projection is made: turned back, the heads side by side."""
        if tap == "gate":
            gate = self.call.value("gate")
            found = self.call.gradient("gate") * gate * (1.0 - gate)
        else:
            found = self.call.gradient(tap)
            found = rotated(self.rotary, found, back=True) if self.rotary is not None and tap in "qk" else found
        return found.reshape(*found.shape[:2], -1)


def heads(call: Call) -> Piece:
    """dL/dW_q = x_q^T dL/dq, and so for k, v and the output; q and k through the scores, v through the mean."""
    n, words = _Heads(call), _Words(call)
    weights, dscores = n.weighing.steps()
    forward = [
        *(
            Step(tap, Expression(words.projected(tap), lambda tap=tap: n.projected(tap), words.turned(tap)))
            for tap in "qkv"
        ),
        Step("scores", Expression(words.scores(), n.scores)),
        weights,
        Step("context", Expression(f"{n.weighing.symbol()} {call.symbol('v')}", n.context)),
        *([Step("gate", Expression(words.gate(), n.gate))] if words.gates else []),
        Step("z", Expression(words.output(), lambda: n.affine("attention_output", n.gated()))),
        Step("y", Expression(call.symbol("z"), lambda: call.value("z").reshape(call.value("y").shape))),
    ]
    dgate = Expression(
        rf"({words.dgated()}) \odot {call.symbol('context')}", lambda: n.dgated() * call.value("context")
    )
    backward = [
        Step("z", Expression(call.D("y"), lambda: call.gradient("y").reshape(call.value("z").shape))),
        *([Step("gate", dgate)] if words.gates else []),
        Step("context", Expression(words.dcontext(), n.dcontext)),
        Step(
            "weights", Expression(n.weighing.dropped(f"{call.D('context')} {transposed(call.symbol('v'))}"), n.dweights)
        ),
        dscores,
        *(Step(tap, Expression(words.of_projection(tap), lambda tap=tap: n.of_projection(tap))) for tap in "qkv"),
    ]
    return Piece(forward, backward, _inputs(n, words), _params(n, words))


def _inputs(n: _Heads, words: _Words) -> list[Expression]:
    """dL/dx_q = dL/dq W_q^T and so on, summed where one value plays several roles."""

    def back(tap: str, own: str) -> Expression:
        W = words.W(own)
        return Expression(
            f"{words.before(tap)} {transposed(W)}", lambda: n.before(tap) @ n.call.weight(f"{own}/kernel").T
        )

    terms = {own: back(tap, own) for tap, own in _SOURCES.items()}
    if words.gates:
        terms["query"] = total([terms["query"], back("gate", "gate")])
    return n.roles.gathered(terms)


def _params(n: _Heads, words: _Words) -> dict[str, Expression]:
    call, found = n.call, {}

    def add(own: str, X: str, x: Callable[[], Array], dz: str, value: Callable[[], Array]) -> None:
        product = Expression(f"{transposed(X)} {dz}", lambda: _rows(x()).T @ _rows(value()))
        terms = {"kernel": product, "bias": Expression(rf"\sum {dz}", lambda: _rows(value()).sum(0))}
        for name, term in terms.items():
            if name == "kernel" or call.layer.use_bias:
                path = f"{own}/{name}"
                found[path] = penalized(call, path, call.layer, term)

    for tap, own in {**_SOURCES, **({"gate": "gate"} if words.gates else {})}.items():
        role = "query" if own == "gate" else own
        add(own, n.roles.X(role), lambda r=role: n.roles.x(r), words.before(tap), lambda tap=tap: n.before(tap))
    add("attention_output", words.gated(), n.gated, call.D("z"), lambda: call.gradient("z"))
    return found


class _Words:
    """The formulas, those of one head."""

    def __init__(self, call: Call) -> None:
        self.call, self.roles, self.layer = call, Roles(call), call.layer
        self.gates: bool = call.layer.use_gate
        self.scale = rf"\frac{{1}}{{\sqrt{{{call.layer.sizes()[2]}}}}}"
        self.rotates = call.layer.rotary is not None

    def W(self, own: str) -> str:
        return self.call.weight_symbol(f"{own}/kernel")

    def affine(self, own: str, X: str) -> str:
        b = f" + {self.call.weight_symbol(f'{own}/bias')}" if self.layer.use_bias else ""
        return f"{X} {self.W(own)}{b}"

    def projected(self, tap: str) -> str:
        text = self.affine(_SOURCES[tap], self.roles.X(_SOURCES[tap]))
        return f"{turning(self.call.index)} ({text})" if self.rotates and tap in "qk" else text

    def turned(self, tap: str) -> str:
        return turning_words(self.layer.rotary, self.call.index) if self.rotates and tap == "q" else ""

    def scores(self) -> str:
        return f"{self.scale} {self.call.symbol('q')} {transposed(self.call.symbol('k'))}"

    def gate(self) -> str:
        return rf"\sigma({self.affine('gate', self.roles.X('query'))})"

    def gated(self) -> str:
        c = self.call.symbol("context")
        return rf"({c} \odot {self.call.symbol('gate')})" if self.gates else c

    def output(self) -> str:
        return self.affine("attention_output", self.gated())

    def dgated(self) -> str:
        return f"{self.call.D('z')} {transposed(self.W('attention_output'))}"

    def dcontext(self) -> str:
        return rf"({self.dgated()}) \odot {self.call.symbol('gate')}" if self.gates else self.dgated()

    def of_projection(self, tap: str) -> str:
        ds, dc, w = self.call.D("scores"), self.call.D("context"), Weighing(self.call, self.roles).symbol()
        over = r"\sum_{h} " if self.layer.sizes()[0] != self.layer.sizes()[1] else ""
        return {
            "q": f"{self.scale} {ds} {self.call.symbol('k')}",
            "k": f"{over}{self.scale} {transposed(ds)} {self.call.symbol('q')}",
            "v": f"{over}{transposed(w)} {dc}",
        }[tap]

    def before(self, tap: str) -> str:
        d, g = self.call.D(tap), self.call.symbol("gate")
        if tap == "gate":
            return rf"({d} \odot {g} \odot (1 - {g}))"
        return f"{transposed(turning(self.call.index))} {d}" if self.rotates and tap in "qk" else d


def _rows(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


RULES = {layers.GroupedQueryAttention: heads, layers.MultiHeadAttention: heads}
