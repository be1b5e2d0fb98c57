"""The loss that training makes small, as a function of one vector: its value, gradient, and Hessian times vectors.

L(w) = sum over batches of L_batch(w),   H v = d/dt grad L(w + t v) at t = 0

Batches are summed in float64 on the host, so that memory holds one batch at a time whatever the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import dials
from liuli.core.errors import LiuliError, ShapeError
from liuli.core.fields import nearest
from liuli.core.precision import Precision, parameter_dtype, scope
from liuli.core.specs import with_fields
from liuli.core.trees import paths
from liuli.inspect.batch import Batch, prepare, with_values
from liuli.kernels import plain
from liuli.training import Model
from liuli.training.arrays import check_batches, declared_batch
from liuli.training.recipe import Recipe, compiled_part, fuse
from liuli.training.state import split
from liuli.training.step import context, forward, penalties

ROWS = 1024  # of a batch, by default
_WIDTH = 8  # vectors that the Hessian is multiplied by at once, at most


class Part(NamedTuple):
    """One batch: its arrays, its random key, and its share of all rows."""

    inputs: tuple[Any, ...]
    targets: tuple[Any, ...]
    key: Any
    share: Any


class Fixed(NamedTuple):
    """What does not move: the other parameters, states to mix, dials."""

    params: Any
    states: tuple[Any, ...]
    dials: dict[str, float]


class Programs(NamedTuple):
    """The compiled functions of one recipe."""

    gradient: Callable[..., Any]
    products: Callable[..., Any]
    values: Callable[..., Any]
    bends: Callable[..., Any]


class Objective:
    """L as a function of the parameters that move, laid out as a vector w: (size,).

    training:    whether dropout and batch statistics act, with the random key of the next step in every call.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.
    layer:       a layer, or the path of one parameter: nothing else moves.
    frozen:      whether frozen parameters move too.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss.
        LiuliError: nothing moves, or no layer has this name.
    """

    def __init__(
        self,
        model: Model,
        x: Any,
        y: Any,
        *,
        training: bool = False,
        precision: Precision | None = None,
        batch_size: int = ROWS,
        layer: str | None = None,
        frozen: bool = False,
    ) -> None:
        batch = prepare(model, x, y)
        recipe = batch.recipe if precision is None else with_fields(batch.recipe, {"precision": precision})
        self.recipe, self.dtype = recipe, parameter_dtype(recipe.precision)
        self.params = cast(batch.now.params, self.dtype)
        self.moving = _moving(recipe, self.params, layer, frozen)
        self.start = self.flat(self.params)
        self.size = self.start.size
        self.width = _WIDTH
        self.rows = len(batch.inputs[0])
        self.programs = _programs(compiled_part(recipe), training, self.moving)
        with scope(recipe.precision):
            self.fixed = jax.device_put(Fixed(self.params, (cast(batch.now.state, self.dtype),), {}))
            self.fixed = self.fixed._replace(dials=dials(recipe))
            self.parts = [jax.device_put(part) for part in self._parts(batch, batch_size, training)]

    # Vectors and trees -------------------------------------------------------------------------------

    def flat(self, tree: Any) -> np.ndarray:
        """What moves of a tree like the parameters, as one vector in float64."""
        leaves = paths(tree)
        return np.concatenate([np.asarray(leaves[path], np.float64).ravel() for path in self.moving])

    def tree(self, flat: np.ndarray) -> Any:
        """The vector in the form of the parameters, zero where nothing moves."""
        zeros = jax.tree.map(lambda p: np.zeros(p.shape, p.dtype), self.params)
        return _placed(zeros, self.moving, np.asarray(flat, self.dtype))

    def direction(self, tree: Any, where: str = "direction") -> np.ndarray:
        """The same as :meth:`flat` for what a caller gave.

        Raises:
            ShapeError, LiuliError: it is not like the parameters, not finite, or zero.
        """
        check_like(tree, self.params, where)
        flat = self.flat(tree)
        if not np.isfinite(flat).all() or not flat.any():
            got = "only zeros in what moves" if np.isfinite(flat).all() else "numbers that are not finite"
            raise LiuliError(where, got=got, expected="a direction", fix="a tree like model.params")
        return flat

    # L and its derivatives ---------------------------------------------------------------------------

    def here(self) -> tuple[float, np.ndarray]:
        """L and its gradient at the parameters as they are.

        Raises:
            LiuliError: they are not finite.
        """
        loss, gradient = self.gradient(self.start)
        if not np.isfinite(loss) or not np.isfinite(gradient).all():
            got = f"a loss of {loss} with a gradient that is {'' if np.isfinite(gradient).all() else 'not '}finite"
            raise LiuliError("model", got=got, expected="finite numbers", fix="build or train the model anew")
        return loss, gradient

    def gradient(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """L and its gradient at ``at`` (size,)."""
        found = self._sum(self.programs.gradient, np.asarray(at, self.dtype))
        return float(found[0]), found[1]

    def products(self, vectors: np.ndarray) -> np.ndarray:
        """H v for each row v of ``vectors`` (count, size), at the parameters as they are."""
        made, width = np.empty(vectors.shape), min(self.width, max(1, len(vectors)))
        at = np.asarray(self.start, self.dtype)
        for i in range(0, len(vectors), width):
            few = np.zeros((width, self.size), self.dtype)
            few[: len(vectors) - i] = vectors[i : i + width]
            with plain():  # differentiated twice
                made[i : i + width] = self._sum(self.programs.products, at, few)[: len(vectors) - i]
        return made

    def values(self, directions: Any, places: Any, states: Sequence[Any] = (), shares: Any = None) -> np.ndarray:
        """L(w + sum_j c_j d_j) for each row c of ``places`` (count, directions); with the network's state mixed of
        ``states`` by the rows of ``shares`` (count, states), where they are given."""
        fixed = self.fixed._replace(states=tuple(cast(s, self.dtype) for s in states)) if states else self.fixed
        weights = np.ones((len(places), 1)) if shares is None else shares
        given = (np.asarray(a, self.dtype) for a in (self.start, directions, places, weights))
        return self._sum(self.programs.values, *given, fixed=fixed)

    def bends(self, direction: np.ndarray, at: np.ndarray) -> np.ndarray:
        """f, f' and f'' of f(t) = L(w + t d) for each t in ``at``: (3, points)."""
        with plain():
            given = (np.asarray(a, self.dtype) for a in (self.start, direction, at))
            return np.stack(self._sum(self.programs.bends, *given))

    def _sum(self, program: Callable[..., Any], *given: Any, fixed: Fixed | None = None) -> Any:
        """``program`` over all batches."""
        total: Any = None
        with scope(self.recipe.precision):
            for part in self.parts:
                found = jax.device_get(program(*given, self.fixed if fixed is None else fixed, part))
                found = jax.tree.map(lambda a: np.asarray(a, np.float64), found)
                total = found if total is None else jax.tree.map(np.add, total, found)
        return total

    def _parts(self, batch: Batch, batch_size: int, training: bool) -> list[Part]:
        size = declared_batch(self.recipe.network) or batch_size
        check_batches(self.recipe.network, self.rows, size)
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise LiuliError("batch_size", got=repr(size), expected="a whole number above 0", fix=f"batch_size={ROWS}")
        key, parts = batch.key(training), []
        for number, i in enumerate(range(0, self.rows, size)):
            inputs, targets = (
                cast(tuple(a[i : i + size] for a in s), self.dtype) for s in (batch.inputs, batch.targets)
            )
            own = key if key is None or number == 0 else jax.random.fold_in(key, number)
            parts.append(Part(inputs, targets, own, np.asarray(len(inputs[0]) / self.rows, self.dtype)))
        return parts


