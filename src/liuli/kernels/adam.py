"""A step of Adam for one parameter."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like, usable

_LARGE = 1 << 13  # elements; of fewer XLA's own loops are as fast

Moved = tuple[jax.Array, jax.Array, jax.Array]  # w, m, v


def adam(
    g: jax.Array, w: jax.Array, m: jax.Array, v: jax.Array, rate: Any, betas: tuple[Any, Any], epsilon: Any,
    decay: Any, step: Any,
) -> Moved:  # fmt: skip
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - rate (mhat / (sqrt(vhat) + epsilon) + decay w)

    with mhat = m / (1 - b1^step), vhat = v / (1 - b2^step), steps counted from 1. A decay of None is none.
    """
    first, second = (1 - beta ** jnp.asarray(step, float) for beta in betas)
    if w.size >= _LARGE and usable(g, w, m, v):
        kept = [number for beta in betas for number in (beta, 1 - beta)]
        rates = [*kept, 1 / first, 1 / second, epsilon, 0.0 if decay is None else decay, rate]
        numbers = jnp.stack([jnp.asarray(number, jnp.float32) for number in rates])
        moved = call("adam", [like(*w.shape)] * 3, numbers, g, w, m, v, places={2: 0, 3: 1, 4: 2})
        return moved[0], moved[1], moved[2]
    m, v = (beta * old + (1 - beta) * new for beta, old, new in zip(betas, (m, v), (g, g**2), strict=True))
    update = (m / first) / (jnp.sqrt(v / second) + epsilon)
    update = update if decay is None else update + decay * w
    return w + update * -rate, m, v
