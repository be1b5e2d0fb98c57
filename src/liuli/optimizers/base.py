"""What an optimizer is: the protocol of a step, and the base of those that need the gradient alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.extras import optax
from liuli.core.specs import Spec, abstract, dial, setting
from liuli.core.trees import paths
from liuli.optimizers.transforms import accumulating, adding, averaging, chain, clipped_adaptively, clipped_norm
from liuli.schedules import Schedule

Objective = Callable[[Any], tuple[jax.Array, Any]]
"""objective(params) -> (loss, aux): aux is what a step measures beside the loss."""


class Optimizer(Spec, family="optimizers"):
    """The base of all: what it remembers is in slots, a pytree that :meth:`init` makes and :meth:`advance` replaces.

    Most need a gradient only and define :meth:`apply`; those that evaluate the objective by themselves define
    :meth:`advance`.
    """

    def init(self, params: Any) -> Any:
        """The slots before the first step."""
        raise NotImplementedError

    def apply(self, gradients: Any, params: Any, slots: Any, step: Any) -> tuple[Any, Any]:
        """Parameters and slots after one step along ``gradients``, steps counted from 0."""
        raise NotImplementedError

    def advance(self, objective: Objective, params: Any, slots: Any, step: Any) -> tuple[Any, Any, Any]:
        """Parameters and slots after one step, and what the objective measured before it."""
        (_, aux), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        return *self.apply(gradients, params, slots, step), aux

    def averaged(self, params: Any, slots: Any) -> Any:
        """The parameters to evaluate with: ``params`` themselves, or the average of them that the slots hold."""
        return params

    @property
    def takes_gradients(self) -> bool:
        """Whether a gradient is all that it needs."""
        return type(self).apply is not Optimizer.apply


@abstract
class FirstOrder(Optimizer):
    """The base of optimizers that need the gradient alone: w <- w - rate (direction(clip(g)) + weight_decay w)

    learning_rate:    the step length: a number or a schedule.
    weight_decay:     w loses this share of itself times the learning rate, apart from the gradient (Loshchilov and
                      Hutter, 2019).
    exclude_from_weight_decay:    words; parameters that have one of them in their path do not decay: ``("bias",)``.
    clipvalue:        the greatest size of each element of a gradient.
    clipnorm:         the greatest norm of each parameter's gradient.
    global_clipnorm:  the greatest norm of all gradients together (Pascanu, Mikolov and Bengio, 2013).
    adaptive_clip:    the greatest norm of each unit's gradient, as a share of the norm of its weights, that taken as
                      0.001 at least (Brock et al., *High-Performance Large-Scale Image Recognition Without
                      Normalization*, 2021).
    gradient_accumulation_steps:  how many batches make one update, by the mean of their gradients; None is one. A
                      schedule counts updates.
    ema_momentum:     the share of the average of the weights that is kept at each update: a <- m a + (1 - m) w. With
                      an average, validation uses it, and the weights become it when training ends. None keeps none.
                      (Keras: ``use_ema=True``, with 0.99.)
    """

    learning_rate: float | Schedule = dial(default=0.001, least=0.0)
    weight_decay: float | None = dial(default=None, least=0.0, kw_only=True)
    exclude_from_weight_decay: tuple[str, ...] = setting(default=(), kw_only=True)
    clipvalue: float | None = dial(default=None, least=0.0, kw_only=True)
    clipnorm: float | None = dial(default=None, least=0.0, kw_only=True)
    global_clipnorm: float | None = dial(default=None, least=0.0, kw_only=True)
    adaptive_clip: float | None = dial(default=None, least=0.0, kw_only=True)
    gradient_accumulation_steps: int | None = setting(default=None, least=1, kw_only=True)
    ema_momentum: float | None = dial(default=None, least=0.0, most=1.0, kw_only=True)

    def init(self, params: Any) -> Any:
        return self.transform(0).init(params)

    def apply(self, gradients: Any, params: Any, slots: Any, step: Any) -> tuple[Any, Any]:
        return self.transform(step).update(gradients, slots, params)

    def averaged(self, params: Any, slots: Any) -> Any:
        if self.average_share(0) is None:
            return params
        return (slots if self.gradient_accumulation_steps is None else slots.inner).average

    def direction(self, step: Any) -> optax.GradientTransformation:
        """What the optimizer makes of a gradient at ``step``, counted in updates, before weight decay and rate."""
        return optax.identity()

    def shaped(self) -> optax.GradientTransformation:
        """What it makes of direction and weight decay together, before the learning rate."""
        return optax.identity()

    def rate(self, step: Any) -> Any:
        """The learning rate at ``step``, counted in updates."""
        return scheduled(self.learning_rate, step)

    def rule(self, step: Any) -> optax.GradientTransformation:
        """From clipped gradients to what is added to the parameters."""
        decay = [] if self.weight_decay is None else [self.decayed(self.weight_decay)]
        return optax.chain(self.direction(step), *decay, self.shaped(), optax.scale(-self.rate(step)))

    def moved(self, step: Any) -> optax.GradientTransformation:
        """From clipped gradients to the next parameters."""
        return adding(self.rule(step))

    def average_share(self, step: Any) -> Any:
        """The share of the new parameters in their average; None where no average is kept."""
        return None if self.ema_momentum is None else jnp.where(step == 0, 1.0, 1 - self.ema_momentum)

    def transform(self, step: Any) -> optax.GradientTransformation:
        """The whole step as one Optax transformation: from gradients to the next parameters."""
        every = self.gradient_accumulation_steps
        update = step if every is None else step // every
        whole, share = chain(*self.clips(), self.moved(update)), self.average_share(update)
        whole = whole if share is None else averaging(whole, share)
        return whole if every is None else accumulating(whole, every, step)

    def decayed(self, strength: Any) -> optax.GradientTransformation:
        """Adds ``strength`` w to updates, but for excluded parameters."""

        def update(updates: Any, params: Any) -> Any:
            each = zip(paths(params), jax.tree.leaves(updates), jax.tree.leaves(params), strict=True)
            moved = [u if self.is_excluded(path) else u + strength * w for path, u, w in each]
            return jax.tree.unflatten(jax.tree.structure(updates), moved)

        return optax.stateless(update)

    def is_excluded(self, path: str) -> bool:
        """Whether the parameter at ``path`` does not decay."""
        return any(word in path for word in self.exclude_from_weight_decay)

    def clips(self) -> list[optax.GradientTransformation]:
        """What happens to gradients first."""
        clips = []
        if self.clipvalue is not None:
            clips.append(optax.clip(self.clipvalue))
        if self.clipnorm is not None:
            clips.append(optax.stateless(lambda g, _: jax.tree.map(lambda leaf: clipped_norm(leaf, self.clipnorm), g)))
        if self.global_clipnorm is not None:
            clips.append(optax.stateless(lambda g, _: clipped_norm(g, self.global_clipnorm)))
        if self.adaptive_clip is not None:
            clips.append(
                optax.stateless(
                    lambda g, w: jax.tree.map(lambda a, b: clipped_adaptively(a, b, self.adaptive_clip), g, w)
                )
            )
        return clips


def scheduled(rate: float | Schedule, step: Any) -> Any:
    """A learning rate at ``step``."""
    return rate(step) if isinstance(rate, Schedule) else rate


__all__ = ["FirstOrder", "Optimizer"]
