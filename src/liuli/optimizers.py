"""Optimizers: how a gradient becomes an update. Optax does the arithmetic; every number is a dial.

w <- w - rate * (direction(clip(g)) + weight_decay * w)
"""

from __future__ import annotations

from typing import Any

import jax
import optax

from liuli.core.specs import Spec, abstract, dial, spec
from liuli.schedules import Schedule


@abstract
class Optimizer(Spec, family="optimizers"):
    """The base: a learning rate (a number or a schedule), decoupled weight decay, and gradient clipping.

    learning_rate:    the step length.
    weight_decay:     w loses this share of itself times the learning rate, apart from the gradient (Loshchilov and
                      Hutter, 2019).
    clipvalue:        the greatest size of each element of a gradient.
    clipnorm:         the greatest norm of each parameter's gradient.
    global_clipnorm:  the greatest norm of all gradients together (Pascanu, Mikolov and Bengio, 2013).
    """

    learning_rate: float | Schedule = dial(default=0.001, least=0.0)
    weight_decay: float | None = dial(default=None, least=0.0, kw_only=True)
    clipvalue: float | None = dial(default=None, least=0.0, kw_only=True)
    clipnorm: float | None = dial(default=None, least=0.0, kw_only=True)
    global_clipnorm: float | None = dial(default=None, least=0.0, kw_only=True)

    def direction(self) -> optax.GradientTransformation:
        """What the optimizer makes of a gradient before the learning rate."""
        raise NotImplementedError

    def rate(self, step: Any) -> Any:
        """The learning rate at ``step``."""
        return self.learning_rate(step) if isinstance(self.learning_rate, Schedule) else self.learning_rate

    def transform(self, step: Any) -> optax.GradientTransformation:
        """The whole update as one Optax transformation."""
        pieces = []
        if self.clipvalue is not None:
            pieces.append(optax.clip(self.clipvalue))
        if self.clipnorm is not None:
            pieces.append(optax.stateless(lambda g, _: jax.tree.map(lambda leaf: _clip_norm(leaf, self.clipnorm), g)))
        if self.global_clipnorm is not None:
            pieces.append(optax.stateless(lambda g, _: _clip_norm(g, self.global_clipnorm)))
        pieces.append(self.direction())
        if self.weight_decay is not None:
            pieces.append(optax.stateless(lambda u, p: jax.tree.map(lambda a, b: a + self.weight_decay * b, u, p)))
        return optax.chain(*pieces, optax.scale(-self.rate(step)))


@spec
class SGD(Optimizer):
    """v <- momentum v + g;  w <- w - rate v   (without momentum: w <- w - rate g)

    With ``nesterov`` the step is rate (g + momentum v). This is PyTorch's form; Keras keeps the rate inside v,
    which differs only while the rate changes.

    Reference: Polyak, 1964; Nesterov, 1983; Sutskever et al., *On the Importance of Initialization and Momentum*,
    ICML 2013.

    learning_rate:  the step length.
    momentum:       the share of v that is kept; None keeps no v.
    nesterov:       whether to look ahead.
    weight_decay, clipvalue, clipnorm, global_clipnorm:  see Optimizer.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.SGD(0.1, momentum=0.9)
        SGD(learning_rate=0.1, momentum=0.9)
    """

    learning_rate: float | Schedule = dial(default=0.01, least=0.0)
    momentum: float | None = dial(default=None, least=0.0, most=1.0)
    nesterov: bool = False

    def direction(self) -> optax.GradientTransformation:
        return optax.identity() if self.momentum is None else optax.trace(self.momentum, self.nesterov)


@spec
class Adam(Optimizer):
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - rate mhat / (sqrt(vhat) + epsilon)

    with mhat = m / (1 - b1^t), vhat = v / (1 - b2^t). The epsilon stands where the paper and PyTorch put it.

    Reference: Kingma and Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the mean and of the square.
    epsilon:         keeps the division finite (1e-7 as in Keras; PyTorch has 1e-8).
    weight_decay, clipvalue, clipnorm, global_clipnorm:  see Optimizer.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Adam(1e-3)
        Adam()
    """

    beta_1: float = dial(default=0.9, least=0.0, most=1.0)
    beta_2: float = dial(default=0.999, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-7, least=0.0)

    def direction(self) -> optax.GradientTransformation:
        adam = optax.scale_by_adam(self.beta_1, self.beta_2, self.epsilon)

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            with jax.numpy_dtype_promotion("standard"):  # Optax raises beta, a traced float, to an integer count
                return adam.update(updates, state, params)

        return optax.GradientTransformation(adam.init, update)


@spec
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w - rate (mhat / (sqrt(vhat) + epsilon) + weight_decay w)

    Reference: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019.

    learning_rate:   the step length.
    beta_1, beta_2:  the memories of the mean and of the square.
    epsilon:         keeps the division finite.
    weight_decay:    0.004 as in Keras; PyTorch has 0.01.
    clipvalue, clipnorm, global_clipnorm:  see Optimizer.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.AdamW(weight_decay=0.01)
        AdamW(weight_decay=0.01)
    """

    weight_decay: float | None = dial(default=0.004, least=0.0, kw_only=True)


@spec
class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2;  w <- w - rate g / (sqrt(v) + epsilon)

    Reference: Tieleman and Hinton, *Lecture 6.5: rmsprop*, Coursera, 2012.

    learning_rate:  the step length.
    rho:            the memory of the square.
    epsilon:        keeps the division finite; outside the root, as in PyTorch.
    weight_decay, clipvalue, clipnorm, global_clipnorm:  see Optimizer.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.RMSprop(rho=0.99)
        RMSprop(rho=0.99)
    """

    rho: float = dial(default=0.9, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-7, least=0.0)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rms(self.rho, self.epsilon, eps_in_sqrt=False)


def _clip_norm(tree: Any, largest: Any) -> Any:
    norm = optax.tree.norm(tree)
    scale = jax.numpy.minimum(1.0, largest / jax.numpy.maximum(norm, 1e-12))
    return jax.tree.map(lambda leaf: leaf * scale, tree)


__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]
