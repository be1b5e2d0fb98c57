"""Attention layers beside another library's: random parameters, random masks, values and gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

from tests.numeric import close

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value

lengths = st.integers(1, 5)
seeds = st.integers(0, 2**16)


def normal(*shape, seed=0, scale=1.0):
    return jnp.asarray(np.random.default_rng(seed).normal(scale=scale, size=shape), float)


def random_mask(batch, time, seed):
    """True at half of the steps, and at the first: PyTorch makes NaN of a query without any key."""
    mask = np.random.default_rng(seed).random((batch, time)) < 0.5
    mask[:, 0] = True
    return jnp.asarray(mask)


def random_params(layer, x):
    """Parameters of the right shapes, none of them at its start."""
    shapes = jax.eval_shape(lambda x: layer.init(jax.random.key(0), x)[0], x)
    leaves, tree = jax.tree.flatten(shapes)
    return jax.tree.unflatten(tree, [normal(*leaf.shape, seed=i + 2, scale=0.5) for i, leaf in enumerate(leaves)])


def from_above(shape):
    """The gradient that comes from above: the same on both sides."""
    return np.random.default_rng(1).normal(size=tuple(shape))


def differentiated(run, params, x, **options):
    """The value of ``run(params, x)``, and the gradients of sum(w y) in the parameters and the inputs.

    options:  of XLA's compiler.
    """

    @partial(jax.jit, compiler_options=options)
    def all_of_it(params, x):
        y, pull = jax.vjp(run, params, x)
        dp, dx = pull(jnp.asarray(from_above(y.shape), y.dtype))
        return {"y": y, "params": dp, "x": dx}

    return all_of_it(params, x)


def agree(mine, theirs, name):
    """Assert that all that ``differentiated`` gives agrees: in float64 each array to a share of its own largest value.

    In float32 it is a share of the largest of its kind: y, a gradient of parameters, or one of inputs. Some gradients
    are what is left of larger ones (those of a key's bias are 0, because it moves all scores of a query alike).
    """
    share = PRECISIONS[name]
    for kind, wanted in theirs.items():
        largest = max((float(np.abs(leaf).max()) for leaf in jax.tree.leaves(wanted)), default=0.0)
        close(mine[kind], wanted, share, share * largest if name == "float32" else share / 10)