def check_like(tree: Any, params: Any, where: str) -> None:
    """Raise ShapeError unless ``tree`` has the paths and shapes of ``params``."""
    got = {path: np.shape(leaf) for path, leaf in paths(tree).items()}
    wanted = {path: np.shape(leaf) for path, leaf in paths(params).items()}
    for path in sorted(got.keys() | wanted.keys()):
        if got.get(path) != wanted.get(path):
            there, asked = (f"shape {s[path]}" if path in s else "nothing" for s in (got, wanted))
            raise ShapeError(f"{where}/{path}", got=there, expected=asked, fix="a tree like model.params")


@lru_cache(maxsize=32)
def _programs(recipe: Recipe, training: bool, moving: tuple[str, ...]) -> Programs:
    fused = fuse(recipe)

    def loss(flat: jax.Array, state: Any, fixed: Fixed, part: Part) -> jax.Array:
        exact, params = with_values(fused, fixed.dials), _placed(fixed.params, moving, flat)
        ctx = context(exact, training, part.key)
        left, masks, _ = forward(exact, params, state, part.inputs, ctx)
        each = zip(exact.recipe.outputs, part.targets, left, masks, strict=True)
        made = [(o.loss.reduction, o.weighed(o.loss(y, v, mask=mask))) for o, y, v, mask in each]
        terms = [jnp.asarray(term) * part.share if how == "mean" else jnp.asarray(term) for how, term in made]
        return sum(terms, penalties(exact, params, ctx) * part.share)

    def gradient(flat: jax.Array, fixed: Fixed, part: Part) -> Any:
        return jax.value_and_grad(loss)(flat, fixed.states[0], fixed, part)

    def products(flat: jax.Array, vectors: jax.Array, fixed: Fixed, part: Part) -> jax.Array:
        slope = jax.grad(lambda w: loss(w, fixed.states[0], fixed, part))
        return jax.vmap(lambda v: jax.jvp(slope, (flat,), (v,))[1])(vectors)

    def values(flat: Any, directions: Any, places: Any, shares: Any, fixed: Fixed, part: Part) -> jax.Array:
        def one(given: Any) -> jax.Array:
            return loss(flat + given[0] @ directions, _mixed(fixed.states, given[1]), fixed, part)

        return jax.lax.map(one, (places, shares))

    def bends(flat: jax.Array, direction: jax.Array, at: jax.Array, fixed: Fixed, part: Part) -> Any:
        def one(t: jax.Array) -> Any:
            along = jax.value_and_grad(lambda t: loss(flat + t * direction, fixed.states[0], fixed, part))
            (value, slope), (_, bend) = jax.jvp(along, (t,), (jnp.ones_like(t),))
            return value, slope, bend

        return jax.lax.map(one, at)

    return Programs(*map(jax.jit, (gradient, products, values, bends)))


