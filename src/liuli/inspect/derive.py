"""Derive: back-propagation of one batch written out, line by line, in symbols and numbers.

Forward, each call of a layer says what it computes. The loss follows. Backward, in reverse order,

    dL/dv = sum over the uses of v of their part,

so that every line has a formula on the right, made of lines before it, and on its left a number that was traced.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liuli import regularizers
from liuli.core.trees import flatten
from liuli.inspect.derivation import losses, render
from liuli.inspect.derivation.call import Call, calls, input_symbols
from liuli.inspect.derivation.lines import Expression, Given, Line, Piece, Title, total
from liuli.inspect.derivation.notation import gradient, unicode
from liuli.inspect.derivation.page import as_html, as_page
from liuli.inspect.derivation.rules import rule
from liuli.inspect.derivation.words import Language, check_language, colon, word
from liuli.inspect.display import number
from liuli.inspect.trace import Tapped, Trace, moved, trace
from liuli.layers import Part
from liuli.networks import Graph
from liuli.regularizers import Regularizer
from liuli.training import Model


@dataclass(frozen=True, eq=False, repr=False)
class Derivation:
    """What :func:`derive` wrote. Prints, shows in notebooks, and becomes LaTeX.

    given:     inputs, targets and parameters.
    lines:     every equation in order: forward, loss, backward.
    trace:     the numbers of the batch.
    titles:    what each call is, by its path.
    language:  of the words around the formulas.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = ll.inspect.derive(model, np.zeros((2, 3)), np.ones((2, 1)))
        >>> len(found.lines), max(found.errors.values())
        (8, 0.0)
    """

    given: tuple[Given, ...]
    lines: tuple[Line, ...]
    trace: Trace
    titles: dict[str, Title]
    language: Language = "en"

    @property
    def errors(self) -> dict[str, float]:
        """For each line, by its left-hand side, how far the right-hand side is from the number that was traced.

        The difference is divided by the largest number of the line, or by a hundredth of the largest of all gradients
        (of all values, for forward lines) where that is more: a sum in which everything cancels is only rounded.
        """
        return {unicode(line.symbol): error for line, error in zip(self.lines, self._errors, strict=True)}

    def to_latex(self) -> str:
        """An ``align*`` environment, for the LaTeX package amsmath."""
        return render.as_latex(self._sections(), self.language)

    def to_html(self, page: bool = True) -> str:
        """A page that stands alone: no script, nothing from the network, formulas as MathML, light and dark.

        page:  False for one ``<div>``, to be put into another page; it is what notebooks show.

        Example:
            >>> import numpy as np, liuli as ll
            >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
            >>> ll.inspect.derive(model, np.zeros((2, 3)), np.ones((2, 1))).to_html()[:15]
            '<!doctype html>'
        """
        body = as_html(self._sections(), self._footer(), self._shapes(), self.language)
        return as_page(body, self.language) if page else body

    def __repr__(self) -> str:
        return render.as_text(self._sections(), self._footer(), self.language)

    def _repr_html_(self) -> str:
        return self.to_html(page=False)

    @functools.cached_property
    def _errors(self) -> list[float]:
        largest = {
            side: max((_size(line.value) for line in self.lines if _side(line) == side), default=0.0) for side in _SIDES
        }
        return [_difference(line, largest[_side(line)]) for line in self.lines]

    def _sections(self) -> render.Sections:
        lines = list(zip(self.lines, self._errors, strict=True))
        return render.sections(self.given, lines, self.titles, self.language)

    def _shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """The symbol and shape of everything that is given or has a line."""
        return list(dict.fromkeys((each.symbol, np.shape(each.value)) for each in (*self.given, *self.lines)))

    def _footer(self) -> str:
        told = word("legend", self.language)
        worst = f"{word('error', self.language)}{colon(self.language)}{number(max(self._errors, default=0.0))}"
        return f"{told}{'。' if self.language == 'zh' else '. '}{worst}"


def derive(model: Model, x: Any, y: Any, training: bool = False, language: Language = "en") -> Derivation:
    """Back-propagation of a batch in symbols and numbers: dL/dW = x^T dL/dz, and so for every value and parameter.

    Every line can be computed again from the traced numbers of the lines before it; ``.errors`` compares.
    A layer whose equations are not known is covered by dL/dx = (da/dx)^T dL/da.

    x, y:      a batch, as ``model.fit`` takes it; a few rows are read best.
    training:  whether dropout and batch statistics act as in training.
    language:  of the words: ``"en"`` or ``"zh"``.

    Raises:
        DataError, ShapeError: the batch does not fit the network or the loss.

    Example:
        >>> import numpy as np, liuli as ll
        >>> net = ll.Sequential([ll.layers.Dense(2, "tanh"), ll.layers.Dense(1, "sigmoid")])
        >>> model = ll.Model(net, loss="binary_crossentropy")
        >>> found = ll.inspect.derive(model, np.array([[0.0, 1.0]]), np.array([[1.0]]))
        >>> "∂L/∂W₁ = xᵀ ∂L/∂z₁" in str(found)
        True

    Reference: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, Nature 323, 1986.
    """
    check_language(language)
    seen = trace(model, x, y, training)
    writing = _Writing(seen)
    return Derivation(tuple(writing.given()), tuple(writing.lines()), seen, writing.titles(language), language)


class _Writing:
    """Collects the lines of one trace; ``terms`` are the parts of each gradient, gathered from last to first."""

    def __init__(self, seen: Trace) -> None:
        self.trace = seen
        self.outputs = _outputs(seen)
        found = calls(seen)
        self.symbols = {**input_symbols(seen), **{f"{c.path}/{y}": c.symbol(y) for c in found for y in c.made}}
        ends = [self._term(i) for i in range(len(seen.targets))]
        self.losses = [end.value for end in ends]
        self.terms: dict[str, list[Expression]] = {}
        fused = {}
        for i, end in enumerate(ends):
            self.terms.setdefault(self.outputs[i], []).append(end.gradient)
            if end.fused is not None:
                fused[self.outputs[i]] = end.fused
        self.calls = [dataclasses.replace(c, fused=fused.get(f"{c.path}/y")) for c in found]
        self.pieces = [(call, rule(call)) for call in self.calls]
        self.params = flatten(seen.params)

    def lines(self) -> list[Line]:
        """Every line in order."""
        forward = [line for call, piece in self.pieces for line in self._forward(call, piece)]
        backward = [line for call, piece in reversed(self.pieces) for line in self._backward(call, piece)]
        entered = [path for path in input_symbols(self.trace) if path in self.terms]
        inputs = [self._gathered(path, path.rpartition("/")[0]) for path in entered]
        return [*forward, self._loss(), *backward, *inputs]

    def given(self) -> list[Given]:
        """Inputs, targets, and the parameters of each layer once."""
        found = [Given("", symbol, self.trace[path].value) for path, symbol in input_symbols(self.trace).items()]
        found += [Given("", self._target(i), t) for i, t in enumerate(self.trace.targets)]
        found += [Given("", "m", np.asarray(mask)) for mask in self.trace.masks if mask is not None]
        owners = [call for call in self.calls if call.index == call.owner]
        return found + [
            Given(f"{call.path}/{name}", call.weight_symbol(name), seen.value)
            for call in owners
            for name, seen in flatten(call.params).items()
        ]

    def titles(self, language: Language) -> dict[str, Title]:
        """What each call is: its name, layer and symbols."""
        symbols = {c.path: rf"{', '.join(c.symbols)} \to {', '.join(map(c.symbol, c.made))}" for c in self.calls}
        made = {c.path: Title(f"{c.path} = {c.layer!r}", symbols[c.path]) for c in self.calls}
        return {"": Title(word("inputs", language)), "loss": Title(""), **made}

    # Details -----------------------------------------------------------------------------------------

    def _term(self, i: int) -> losses.Term:
        path, output = self.outputs[i], self.trace.recipe.outputs[i]
        inner = path.removesuffix("/y") + "/z"
        fused = path in moved(self.trace.recipe) and inner in self.trace

        def prediction() -> np.ndarray:
            return np.asarray(self.trace[path].value, np.float64)

        def logit() -> np.ndarray:
            return np.asarray(self.trace[inner].value, np.float64)

        t, a = self._target(i), self.symbols[path]
        target, before = self.trace.targets[i], logit if fused else None
        return losses.term(losses.Setting(output, t, a, target, prediction, before, self.trace.masks[i]))

    def _target(self, i: int) -> str:
        return "t" if len(self.trace.targets) == 1 else f"t_{{{i + 1}}}"

    def _forward(self, call: Call, piece: Piece) -> Iterator[Line]:
        for step in piece.forward:
            path = f"{call.path}/{step.tap}"
            yield Line("forward", call.path, path, call.symbol(step.tap), step.expression, self.trace[path].value)

    def _loss(self) -> Line:
        parts = list(self.losses)
        if self.trace.penalty or _penalized(self.calls):
            parts.append(Expression("R", lambda: np.asarray(self.trace.penalty)))
        return Line("loss", "loss", "loss", "L", total(parts), np.asarray(self.trace.loss))

    def _backward(self, call: Call, piece: Piece) -> Iterator[Line]:
        made = [f"{call.path}/{y}" for y in call.made]
        if (penalty := _activity(call)) is not None:
            self.terms.setdefault(made[0], []).append(penalty)
        if any(path in self.terms for path in made):
            for path in made:
                self._unused(path)
            yield from (self._gathered(path, call.path) for path in made if path in self.terms)
            yield from self._of_values(call, piece)
        if call.index == call.owner:
            yield from self._of_params(call, piece)

    def _unused(self, path: str) -> None:
        """A value that nothing takes has the gradient 0."""
        seen = self.trace[path]
        if seen.gradient is not None:
            self.terms.setdefault(path, [Expression("0", lambda: np.zeros(seen.shape))])

    def _of_values(self, call: Call, piece: Piece) -> Iterator[Line]:
        for step in piece.backward:
            path = f"{call.path}/{step.tap}"
            yield Line("backward", call.path, path, call.D(step.tap), step.expression, _slope(self.trace[path]))
        for name, term in piece.params.items():
            self.terms.setdefault(f"{call.home}/{name}", []).append(term)
        for path, term in zip(call.inputs, piece.inputs, strict=True):
            if term is not None and self.trace[path].gradient is not None:
                self.terms.setdefault(path, []).append(term)

    def _of_params(self, call: Call, piece: Piece) -> Iterator[Line]:
        for name in piece.params:
            path = f"{call.home}/{name}"
            parts = [*self.terms.get(path, ()), *_penalty(call, name)]
            if not parts:
                continue
            yield Line(
                "backward", call.path, path, gradient(call.weight_symbol(name)), total(parts), _slope(self.params[path])
            )

    def _gathered(self, path: str, node: str) -> Line:
        """dL/dv, from all that takes v."""
        return Line(
            "backward", node, path, gradient(self.symbols[path]), total(self.terms[path]), _slope(self.trace[path])
        )


def _outputs(seen: Trace) -> list[str]:
    """The tap of each output, where it was made: within a graph, if a graph is the last layer."""
    return [_made(seen.recipe.network, name, "") for name in seen.recipe.network.outputs]


def _made(net: Graph, name: str, prefix: str) -> str:
    """The tap of the value ``name`` of a graph: of a part the value that it is of, of a graph what leaves it."""
    node, tap, which = dict(net.calls())[name], "y", 0
    if isinstance(node.layer, Part):
        which, name = node.layer.index, node.inputs[0]
        node, tap = dict(net.calls())[name], f"y_{which}"
    if isinstance(node.layer, Graph):
        return _made(node.layer, node.layer.outputs[which], f"{prefix}{name}/")
    return f"{prefix}{name}/{tap}"


def _penalty(call: Call, name: str) -> list[Expression]:
    """The part of a parameter's regularizer in its gradient."""
    found = getattr(call.layer, f"{name.removesuffix('_kernel')}_regularizer", None)
    if not isinstance(found, Regularizer):
        return []
    W, of = call.weight_symbol(name), call.params[name]
    l1, l2 = getattr(found, "l1", 0.0), getattr(found, "l2", 0.0)
    if not isinstance(found, regularizers.L1 | regularizers.L2 | regularizers.L1L2):
        return [Expression(rf"\frac{{\partial R}}{{\partial {W}}}", lambda: _by_jax(found, of.value), part="R")]
    signs = rf"{l1:.4g} \, \operatorname{{sign}}({W})", lambda: l1 * np.sign(call.weight(name))
    squares = rf"2 \cdot {l2:.4g} \, {W}", lambda: 2 * l2 * call.weight(name)
    return [Expression(*each, part="R") for each, some in ((signs, l1), (squares, l2)) if some]


