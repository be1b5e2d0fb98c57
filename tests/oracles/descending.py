"""One ill-conditioned problem, and fifty steps of an optimizer on it, for comparisons with other libraries."""

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import dials, with_dials

STEPS = 50
RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)) * [3.0, 1.0, 0.5, 0.1]
Y = RNG.normal(size=(20, 3))
START = {"kernel": RNG.normal(size=(4, 3)) * 0.3, "bias": np.array([0.1, -0.2, 0.3])}


def objective(x, y):
    """params -> (loss, aux), as an optimizer takes it."""

    def loss(w):
        return jnp.square(jnp.tanh(x @ w["kernel"] + w["bias"][None]) - y).mean(), ()

    return loss


def gradient(w):
    """The gradient in NumPy."""
    h = np.tanh(X @ w["kernel"] + w["bias"])
    slope = 2 * (h - Y) * (1 - h**2) / Y.size
    return {"kernel": X.T @ slope, "bias": slope.sum(0)}


def flat(w):
    """Parameters as one vector, from arrays of any library."""
    return np.concatenate([np.ravel(w["kernel"]), np.ravel(w["bias"])]).astype(np.float64)


def steps(optimizer, dtype="float64"):
    """The parameters and slots after each step. Dials enter the compiled step as an argument."""
    with jax.enable_x64(dtype == "float64"):
        loss = objective(jnp.asarray(X, dtype), jnp.asarray(Y, dtype))

        @jax.jit
        def step(w, slots, values, count):
            return with_dials(optimizer, values).advance(loss, w, slots, count)[:2]

        w = {name: jnp.asarray(value, dtype) for name, value in START.items()}
        slots, path = optimizer.init(w), []
        for count in range(STEPS):
            w, slots = step(w, slots, dials(optimizer), count)
            path.append((w, slots))
        return path


def ours(optimizer, dtype="float64"):
    """The parameters after each step, (steps, parameters)."""
    return np.stack([flat(w) for w, _ in steps(optimizer, dtype)])


def by_hand(move):
    """The same from NumPy: ``move(name, w, g, t, slots)`` is the next value of a parameter, t counted from 1, slots a
    dict of its own that starts empty."""
    w, path = {name: value.copy() for name, value in START.items()}, []
    slots = {name: {} for name in w}
    for t in range(1, STEPS + 1):
        g = gradient(w)
        w = {name: move(name, w[name], g[name], t, slots[name]) for name in w}
        path.append(flat(w))
    return np.stack(path)


def agree(optimizer, want):
    """Assert that each step is that of the oracle: float64 to 1e-10 of the largest parameter, float32 to 1e-5."""
    assert np.abs(want[-1] - want[0]).max() > 1e-3, "nothing moved: the comparison means nothing"
    largest = np.abs(want).max()
    np.testing.assert_allclose(ours(optimizer), want, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(ours(optimizer, "float32"), want, rtol=0, atol=1e-5 * largest)
