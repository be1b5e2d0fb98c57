"""Optimizers around optimizers: SAM, MultiOptimizer, LossScaleOptimizer."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.errors import SpecError
from liuli.core.extras import optax
from liuli.core.specs import Spec, dial, setting, spec
from liuli.core.trees import paths
from liuli.optimizers.base import Objective, Optimizer


@spec
class SAM(Optimizer):
    """w <- the step of ``base`` from w, along the gradient at w + rho g / |g|, g the gradient at w

    The gradient is taken where the loss is highest nearby, so that flat minima are found. A step costs two gradients.

    Reference: Foret et al., *Sharpness-Aware Minimization for Efficiently Improving Generalization*, ICLR 2021.

    base:  the optimizer that makes the step.
    rho:   how far to climb.

    Raises:
        SpecError: base needs more than a gradient.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.SAM(optimizers.SGD(0.1, momentum=0.9))
        SAM(SGD(learning_rate=0.1, momentum=0.9))
    """

    base: Optimizer
    rho: float = dial(default=0.05, least=0.0)

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return ""

    def check(self) -> None:
        _check_gradients_do(self.base, "SAM.base")

    def init(self, params: Any) -> Any:
        return self.base.init(params)

    def advance(self, objective: Objective, params: Any, slots: Any, step: Any) -> tuple[Any, Any, Any]:
        (_, aux), uphill = jax.value_and_grad(objective, has_aux=True)(params)
        length = self.rho / jnp.maximum(optax.tree.norm(uphill), 1e-12)
        climbed = jax.tree.map(lambda w, g: w + length * g, params, uphill)
        gradients = jax.grad(lambda w: objective(w)[0])(climbed)
        return *self.base.apply(gradients, params, slots, step), aux

    def averaged(self, params: Any, slots: Any) -> Any:
        return self.base.averaged(params, slots)


@spec
class MultiOptimizer(Optimizer):
    """Each parameter by the optimizer whose prefix is the longest that its path begins with, else by the default

    A path is the name of a layer, then of what is in it: ``dense_1/kernel``. Norms over all gradients are over those
    of one optimizer. (In PyTorch: parameter groups.)

    default_optimizer:  for parameters that no prefix fits.
    prefixes:           what paths begin with.
    optimizers:         one for each prefix.

    Raises:
        SpecError: prefixes and optimizers are not as many, a prefix stands twice or fits no parameter, or an optimizer
            needs more than a gradient.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.MultiOptimizer("adam", ("embedding_1",), (optimizers.SGD(0.1),))
        MultiOptimizer(Adam(), ('embedding_1',), (SGD(learning_rate=0.1),))
    """

    default_optimizer: Optimizer
    prefixes: tuple[str, ...]
    optimizers: tuple[Optimizer, ...]

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return "default" if index is None else self.prefixes[index]

    def check(self) -> None:
        if len(self.prefixes) != len(self.optimizers) or len({"", *self.prefixes}) <= len(self.prefixes):
            raise SpecError(
                "MultiOptimizer",
                got=f"prefixes {self.prefixes} and {len(self.optimizers)} optimizers",
                expected="one optimizer for each prefix, each prefix once and not empty",
                fix='MultiOptimizer("adam", ("dense_1",), ("sgd",))',
            )
        for name, optimizer in self._all().items():
            _check_gradients_do(optimizer, f"MultiOptimizer {name or 'default'}")

    def init(self, params: Any) -> Any:
        groups = self._dealt(params)
        if idle := [prefix for prefix in self.prefixes if not groups[prefix]]:
            raise SpecError(
                "MultiOptimizer",
                got=f"the prefix {idle[0]!r}, which fits no parameter that is left",
                expected=f"the beginning of one of {', '.join(paths(params))}",
                fix="look at model.summary()",
            )
        return {name: optimizer.init(groups[name]) for name, optimizer in self._all().items()}

    def apply(self, gradients: Any, params: Any, slots: Any, step: Any) -> tuple[Any, Any]:
        dealt, wanted = self._dealt(gradients), self._dealt(params)
        moved = {
            name: optimizer.apply(dealt[name], wanted[name], slots[name], step)
            for name, optimizer in self._all().items()
        }
        return _gathered(params, [group for group, _ in moved.values()]), {n: new for n, (_, new) in moved.items()}

    def averaged(self, params: Any, slots: Any) -> Any:
        groups = self._dealt(params)
        means = {name: optimizer.averaged(groups[name], slots[name]) for name, optimizer in self._all().items()}
        if all(means[name] is groups[name] for name in groups):
            return params
        return _gathered(params, list(means.values()))

    def _all(self) -> dict[str, Optimizer]:
        """Every optimizer by its prefix; the default's is empty, which begins every path."""
        return {"": self.default_optimizer, **dict(zip(self.prefixes, self.optimizers, strict=True))}

    def _dealt(self, tree: Any) -> dict[str, dict[str, Any]]:
        """The leaves by path, for each optimizer."""
        groups: dict[str, dict[str, Any]] = {prefix: {} for prefix in self._all()}
        for path, leaf in paths(tree).items():
            groups[max((prefix for prefix in groups if path.startswith(prefix)), key=len)][path] = leaf
        return groups


