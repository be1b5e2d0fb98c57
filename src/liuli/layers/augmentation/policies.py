"""Augmentations put together: a few of them, drawn anew for each image."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.layers.augmentation.base import Augmentation, Interpolation, Span, require_colour
from liuli.layers.augmentation.colour import RandomBrightness, RandomColorDegeneration, RandomContrast
from liuli.layers.augmentation.detail import RandomSharpness
from liuli.layers.augmentation.geometry import RandomRotation, RandomShear, RandomTranslation
from liuli.layers.augmentation.histograms import Equalization
from liuli.layers.augmentation.tone import AutoContrast, RandomPosterization, Solarization
from liuli.layers.base import Context, Params, Shape, State
from liuli.layers.dropout import drawing_key

__all__ = ["AugMix", "RandAugment"]

_EIGHT_BITS = (0.0, 255.0)


@spec
class RandAugment(Augmentation):
    """y = x changed by num_ops augmentations, drawn from eleven, all at one strength

    x, y: (batch, height, width, 3)

    The eleven: AutoContrast, Equalization, Solarization, RandomPosterization, RandomColorDegeneration, RandomContrast,
    RandomBrightness, RandomSharpness, RandomShear, RandomTranslation, RandomRotation.

    Reference: Cubuk, Zoph, Shlens and Le, *RandAugment: Practical Automated Data Augmentation*, NeurIPS 2020.

    value_range:    the range of the images' values.
    num_ops:        how many are applied, one after the other.
    factor:         their strength, between 0 and 1.
    interpolation:  of those that move pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandAugment(num_ops=3)
        RandAugment(num_ops=3)
    """

    value_range: Span = _EIGHT_BITS
    num_ops: int = setting(default=2, least=1)
    factor: float = setting(default=0.5, least=0.0, most=1.0)
    interpolation: Interpolation = "bilinear"

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_colour(x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return _one_by_one(self, x, ctx), state

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        choices = _choices(self.factor, self.value_range, self.interpolation)
        steps = jnp.ones(self.num_ops, bool)
        return _in_turn(choices, key, image, steps)


@spec
class AugMix(Augmentation):
    """y = (1 - m) x + m sum_k w_k chain_k(x), m ~ Beta(alpha, alpha), w ~ Dirichlet(alpha)

    x, y: (batch, height, width, 3)

    A chain is 1 to chain_depth augmentations, drawn for each image.

    Reference: Hendrycks et al., *AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty*,
    ICLR 2020.

    value_range:    the range of the images' values.
    num_chains:     how many chains are mixed.
    chain_depth:    the most augmentations in a chain.
    factor:         their strength, between 0 and 1.
    alpha:          how evenly the mixture is: small mixes little.
    all_ops:        whether brightness, contrast, colour and sharpness are among them (the paper leaves them out where
                    robustness against them is measured).
    interpolation:  of those that move pixels.

    Example:
        >>> from liuli import layers
        >>> layers.AugMix(num_chains=2)
        AugMix(num_chains=2)
    """

    value_range: Span = _EIGHT_BITS
    num_chains: int = setting(default=3, least=1)
    chain_depth: int = setting(default=3, least=1)
    factor: float = setting(default=0.3, least=0.0, most=1.0)
    alpha: float = setting(default=1.0, least=0.001)
    all_ops: bool = True
    interpolation: Interpolation = "bilinear"

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_colour(x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return _one_by_one(self, x, ctx), state

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        choices = _choices(self.factor, self.value_range, self.interpolation, self.all_ops)
        even = jnp.full((self.num_chains,), self.alpha, jnp.float32)
        weights = jax.random.dirichlet(fold(key, "weights"), even, dtype=jnp.float32).astype(image.dtype)
        depths = jax.random.randint(fold(key, "depths"), (self.num_chains, 1), 1, self.chain_depth + 1, jnp.int32)
        keys = jax.random.split(fold(key, "chains"), self.num_chains)
        steps = jnp.arange(self.chain_depth, dtype=jnp.int32)[None, :] < depths  # (chains, steps)
        chains = jax.lax.map(lambda each: _in_turn(choices, each[0], image, each[1]), (keys, steps))
        mixed = jnp.tensordot(weights, chains, 1)
        m = jax.random.beta(fold(key, "mixture"), self.alpha, self.alpha, dtype=jnp.float32).astype(image.dtype)
        return (1 - m) * image + m * mixed


def _choices(strength: float, span: Span, interpolation: Interpolation, all_ops: bool = True) -> list[Augmentation]:
    """The augmentations to draw from, as strong as ``strength`` says."""
    moves: dict[str, Any] = {"interpolation": interpolation, "fill_mode": "constant"}
    found: list[Augmentation] = [
        AutoContrast(span),
        Equalization(span),
        Solarization(threshold_factor=(1.0 - strength, 1.0), value_range=span),
        RandomPosterization(max(1, round(8 - 4 * strength)), span),
        RandomShear(0.3 * strength, 0.3 * strength, **moves),
        RandomTranslation(0.3 * strength, 0.3 * strength, **moves),
        RandomRotation(30 / 360 * strength, **moves),
    ]
    tones = (
        RandomColorDegeneration(strength, span),
        RandomContrast(0.9 * strength, span),
        RandomBrightness(0.5 * strength, span),
        RandomSharpness((0.5 - 0.5 * strength, 0.5 + 0.5 * strength), span),
    )
    return [*found, *tones] if all_ops else found


def _in_turn(choices: list[Augmentation], key: jax.Array, image: jax.Array, steps: jax.Array) -> jax.Array:
    """One choice after the other where ``steps`` is True: a loop, so that each choice is compiled once."""

    def step(image: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        key, goes = now
        which = jax.random.randint(fold(key, "which"), (), 0, len(choices), jnp.int32)
        which = jnp.where(goes, which, len(choices))
        changes = [*(choice.change for choice in choices), lambda key, image: image]
        return jax.lax.switch(which, changes, fold(key, "change"), image), None

    return jax.lax.scan(step, image, (jax.random.split(key, steps.size), steps))[0]


def _one_by_one(layer: Augmentation, x: jax.Array, ctx: Context) -> jax.Array:
    """Each image changed in a loop, in which only what is drawn is computed; all at once would compute every choice."""
    if not ctx.training:
        return x
    keys = jax.random.split(drawing_key(ctx), x.shape[0])
    return jax.lax.map(lambda pair: layer.change(*pair), (keys, x))
