"""What a regularizer adds to the gradient of a parameter."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, total
from liuli.regularizers import L1, L1L2, L2, Regularizer


def penalized(call: Call, name: str, owner: Any, term: Expression) -> Expression:
    """``term`` with the penalty of a parameter of ``owner``, a part of the layer; counted once for a shared layer."""
    field = name.rpartition("/")[2].removesuffix("_kernel")
    found = getattr(owner, f"{field}_regularizer", None)
    if not isinstance(found, Regularizer) or call.index != call.owner:
        return term
    return total([term, *slopes(found, call.weight_symbol(name), lambda: call.weight(name))])


def slopes(rule: Regularizer, W: str, value: Any) -> list[Expression]:
    """The terms of dR/dW."""
    if not isinstance(rule, L1 | L2 | L1L2):
        symbol = rf"\frac{{\partial R}}{{\partial {W}}}"
        return [
            Expression(
                symbol, lambda: np.asarray(jax.grad(rule)(jax.numpy.asarray(value(), float)), np.float64), part="R"
            )
        ]
    l1, l2 = getattr(rule, "l1", 0.0), getattr(rule, "l2", 0.0)
    of_l1 = Expression(rf"{l1:.4g} \, \operatorname{{sign}}({W})", lambda: l1 * np.sign(value()), part="R")
    of_l2 = Expression(rf"2 \cdot {l2:.4g} \, {W}", lambda: 2 * l2 * value(), part="R")
    return [of_l1] * bool(l1) + [of_l2] * bool(l2)
