"""Schedules: a learning rate that depends on the step. Called as ``schedule(step)``."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal

import jax.numpy as jnp

from liuli.core.errors import SpecError
from liuli.core.extras import optax
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


@spec
class PolynomialDecay(Schedule):
    """rate(t) = (r - end) (1 - t / decay_steps)^power + end, r the initial_learning_rate

    initial_learning_rate:  the rate at step 0.
    decay_steps:            T, the steps to the end.
    end_learning_rate:      the rate from step T on.
    power:                  1 is a straight line, downwards or upwards.
    cycle:                  whether, instead of staying at the end, T becomes the next multiple of decay_steps.

    Reference: Chen et al., *DeepLab*, TPAMI 2018, the "poly" rule; this form as in Keras.

    Example:
        >>> from liuli import schedules
        >>> round(float(schedules.PolynomialDecay(0.1, 100, 0.0, power=2.0)(50)), 4)
        0.025
    """

    initial_learning_rate: float = dial(least=0.0)
    decay_steps: int = setting(least=1)
    end_learning_rate: float = dial(default=0.0001, least=0.0)
    power: float = dial(default=1.0, least=0.0)
    cycle: bool = False

    def __call__(self, step: Any) -> Any:
        share = jnp.asarray(step, dtype=float) / self.decay_steps
        done = share / jnp.maximum(1.0, jnp.ceil(share)) if self.cycle else jnp.minimum(1.0, share)
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - done) ** self.power + self.end_learning_rate


@spec
class InverseTimeDecay(Schedule):
    """rate(t) = initial_learning_rate / (1 + decay_rate t / decay_steps)

    initial_learning_rate:  the rate at step 0.
    decay_steps:            steps after which ``decay_rate`` is added to the denominator once.
    decay_rate:             how fast the denominator grows.
    staircase:              whether t / decay_steps is rounded down.

    Reference: Robbins and Monro, *A Stochastic Approximation Method*, 1951.

    Example:
        >>> from liuli import schedules
        >>> round(float(schedules.InverseTimeDecay(0.1, 10, 0.5)(20)), 4)
        0.05
    """

    initial_learning_rate: float = dial(least=0.0)
    decay_steps: int = setting(least=1)
    decay_rate: float = dial(least=0.0)
    staircase: bool = False

    def __call__(self, step: Any) -> Any:
        share = jnp.asarray(step, dtype=float) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (jnp.floor(share) if self.staircase else share))


@spec
class CosineDecayRestarts(Schedule):
    """rate(t) = r ((1 - alpha) m_mul^i (1 + cos(pi u)) / 2 + alpha), u the share of the i-th period that is over

    initial_learning_rate:  r, the rate at the top of the first period.
    first_decay_steps:      steps of the first period; i counts from 0.
    t_mul:                  how many times as long as the one before each period is.
    m_mul:                  how many times as high as the one before each period starts.
    alpha:                  the lowest rate, as a share of r.

    Reference: Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, ICLR 2017.

    Example:
        >>> from liuli import schedules
        >>> [round(float(schedules.CosineDecayRestarts(0.1, 10)(t)), 4) for t in (0, 5, 10, 20, 30)]
        [0.1, 0.05, 0.1, 0.05, 0.1]
    """

    initial_learning_rate: float = dial(least=0.0)
    first_decay_steps: int = setting(least=1)
    t_mul: float = setting(default=2.0, least=1.0)
    m_mul: float = dial(default=1.0, least=0.0)
    alpha: float = dial(default=0.0, least=0.0, most=1.0)

    def __call__(self, step: Any) -> Any:
        period, over = self._place(jnp.asarray(step, dtype=float) / self.first_decay_steps)
        top = (1 - self.alpha) * self.m_mul**period
        return self.initial_learning_rate * (top * (1 + jnp.cos(math.pi * over)) / 2 + self.alpha)

    def _place(self, share: Any) -> tuple[Any, Any]:
        """Which period it is, and the share of it that is over, after ``share`` first periods."""
        if self.t_mul == 1.0:
            return jnp.floor(share), share - jnp.floor(share)
        growth = self.t_mul - 1
        past = jnp.log1p(share * growth) / math.log(self.t_mul)
        period = jnp.floor(past + 1e-5)  # rounded down below a restart, the rate would be at the bottom, not the top
        length = self.t_mul**period
        return period, jnp.clip((share - (length - 1) / growth) / length, 0.0, 1.0)


@spec
class OneCycle(Schedule):
    """rate rises from max / div_factor to max, then falls to max / (div_factor final_div_factor), both as half cosines

    max_learning_rate:  max, the rate at the top.
    total_steps:        steps of the whole; after them the rate stays where it is.
    rise:               the share of the steps in which the rate rises; the top is at step rise total_steps - 1.
    div_factor:         max over the first rate.
    final_div_factor:   the first rate over the last.

    Reference: Smith and Topin, *Super-Convergence*, 2018; this form as PyTorch's OneCycleLR, whose pct_start is rise.

    Example:
        >>> from liuli import schedules
        >>> [round(float(schedules.OneCycle(0.1, 100)(t)), 4) for t in (0, 29, 99)]
        [0.004, 0.1, 0.0]
    """

    max_learning_rate: float = dial(least=0.0)
    total_steps: int = setting(least=2)
    rise: float = dial(default=0.3, least=0.0, most=1.0)
    div_factor: float = dial(default=25.0, least=1.0)
    final_div_factor: float = dial(default=10000.0, least=1.0)

    def __call__(self, step: Any) -> Any:
        step, last = jnp.asarray(step, dtype=float), self.total_steps - 1
        top = self.rise * self.total_steps - 1
        first = self.max_learning_rate / self.div_factor
        up = _half_cosine(first, self.max_learning_rate, step / jnp.maximum(top, 1e-6))
        down = (step - top) / jnp.maximum(last - top, 1e-6)
        return jnp.where(step <= top, up, _half_cosine(self.max_learning_rate, first / self.final_div_factor, down))


@spec
class WarmUp(Schedule):
    """rate(t) = schedule(0) t / warmup_steps while t < warmup_steps, then schedule(t - warmup_steps)

    schedule:      what follows; its first rate is what the warm-up rises to.
    warmup_steps:  steps of the rise.

    Reference: Goyal et al., *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour*, 2017, section 2.2.

    Example:
        >>> from liuli import schedules
        >>> warm = schedules.WarmUp(schedules.ExponentialDecay(0.1, 10, 0.5), 5)
        >>> [round(float(warm(t)), 4) for t in (0, 4, 5, 15)]
        [0.0, 0.08, 0.1, 0.05]
    """

    schedule: Schedule
    warmup_steps: int = setting(least=1)

    def __call__(self, step: Any) -> Any:
        step = jnp.asarray(step, dtype=float)
        after = self.schedule(jnp.maximum(0.0, step - self.warmup_steps))  # constant while the warm-up lasts
        return after * jnp.minimum(1.0, step / self.warmup_steps)


@spec
class Cyclic(Schedule):
    """rate(t) = base + (max - base) height(u) scale, u the share of the period that is over

    height rises in a straight line from 0 to 1 in ``steps_up`` steps, and falls to 0 in ``steps_down``. scale is 1
    with ``"triangular"``, halved with each period with ``"triangular2"``, gamma^t with ``"exp_range"``.

    base_learning_rate, max_learning_rate:  base and max.
    steps_up:    steps of the rise.
    steps_down:  steps of the fall; None is as many.
    mode:        how the height of the triangles changes.
    gamma:       of exp_range.

    Reference: Smith, *Cyclical Learning Rates for Training Neural Networks*, WACV 2017.

    Example:
        >>> from liuli import schedules
        >>> [round(float(schedules.Cyclic(0.1, 0.5, 10)(t)), 4) for t in (0, 5, 10, 20)]
        [0.1, 0.3, 0.5, 0.1]
    """

    base_learning_rate: float = dial(least=0.0)
    max_learning_rate: float = dial(least=0.0)
    steps_up: int = setting(default=2000, least=1)
    steps_down: int | None = setting(default=None, least=1)
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: float = dial(default=1.0, least=0.0)

    def __call__(self, step: Any) -> Any:
        step, down = jnp.asarray(step, dtype=float), self.steps_down or self.steps_up
        period = self.steps_up + down
        over = jnp.mod(step, period)
        height = jnp.minimum(over / self.steps_up, (period - over) / down)
        scales = {"triangular": 1.0, "triangular2": 0.5 ** jnp.floor(step / period), "exp_range": self.gamma**step}
        return self.base_learning_rate + (self.max_learning_rate - self.base_learning_rate) * height * scales[self.mode]


@spec
class Sequential(Schedule):
    """rate(t) = schedules[i](t - boundaries[i-1]) for the i with boundaries[i-1] <= t < boundaries[i]

    schedules:   one after the other, each with steps counted from its own start.
    boundaries:  the first step of each but the first.

    Reference: Goyal et al., *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour*, 2017; this form as PyTorch's
    SequentialLR.

    Example:
        >>> from liuli import schedules
        >>> rise, fall = schedules.PolynomialDecay(0.0, 10, 0.1), schedules.ExponentialDecay(0.1, 10, 0.5)
        >>> [round(float(schedules.Sequential((rise, fall), (10,))(t)), 4) for t in (0, 5, 10, 20)]
        [0.0, 0.05, 0.1, 0.05]
    """

    schedules: tuple[Schedule, ...]
    boundaries: tuple[int, ...]

    def check(self) -> None:
        if len(self.schedules) != len(self.boundaries) + 1 or any(b <= a for a, b in pairwise((0, *self.boundaries))):
            raise SpecError(
                "Sequential",
                got=f"{len(self.schedules)} schedules and boundaries {self.boundaries}",
                expected="rising boundaries, one less than schedules",
                fix="Sequential((rise, fall), (1000,))",
            )

    def __call__(self, step: Any) -> Any:
        rate = self.schedules[0](step)
        for start, schedule in zip(self.boundaries, self.schedules[1:], strict=True):
            rate = jnp.where(jnp.asarray(step) < start, rate, schedule(jnp.maximum(0, jnp.asarray(step) - start)))
        return rate


def _half_cosine(start: Any, end: Any, share: Any) -> Any:
    return end + (start - end) * (1 + jnp.cos(math.pi * jnp.clip(share, 0.0, 1.0))) / 2


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "Cyclic", "ExponentialDecay", "InverseTimeDecay", "OneCycle",
    "PiecewiseConstantDecay", "PolynomialDecay", "Schedule", "Sequential", "WarmUp",
]  # fmt: skip
