"""Schedules: a learning rate that depends on the step. Called as ``schedule(step)``."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import optax

from liuli.core.errors import SpecError
from liuli.core.specs import Spec, dial, setting, spec


class Schedule(Spec, family="schedules"):
    """rate(step), step counted in updates from 0. A schedule stands where an optimizer's learning rate does."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError


@spec
class ExponentialDecay(Schedule):
    """rate(t) = initial_learning_rate decay_rate^(t / decay_steps)

    initial_learning_rate:  the rate at step 0.
    decay_steps:            steps in which the rate is multiplied by ``decay_rate`` once.
    decay_rate:             the factor.
    staircase:              whether t / decay_steps is rounded down (step decay).

    Reference: Robbins and Monro, *A Stochastic Approximation Method*, 1951, for decreasing rates; this form as in
    Keras.

    Example:
        >>> from liuli import schedules
        >>> round(float(schedules.ExponentialDecay(0.1, 10, 0.5)(20)), 4)
        0.025
    """

    initial_learning_rate: float = dial(least=0.0)
    decay_steps: int = setting(least=1)
    decay_rate: float = dial(least=0.0)
    staircase: bool = False

    def __call__(self, step: Any) -> Any:
        share = jnp.asarray(step, dtype=float) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (jnp.floor(share) if self.staircase else share)


@spec
class CosineDecay(Schedule):
    """rate(t) = r ((1 - alpha) (1 + cos(pi t / decay_steps)) / 2 + alpha), after a linear warm-up

    initial_learning_rate:  r, the rate at the top.
    decay_steps:            steps from the top to the bottom.
    alpha:                  the lowest rate, as a share of r.
    warmup_steps:           steps in which the rate rises from 0 to r before it decays.

    Reference: Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, ICLR 2017.

    Example:
        >>> from liuli import schedules
        >>> round(float(schedules.CosineDecay(0.1, 100)(50)), 4)
        0.05
    """

    initial_learning_rate: float = dial(least=0.0)
    decay_steps: int = setting(least=1)
    alpha: float = dial(default=0.0, least=0.0, most=1.0)
    warmup_steps: int = setting(default=0, least=0)

    def __call__(self, step: Any) -> Any:
        step, top, steps = jnp.asarray(step, float), self.initial_learning_rate, self.warmup_steps
        decay = optax.cosine_decay_schedule(1.0, self.decay_steps)
        if not steps:
            return top * ((1 - self.alpha) * decay(step) + self.alpha)
        warm = optax.linear_schedule(0.0, 1.0, steps)
        return top * optax.join_schedules([warm, lambda t: (1 - self.alpha) * decay(t) + self.alpha], [steps])(step)


@spec
class PiecewiseConstantDecay(Schedule):
    """rate(t) = values[i] for the i with boundaries[i-1] < t <= boundaries[i]

    boundaries:  the last step of each value but the last.
    values:      one more than there are boundaries.

    Reference: He, Zhang, Ren and Sun, *Deep Residual Learning*, CVPR 2016, section 4.2.

    Example:
        >>> from liuli import schedules
        >>> [round(float(schedules.PiecewiseConstantDecay((100,), (0.1, 0.01))(t)), 2) for t in (100, 101)]
        [0.1, 0.01]
    """

    boundaries: tuple[int, ...]
    values: tuple[float, ...]

    def check(self) -> None:
        if len(self.values) != len(self.boundaries) + 1 or any(b <= a for a, b in pairwise(self.boundaries)):
            raise SpecError(
                "PiecewiseConstantDecay",
                got=f"{len(self.boundaries)} boundaries and {len(self.values)} values",
                expected="rising boundaries and one value more than boundaries",
                fix="PiecewiseConstantDecay((1000,), (0.1, 0.01))",
            )

    def __call__(self, step: Any) -> Any:
        pieces = [optax.constant_schedule(value) for value in self.values]
        return optax.join_schedules(pieces, [b + 1 for b in self.boundaries])(step)


__all__ = ["CosineDecay", "ExponentialDecay", "PiecewiseConstantDecay", "Schedule"]
