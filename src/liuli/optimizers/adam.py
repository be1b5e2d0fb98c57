"""Adam and what was made of it: AdamW, Adamax, Nadam, RAdam, AdaBelief, Yogi, ScheduleFreeAdamW.

m is the mean of the gradient and v that of its square, both with a memory that fades; mhat = m / (1 - b1^t) and
vhat = v / (1 - b2^t) make up for their start at 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.core.errors import SpecError
from liuli.core.extras import optax
from liuli.core.specs import abstract, dial, setting, spec
from liuli.core.trees import paths
from liuli.optimizers.base import FirstOrder, Objective, Optimizer
from liuli.optimizers.transforms import GradientTransformation, Slots, leafwise, relaxed
from liuli.schedules import Schedule


@abstract
class Moments(FirstOrder):
    """The base: two memories.

    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    """

    beta_1: float = dial(default=0.9, least=0.0, most=1.0)
    beta_2: float = dial(default=0.999, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-7, least=0.0)

    def moments(self, g: jax.Array, slots: Slots) -> tuple[jax.Array, jax.Array]:
        """The next m and v."""
        m = self.beta_1 * slots["m"] + (1 - self.beta_1) * g
        return m, self.beta_2 * slots["v"] + (1 - self.beta_2) * g**2


@spec
class Adam(Moments):
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - rate mhat / (sqrt(vhat) + epsilon)

    with mhat = m / (1 - b1^t), vhat = v / (1 - b2^t). The epsilon stands where the paper and PyTorch put it. With
    ``amsgrad`` the largest v so far stands in the place of v (Reddi, Kale and Kumar, *On the Convergence of Adam and
    Beyond*, ICLR 2018), as in PyTorch and Keras; Optax corrects each v before it compares them.

    Reference: Kingma and Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite (1e-7 as in Keras; PyTorch has 1e-8).
    amsgrad:         whether v may only grow.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adam(1e-3)
        Adam()
    """

    amsgrad: bool = False

    def moved(self, step: Any) -> optax.GradientTransformation:
        if self.amsgrad:
            return super().moved(step)
        numbers = self.rate(step), (self.beta_1, self.beta_2), self.epsilon

        def one(path: str, g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
            decay = None if self.is_excluded(path) else self.weight_decay
            made = kernels.adam(g, w, slots["m"], slots["v"], *numbers, decay, step + 1)
            w, m, v = (new.astype(w.dtype) for new in made)
            return w, {"m": m, "v": v}

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            form = jax.tree.structure(params)
            each = paths(params), jax.tree.leaves(updates), form.flatten_up_to(state), jax.tree.leaves(params)
            with jax.numpy_dtype_promotion("standard"):
                moved = [one(*of) for of in zip(*each, strict=True)]
            return form.unflatten([w for w, _ in moved]), form.unflatten([new for _, new in moved])

        return GradientTransformation(lambda params: jax.tree.map(_moments, params), update)

    def direction(self, step: Any) -> optax.GradientTransformation:
        t = jnp.asarray(step, float) + 1

        def move(g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
            m, v = self.moments(g, slots)
            largest = jnp.maximum(slots["largest"], v)
            root = jnp.sqrt(largest / (1 - self.beta_2**t)) + self.epsilon
            return m / (1 - self.beta_1**t) / root, {"m": m, "v": v, "largest": largest}

        return leafwise(lambda w: _moments(w) | {"largest": jnp.zeros_like(w)}, move)


@spec
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w - rate (mhat / (sqrt(vhat) + epsilon) + weight_decay w)

    Reference: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019.

    learning_rate:   the step length.
    beta_1, beta_2:  the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    amsgrad:         as in Adam.
    weight_decay:    0.004 as in Keras; PyTorch has 0.01.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.AdamW(weight_decay=0.01)
        AdamW(weight_decay=0.01)
    """

    weight_decay: float | None = dial(default=0.004, least=0.0, kw_only=True)


@spec
class Adamax(Moments):
    """m <- b1 m + (1 - b1) g;  u <- max(b2 u, |g| + epsilon);  w <- w - rate mhat / u

    The epsilon stands as in PyTorch; Keras adds it to u.

    Reference: Kingma and Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, section 7.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the largest gradient.
    epsilon:         keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adamax(0.002)
        Adamax(learning_rate=0.002)
    """

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_adamax(self.beta_1, self.beta_2, self.epsilon))


@spec
class Nadam(Moments):
    """w <- w - rate (c' m / (1 - C c') + (1 - c) g / (1 - C)) / (sqrt(vhat) + epsilon)

    m and v as in Adam, c = b1 (1 - 0.96^(t momentum_decay) / 2), c' the next c, C the product of all c so far: Adam
    with Nesterov's look ahead.

    Reference: Dozat, *Incorporating Nesterov Momentum into Adam*, ICLR workshop 2016.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    momentum_decay:  how fast c grows to b1: 0.004 as in the paper and PyTorch; Keras has 1.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Nadam(0.002)
        Nadam(learning_rate=0.002)
    """

    momentum_decay: float = dial(default=0.004, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        t = jnp.asarray(step, float) + 1
        now, after = (self.beta_1 * (1 - 0.5 * 0.96 ** (n * self.momentum_decay)) for n in (t, t + 1))

        def move(g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
            m, v = self.moments(g, slots)
            product = slots["product"] * now
            ahead = after * m / (1 - product * after) + (1 - now) * g / (1 - product)
            root = jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon
            return ahead / root, {"m": m, "v": v, "product": product}

        return leafwise(lambda w: _moments(w) | {"product": jnp.ones((), w.dtype)}, move)


@spec
class RAdam(Moments):
    """w <- w - rate r mhat / (sqrt(vhat) + epsilon), and w <- w - rate mhat while v is of too few gradients

    r = sqrt((n - 4) (n - 2) N / ((N - 4) (N - 2) n)), with N = 2 / (1 - b2) - 1 and n = N - 2 t b2^t / (1 - b2^t) the
    number of gradients that v stands for; too few are less than 5. PyTorch adds epsilon to sqrt(v), before its
    correction.

    Reference: Liu et al., *On the Variance of the Adaptive Learning Rate and Beyond*, ICLR 2020.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.RAdam()
        RAdam()
    """

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_radam(self.beta_1, self.beta_2, self.epsilon))


@spec
class AdaBelief(Moments):
    """m as in Adam;  s <- b2 s + (1 - b2) (g - m)^2 + epsilon;  w <- w - rate mhat / (sqrt(shat) + epsilon)

    Steps are long where the gradient is as it was expected to be.

    Reference: Zhuang et al., *AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients*, NeurIPS
    2020.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the squared surprise.
    epsilon:         keeps the division finite (1e-16 as in the paper's code).
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.AdaBelief()
        AdaBelief()
    """

    epsilon: float = dial(default=1e-16, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_belief(self.beta_1, self.beta_2, self.epsilon, self.epsilon))


@spec
class Yogi(Moments):
    """m as in Adam;  v <- v - (1 - b2) sign(v - g^2) g^2;  w <- w - rate mhat / (sqrt(vhat) + epsilon)

    v follows g^2 by steps of the size of g^2, so that it does not fall fast where gradients become small.

    Reference: Zaheer et al., *Adaptive Methods for Nonconvex Optimization*, NeurIPS 2018.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    initial_accumulator_value:  what m and v begin with, as in Optax (in the paper m begins with 0).
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Yogi(0.01)
        Yogi(learning_rate=0.01)
    """

    epsilon: float = dial(default=1e-3, least=0.0)
    initial_accumulator_value: float = dial(default=1e-6, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        numbers = {"eps": self.epsilon, "initial_accumulator_value": self.initial_accumulator_value}
        return relaxed(optax.scale_by_yogi(self.beta_1, self.beta_2, **numbers))


class ScheduleFree(NamedTuple):
    """Slots of ScheduleFreeAdamW: z less x, the sum of the squared rates, and the slots of the rule."""

    ahead: Any
    weight: jax.Array
    inner: Any


@spec
class ScheduleFreeAdamW(Moments):
    """y = b1 x + (1 - b1) z;  z <- z - rate (g / (sqrt(vhat) + epsilon) + weight_decay y);  x <- (1 - c) x + c z

    g is the gradient at y, c = rate^2 / (the sum of all rate^2 so far): 1/t for a constant rate. The weights of the
    model are x at any time, so that nothing is swapped for validation; Keras keeps y there, and takes c = 1/t also
    while the rate warms up.

    Reference: Defazio et al., *The Road Less Scheduled*, NeurIPS 2024.

    learning_rate:   the step length.
    beta_1, beta_2:  b1, how near y is to the average x, and b2, the memory of the square.
    epsilon:         keeps the division finite.
    warmup_steps:    updates in which the rate rises in a straight line.
    Keywords of every optimizer:  see FirstOrder.

    Raises:
        SpecError: gradients are to be accumulated, or averaged once more.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.ScheduleFreeAdamW(0.01)
        ScheduleFreeAdamW(learning_rate=0.01)
    """

    learning_rate: float | Schedule = dial(default=0.0025, least=0.0)
    epsilon: float = dial(default=1e-8, least=0.0)
    warmup_steps: int = setting(default=0, least=0)

    apply = Optimizer.apply  # the gradient must be taken at y

    def check(self) -> None:
        if self.ema_momentum is not None or self.gradient_accumulation_steps is not None:
            raise SpecError(
                "ScheduleFreeAdamW",
                got="ema_momentum or gradient_accumulation_steps",
                expected="neither: it averages by itself, over single steps",
                fix="leave them out",
            )

    def rate(self, step: Any) -> Any:
        rate = super().rate(step)
        return rate * jnp.minimum(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else rate

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_rms(self.beta_2, self.epsilon, eps_in_sqrt=False, bias_correction=True))

    def init(self, params: Any) -> ScheduleFree:
        return ScheduleFree(jax.tree.map(jnp.zeros_like, params), jnp.zeros((), float), super().init(params))

    def advance(self, objective: Objective, params: Any, slots: ScheduleFree, step: Any) -> tuple[Any, Any, Any]:
        y = jax.tree.map(lambda x, d: x + (1 - self.beta_1) * d, params, slots.ahead)
        (_, aux), gradients = jax.value_and_grad(objective, has_aux=True)(y)
        updates, inner = optax.chain(*self.clips(), self.rule(step)).update(gradients, slots.inner, y)
        squared = jnp.asarray(self.rate(step), float) ** 2
        weight = slots.weight + squared
        share = jnp.where(weight > 0, squared / jnp.where(weight > 0, weight, 1.0), 0.0)
        z = jax.tree.map(lambda d, u: d + u, slots.ahead, updates)  # the new z, less the old x
        moved = jax.tree.map(lambda x, d: x + share.astype(x.dtype) * d, params, z)
        ahead = jax.tree.map(lambda d: (1 - share.astype(d.dtype)) * d, z)
        return moved, ScheduleFree(ahead, weight, inner), aux


def _moments(w: jax.Array) -> Slots:
    return {"m": jnp.zeros_like(w), "v": jnp.zeros_like(w)}


__all__ = ["AdaBelief", "Adam", "AdamW", "Adamax", "Nadam", "RAdam", "ScheduleFreeAdamW", "Yogi"]