def _activity(call: Call) -> Expression | None:
    """The part of a penalty on what the layer makes in the gradient of that."""
    y = jax.numpy.asarray(call.value(call.made[0]), jax.numpy.float32)
    if len(call.made) > 1 or call.layer.activity_penalty(y) is None:
        return None
    symbol = rf"\frac{{\partial R}}{{\partial {call.symbol('y')}}}"
    return Expression(
        symbol, lambda: np.asarray(jax.grad(lambda y: jax.numpy.asarray(call.layer.activity_penalty(y)))(y)), part="R"
    )


def _by_jax(penalty: Regularizer, value: np.ndarray) -> np.ndarray:
    return np.asarray(jax.grad(penalty)(jax.numpy.asarray(value)))


def _penalized(found: list[Call]) -> bool:
    names = [
        f.name for c in found for f in dataclasses.fields(c.layer) if isinstance(getattr(c.layer, f.name), Regularizer)
    ]
    return bool(names) or any(_activity(call) for call in found)


def _slope(seen: Tapped) -> np.ndarray:
    return np.zeros(seen.shape) if seen.gradient is None else seen.gradient


def _side(line: Line) -> str:
    return "gradients" if line.section == "backward" else "values"


def _size(value: np.ndarray) -> float:
    return float(np.abs(value).max(initial=0.0))


def _difference(line: Line, largest: float) -> float:
    found = line.compute()
    with np.errstate(invalid="ignore"):  # an infinite loss is equal to itself
        difference = _size(np.where(found == line.value, 0.0, found - line.value))
    return difference / max(_size(line.value), 0.01 * largest) if difference else 0.0


_SIDES = ("gradients", "values")
