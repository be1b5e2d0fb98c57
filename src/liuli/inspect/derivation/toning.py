"""Augmentations of images that change tones and colours: with what was drawn for each image, a formula of x.

While nothing is learned a = x, but for those that draw nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.augmenting import per_image, unchanged
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.augmentation.base import factor, happens, uniform

Array = np.ndarray

_GREY = np.array([0.299, 0.587, 0.114])
_CHANCE = r"h \in \{0, 1\} \; \mathrm{drawn}"


def brightness(call: Call) -> Piece:
    """a = x + d, cut to the range: d drawn for each image."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer
    low, high = layer.value_range

    share = _drawn(call, lambda key, x: factor(key, "factor", layer.factor, x, least=None))

    def moved() -> Array:
        return call.x + share() * (high - low)

    return _cut(call, rf"{call.X} + \delta", r"\delta \; \mathrm{drawn}", moved, lambda g: g, "{g}")


def contrast(call: Call) -> Piece:
    """a = c (x - mean) + mean, cut: c drawn; the mean of each channel takes part in the gradient."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    below, above = layer.factor if isinstance(layer.factor, tuple) else (layer.factor, layer.factor)
    drawn = _drawn(call, lambda key, x: uniform(key, "factor", 1 - below, 1 + above, x))

    def moved() -> Array:
        mean = _mean(call.x)
        return drawn() * (call.x - mean) + mean

    mu = rf"\bar{{{call.X}}}"
    formula = rf"c ({call.X} - {mu}) + {mu}"
    back = r"c \, ({g}) + (1 - c) \, \overline{{{g}}}"
    return _cut(call, formula, r"c \; \mathrm{drawn}", moved, lambda g: drawn() * g + (1 - drawn()) * _mean(g), back)


def colour_degeneration(call: Call) -> Piece:
    """a = x + c (grey - x), cut: c drawn; grey = <x, w>, so that every channel takes part in it."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    drawn = _drawn(call, lambda key, x: factor(key, "factor", layer.factor, x))

    formula = rf"{call.X} + c (\langle {call.X}, w\rangle - {call.X})"
    back = r"(1 - c) \, ({g}) + c \, w \odot \langle {g}, 1\rangle"
    return _cut(
        call,
        formula,
        r"w = (0.299, 0.587, 0.114), \quad c \; \mathrm{drawn}",
        lambda: call.x + drawn() * (_grey(call.x) - call.x),
        lambda g: (1 - drawn()) * g + drawn() * _GREY * g.sum(-1, keepdims=True),
        back,
    )


def grayscale(call: Call) -> Piece:
    """a = h <x, w> + (1 - h) x, h drawn: 1 or 0 for each image."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    drawn = _drawn(call, lambda key, x: happens(key, "happens", layer.factor, x))

    where = rf"w = (0.299, 0.587, 0.114), \quad {_CHANCE}"
    return _linear(
        call,
        (rf"h \langle {call.X}, w\rangle + (1 - h) {call.X}", lambda: drawn() * _grey(call.x) + (1 - drawn()) * call.x),
        (
            r"h \, w \odot \langle {g}, 1\rangle + (1 - h) {g}",
            lambda g: drawn() * _GREY * g.sum(-1, keepdims=True) + (1 - drawn()) * g,
        ),
        where,
    )


def inversion(call: Call) -> Piece:
    """a = h (low + high - x) + (1 - h) x, h drawn."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer
    both = sum(layer.value_range)

    drawn = _drawn(call, lambda key, x: happens(key, "happens", layer.factor, x))

    return _linear(
        call,
        (rf"h ({both:.4g} - {call.X}) + (1 - h) {call.X}", lambda: np.where(drawn() > 0, both - call.x, call.x)),
        (r"(1 - 2 h) {g}", lambda g: (1 - 2 * drawn()) * g),
        _CHANCE,
    )


