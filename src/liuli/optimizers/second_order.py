"""Full-batch methods that use curvature: LBFGS with a line search, Newton with the exact Hessian.

Both take the loss to be the same function at every step: train them with ``batch_size=len(x)``, without dropout.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from liuli import kernels
from liuli.core.errors import SpecError
from liuli.core.extras import optax
from liuli.core.specs import dial, setting, spec
from liuli.optimizers.base import Objective, Optimizer, scheduled
from liuli.schedules import Schedule

LARGEST = 4096
"""Parameters that Newton takes at most: its Hessian has the square of that."""


@spec
class LBFGS(Optimizer):
    """w <- w - s B g,  B the inverse Hessian that the last ``memory_size`` steps tell, s from a line search

    s meets the strong Wolfe conditions: the loss falls enough, and its slope along the step becomes small (the zoom
    search of Nocedal and Wright, Algorithms 3.5 and 3.6).

    Reference: Liu and Nocedal, *On the Limited Memory BFGS Method for Large Scale Optimization*, 1989.

    learning_rate:         the first s that is tried.
    memory_size:           how many steps are remembered.
    max_linesearch_steps:  how many s are tried at most.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.LBFGS(memory_size=20)
        LBFGS(memory_size=20)
    """

    learning_rate: float | Schedule = dial(default=1.0, least=0.0)
    memory_size: int = setting(default=10, least=1)
    max_linesearch_steps: int = setting(default=20, least=1)

    def transform(self, step: Any) -> optax.GradientTransformationExtraArgs:
        """The update as an Optax transformation, which wants value, grad and value_fn as well."""
        search = optax.scale_by_zoom_linesearch(self.max_linesearch_steps, initial_guess_strategy="one")
        return optax.lbfgs(scheduled(self.learning_rate, step), self.memory_size, linesearch=search)

    def init(self, params: Any) -> Any:
        return self.transform(0).init(params)

    def advance(self, objective: Objective, params: Any, slots: Any, step: Any) -> tuple[Any, Any, Any]:
        def loss(params: Any) -> jax.Array:
            return objective(params)[0]

        (value, aux), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, new = self.transform(step).update(
                gradients, slots, params, value=value, grad=gradients, value_fn=loss
            )
        new = jax.tree.map(lambda made, old: jnp.asarray(made, old.dtype), new, slots)
        return optax.apply_updates(params, updates), new, aux


@spec
class Newton(Optimizer):
    """w <- w - rate (H + damping I)^-1 g,  H the Hessian of the loss over all parameters

    One step solves a quadratic. Where H has negative eigenvalues, a damping below them leads to a saddle. For small
    networks: H has the square of the number of parameters.

    Reference: Nocedal and Wright, *Numerical Optimization*, 2006, section 3.3; damping: Levenberg, 1944.

    learning_rate:  the share of the step that is taken.
    damping:        what is added to the diagonal.

    Raises:
        SpecError: there are more than 4096 parameters.

    Example:
        >>> from liuli import optimizers
        >>> optimizers.Newton(damping=0.1)
        Newton(damping=0.1)
    """

    learning_rate: float | Schedule = dial(default=1.0, least=0.0)
    damping: float = dial(default=1e-4, least=0.0)

    def init(self, params: Any) -> tuple[()]:
        if (size := sum(leaf.size for leaf in jax.tree.leaves(params))) > LARGEST:
            raise SpecError("Newton", got=f"{size} parameters", expected=f"at most {LARGEST}", fix="optimizers.LBFGS()")
        return ()

    def advance(self, objective: Objective, params: Any, slots: Any, step: Any) -> tuple[Any, Any, Any]:
        flat, rebuild = ravel_pytree(params)

        def slope(w: jax.Array) -> tuple[jax.Array, Any]:
            (_, aux), gradient = jax.value_and_grad(lambda w: objective(rebuild(w)), has_aux=True)(w)
            return gradient, aux

        with kernels.plain():  # differentiated twice
            gradient, aux = slope(flat)
            hessian = jax.jacrev(lambda w: slope(w)[0])(flat)  # (parameters, parameters)
        damped = hessian + self.damping * jnp.eye(flat.size, dtype=flat.dtype)
        return rebuild(flat - scheduled(self.learning_rate, step) * jnp.linalg.solve(damped, gradient)), slots, aux


__all__ = ["LBFGS", "Newton"]
