"""Transformations of gradients, in Optax's form, from which optimizers are put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.extras import optax

Slots = dict[str, jax.Array]

if TYPE_CHECKING:
    from optax import GradientTransformation
else:

    class GradientTransformation(NamedTuple):
        """What Optax calls so, without importing it: most networks are trained with no more of it."""

        init: Callable[..., Any]
        update: Callable[..., Any]


class Averaged(NamedTuple):
    """Slots of :func:`averaging`."""

    inner: Any
    average: Any


class Accumulated(NamedTuple):
    """Slots of :func:`accumulating`."""

    inner: Any
    total: Any


def chain(*parts: GradientTransformation) -> GradientTransformation:
    """One after the other, as ``optax.chain``: the slots are a tuple, of each part its own."""

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        slots = []
        for part, own in zip(parts, state, strict=True):
            updates, new = part.update(updates, own, params)
            slots.append(new)
        return updates, tuple(slots)

    return GradientTransformation(lambda params: tuple(part.init(params) for part in parts), update)


def relaxed(transformation: GradientTransformation) -> GradientTransformation:
    """A transformation of Optax under JAX's usual promotion: it raises traced floats to an integer count."""

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return transformation.update(updates, state, params)

    return GradientTransformation(transformation.init, update)


def leafwise(
    start: Callable[[jax.Array], Slots], move: Callable[[jax.Array, Slots, jax.Array], tuple[jax.Array, Slots]]
) -> GradientTransformation:
    """The same for each parameter by itself: ``start(w)`` makes its slots, ``move(g, slots, w)`` its update and its
    next slots, each in the dtype that it had."""

    def one(g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
        update, new = move(g, slots, w)
        return update.astype(g.dtype), {name: new[name].astype(old.dtype) for name, old in slots.items()}

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        form = jax.tree.structure(params)
        leaves = (jax.tree.leaves(updates), form.flatten_up_to(state), jax.tree.leaves(params))
        with jax.numpy_dtype_promotion("standard"):
            moved = [one(*each) for each in zip(*leaves, strict=True)]
        return form.unflatten([u for u, _ in moved]), form.unflatten([slots for _, slots in moved])

    return GradientTransformation(lambda params: jax.tree.map(start, params), update)


def adding(inner: GradientTransformation) -> GradientTransformation:
    """The parameters, with what ``inner`` makes of gradients added to them."""

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        updates, state = inner.update(updates, state, params)
        return optax.apply_updates(params, updates), state

    return GradientTransformation(inner.init, update)


def averaging(inner: GradientTransformation, share: Any) -> GradientTransformation:
    """``inner``, which makes parameters, with an average of them beside it: a <- a + share (w - a)."""

    def init(params: Any) -> Averaged:
        return Averaged(inner.init(params), jax.tree.map(jnp.copy, params))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        moved, slots = inner.update(updates, state.inner, params)

        def nearer(a: jax.Array, w: jax.Array) -> jax.Array:
            return a + jnp.asarray(share, a.dtype) * (w - a)

        return moved, Averaged(slots, jax.tree.map(nearer, state.average, moved))

    return GradientTransformation(init, update)


def accumulating(inner: GradientTransformation, every: int, step: Any) -> GradientTransformation:
    """``inner``, which makes parameters, on the mean of ``every`` gradients in a row; they rest in between."""

    def init(params: Any) -> Accumulated:
        return Accumulated(inner.init(params), jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        total = jax.tree.map(jnp.add, state.total, updates)
        none = jax.tree.map(jnp.zeros_like, total)

        def move() -> tuple[Any, Accumulated]:
            moved, slots = inner.update(jax.tree.map(lambda t: t / every, total), state.inner, params)
            return moved, Accumulated(slots, none)

        return jax.lax.cond((step + 1) % every == 0, move, lambda: (params, Accumulated(state.inner, total)))

    return GradientTransformation(init, update)


def clipped_norm(tree: Any, largest: Any) -> Any:
    """``tree``, shortened where its norm is over ``largest``."""
    scale = jnp.minimum(1.0, largest / jnp.maximum(optax.tree.norm(tree), 1e-12))
    return jax.tree.map(lambda leaf: leaf * scale, tree)


def clipped_adaptively(g: jax.Array, w: jax.Array, largest: Any) -> jax.Array:
    """The gradient of each unit (the last axis of w), shortened where it is over ``largest`` times the unit's norm."""
    axes = tuple(range(w.ndim - 1)) or None
    size, norm = (jnp.sqrt(jnp.sum(jnp.square(a), axes, keepdims=True)) for a in (w, g))
    return g * jnp.minimum(1.0, largest * jnp.maximum(size, 1e-3) / jnp.maximum(norm, 1e-6))
