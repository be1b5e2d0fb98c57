"""A rate for each weight, from its past gradients: Adagrad, Adadelta, RMSprop, Adafactor, Ftrl."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.extras import optax
from liuli.core.specs import dial, spec
from liuli.optimizers.base import FirstOrder
from liuli.optimizers.transforms import Slots, leafwise, relaxed


@spec
class Adagrad(FirstOrder):
    """v <- v + g^2;  w <- w - rate g / sqrt(v + epsilon)

    The epsilon stands inside the root, as in Keras; PyTorch has it outside, and v begins at 0.

    Reference: Duchi, Hazan and Singer, *Adaptive Subgradient Methods*, JMLR 2011.

    learning_rate:  the step length.
    initial_accumulator_value:  what v begins with.
    epsilon:        keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adagrad(0.1)
        Adagrad(learning_rate=0.1)
    """

    initial_accumulator_value: float = dial(default=0.1, least=0.0)
    epsilon: float = dial(default=1e-7, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_rss(self.initial_accumulator_value, self.epsilon))


@spec
class Adadelta(FirstOrder):
    """w <- w - rate u  with  u = g sqrt(x + epsilon) / sqrt(v + epsilon)

    v <- rho v + (1 - rho) g^2 before it, x <- rho x + (1 - rho) u^2 after it.

    Reference: Zeiler, *ADADELTA: An Adaptive Learning Rate Method*, 2012. There, and in PyTorch, the rate is 1.

    learning_rate:  the step length.
    rho:            the memory of both squares.
    epsilon:        starts the first step, and keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adadelta(1.0)
        Adadelta(learning_rate=1.0)
    """

    rho: float = dial(default=0.95, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-7, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_adadelta(self.rho, self.epsilon))


@spec
class RMSprop(FirstOrder):
    """v <- rho v + (1 - rho) g^2;  w <- w - rate g / (sqrt(v) + epsilon)

    With ``momentum`` the step is rate b, b <- momentum b + g / (sqrt(v) + epsilon). With ``centered`` the variance of
    g, v - (its mean)^2, stands in the place of v.

    Reference: Tieleman and Hinton, *Lecture 6.5: rmsprop*, Coursera, 2012; centered: Graves, *Generating Sequences
    with Recurrent Neural Networks*, 2013.

    learning_rate:  the step length.
    rho:            the memory of the square.
    momentum:       the share of b that is kept; None keeps no b.
    epsilon:        keeps the division finite; outside the root, as in PyTorch.
    centered:       whether to take the variance.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.RMSprop(rho=0.99)
        RMSprop(rho=0.99)
    """

    rho: float = dial(default=0.9, least=0.0, most=1.0)
    momentum: float | None = dial(default=None, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-7, least=0.0)
    centered: bool = False

    def direction(self, step: Any) -> optax.GradientTransformation:
        plain = optax.scale_by_rms(self.rho, self.epsilon, eps_in_sqrt=False)
        scaled = leafwise(_squares_and_means, self._by_deviation) if self.centered else plain
        return scaled if self.momentum is None else optax.chain(scaled, optax.trace(self.momentum))

    def _by_deviation(self, g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
        square = self.rho * slots["square"] + (1 - self.rho) * g**2
        mean = self.rho * slots["mean"] + (1 - self.rho) * g
        deviation = jnp.sqrt(jnp.maximum(square - mean**2, 0.0))  # rounded, the variance may be below 0
        return g / (deviation + self.epsilon), {"square": square, "mean": mean}


@spec
class Adafactor(FirstOrder):
    """w <- w - r max(epsilon_2, rms(w)) u / max(1, rms(u) / clip_threshold)  with  u = g / sqrt(v)

    v is the mean of g^2 + epsilon_1, whose memory 1 - t^beta_2_decay grows with t. Of a matrix only the means of rows
    and columns are kept (the last two axes): v = rows columns / mean(rows). r is the learning rate, and with
    ``relative_step`` at most 1 / sqrt(t).

    Reference: Shazeer and Stern, *Adafactor: Adaptive Learning Rates with Sublinear Memory Cost*, ICML 2018.

    learning_rate:   the step length, relative to the size of the weights.
    beta_2_decay:    the power with which the memory grows.
    epsilon_1:       keeps v above 0.
    epsilon_2:       the least size that a parameter is taken to have.
    clip_threshold:  the largest root mean square of u.
    relative_step:   whether the rate falls with time.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adafactor(0.01)
        Adafactor(learning_rate=0.01)
    """

    beta_2_decay: float = dial(default=-0.8, most=0.0)
    epsilon_1: float = dial(default=1e-30, least=0.0)
    epsilon_2: float = dial(default=0.001, least=0.0)
    clip_threshold: float = dial(default=1.0, least=0.0)
    relative_step: bool = True

    def rate(self, step: Any) -> Any:
        rate = super().rate(step)
        return jnp.minimum(rate, 1 / jnp.sqrt(jnp.asarray(step, float) + 1)) if self.relative_step else rate

    def direction(self, step: Any) -> optax.GradientTransformation:
        memory = 1 - (jnp.asarray(step, float) + 1) ** self.beta_2_decay

        def move(g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
            squares = _means(g**2 + self.epsilon_1)
            slots = {name: memory * slots[name] + (1 - memory) * new for name, new in squares.items()}
            u = g / jnp.sqrt(_product(slots))
            u = u / jnp.maximum(1.0, _rms(u) / self.clip_threshold)
            return jnp.maximum(self.epsilon_2, _rms(w)) * u, slots

        return leafwise(lambda w: _means(jnp.zeros_like(w)), move)


@spec
class Ftrl(FirstOrder):
    """w = argmin of the sum of all (linearized) losses so far + l1 |w| + l2 w^2 + a pull to the past w

    In closed form: n' = n + g^2;  z <- z + g - (n'^p - n^p) w / rate;  w <- (clip(z, l1) - z) / (n'^p / rate + 2 l2),
    with p = -learning_rate_power. With l1 many weights are exactly 0. The initial weights are forgotten: z begins at
    0, which stands for w = 0.

    Reference: McMahan et al., *Ad Click Prediction: a View from the Trenches*, KDD 2013.

    learning_rate:        the step length.
    learning_rate_power:  -p: -0.5 lets steps fall with the root of the sum of squares, 0 keeps them.
    initial_accumulator_value:  what n begins with.
    l1_regularization_strength, l2_regularization_strength:  l1 and l2.
    l2_shrinkage_regularization_strength:  an L2 penalty on g itself: g + 2 shrinkage w.
    beta:                 adds beta / (2 rate) to l2.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Ftrl(0.1, l1_regularization_strength=0.01)
        Ftrl(learning_rate=0.1, l1_regularization_strength=0.01)
    """

    learning_rate_power: float = dial(default=-0.5, most=0.0)
    initial_accumulator_value: float = dial(default=0.1, least=0.0)
    l1_regularization_strength: float = dial(default=0.0, least=0.0)
    l2_regularization_strength: float = dial(default=0.0, least=0.0)
    l2_shrinkage_regularization_strength: float = dial(default=0.0, least=0.0)
    beta: float = dial(default=0.0, least=0.0)

    def rule(self, step: Any) -> optax.GradientTransformation:
        rate = self.rate(step)
        decay = [] if self.weight_decay is None else [self.decayed(-rate * self.weight_decay)]
        return optax.chain(leafwise(self._start, lambda g, slots, w: self._move(g, slots, w, rate)), *decay)

    def _start(self, w: jax.Array) -> Slots:
        return {"n": jnp.full_like(w, self.initial_accumulator_value), "z": jnp.zeros_like(w)}

    def _move(self, g: jax.Array, slots: Slots, w: jax.Array, rate: Any) -> tuple[jax.Array, Slots]:
        n, power = slots["n"] + g**2, -self.learning_rate_power
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * w
        z = slots["z"] + shrunk - (n**power - slots["n"] ** power) / rate * w
        curvature = n**power / rate + 2 * self.l2_regularization_strength + self.beta / rate
        pull = jnp.clip(z, -self.l1_regularization_strength, self.l1_regularization_strength) - z
        return pull / jnp.where(curvature > 0, curvature, 1.0) - w, {"n": n, "z": z}


def _squares_and_means(w: jax.Array) -> Slots:
    return {"square": jnp.zeros_like(w), "mean": jnp.zeros_like(w)}


def _means(square: jax.Array) -> Slots:
    """What Adafactor keeps of a square: means of rows and columns, or all of a vector."""
    return {"all": square} if square.ndim < 2 else {"rows": square.mean(-1), "columns": square.mean(-2)}


def _product(slots: Slots) -> jax.Array:
    """The square that its means stand for."""
    if "all" in slots:
        return slots["all"]
    rows = slots["rows"] / slots["rows"].mean(-1, keepdims=True)
    return rows[..., None] * slots["columns"][..., None, :]


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x)))


__all__ = ["Adadelta", "Adafactor", "Adagrad", "Ftrl", "RMSprop"]
