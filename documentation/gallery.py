"""Which public name has which picture, and the tables that go with them."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import liuli as ll
from documentation import figures
from documentation.curves import loss_curve
from liuli.core.errors import LiuliError
from liuli.core.specs import members

_BOWL_RATES = {"SGD": 0.05, "ASGD": 0.05, "Adadelta": 20.0, "Lars": 20.0, "LBFGS": 1.0, "Newton": 1.0}
_VALLEY_RATES = {"SGD": 0.001, "ASGD": 0.001, "Adadelta": 5.0, "Lars": 5.0, "LBFGS": 1.0, "Newton": 1.0}
_SCHEDULES = {
    "CosineDecay": ll.schedules.CosineDecay(0.1, 80),
    "CosineDecayRestarts": ll.schedules.CosineDecayRestarts(0.1, 20),
    "ExponentialDecay": ll.schedules.ExponentialDecay(0.1, 30, 0.5),
    "InverseTimeDecay": ll.schedules.InverseTimeDecay(0.1, 20, 1.0),
    "OneCycle": ll.schedules.OneCycle(0.1, 100),
    "PiecewiseConstantDecay": ll.schedules.PiecewiseConstantDecay((30, 70), (0.1, 0.03, 0.01)),
    "PolynomialDecay": ll.schedules.PolynomialDecay(0.1, 80),
    "WarmUp": ll.schedules.WarmUp(ll.schedules.CosineDecay(0.1, 80), 20),
}


def pictures(module: str) -> dict[str, bytes]:
    """The pictures of a module's public names, as SVG files by name."""
    make = {
        "liuli.activations": activations,
        "liuli.initializers": initializers,
        "liuli.losses": losses,
        "liuli.optimizers": optimizers,
        "liuli.schedules": schedules,
    }.get(module)
    return make() if make else {}


def activations() -> dict[str, bytes]:
    """Every activation with its derivative, grey where it saturates."""
    return {name: figures.svg(functools.partial(ll.inspect.plot_activation, f)) for name, f in _made("activations")}


def activation_table() -> str:
    """Range, slope, saturation and cost of every activation, in Markdown."""
    head = "| activation | range on [-8, 8] | largest slope | saturates on | FLOPs, with derivative |"
    rows = [head, "|---|---|---|---|---|"]
    for name, made in _made("activations"):
        facts = ll.inspect.activation_facts(made)
        flat = ", ".join(f"[{a:g}, {b:g}]" for a, b in facts.saturated) or "nowhere"
        size = f"{facts.least:.3g} to {facts.largest:.3g} | {facts.steepest:.3g}"
        rows.append(f"| [{name}](#{name.lower()}) | {size} | {flat} | {facts.forward}, {facts.backward} |")
    return "\n".join(rows)


def initializers() -> dict[str, bytes]:
    """The variance of activations through 20 layers, for every initializer that makes matrices."""
    found = {}
    for name, made in _made("initializers"):
        try:
            found[name] = figures.svg(functools.partial(figures.draw_variances, made))
        except LiuliError:  # one for kernels of other shapes
            continue
    return found


def losses() -> dict[str, bytes]:
    """Every loss, as a function of one number, with its gradient."""
    curves = {name: loss_curve(made) for name, made in _made("losses")}
    return {
        name: figures.svg(functools.partial(ll.inspect.plot_loss, f, at, label=label))
        for name, (f, at, label) in curves.items()
    }


def optimizers() -> dict[str, bytes]:
    """The way of every optimizer down an ill-conditioned bowl, left, and through Rosenbrock's valley, right."""
    found = {}
    for name, made in _made("optimizers"):
        rates = _BOWL_RATES.get(name, 0.2), _VALLEY_RATES.get(name, 0.05)
        turned = [made.replace(learning_rate=rate) for rate in rates]
        draws = [figures.drawn_path(*pair) for pair in zip(figures.SCENES, turned, strict=True)]
        found[name] = figures.svg(*draws, size=(9.0, 3.2))
    return found


def schedules() -> dict[str, bytes]:
    """Schedules over 100 steps."""
    return {
        name: figures.svg(functools.partial(ll.inspect.plot_schedule, made, 100)) for name, made in _SCHEDULES.items()
    }


def _made(family: str) -> list[tuple[str, Any]]:
    """Every spec of a family that needs no arguments."""
    return [(name, cls()) for name, cls in members(family).items() if not _required(cls)]


def _required(cls: type) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]  # type: ignore[arg-type]