class Scaled(NamedTuple):
    """Slots of LossScaleOptimizer."""

    scale: jax.Array
    finite_steps: jax.Array
    inner: Any


@spec
class LossScaleOptimizer(Optimizer):
    """The gradient of scale x loss, divided by scale: small gradients survive float16

    Where a gradient is not finite, the step is left out and the scale halved; after ``dynamic_growth_steps`` finite
    ones in a row it is doubled. For ``precision="float16"``; bfloat16 has the range of float32 and needs none.

    Reference: Micikevicius et al., *Mixed Precision Training*, ICLR 2018.

    inner_optimizer:       the optimizer that makes the steps.
    initial_scale:         the first scale.
    dynamic_growth_steps:  finite steps before the scale grows.

    Raises:
        SpecError: inner_optimizer needs more than a gradient.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.LossScaleOptimizer("adam")
        LossScaleOptimizer(Adam())
    """

    inner_optimizer: Optimizer
    initial_scale: float = setting(default=2.0**15, least=1.0)
    dynamic_growth_steps: int = setting(default=2000, least=1)

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return ""

    def check(self) -> None:
        _check_gradients_do(self.inner_optimizer, "LossScaleOptimizer.inner_optimizer")

    def init(self, params: Any) -> Scaled:
        scale = jnp.asarray(self.initial_scale, float)
        return Scaled(scale, jnp.zeros((), jnp.int32), self.inner_optimizer.init(params))

    def advance(self, objective: Objective, params: Any, slots: Scaled, step: Any) -> tuple[Any, Any, Any]:
        def scaled(params: Any) -> tuple[jax.Array, Any]:
            loss, aux = objective(params)
            return loss * slots.scale.astype(loss.dtype), aux

        (_, aux), gradients = jax.value_and_grad(scaled, has_aux=True)(params)
        gradients = jax.tree.map(lambda g: g / slots.scale.astype(g.dtype), gradients)
        finite = jnp.all(jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(gradients)]))
        moved = self.inner_optimizer.apply(gradients, params, slots.inner, step)
        kept, inner = jax.tree.map(lambda new, old: jnp.where(finite, new, old), moved, (params, slots.inner))
        return kept, Scaled(*self._next_scale(slots, finite), inner), aux

    def averaged(self, params: Any, slots: Scaled) -> Any:
        return self.inner_optimizer.averaged(params, slots.inner)

    def _next_scale(self, slots: Scaled, finite: jax.Array) -> tuple[jax.Array, jax.Array]:
        steps = jnp.where(finite, slots.finite_steps + 1, 0)
        grows = steps == self.dynamic_growth_steps
        factor = jnp.where(finite, jnp.where(grows, 2.0, 1.0), 0.5)
        return slots.scale * factor.astype(slots.scale.dtype), jnp.where(grows, 0, steps)


def _gathered(like: Any, groups: list[dict[str, Any]]) -> Any:
    """The leaves of all groups, in the form of ``like``."""
    every = {path: leaf for group in groups for path, leaf in group.items()}
    return jax.tree.unflatten(jax.tree.structure(like), [every[path] for path in paths(like)])


def _check_gradients_do(optimizer: Optimizer, where: str) -> None:
    if not optimizer.takes_gradients:
        raise SpecError(
            where,
            got=f"{type(optimizer).__name__}, which evaluates the loss by itself",
            expected="an optimizer that needs the gradient alone",
            fix='"sgd" or "adam"',
        )


__all__ = ["SAM", "LossScaleOptimizer", "MultiOptimizer"]
