"""Optimizers that no oracle has in this form, against their formulas in NumPy; averages, accumulation, clipping."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import optimizers, schedules
from tests.oracles.descending import START, agree, by_hand, flat, gradient, ours, steps

pytestmark = pytest.mark.oracle
RATE = 0.02


def adam(g, t, s, b1=0.9, b2=0.999, eps=1e-7):
    """The direction of Adam."""
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    return s["m"] / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def lamb(name, w, g, t, s, decay=0.3):
    u = adam(g, t, s) + decay * w
    return w - RATE * np.linalg.norm(w) / np.linalg.norm(u) * u


def lars(name, w, g, t, s, decay=0.3, trust=0.05, momentum=0.8):
    u = g + decay * w
    s["v"] = momentum * s.get("v", 0.0) + trust * np.linalg.norm(w) / np.linalg.norm(u) * u
    return w - RATE * s["v"]


def novograd(name, w, g, t, s, b1=0.8, b2=0.4, eps=0.1, decay=0.3):
    square = np.square(g).sum()
    s["v"] = b2 * s.get("v", square) + (1 - b2) * square
    s["m"] = b1 * s.get("m", 0.0) + g / (np.sqrt(s["v"]) + eps) + decay * w
    return w - RATE * s["m"]


def belief(name, w, g, t, s, b1=0.8, b2=0.9, eps=1e-4):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["s"] = b2 * s.get("s", 0.0) + (1 - b2) * (g - s["m"]) ** 2 + eps
    return w - RATE * s["m"] / (1 - b1**t) / (np.sqrt(s["s"] / (1 - b2**t)) + eps)


def yogi(name, w, g, t, s, b1=0.8, b2=0.9, eps=1e-2, first=0.01):
    s["m"] = b1 * s.get("m", first) + (1 - b1) * g
    v = s.get("v", first)
    s["v"] = v - (1 - b2) * np.sign(v - g**2) * g**2
    return w - RATE * s["m"] / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def radam(name, w, g, t, s, b1=0.8, b2=0.95, eps=1e-2):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    mean, root = s["m"] / (1 - b1**t), np.sqrt(s["v"] / (1 - b2**t))
    most = 2 / (1 - b2) - 1
    n = most - 2 * t * b2**t / (1 - b2**t)
    if n < 5:
        return w - RATE * mean
    r = np.sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n))
    return w - RATE * r * mean / (root + eps)


def muon(name, w, g, t, s, momentum=0.9):
    if name == "bias":
        return w - RATE * (0.5 * adam(g, t, s, eps=1e-3) + 0.1 * w)
    s["m"] = momentum * s.get("m", 0.0) + g
    x = (g + momentum * s["m"]).T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x - 4.775 * a @ x + 2.0315 * a @ a @ x
    return w - RATE * (0.2 * np.sqrt(4) * x.T + 0.3 * w)


def adamax(name, w, g, t, s, b1=0.8, b2=0.9, eps=1e-2):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0.0), np.abs(g) + eps)
    return w - RATE * (s["m"] / (1 - b1**t) / s["u"] + 0.2 * w)


CASES = {
    "lamb": (optimizers.Lamb(RATE, weight_decay=0.3), lamb),
    "lars": (optimizers.Lars(RATE, 0.8, 0.05, weight_decay=0.3), lars),
    "novograd": (optimizers.NovoGrad(RATE, 0.8, 0.4, 0.1, weight_decay=0.3), novograd),
    "adabelief": (optimizers.AdaBelief(RATE, 0.8, 0.9, 1e-4), belief),
    "yogi": (optimizers.Yogi(RATE, 0.8, 0.9, 1e-2, 0.01), yogi),
    "radam": (optimizers.RAdam(RATE, 0.8, 0.95, 1e-2), radam),
    "muon": (
        optimizers.Muon(RATE, adam_weight_decay=0.1, epsilon=1e-3, weight_decay=0.3, adam_lr_ratio=0.5, momentum=0.9),
        muon,
    ),
    "adamax": (optimizers.Adamax(RATE, 0.8, 0.9, 1e-2, weight_decay=0.2), adamax),
}


@pytest.mark.parametrize("case", CASES)
def test_steps(case):
    optimizer, move = CASES[case]
    agree(optimizer, by_hand(move))


def test_schedule_free_while_the_rate_changes():
    """The paper's equations: y, z and x of their own; c is the share of the squared rate."""
    warm, b1, b2, eps, decay = 10, 0.8, 0.95, 1e-3, 0.1
    x = {name: value.copy() for name, value in START.items()}
    z = {name: value.copy() for name, value in START.items()}
    v, total, path = dict.fromkeys(x, 0.0), 0.0, []
    for t in range(1, 51):
        rate = 0.05 * 0.5 ** ((t - 1) / 30) * min(1.0, t / warm)
        total += rate**2
        y = {n: b1 * x[n] + (1 - b1) * z[n] for n in x}
        g = gradient(y)
        for n in x:
            v[n] = b2 * v[n] + (1 - b2) * g[n] ** 2
            z[n] = z[n] - rate * (g[n] / (np.sqrt(v[n] / (1 - b2**t)) + eps) + decay * y[n])
            x[n] = (1 - rate**2 / total) * x[n] + rate**2 / total * z[n]
        path.append(flat(x))
    rate = schedules.ExponentialDecay(0.05, 30, 0.5)
    agree(optimizers.ScheduleFreeAdamW(rate, b1, b2, eps, warm, weight_decay=decay), np.stack(path))


