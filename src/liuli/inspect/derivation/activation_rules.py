"""f and f' of every activation: what a = f(z) and dL/dz = (da/dz)^T dL/da are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli import activations
from liuli.activations import Activation

Array = np.ndarray

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # as Klambauer et al. derive them


@dataclass(frozen=True, eq=False)
class Rule:
    """f and f' of an elementwise activation: formulas in ``{z}``, ``{a}`` and its fields, functions of z."""

    formula: str
    slope: str
    f: Callable[[Any, Array], Array]
    df: Callable[[Any, Array], Array]


@dataclass(frozen=True, eq=False)
class Joint:
    """An activation over the last axis: f, and ``pull``, which makes dL/dz of g = dL/da and z; formulas in ``{g}``."""

    formula: str
    pulled: str
    f: Callable[[Array], Array]
    pull: Callable[[Array, Array], Array]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def softmax(z: Array) -> Array:
    """exp(z_i) / sum_j exp(z_j), without overflow."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(z: Array) -> Array:
    """z_i - log sum_j exp(z_j), without overflow."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _normal_cdf(z: Array) -> Array:
    return 0.5 * (1.0 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2.0)))


def _gelu(activation: Any, z: Array) -> Array:
    return 0.5 * z * (1.0 + np.tanh(_inner(z))) if activation.approximate else z * _normal_cdf(z)


def _gelu_slope(activation: Any, z: Array) -> Array:
    if not activation.approximate:
        return _normal_cdf(z) + z * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    curve = np.tanh(_inner(z))
    return 0.5 * (1.0 + curve) + 0.5 * z * (1.0 - curve**2) * math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z**2)


def _inner(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def _elu(alpha: float, z: Array, width: float = 1.0) -> Array:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0) / width))


def _elu_slope(alpha: float, z: Array, width: float = 1.0) -> Array:
    return np.where(z > 0, 1.0, alpha / width * np.exp(np.minimum(z, 0.0) / width))


def _mish_slope(_: Any, z: Array) -> Array:
    curve = np.tanh(np.logaddexp(0.0, z))
    return curve + z * (1.0 - curve**2) * sigmoid(z)


def _hard_silu_slope(_: Any, z: Array) -> Array:
    return np.clip(z + 3, 0, 6) / 6 + z / 6 * (np.abs(z) < 3)


def _sparse_plus(_: Any, z: Array) -> Array:
    return np.where(z < 1, np.maximum(z + 1, 0.0) ** 2 / 4, z)


def _sparse_sigmoid_slope(_: Any, z: Array) -> Array:
    """1/2 inside; at the two bends, where either side is as good, the mean."""
    return 0.5 * (np.abs(z) < 1) + 0.25 * (np.abs(z) == 1)


def _sparsemax(z: Array) -> Array:
    falling = -np.sort(-z, axis=-1)
    sums, counts = np.cumsum(falling, axis=-1), np.arange(1, z.shape[-1] + 1)
    size = (1 + counts * falling > sums).sum(axis=-1, keepdims=True)
    return np.maximum(0.0, z - (np.take_along_axis(sums, size - 1, axis=-1) - 1) / size)


def _through_softmax(g: Array, z: Array) -> Array:
    p = softmax(z)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def _through_log_softmax(g: Array, z: Array) -> Array:
    return g - softmax(z) * g.sum(axis=-1, keepdims=True)


def _through_sparsemax(g: Array, z: Array) -> Array:
    support = 1.0 * (_sparsemax(z) > 0)
    return support * (g - (support * g).sum(axis=-1, keepdims=True) / support.sum(axis=-1, keepdims=True))


def _glu(z: Array) -> Array:
    passed, gate = np.split(z, 2, axis=-1)
    return passed * sigmoid(gate)


def _through_glu(g: Array, z: Array) -> Array:
    passed, gate = np.split(z, 2, axis=-1)
    return np.concatenate([g * sigmoid(gate), g * passed * sigmoid(gate) * sigmoid(-gate)], axis=-1)