def _moving(recipe: Recipe, params: Any, layer: str | None, frozen: bool) -> tuple[str, ...]:
    """The paths of the parameters that move."""
    trained, still = split(recipe.network, params)
    found = [path for path in paths(params) if frozen or path in trained]
    if layer is not None:
        named = [path for path in found if path == layer or path.startswith(f"{layer}/")]
        if not named:
            layers = {path.rpartition("/")[0] for path in found}
            got = f"{layer!r}" + ", which is frozen" * any(path.startswith(f"{layer}/") for path in still)
            raise LiuliError("layer", got=got, expected="a layer that learns", fix=f"write {nearest(layer, layers)}")
        found = named
    if not sum(paths(params)[path].size for path in found):
        raise LiuliError("model", got="no parameters that learn", expected="some", fix="add a layer, or unfreeze one")
    return tuple(found)


def _placed(params: Any, moving: tuple[str, ...], flat: Any) -> Any:
    """``params`` in which those that move are cut from ``flat``."""
    leaves, start = paths(params), 0
    for path in moving:
        shape, size = leaves[path].shape, leaves[path].size
        leaves[path] = flat[start : start + size].reshape(shape)
        start += size
    return jax.tree.unflatten(jax.tree.structure(params), list(leaves.values()))


def _mixed(states: tuple[Any, ...], shares: jax.Array) -> Any:
    """The weighted mean of states; of what is not a float, the first."""
    if len(states) == 1:
        return states[0]
    return jax.tree.map(
        lambda *a: sum(s * v for s, v in zip(shares, a, strict=True)) if _floats(a[0]) else a[0], *states
    )


def cast(tree: Any, dtype: Any) -> Any:
    """Floats in NumPy as ``dtype``; the rest (integers, keys) as it is."""
    return jax.tree.map(lambda a: np.asarray(a).astype(dtype, copy=False) if _floats(a) else a, tree)


def _floats(a: Any) -> bool:
    return hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating)
