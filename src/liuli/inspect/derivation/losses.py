"""Losses: L, dL/da for the prediction a, and dL/dz where the last activation a = f(z) moved into the loss."""

from __future__ import annotations

import jax
import numpy as np

from liuli.inspect.derivation import class_losses, group_losses, value_losses
from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.terms import Array, Rule, Setting, Term
from liuli.losses import Loss

__all__ = ["LOSSES", "Setting", "Term", "term"]

LOSSES: dict[type[Loss], Rule] = {**value_losses.LOSSES, **class_losses.LOSSES, **group_losses.LOSSES}


def term(setting: Setting) -> Term:
    """The rule of the loss; a general one where there is none."""
    return (_general if _nested(setting) else LOSSES.get(type(setting.loss), _general))(setting)


def _nested(s: Setting) -> bool:
    """Whether a mean over the labels that count stands in a mean over the steps that do: too much for one line."""
    ignores = getattr(s.loss, "ignore_class", None) is not None
    return s.mask is not None and ignores and s.target.ndim > 2


def _general(s: Setting) -> Term:
    target, mask = jax.numpy.asarray(s.target), None if s.mask is None else jax.numpy.asarray(s.mask)

    def value(a: jax.Array) -> jax.Array:
        return jax.numpy.asarray(s.output.weighed(s.loss(target, a, mask=mask)))

    def at() -> jax.Array:
        return jax.numpy.asarray(s.prediction(), float)

    def slope() -> Array:
        return np.asarray(jax.grad(value)(at()))

    name = rf"\mathrm{{{type(s.loss).__name__}}}({s.t}, {s.a})"
    found = Expression(rf"\frac{{\partial {name}}}{{\partial {s.a}}}", slope)
    return Term(Expression(name, lambda: np.asarray(value(at()))), found)
