"""The pictures of the documentation: each a function of the library's own values, returned as SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import liuli as ll
from liuli.activations import Activation
from liuli.core.figures import PALETTE, RC
from liuli.initializers import Initializer
from liuli.optimizers import Optimizer

_DEPTH, _WIDTH, _BATCH = 20, 256, 512
_RC = {**RC, "text.parse_math": True, "svg.hashsalt": "liuli", "svg.fonttype": "path"}


def svg(*draws: Callable[[Any], Any], size: tuple[float, float] = (5.0, 2.8)) -> bytes:
    """What each of ``draws`` draws on an axis of its own, side by side, as an SVG file that is the same each time."""
    with mpl.rc_context(_RC):
        figure, axes = plt.subplots(1, len(draws), figsize=size, layout="constrained", squeeze=False)
        for draw, ax in zip(draws, axes[0], strict=True):
            draw(ax)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
    return file.getvalue()


# Initializers ----------------------------------------------------------------------------------------


def variances(initializer: Initializer, activation: Activation | str) -> np.ndarray:
    """The variance of the activations after each of 20 layers of 256 units, from inputs of variance 1."""
    dense = ll.layers.Dense(_WIDTH, activation, kernel_initializer=initializer)
    x = jax.random.normal(jax.random.key(0), (_BATCH, _WIDTH))
    found = [1.0]
    for depth in range(_DEPTH):
        params, state = dense.init(jax.random.key(depth + 1), x)
        x, _ = dense.apply(params, state, x, ll.layers.Context())
        found.append(float(x.var()))
    return np.array(found)


def draw_variances(initializer: Initializer, ax: Any) -> None:
    """Variance through depth, for two activations, on a logarithmic scale."""
    for activation, colour, style in (("tanh", PALETTE[0], "-"), ("relu", PALETTE[1], "--")):
        ax.plot(
            np.clip(variances(initializer, activation), 1e-12, 1e12), color=colour, linestyle=style, label=activation
        )
    ax.set_yscale("log")
    ax.set_ylim(1e-12, 1e12)
    ax.set_xlabel("layer")
    ax.set_ylabel("variance of activations")
    ax.legend(frameon=False)


# Optimizers ------------------------------------------------------------------------------------------


def bowl(w: jax.Array) -> jax.Array:
    """f(a, b) = (a^2 + 25 b^2) / 2: a valley 5 times as steep across as along."""
    return 0.5 * (w[0] ** 2 + 25.0 * w[1] ** 2)


def rosenbrock(w: jax.Array) -> jax.Array:
    """f(a, b) = (1 - a)^2 + 100 (b - a^2)^2: a curved valley, its lowest point at (1, 1)."""
    return (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2


def path(optimizer: Optimizer, f: Callable[[jax.Array], jax.Array], start: Sequence[float], steps: int) -> np.ndarray:
    """The points that an optimizer visits: (steps + 1, 2)."""
    params: Any = {"w": jnp.asarray(start)}
    slots = optimizer.init(params)

    def objective(params: Any) -> tuple[jax.Array, None]:
        return f(params["w"]), None

    def body(carry: Any, step: jax.Array) -> Any:
        params, slots, _ = optimizer.advance(objective, *carry, step)
        return (params, slots), params["w"]

    _, points = jax.lax.scan(body, (params, slots), jnp.arange(steps))
    return np.concatenate([np.asarray(start)[None], np.asarray(points)])


@dataclass(frozen=True)
class Scene:
    """A function of two weights, where to start on it, and what of it to show."""

    title: str
    f: Callable[[jax.Array], jax.Array]
    start: tuple[float, float]
    steps: int
    box: tuple[float, float, float, float]


SCENES = (
    Scene("60 steps in a bowl", bowl, (-4.0, 1.5), 60, (-5.0, 5.0, -2.0, 2.0)),
    Scene("500 steps in Rosenbrock's valley", rosenbrock, (-1.2, 1.0), 500, (-2.0, 2.0, -1.0, 3.0)),
)


def drawn_path(scene: Scene, optimizer: Optimizer) -> Callable[[Any], None]:
    """What draws the contours of a scene, and the way that the optimizer takes over it."""

    def draw(ax: Any) -> None:
        points = path(optimizer, scene.f, scene.start, scene.steps)
        a, b = np.meshgrid(np.linspace(*scene.box[:2], 160), np.linspace(*scene.box[2:], 120))
        z = np.asarray(jax.vmap(jax.vmap(scene.f))(jnp.stack([jnp.asarray(a), jnp.asarray(b)], -1)))
        ax.contour(a, b, z, np.geomspace(0.05, z.max(), 14), colors="0.75", linewidths=0.8)
        ax.plot(points[:, 0], points[:, 1], color=PALETTE[0], linewidth=1.2, marker="o", markersize=2)
        ax.plot(*points[0], marker="s", color=PALETTE[1], linestyle="", label="start")
        ax.plot(*points[-1], marker="*", color=PALETTE[2], markersize=11, linestyle="", label="end")
        ax.set(xlim=scene.box[:2], ylim=scene.box[2:], xlabel="first weight", ylabel="second weight")
        ax.set_title(f"{scene.title}, learning rate {optimizer.learning_rate:g}")
        ax.legend(frameon=False, loc="upper left")

    return draw
