"""Steps scaled for each parameter as a whole: Lars, Lamb, NovoGrad, Muon."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.extras import optax
from liuli.core.specs import dial, setting, spec
from liuli.core.trees import paths
from liuli.optimizers.adam import Moments
from liuli.optimizers.base import FirstOrder
from liuli.optimizers.transforms import Slots, leafwise, relaxed
from liuli.schedules import Schedule


@spec
class Lars(FirstOrder):
    """u = g + weight_decay w;  v <- momentum v + trust_coefficient (|w| / |u|) u;  w <- w - rate v

    |w| and |u| are norms of a whole parameter; the ratio is 1 where either is 0.

    Reference: You, Gitman and Ginsburg, *Large Batch Training of Convolutional Networks*, 2017.

    learning_rate:      the step length.
    momentum:           the share of v that is kept; None keeps no v.
    trust_coefficient:  the step relative to the size of the parameter.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Lars(1.0, weight_decay=1e-4)
        Lars(weight_decay=0.0001)
    """

    learning_rate: float | Schedule = dial(default=1.0, least=0.0)
    momentum: float | None = dial(default=0.9, least=0.0, most=1.0)
    trust_coefficient: float = dial(default=0.001, least=0.0)

    def shaped(self) -> optax.GradientTransformation:
        trusted = relaxed(optax.scale_by_trust_ratio(trust_coefficient=self.trust_coefficient))
        return trusted if self.momentum is None else optax.chain(trusted, optax.trace(self.momentum))


@spec
class Lamb(Moments):
    """u = mhat / (sqrt(vhat) + epsilon) + weight_decay w;  w <- w - rate (|w| / |u|) u

    |w| and |u| are norms of a whole parameter; the ratio is 1 where either is 0. The decay is inside the ratio, as in
    the paper; Keras has it outside.

    Reference: You et al., *Large Batch Optimization for Deep Learning: Training BERT in 76 Minutes*, ICLR 2020.

    learning_rate:   the step length, relative to the size of the parameter.
    beta_1, beta_2:  the memories of the mean and of the square, as in Adam.
    epsilon:         keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Lamb(weight_decay=0.01)
        Lamb(weight_decay=0.01)
    """

    def direction(self, step: Any) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_adam(self.beta_1, self.beta_2, self.epsilon))

    def shaped(self) -> optax.GradientTransformation:
        return relaxed(optax.scale_by_trust_ratio())


@spec
class NovoGrad(Moments):
    """v <- b2 v + (1 - b2) |g|^2;  m <- b1 m + g / (sqrt(v) + epsilon) + weight_decay w;  w <- w - rate m

    |g| is the norm of a whole parameter's gradient; v begins with the first |g|^2.

    Reference: Ginsburg et al., *Stochastic Gradient Methods with Layer-wise Adaptive Moments*, 2019.

    learning_rate:   the step length.
    beta_1, beta_2:  b1 and b2, the memories of the step and of the squared norm.
    epsilon:         keeps the division finite.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.NovoGrad(0.01)
        NovoGrad(learning_rate=0.01)
    """

    beta_2: float = dial(default=0.25, least=0.0, most=1.0)
    epsilon: float = dial(default=1e-8, least=0.0)

    def direction(self, step: Any) -> optax.GradientTransformation:
        def move(g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
            square = jnp.sum(jnp.square(g))
            v = jnp.where(step == 0, square, self.beta_2 * slots["v"] + (1 - self.beta_2) * square)
            return g / (jnp.sqrt(v) + self.epsilon), {"v": v}

        return leafwise(lambda w: {"v": jnp.zeros((), w.dtype)}, move)

    def shaped(self) -> optax.GradientTransformation:
        return optax.trace(self.beta_1)


@spec
class Muon(FirstOrder):
    """m <- momentum m + g;  W <- W - rate rms_rate sqrt(max(rows, columns)) orthogonal(g + momentum m), of matrices

    orthogonal(X) is near U V^T of X = U S V^T: X / |X|, then ``ns_steps`` times X <- a X + (b A + c A A) X with
    A = X X^T (Newton and Schulz). All that is no matrix, and what is excluded, is trained by Adam.

    Reference: Jordan et al., *Muon: An Optimizer for Hidden Layers in Neural Networks*, 2024; the size of the step:
    Liu et al., *Muon is Scalable for LLM Training*, 2025.

    learning_rate:       the step length.
    adam_beta_1, adam_beta_2, epsilon:  of Adam.
    adam_weight_decay:   the weight decay of what Adam trains; None is none.
    weight_decay:        the weight decay of matrices.
    exclude_layers:      words; matrices that have one of them in their path are trained by Adam: the output layer.
    exclude_embeddings:  whether Adam trains embeddings.
    muon_a, muon_b, muon_c:  a, b and c.
    adam_lr_ratio:       the rate of Adam over that of Muon.
    momentum:            the share of m that is kept.
    ns_steps:            how often the iteration is repeated.
    nesterov:            whether to look ahead; without it orthogonal(m) is taken.
    rms_rate:            the root mean square of a step; None leaves out the factor before orthogonal.
    Keywords of every optimizer:  see FirstOrder.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Muon(0.02, exclude_layers=("output",))
        Muon(learning_rate=0.02, exclude_layers=('output',))
    """

    adam_beta_1: float = dial(default=0.9, least=0.0, most=1.0)
    adam_beta_2: float = dial(default=0.999, least=0.0, most=1.0)
    adam_weight_decay: float | None = dial(default=0.004, least=0.0)
    epsilon: float = dial(default=1e-7, least=0.0)
    weight_decay: float | None = dial(default=0.004, least=0.0, kw_only=True)
    exclude_layers: tuple[str, ...] = ()
    exclude_embeddings: bool = True
    muon_a: float = dial(default=3.4445)
    muon_b: float = dial(default=-4.775)
    muon_c: float = dial(default=2.0315)
    adam_lr_ratio: float = dial(default=1.0, least=0.0)
    momentum: float = dial(default=0.95, least=0.0, most=1.0)
    ns_steps: int = setting(default=5, least=1)
    nesterov: bool = True
    rms_rate: float | None = dial(default=0.2, least=0.0)

    def rule(self, step: Any) -> optax.GradientTransformation:
        adam = relaxed(optax.scale_by_adam(self.adam_beta_1, self.adam_beta_2, self.epsilon))
        directions = {
            "matrix": [leafwise(_momentum, self._orthogonal), *self._decay(self.weight_decay)],
            "other": [adam, optax.scale(self.adam_lr_ratio), *self._decay(self.adam_weight_decay)],
        }
        rate = optax.scale(-self.rate(step))
        return optax.partition({kind: optax.chain(*pieces, rate) for kind, pieces in directions.items()}, self._kinds)

    def _decay(self, strength: Any) -> list[optax.GradientTransformation]:
        return [] if strength is None else [self.decayed(strength)]

    def _kinds(self, params: Any) -> Any:
        kinds = ["matrix" if w.ndim == 2 and self._takes(path) else "other" for path, w in paths(params).items()]
        return jax.tree.unflatten(jax.tree.structure(params), kinds)

    def _takes(self, path: str) -> bool:
        words = (*self.exclude_layers, "embedding") if self.exclude_embeddings else self.exclude_layers
        return not any(word in path for word in words)

    def _orthogonal(self, g: jax.Array, slots: Slots, w: jax.Array) -> tuple[jax.Array, Slots]:
        m = self.momentum * slots["m"] + g
        x = g + self.momentum * m if self.nesterov else m
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ x.T
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        x = x.T if tall else x
        return x if self.rms_rate is None else x * (max(x.shape) ** 0.5 * self.rms_rate), {"m": m}


def _momentum(w: jax.Array) -> Slots:
    return {"m": jnp.zeros_like(w)}


__all__ = ["Lamb", "Lars", "Muon", "NovoGrad"]
