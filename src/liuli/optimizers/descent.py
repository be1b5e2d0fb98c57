"""Descent with one rate for all weights, or by the sign alone: SGD, ASGD, Lion, Rprop."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.extras import optax
from liuli.core.specs import dial, spec
from liuli.optimizers.base import FirstOrder
from liuli.optimizers.transforms import Slots, leafwise, relaxed
from liuli.schedules import Schedule


@spec
class SGD(FirstOrder):
    """v <- momentum v + g;  w <- w - rate v   (without momentum: w <- w - rate g)

    With ``nesterov`` the step is rate (g + momentum v). This is PyTorch's form; Keras keeps the rate inside v,
    which differs only while the rate changes.

    Reference: Polyak, 1964; Nesterov, 1983; Sutskever et al., *On the Importance of Initialization and Momentum*,
    ICML 2013.

    learning_rate:  the step length.
    momentum:       the share of v that is kept; None keeps no v.
    nesterov:       whether to look ahead.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.SGD(0.1, momentum=0.9)
        SGD(learning_rate=0.1, momentum=0.9)
    """

    learning_rate: float | Schedule = dial(default=0.01, least=0.0)
    momentum: float | None = dial(default=None, least=0.0, most=1.0)
    nesterov: bool = False

    def direction(self, step: Any) -> optax.GradientTransformation:
        return optax.identity() if self.momentum is None else optax.trace(self.momentum, self.nesterov)


@spec
class ASGD(FirstOrder):
    """w <- w - r (g + lambd w)  with  r = rate / (1 + lambd rate t)^alpha;  a <- the mean of w from step t0 on

    What is evaluated, and what training ends with, is a. PyTorch leaves a in the optimizer, and has t0 = 1e6.

    Reference: Polyak and Juditsky, *Acceleration of Stochastic Approximation by Averaging*, 1992; Bottou, *Large-Scale
    Machine Learning with Stochastic Gradient Descent*, 2010.

    learning_rate:  the first step length.
    lambd:          how fast the rate falls, and the strength of an L2 penalty.
    alpha:          the power with which the rate falls.
    t0:             the number of updates before averaging starts; until then a is w.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.ASGD(0.1, t0=100)
        ASGD(learning_rate=0.1, t0=100.0)
    """

    learning_rate: float | Schedule = dial(default=0.01, least=0.0)
    lambd: float = dial(default=1e-4, least=0.0)
    alpha: float = dial(default=0.75, least=0.0)
    t0: float = dial(default=0.0, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        return optax.add_decayed_weights(self.lambd)

    def rate(self, step: Any) -> Any:
        first, t = super().rate(step), jnp.asarray(step, float)
        return first / (1 + self.lambd * first * t) ** self.alpha

    def average_share(self, step: Any) -> Any:
        return 1 / jnp.maximum(1.0, jnp.asarray(step, float) - self.t0)


@spec
class Lion(FirstOrder):
    """w <- w - rate sign(b1 m + (1 - b1) g);  m <- b2 m + (1 - b2) g

    Every weight moves by the rate, so that the rate is 3 to 10 times smaller than Adam's and weight decay as much
    larger.

    Reference: Chen et al., *Symbolic Discovery of Optimization Algorithms*, NeurIPS 2023.

    learning_rate:   the length of each step of each weight.
    beta_1, beta_2:  b1 and b2, the memories in the step and of the mean.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Lion(1e-4, weight_decay=0.1)
        Lion(learning_rate=0.0001, weight_decay=0.1)
    """

    beta_1: float = dial(default=0.9, least=0.0, most=1.0)
    beta_2: float = dial(default=0.99, least=0.0, most=1.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_lion(self.beta_1, self.beta_2))


@spec
class Rprop(FirstOrder):
    """w <- w - s sign(g);  s grows by eta_plus while g keeps its sign, and shrinks by eta_minus when it turns

    Where the sign turned, the weight rests for one step. For full batches: a small batch turns signs by chance.

    Reference: Riedmiller and Braun, *A Direct Adaptive Method for Faster Backpropagation Learning*, ICNN 1993.

    learning_rate:       the first s of every weight; changing it later has no effect.
    eta_minus, eta_plus: the factors.
    least_step, largest_step:  the bounds of s.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Rprop(0.01)
        Rprop()
    """

    learning_rate: float | Schedule = dial(default=0.01, least=0.0)
    eta_minus: float = dial(default=0.5, least=0.0, most=1.0)
    eta_plus: float = dial(default=1.2, least=1.0)
    least_step: float = dial(default=1e-6, least=0.0)
    largest_step: float = dial(default=50.0, least=0.0)

    def rule(self, step: Any) -> optax.GradientTransformation:
        decay = [] if self.weight_decay is None else [self.decayed(-self.rate(step) * self.weight_decay)]
        return optax.chain(leafwise(self._start, self._move), *decay)

    def _start(self, w: jax.Array) -> Slots:
        return {"size": jnp.full_like(w, self.rate(0)), "sign": jnp.zeros_like(w)}

    def _move(self, g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
        sign = jnp.sign(g)
        turn = sign * slots["sign"]
        factor = jnp.where(turn > 0, self.eta_plus, jnp.where(turn < 0, self.eta_minus, 1.0))
        size = jnp.clip(slots["size"] * factor, self.least_step, self.largest_step)
        sign = jnp.where(turn < 0, 0.0, sign)
        return -size * sign, {"size": size, "sign": sign}


__all__ = ["ASGD", "SGD", "Lion", "Rprop"]
