"""Spectrograms: frames of a signal, weighed and Fourier-transformed, and what is taken of the transform.

X[f, k] = sum over t of w[t] x[f s + t] (C[t, k] - i S[t, k]), C and S the cosines and sines of 2 pi t k / n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli import layers
from liuli.initializers.spectral import window_values
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step

Array = np.ndarray

_LEAST = 1e-7  # the least power of a magnitude and its logarithm


class _Transform:
    """The real and the imaginary side of the transform of (..., time), and back."""

    def __init__(self, window: Array, step: int, n: int) -> None:
        self.window, self.step = np.asarray(window, np.float64), step
        angle = 2 * np.pi * np.outer(np.arange(len(self.window)), np.arange(n // 2 + 1)) / n
        sines = -np.sin(angle)
        sines[:, [0, -1]] = 0.0  # of the lowest and the highest frequency, which are real
        self.cosines, self.sines = np.cos(angle) * self.window[:, None], sines * self.window[:, None]

    def frames(self, length: int) -> Array:
        """(frames, samples): the places of the samples of each frame."""
        count = (length - len(self.window)) // self.step + 1
        return self.step * np.arange(count)[:, None] + np.arange(len(self.window))

    def __call__(self, x: Array) -> tuple[Array, Array]:
        seen = x[..., self.frames(x.shape[-1])]
        return seen @ self.cosines, seen @ self.sines + 0.0  # 0, not -0, whose angle would be another

    def back(self, real: Array, imaginary: Array, length: int) -> Array:
        """The gradient of the signal, from those of both sides."""
        each = real @ self.cosines.T + imaginary @ self.sines.T
        found = np.zeros((*each.shape[:-2], length))
        np.add.at(found, (..., self.frames(length)), each)  # type: ignore[arg-type]
        return found


def stft(call: Call) -> Piece:
    """a = what the mode takes of X; dL/dx = sum over frames of w (dL/d re X C^T - dL/d im X S^T)."""
    layer: Any = call.layer
    w = window_values(layer.window, layer.frame_length, layer.periodic, layer.scaling)
    F, time = _Transform(w, layer._step, layer._n), call.x.shape[1]
    total = 0
    if layer.padding == "same":
        total = max((-(-time // layer._step) - 1) * layer._step + layer.frame_length - time, 0)
    before = total // 2

    def signal() -> Array:
        return np.pad(np.moveaxis(call.x, 2, 1), ((0, 0), (0, 0), (before, total - before)))

    def arranged(y: Array) -> Array:
        y = np.moveaxis(y, 1, 3) if layer.expand_dims else np.moveaxis(y, 1, 2)
        return y if layer.expand_dims else y.reshape(*y.shape[:2], -1)

    def gradient() -> Array:
        g, (re, _) = call.gradient("y"), F(signal())
        parts = re.shape[-1] * (2 if layer.mode == "stft" else 1)
        if layer.expand_dims:
            return np.moveaxis(g, 3, 1)
        return np.moveaxis(g.reshape(*g.shape[:2], call.x.shape[2], parts), 2, 1)

    def to_x(of_re: Array, of_im: Array) -> Array:
        whole = F.back(of_re, of_im, time + total)
        return np.moveaxis(whole[..., before : before + time], 1, 2)

    where = _transform(call, before, layer._step, layer._n)
    powers = {"log", "magnitude", "psd"}
    if layer.mode in powers:
        return _of_power(call, (F, signal), (arranged, gradient, to_x), where)
    formula, taken, slope = _SIDES[layer.mode]
    y = Expression(formula.format(x=r"\Re X", y=r"\Im X"), lambda: arranged(taken(*F(signal()))), where)
    sides = _BACK[layer.mode].format(g=call.D("y"))
    back = Expression(_RETURNED, lambda: to_x(*slope(gradient(), *F(signal()))), rf"{sides}, \quad {where}")
    return Piece([Step("y", y)], [], [back])


def _of_power(call: Call, of: tuple[Any, Any], shaped: tuple[Any, Any, Any], where: str) -> Piece:
    """power = |X|^2, and its root, its logarithm, or twice of it."""
    layer: Any = call.layer
    (F, signal), (arranged, gradient, to_x) = of, shaped
    P, dP, D = call.symbol("power"), call.D("power"), call.D("y")
    heard = rf"\max({P}, 10^{{-7}})"
    formula, slope = {
        "psd": (rf"c \odot {P}", rf"c \odot {D}"),
        "magnitude": (rf"\sqrt{{{heard}}}", rf"\frac{{[{P} > 10^{{-7}}]}}{{2 \sqrt{{{P}}}}} \odot {D}"),
        "log": (rf"\frac{{1}}{{2}} \log {heard}", rf"\frac{{[{P} > 10^{{-7}}]}}{{2 {P}}} \odot {D}"),
    }[layer.mode]
    twice = "c = (1, 2, ..., 2, 1)" if layer.mode == "psd" else ""

    def counted() -> Array:
        c = np.full(call.value("power").shape[-1], 2.0)
        c[[0, -1]] = 1
        return c

    def forward() -> Array:
        power = call.value("power")
        if layer.mode == "psd":
            return arranged(counted() * power)
        power = np.maximum(power, _LEAST)
        return arranged(np.sqrt(power) if layer.mode == "magnitude" else np.log(power) / 2)

    def to_power() -> Array:
        power, g = call.value("power"), gradient()
        if layer.mode == "psd":
            return counted() * g
        heard = np.maximum(power, _LEAST)
        return g * (power > _LEAST) / 2 / (np.sqrt(heard) if layer.mode == "magnitude" else heard)

    def back() -> Array:
        (re, im), g = F(signal()), call.gradient("power")
        return to_x(2 * g * re, 2 * g * im)

    made = Expression("|X|^{2}", lambda: np.square(F(signal())).sum(0), where)
    sides = rf"R = 2 {dP} \odot \Re X, \quad I = 2 {dP} \odot \Im X"
    return Piece(
        [Step("power", made), Step("y", Expression(formula, forward, twice))],
        [Step("power", Expression(slope, to_power, twice))],
        [Expression(_RETURNED, back, rf"{sides}, \quad {where}")],
    )


def mel(call: Call) -> Piece:
    """power = |X|^e, mel = power A, a = 10 log10(mel / ref), no further than top_db below the loudest of the clip."""
    layer: Any = call.layer
    n, length = layer.fft_length, layer._length
    before = (n - length) // 2
    w = np.pad(window_values(layer.window, length, periodic=True), (before, n - length - before))
    F, A, e, time = _Transform(w, layer.sequence_stride, n), layer._triangles(), layer.mag_exp, call.x.shape[1]
    places = np.pad(np.arange(time), (n // 2, n // 2), mode="reflect")

    def squares() -> tuple[Array, Array, Array]:
        re, im = F(call.x[:, places])
        return re, im, re**2 + im**2

    def back() -> Array:
        re, im, square = squares()
        steep = np.where(square > 0, e * np.where(square > 0, square, 1.0) ** (e / 2 - 1), 0.0)
        share = call.gradient("power") * steep
        whole, found = F.back(share * re, share * im, len(places)), np.zeros(call.x.shape)
        np.add.at(found, (slice(None), places), whole)  # type: ignore[arg-type]
        return found

    where = _transform(call, n // 2, layer.sequence_stride, n) + r", \quad x: \mathrm{mirrored\ at\ its\ ends}"
    P, dP, dM = call.symbol("power"), call.D("power"), call.D("mel")
    made, slope = _decibels(call)
    steep = rf"{e:.4g} \, {dP}" + (rf" \odot |X|^{{{e - 2:.4g}}}" if e != 2 else "")
    sides = rf"R = {steep} \odot \Re X, \quad I = {steep} \odot \Im X"
    return Piece(
        [
            Step("power", Expression(f"|X|^{{{e:.4g}}}", lambda: squares()[2] ** (e / 2), where)),
            Step("mel", Expression(f"{P} A", lambda: call.value("power") @ A, r"A_{km}: \mathrm{triangles}")),
            Step("y", made),
        ],
        [
            Step("mel", slope),
            Step("power", Expression(rf"{dM} A^{{\top}}", lambda: call.gradient("mel") @ A.T)),
        ],
        [Expression(_RETURNED, back, rf"{sides}, \quad {where}")],
    )


def _decibels(call: Call) -> tuple[Expression, Expression]:
    """a of mel, and dL/dmel. What is too far below the loudest follows the loudest."""
    layer: Any = call.layer
    M, D = call.symbol("mel"), call.D("y")
    if not layer.power_to_db:
        return Expression(M, lambda: call.value("mel")), Expression(D, lambda: call.gradient("y"))
    least, top = layer.min_power, layer.top_db

    def level() -> Array:
        return 10 * (np.log10(np.maximum(call.value("mel"), least)) - np.log10(max(layer.ref_power, least)))

    def floor() -> Array:
        return level().max((1, 2), keepdims=True) - top

    def back() -> Array:
        v, g = level(), call.gradient("y")
        passes = 1.0 * (v > floor()) + 0.5 * (v == floor())
        loudest = v == v.max((1, 2), keepdims=True)
        followers = (g * (1 - passes)).sum((1, 2), keepdims=True)
        each = g * passes + loudest / loudest.sum((1, 2), keepdims=True) * followers
        heard = 1.0 * (call.value("mel") > least)
        return each * heard * 10 / np.log(10) / np.maximum(call.value("mel"), least)

    v = rf"v = 10 \log_{{10}} \frac{{\max({M}, {least:.4g})}}{{{max(layer.ref_power, least):.4g}}}"
    made = Expression(rf"\max(v, \max v - {top:.4g})", lambda: np.maximum(level(), floor()), v)
    e = rf"e = [v = \max v], \quad h = [v < \max v - {top:.4g}]"
    slope = rf"\frac{{10}}{{\log 10}} \frac{{1}}{{{M}}} \odot ((1 - h) \odot {D} + e \sum h \odot {D})"
    return made, Expression(slope, back, rf"{e}, \quad {v}")


def _transform(call: Call, before: int, step: int, n: int) -> str:
    at = f"{step} f + t" + (f" - {before}" if before else "")
    power = rf"-2 \pi i t k / {n}"
    return rf"X[f, k] = \sum_{{t}} w[t] {call.X}[{at}] \exp({power})"


def _angle(re: Array, im: Array) -> Array:
    silent = (re == 0) & (im == 0)
    return np.arctan2(im, np.where(silent, 1.0, re))


def _by_angle(g: Array, re: Array, im: Array) -> tuple[Array, Array]:
    square = re**2 + im**2
    g = np.where(square > 0, g / np.where(square > 0, square, 1.0), 0.0)
    return -g * im, g * re


_RETURNED = r"\sum_{f} w \odot (R C^{\top} - I S^{\top})"
_SIDES: dict[str, Any] = {
    "real": ("{x}", lambda re, im: re, lambda g, re, im: (g, np.zeros_like(g))),
    "imag": ("{y}", lambda re, im: im, lambda g, re, im: (np.zeros_like(g), g)),
    "stft": (
        "[{x}, {y}]",
        lambda re, im: np.concatenate([re, im], axis=-1),
        lambda g, re, im: tuple(np.split(g, 2, axis=-1)),
    ),
    "angle": (r"\arg X", _angle, _by_angle),
}
_BACK = {
    "real": "R = {g}, I = 0",
    "imag": "R = 0, I = {g}",
    "stft": "[R, I] = {g}",
    "angle": r"R = -\frac{{\Im X}}{{|X|^{{2}}}} \odot {g}, \quad I = \frac{{\Re X}}{{|X|^{{2}}}} \odot {g}",
}
RULES = {layers.MelSpectrogram: mel, layers.STFTSpectrogram: stft}
