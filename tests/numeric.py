"""Numeric differentiation: gradients to compare with, made without automatic differentiation."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def central_differences(f: Callable[[Any], jax.Array], at: Any, step: float = 1e-6) -> Any:
    """df/dx_i = (f(x + h e_i) - f(x - h e_i)) / 2h for every element of the pytree ``at``, with h = step max(1, |x_i|).

    Call it where JAX computes in float64: the error is then about 1e-9 of the size of f.
    """
    leaves, tree = jax.tree.flatten(jax.tree.map(np.asarray, at))
    if wrong := {str(leaf.dtype) for leaf in leaves} - {"float64"}:
        raise TypeError(f"central differences need float64, not {', '.join(wrong)}")
    ends = np.cumsum([leaf.size for leaf in leaves])

    def rebuild(flat):
        return tree.unflatten(
            [flat[end - leaf.size : end].reshape(leaf.shape) for leaf, end in zip(leaves, ends, strict=True)]
        )

    centre, run = np.concatenate([leaf.ravel() for leaf in leaves]), jax.jit(lambda x: f(rebuild(x)))
    gradient = np.empty_like(centre)
    for i, x in enumerate(centre):
        moved = np.stack([centre, centre])
        moved[:, i] += np.array([1, -1]) * step * max(1.0, abs(x))
        above, below = (float(run(row)) for row in moved)
        gradient[i] = (above - below) / (moved[0, i] - moved[1, i])
    return rebuild(gradient)


def close(got: Any, want: Any, relative: float, absolute: float = 0.0) -> None:
    """Assert that two pytrees agree, each leaf to ``relative`` of its largest value, or to ``absolute``."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for path, leaf in jax.tree_util.tree_leaves_with_path(want):
        mine, yours = np.asarray(_at(got, path), np.float64), np.asarray(leaf, np.float64)
        allowed = max(absolute, relative * float(np.abs(yours).max(initial=0.0)))
        np.testing.assert_allclose(mine, yours, rtol=0, atol=allowed, err_msg=jax.tree_util.keystr(path))


def _at(tree: Any, path: Any) -> Any:
    return dict(jax.tree_util.tree_leaves_with_path(tree))[path]