def solarization(call: Call) -> Piece:
    """v = x + d, cut; a = low + high - v where v >= t: what is bright is inverted, and so is its gradient."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer
    low, high = layer.value_range

    more = _drawn(call, lambda key, x: factor(key, "addition", layer.addition_factor, x))
    threshold = _drawn(call, lambda key, x: factor(key, "threshold", layer.threshold_factor, x))

    def moved() -> Array:
        return call.x + more() * (high - low)

    def bright() -> Array:
        return np.clip(moved(), low, high) >= low + threshold() * (high - low)

    def forward() -> Array:
        v = np.clip(moved(), low, high)
        return np.where(bright(), low + high - v, v)

    where = rf"v = \min(\max({low:.4g}, {call.X} + \delta), {high:.4g}), \quad \delta, \theta \; \mathrm{{drawn}}"
    inside = rf"[{low:.4g} < {call.X} + \delta < {high:.4g}]"
    return _linear(
        call,
        (rf"[v \ge \theta] \odot ({low + high:.4g} - v) + [v < \theta] \odot v", forward),
        (
            rf"(1 - 2 [v \ge \theta]) \odot {inside} \odot {{g}}",
            lambda g: np.where(bright(), -1.0, 1.0) * _within(moved(), low, high) * g,
        ),
        where,
    )


def posterization(call: Call) -> Piece:
    """a = s floor(x / s) in units of the range, s = 2^(8 - factor): a staircase, along which no gradient flows."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer
    (low, high), s = layer.value_range, 2.0 ** (8 - layer.factor)
    unit = (high - low) / 255

    def forward() -> Array:
        return low + unit * s * np.floor(((call.x - low) / unit + 1e-4) / s)

    less = f" - {low:.4g}" if low else ""
    formula = rf"{_from(low)}{unit * s:.4g} \lfloor \frac{{{call.X}{less}}}{{{unit * s:.4g}}} \rfloor"
    return still(call, formula, forward)


def auto_contrast(call: Call) -> Piece:
    """a = low + (high - low) (x - min) / (max - min): least and most of a channel are fixed, the others follow them."""
    low, high = call.layer.value_range

    def ends() -> tuple[Array, Array, Array]:
        least, most = call.x.min((1, 2), keepdims=True), call.x.max((1, 2), keepdims=True)
        return least, most, np.where(most > least, most - least, 1.0)

    def forward() -> Array:
        least, most, spread = ends()
        return np.where(most > least, low + (high - low) * (call.x - least) / spread, call.x)

    def back() -> Array:
        (least, most, spread), g = ends(), call.gradient("y")
        s = (call.x - least) / spread
        through = _even(call.x == least) * (g * (1 - s)).sum((1, 2), keepdims=True)
        through = through + _even(call.x == most) * (g * s).sum((1, 2), keepdims=True)
        return np.where(most > least, (high - low) / spread * (g - through), g)

    X, k, g = call.X, f"{high - low:.4g}", call.D("y")
    where = rf"s = \frac{{{X} - \min {X}}}{{R}}, \quad R = \max {X} - \min {X}"
    slope = rf"\frac{{{k}}}{{R}} ({g} - e_{{0}} \sum {g} \odot (1 - s) - e_{{1}} \sum {g} \odot s)"
    ones = rf"e_{{0}} = [s = 0], \quad e_{{1}} = [s = 1], \quad {where}"
    made = Expression(rf"{_from(low)}{k} \, s", forward, where)
    return Piece([Step("y", made)], [], [Expression(slope, back, ones)])


def equalization(call: Call) -> Piece:
    """a = the place of x in the cumulated histogram of its channel: counts, which have no gradient."""
    layer: Any = call.layer
    (low, high), bins = layer.value_range, layer.bins

    def one(channel: Array) -> Array:
        share = (channel.astype(np.float32) - np.float32(low)) / np.float32(high - low)  # bins as the layer finds them
        tone = np.clip(np.floor(share * (bins - 1) + np.float32(0.5)), 0, bins - 1).astype(int)
        counts = np.bincount(tone.ravel(), minlength=bins)
        first = counts[np.argmax(counts > 0)]
        rest = channel.size - first
        return low + (high - low) * (np.cumsum(counts)[tone] - first) / rest if rest else channel

    def forward() -> Array:
        return np.moveaxis(np.stack([[one(image[..., c]) for c in range(image.shape[-1])] for image in call.x]), 1, -1)

    where = rf"H(v) = \sum_{{j}} [{call.X}[j] \le v], \quad N = \sum_{{j}} 1"
    formula = rf"{_from(low)}{high - low:.4g} \frac{{H({call.X}) - H(\min {call.X})}}{{N - H(\min {call.X})}}"
    return still(call, formula, forward, where)


