"""Functions of one number, looked at: an activation, a loss or a schedule, its derivative beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation
from liuli.core.figures import PALETTE, axis
from liuli.core.specs import named
from liuli.losses import Loss
from liuli.networks.cost import flops
from liuli.schedules import Schedule

Points = np.ndarray  # (points,)
_FLAT = 0.0099  # a function saturates where its derivative is below this
_WIDTH = 0.5  # over at least this much: at a turning point it only passes through zero


@dataclass(frozen=True)
class ActivationFacts:
    """What an activation does between -reach and reach.

    least, largest:        the range of f.
    steepest:              the largest |f'|.
    saturated:             the intervals in which |f'| is less than 0.01.
    forward, backward:     floating-point operations an element, of f and of f with its derivative.
    """

    least: float
    largest: float
    steepest: float
    saturated: tuple[tuple[float, float], ...]
    forward: int
    backward: int


def activation_facts(activation: Activation | str, reach: float = 8.0) -> ActivationFacts:
    """Range, steepness, saturation and cost of an activation.

    Example:
        >>> import liuli as ll
        >>> facts = ll.inspect.activation_facts("sigmoid")
        >>> facts.steepest, facts.saturated
        (0.25, ((-8.0, -4.6), (4.6, 8.0)))
    """
    f = _of_one_number(activation)
    z = np.linspace(-reach, reach, 1601)
    y, slope = with_derivative(f, z)
    steepest = float(np.abs(slope).max())
    one = jnp.zeros(())
    return ActivationFacts(
        least=float(y.min()),
        largest=float(y.max()),
        steepest=round(steepest, 4),
        saturated=tuple(_runs(z, np.abs(slope) < _FLAT)),
        forward=flops(f, one),
        backward=flops(jax.value_and_grad(f), one),
    )


def plot_activation(activation: Activation | str, ax: Any = None, reach: float = 6.0) -> Any:
    """f(z) (solid) and f'(z) (dashed) for z from -reach to reach, grey where f saturates; returns the axis.

    Of an activation over an axis, such as softmax: the first of two, the other input being 0.

    Example:
        >>> import liuli as ll
        >>> ax = ll.inspect.plot_activation("tanh")
        >>> [line.get_label() for line in ax.lines][:2]
        ['f(z)', "f'(z)"]
    """
    z = np.linspace(-reach, reach, 601)
    y, slope = with_derivative(_of_one_number(activation), z)
    ax = _two_lines(ax, z, (y, slope), ("f(z)", "f'(z)"))
    for start, stop in activation_facts(activation).saturated:
        ax.axvspan(max(start, -reach), min(stop, reach), color="0.92", linewidth=0, zorder=0)
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("z")
    return ax


def plot_loss(loss: Callable[[jax.Array], jax.Array], at: Any, ax: Any = None, label: str = "prediction") -> Any:
    """A loss as a function of one number (solid), and its gradient (dashed); returns the axis.

    loss:   the loss of one prediction: a scalar function of a scalar.
    at:     the predictions to show.
    label:  what is written along the axis.

    Example:
        >>> import numpy as np, liuli as ll
        >>> f = ll.inspect.of_one_prediction(ll.losses.Huber(), target=0.0)
        >>> ax = ll.inspect.plot_loss(f, np.linspace(-3, 3, 61))
        >>> ax.get_xlabel()
        'prediction'
    """
    values, slope = with_derivative(loss, np.asarray(at, float))
    ax = _two_lines(ax, at, (values, slope), ("loss", "gradient"))
    ax.set_xlabel(label)
    return ax


def of_one_prediction(loss: Loss, target: Any) -> Callable[[jax.Array], jax.Array]:
    """The loss of one sample with one output, as a function of that output."""
    y = jnp.asarray(target).reshape(1, 1)
    return lambda p: loss.per_sample(y.astype(p.dtype), p.reshape(1, 1))[0]


def plot_schedule(schedule: Schedule, steps: int, ax: Any = None) -> Any:
    """The learning rate of each of the first ``steps`` steps; returns the axis.

    Example:
        >>> import liuli as ll
        >>> ax = ll.inspect.plot_schedule(ll.schedules.CosineDecay(0.1, 100), 120)
        >>> round(float(ax.lines[0].get_ydata()[50]), 3)
        0.05
    """
    at = jnp.arange(steps)
    ax = axis(ax)
    ax.plot(np.asarray(at), np.asarray(jax.vmap(schedule)(at)), color=PALETTE[0])
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    return ax


def with_derivative(f: Callable[[jax.Array], jax.Array], at: np.ndarray) -> tuple[Points, Points]:
    """f and f' at each of the points."""
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(f)))(jnp.asarray(at, float))
    return np.asarray(values, np.float64), np.asarray(slopes, np.float64)


def _of_one_number(activation: Activation | str) -> Callable[[jax.Array], jax.Array]:
    found: Any = named("activations", activation) if isinstance(activation, str) else activation
    alone = jax.eval_shape(found, jax.ShapeDtypeStruct((2,), jnp.float32)).shape == (2,) and _elementwise(found)
    return found if alone else lambda z: found(jnp.stack([z, jnp.zeros_like(z)]))[0]


def _elementwise(activation: Activation) -> bool:
    both = jax.jacobian(activation)(jnp.array([0.3, -0.2]))
    return not bool(jnp.any(both[jnp.array([0, 1]), jnp.array([1, 0])]))


def _runs(z: Points, flat: np.ndarray) -> list[tuple[float, float]]:
    """The intervals of z over which ``flat`` holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    found = [(round(float(z[a]), 2), round(float(z[b - 1]), 2)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(start, stop) for start, stop in found if stop - start >= _WIDTH]


def _two_lines(ax: Any, x: Any, ys: tuple[Points, Points], labels: tuple[str, str]) -> Any:
    ax = axis(ax)
    for y, label, colour, style in zip(ys, labels, PALETTE, ("-", "--"), strict=False):
        ax.plot(x, y, color=colour, linestyle=style, label=label)
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.legend(frameon=False)
    return ax