def test_accumulated_batches_equal_one_large_batch():
    """Three batches of different rows, a schedule and all: the same as one step on the mean of their gradients."""
    rate = schedules.ExponentialDecay(0.1, 5, 0.5)
    one = optimizers.Adam(rate, weight_decay=0.1, clipnorm=0.2, ema_momentum=0.7)
    three = one.replace(gradient_accumulation_steps=3)
    with jax.enable_x64(True):
        rows = np.random.default_rng(1).normal(size=(8, 3, 5))
        w = mine = {"w": jnp.ones(5)}
        slots, own = one.init(w), three.init(w)
        for i, batches in enumerate(rows):
            for k, g in enumerate(batches):
                mine, own = three.apply({"w": jnp.asarray(g)}, mine, own, 3 * i + k)
            w, slots = one.apply({"w": jnp.asarray(batches.mean(0))}, w, slots, i)
            np.testing.assert_allclose(mine["w"], w["w"], rtol=1e-12)
            np.testing.assert_allclose(three.averaged(mine, own)["w"], one.averaged(w, slots)["w"], rtol=1e-12)


def test_the_average_of_the_weights():
    optimizer = optimizers.SGD(0.1, momentum=0.5, ema_momentum=0.8)
    average = None
    for w, slots in steps(optimizer):
        average = flat(w) if average is None else 0.8 * average + 0.2 * flat(w)
        np.testing.assert_allclose(flat(optimizer.averaged(w, slots)), average, rtol=1e-10)
    np.testing.assert_array_equal(ours(optimizer), ours(optimizers.SGD(0.1, momentum=0.5)))


def test_adaptive_clipping_of_kernels():
    """The unit of a kernel of any rank is its last axis."""
    rng = np.random.default_rng(2)
    for shape in [(3,), (4, 3), (2, 4, 3), (2, 2, 4, 3)]:
        w, g = rng.normal(size=shape), rng.normal(size=shape)
        want = g.copy()
        for unit in [...] if len(shape) == 1 else [(..., i) for i in range(3)]:
            most = 0.4 * max(np.linalg.norm(w[unit]), 1e-3)
            want[unit] *= min(1.0, most / np.linalg.norm(g[unit]))
        with jax.enable_x64(True):
            optimizer = optimizers.SGD(1.0, adaptive_clip=0.4)
            start = {"w": jnp.asarray(w)}
            got, _ = optimizer.apply({"w": jnp.asarray(g)}, start, optimizer.init(start), 0)
            np.testing.assert_allclose(w - np.asarray(got["w"]), want, rtol=1e-10)