def sharpness(call: Call) -> Piece:
    """a = B x + 2 c (x - B x), cut; B the mean of the nine pixels around, the middle one five times; edges stay."""
    if not call.training or min(call.x.shape[1:3]) < 3:
        return unchanged(call)
    layer: Any = call.layer

    drawn = _drawn(call, lambda key, x: factor(key, "factor", layer.factor, x))

    def moved() -> Array:
        h, w = call.x.shape[1:3]
        inner = call.x[:, 1:-1, 1:-1]
        around = sum(call.x[:, i : h - 2 + i, j : w - 2 + j] for i in range(3) for j in range(3))
        blurred = (around + 4 * inner) / 13
        found = call.x.copy()
        found[:, 1:-1, 1:-1] = blurred + 2 * drawn() * (inner - blurred)
        return found

    def back(g: Array) -> Array:
        h, w = g.shape[1:3]
        found, c = g.copy(), drawn()
        inner = g[:, 1:-1, 1:-1]
        found[:, 1:-1, 1:-1] = 2 * c * inner + (1 - 2 * c) * 4 / 13 * inner
        for i in range(3):
            for j in range(3):
                found[:, i : h - 2 + i, j : w - 2 + j] += (1 - 2 * c) / 13 * inner
        return found

    X = call.X
    where = rf"B {X} = \frac{{1}}{{13}} (\sum_{{p \in 3 \times 3}} {X}[i + p] + 4 {X}[i]), \quad c \; \mathrm{{drawn}}"
    return _cut(call, rf"2 c {X} + (1 - 2 c) B {X}", where, moved, back, r"2 c \, ({g}) + (1 - 2 c) B^{{\top}} ({g})")


def gaussian_blur(call: Call) -> Piece:
    """a = G x H^T, cut, with Gaussian weights in the rows of G and H; where it was drawn, else x."""
    if not call.training:
        return unchanged(call)
    layer: Any = call.layer

    sigma = _drawn(call, lambda key, x: factor(key, "sigma", layer.sigma, x))
    goes = _drawn(call, lambda key, x: happens(key, "happens", layer.factor, x))

    def matrices() -> tuple[Array, Array]:
        widths = np.maximum(sigma().ravel(), 1e-3)
        sizes = zip(call.x.shape[1:3], layer.kernel_size, strict=True)
        first, second = (np.stack([_blurring(n, k, s) for s in widths]) for n, k in sizes)
        return first, second

    def moved() -> Array:
        return np.einsum("nij,njkc,nlk->nilc", matrices()[0], call.x, matrices()[1])

    def forward() -> Array:
        return np.where(goes() > 0, np.clip(moved(), *layer.value_range), call.x)

    def back(g: Array) -> Array:
        G, H = matrices()
        through = np.einsum("nij,nilc,nlk->njkc", G, _within(moved(), *layer.value_range) * g, H)
        return np.where(goes() > 0, through, g)

    low, high = (f"{v:.4g}" for v in layer.value_range)
    X = call.X
    where = rf"G_{{ij}} \propto \exp(-\frac{{(i - j)^{{2}}}}{{2 \sigma^{{2}}}}), \quad \sigma, {_CHANCE}"
    return _linear(
        call,
        (rf"h \min(\max({low}, G {X} H^{{\top}}), {high}) + (1 - h) {X}", forward),
        (rf"h \, G^{{{{\top}}}} ([{low} < G {X} H^{{{{\top}}}} < {high}] \odot {{g}}) H + (1 - h) {{g}}", back),
        where,
    )


def composite(call: Call) -> Piece:
    """A chain of augmentations by its name: a = F(x) as drawn, and (da/dx)^T dL/da of the whole chain."""
    if not call.training and not isinstance(call.layer, layers.ContrastLimitedAdaptiveHistogramEqualization):
        return unchanged(call)
    formula, where = _CHAINS[type(call.layer)]
    found = general(call)
    (y,), (back,) = found.forward, found.inputs
    made = Expression(formula.format(x=call.X), y.expression.compute, where.format(x=call.X))
    return Piece([Step("y", made)], [], [back])


def still(call: Call, formula: str, forward: Any, where: str = "") -> Piece:
    """a = formula, along which nothing flows back."""
    made = Expression(formula, forward, where)
    return Piece([Step("y", made)], [], [Expression("0", lambda: np.zeros(call.x.shape))])


def _linear(call: Call, made: tuple[str, Any], back: tuple[str, Any], where: str) -> Piece:
    """Formulas, that of the gradient in ``{g}``, and what computes them."""
    y = Expression(made[0], made[1], where)
    given = Expression(back[0].format(g=call.D("y")), lambda: back[1](call.gradient("y")), where)
    return Piece([Step("y", y)], [], [given])