ACTIVATIONS: dict[type[Activation], Rule | Joint] = {
    activations.Identity: Rule("{z}", "1", lambda _, z: z, lambda _, z: np.ones_like(z)),
    activations.ReLU: Rule(r"\max(0, {z})", "[{z} > 0]", lambda _, z: np.maximum(0.0, z), lambda _, z: 1.0 * (z > 0)),
    activations.ReLU6: Rule(
        r"\min(\max(0, {z}), 6)",
        "[0 < {z} < 6]",
        lambda _, z: np.clip(z, 0.0, 6.0),
        lambda _, z: 1.0 * ((z > 0) & (z < 6)),
    ),
    activations.LeakyReLU: Rule(
        r"\max(0, {z}) + {negative_slope} \min(0, {z})",
        "([{z} > 0] + {negative_slope} [{z} \\le 0])",
        lambda f, z: np.where(z > 0, z, f.negative_slope * z),
        lambda f, z: np.where(z > 0, 1.0, f.negative_slope),
    ),
    activations.ELU: Rule(
        r"\max(0, {z}) + {alpha} \min(0, \exp({z}) - 1)",
        r"([{z} > 0] + {alpha} [{z} \le 0] \exp({z}))",
        lambda f, z: _elu(f.alpha, z),
        lambda f, z: _elu_slope(f.alpha, z),
    ),
    activations.SELU: Rule(
        r"1.0507 \, (\max(0, {z}) + 1.6733 \min(0, \exp({z}) - 1))",
        r"1.0507 \, ([{z} > 0] + 1.6733 [{z} \le 0] \exp({z}))",
        lambda _, z: _SELU_SCALE * _elu(_SELU_ALPHA, z),
        lambda _, z: _SELU_SCALE * _elu_slope(_SELU_ALPHA, z),
    ),
    activations.CELU: Rule(
        r"\max(0, {z}) + {alpha} \min(0, \exp(\frac{{{z}}}{{{alpha}}}) - 1)",
        r"([{z} > 0] + [{z} \le 0] \exp(\frac{{{z}}}{{{alpha}}}))",
        lambda f, z: _elu(f.alpha, z, f.alpha),
        lambda f, z: _elu_slope(f.alpha, z, f.alpha),
    ),
    activations.GELU: Rule(r"{z} \odot \Phi({z})", r"(\Phi({z}) + {z} \odot \varphi({z}))", _gelu, _gelu_slope),
    activations.SiLU: Rule(
        r"{z} \odot \sigma({z})",
        r"\sigma({z}) \odot (1 + {z} \odot (1 - \sigma({z})))",
        lambda _, z: z * sigmoid(z),
        lambda _, z: sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))),
    ),
    activations.HardSiLU: Rule(
        r"\frac{{1}}{{6}} {z} \odot \min(\max(0, {z} + 3), 6)",
        r"(\frac{{1}}{{6}} \min(\max(0, {z} + 3), 6) + \frac{{1}}{{6}} {z} \odot [|{z}| < 3])",
        lambda _, z: z * np.clip(z + 3, 0, 6) / 6,
        _hard_silu_slope,
    ),
    activations.Mish: Rule(
        r"{z} \odot \tanh(\mathrm{{softplus}}({z}))",
        r"(\tanh(\mathrm{{softplus}}({z})) + {z} \odot (1 - \tanh(\mathrm{{softplus}}({z}))^{{2}}) \odot \sigma({z}))",
        lambda _, z: z * np.tanh(np.logaddexp(0.0, z)),
        _mish_slope,
    ),
    activations.Exponential: Rule(r"\exp({z})", "{a}", lambda _, z: np.exp(z), lambda _, z: np.exp(z)),
    activations.Softplus: Rule(
        r"\log(1 + \exp({z}))", r"\sigma({z})", lambda _, z: np.logaddexp(0.0, z), lambda _, z: sigmoid(z)
    ),
    activations.SparsePlus: Rule(
        r"[|{z}| < 1] \odot \frac{{({z} + 1)^{{2}}}}{{4}} + [{z} \ge 1] \odot {z}",
        r"\min(\max(0, \frac{{{z} + 1}}{{2}}), 1)",
        _sparse_plus,
        lambda _, z: np.clip((z + 1) / 2, 0.0, 1.0),
    ),
    activations.Squareplus: Rule(
        r"\frac{{1}}{{2}} ({z} + \sqrt{{{z}^{{2}} + {b}}})",
        r"\frac{{1}}{{2}} (1 + \frac{{{z}}}{{\sqrt{{{z}^{{2}} + {b}}}}})",
        lambda f, z: (z + np.sqrt(z**2 + f.b)) / 2,
        lambda f, z: (1 + z / np.sqrt(z**2 + f.b)) / 2,
    ),
    activations.Sigmoid: Rule(
        r"\sigma({z})", r"{a} \odot (1 - {a})", lambda _, z: sigmoid(z), lambda _, z: sigmoid(z) * sigmoid(-z)
    ),
    activations.LogSigmoid: Rule(
        r"-\log(1 + \exp(-{z}))", r"\sigma(-{z})", lambda _, z: -np.logaddexp(0.0, -z), lambda _, z: sigmoid(-z)
    ),
    activations.HardSigmoid: Rule(
        r"\frac{{1}}{{6}} \min(\max(0, {z} + 3), 6)",
        r"\frac{{1}}{{6}} [|{z}| < 3]",
        lambda _, z: np.clip(z + 3, 0, 6) / 6,
        lambda _, z: (np.abs(z) < 3) / 6,
    ),
    activations.SparseSigmoid: Rule(
        r"\min(\max(0, \frac{{{z} + 1}}{{2}}), 1)",
        r"\frac{{1}}{{2}} [|{z}| < 1]",
        lambda _, z: np.clip((z + 1) / 2, 0.0, 1.0),
        _sparse_sigmoid_slope,
    ),
    activations.Tanh: Rule(
        r"\tanh({z})", r"(1 - {a}^{{2}})", lambda _, z: np.tanh(z), lambda _, z: 1.0 - np.tanh(z) ** 2
    ),
    activations.HardTanh: Rule(
        r"\min(\max(-1, {z}), 1)",
        r"[|{z}| \le 1]",
        lambda _, z: np.clip(z, -1.0, 1.0),
        lambda _, z: 1.0 * (np.abs(z) <= 1),
    ),
    activations.Softsign: Rule(
        r"\frac{{{z}}}{{1 + |{z}|}}",
        r"\frac{{1}}{{(1 + |{z}|)^{{2}}}}",
        lambda _, z: z / (1 + np.abs(z)),
        lambda _, z: 1 / (1 + np.abs(z)) ** 2,
    ),
    activations.TanhShrink: Rule(
        r"{z} - \tanh({z})", r"\tanh({z})^{{2}}", lambda _, z: z - np.tanh(z), lambda _, z: np.tanh(z) ** 2
    ),
    activations.SoftShrink: Rule(
        r"\operatorname{{sign}}({z}) \odot \max(0, |{z}| - {threshold})",
        "[|{z}| > {threshold}]",
        lambda f, z: np.sign(z) * np.maximum(0.0, np.abs(z) - f.threshold),
        lambda f, z: 1.0 * (np.abs(z) > f.threshold),
    ),
    activations.HardShrink: Rule(
        r"{z} \odot [|{z}| > {threshold}]",
        "[|{z}| > {threshold}]",
        lambda f, z: z * (np.abs(z) > f.threshold),
        lambda f, z: 1.0 * (np.abs(z) > f.threshold),
    ),
    activations.Threshold: Rule(
        r"{z} \odot [{z} > {threshold}] + {value} [{z} \le {threshold}]",
        "[{z} > {threshold}]",
        lambda f, z: np.where(z > f.threshold, z, f.value),
        lambda f, z: 1.0 * (z > f.threshold),
    ),
    activations.Softmax: Joint(
        r"\mathrm{{softmax}}({z})", r"{a} \odot ({g} - \langle {g}, {a}\rangle)", softmax, _through_softmax
    ),
    activations.LogSoftmax: Joint(
        r"\mathrm{{log softmax}}({z})",
        r"{g} - \mathrm{{softmax}}({z}) \odot \langle {g}, 1\rangle",
        log_softmax,
        _through_log_softmax,
    ),
    activations.Sparsemax: Joint(
        r"\max(0, {z} - \tau)",
        r"[{a} > 0] \odot ({g} - \frac{{\langle {g}, [{a} > 0]\rangle}}{{\langle 1, [{a} > 0]\rangle}})",
        _sparsemax,
        _through_sparsemax,
    ),
    activations.GLU: Joint(
        r"{z}' \odot \sigma({z}'')",
        r"[{g} \odot \sigma({z}''), {g} \odot {z}' \odot \sigma({z}'') \odot (1 - \sigma({z}''))]",
        _glu,
        _through_glu,
    ),
}