def _cut(call: Call, formula: str, where: str, moved: Any, back: Any, given: str) -> Piece:
    """a = v cut to the range of values; the gradient passes where v lies within, and back through v."""
    low, high = call.layer.value_range
    v = rf"v = {formula}, \quad {where}"
    inside = rf"[{low:.4g} < v < {high:.4g}] \odot {call.D('y')}"
    made = Expression(rf"\min(\max({low:.4g}, v), {high:.4g})", lambda: np.clip(moved(), low, high), v)

    def compute() -> Array:
        return back(_within(moved(), low, high) * call.gradient("y"))

    return Piece([Step("y", made)], [], [Expression(given.format(g=inside), compute, v)])


def _from(low: float) -> str:
    """What stands before a share of the range, which begins at ``low``."""
    return f"{low:.4g} + " if low else ""


def _within(v: Array, low: float, high: float) -> Array:
    """1 inside of the range, 0 outside; at its ends, where either side is as good, 1/2."""
    return 1.0 * ((v > low) & (v < high)) + 0.5 * ((v == low) | (v == high))


def _drawn(call: Call, f: Callable[[Any, Any], Any]) -> Callable[[], Array]:
    """A number of each image, lined up with the images."""
    numbers = per_image(call, f)
    return lambda: numbers().reshape(-1, 1, 1, 1)


def _mean(x: Array) -> Array:
    return x.mean((1, 2), keepdims=True)


def _grey(x: Array) -> Array:
    return (x @ _GREY)[..., None]


def _even(chosen: Array) -> Array:
    """Equal shares for all that are chosen in a channel."""
    return chosen / np.maximum(chosen.sum((1, 2), keepdims=True), 1)


def _blurring(size: int, window: int, sigma: float) -> Array:
    """(size, size): the weights of the pixels for each blurred one, mirrored at the last pixel."""
    away = np.arange(window) - (window - 1) / 2
    weights = np.exp(-0.5 * (away / sigma) ** 2)
    before = (window - 1) // 2
    places = np.pad(np.arange(size), (before, window - 1 - before), mode="reflect")
    found = np.zeros((size, size))
    for i in range(size):
        np.add.at(found[i], places[i : i + window], weights / weights.sum())
    return found


_HSV = r"(h, s, v) = \mathrm{{hsv}}({x}), \quad c \; \mathrm{{drawn}}"
_CHAINS = {
    layers.RandomSaturation: (r"\mathrm{{hsv}}^{{-1}}(h, \min(1, s \frac{{c}}{{1 - c}}), v)", _HSV),
    layers.RandomHue: (r"\mathrm{{hsv}}^{{-1}}(h \pm \frac{{c}}{{2}}, s, v)", _HSV),
    layers.RandomColorJitter: (
        r"\mathrm{{hue}}(\mathrm{{saturation}}(\mathrm{{contrast}}(\mathrm{{brightness}}({x}))))",
        "",
    ),
    layers.RandAugment: (r"(f_{{n}} \circ ... \circ f_{{1}})({x})", r"f_{{k}} \; \mathrm{{drawn}}"),
    layers.AugMix: (
        r"(1 - m) {x} + m \sum_{{k}} w_{{k}} f_{{k}}({x})",
        r"f_{{k}}, m, w \; \mathrm{{drawn}}, \quad m \sim \mathrm{{Beta}}, \quad w \sim \mathrm{{Dirichlet}}",
    ),
    layers.ContrastLimitedAdaptiveHistogramEqualization: (
        r"\sum_{{k}} w_{{k}} H_{{k}}({x})",
        r"H_{{k}}: \mathrm{{histograms\ of\ the\ tiles\ around}}, \quad w_{{k}}: \mathrm{{bilinear}}",
    ),
}
RULES = {
    layers.AutoContrast: auto_contrast,
    layers.Equalization: equalization,
    layers.RandomBrightness: brightness,
    layers.RandomColorDegeneration: colour_degeneration,
    layers.RandomContrast: contrast,
    layers.RandomGaussianBlur: gaussian_blur,
    layers.RandomGrayscale: grayscale,
    layers.RandomInvert: inversion,
    layers.RandomPosterization: posterization,
    layers.RandomSharpness: sharpness,
    layers.Solarization: solarization,
    **dict.fromkeys(_CHAINS, composite),
}
