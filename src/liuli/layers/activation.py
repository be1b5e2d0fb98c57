"""Activations as layers of their own: any function by name, those with a dial or an axis, and two that are learned."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli import activations
from liuli.activations import Activation as Function
from liuli.constraints import Constraint
from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import abstract, dial, setting, spec, with_fields
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.layers.axes import places
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank, shown
from liuli.regularizers import Regularizer

__all__ = ["ELU", "Activation", "LeakyReLU", "Maxout", "PReLU", "ReLU", "Softmax"]


@spec
class Activation(Layer):
    """y = f(z)            z, y: (...)

    Taps: ``z``, the input.

    activation:  f, by name or as an object.

    Example:
        >>> from liuli import layers
        >>> layers.Activation("tanh")
        Activation(Tanh())
    """

    activation: Function

    ends_in_activation: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.activation(ctx.tap("z", x)), state


@abstract
class _Named(Layer):
    """The base of layers that are one activation, with its fields as their own."""

    ends_in_activation: ClassVar[bool] = True

    @property
    def activation(self) -> Function:
        """f, with the fields as they stand."""
        raise NotImplementedError

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.activation(ctx.tap("z", x)), state


@spec
class LeakyReLU(_Named):
    """y = z where z > 0, else negative_slope z            z, y: (...)

    Taps: ``z``, the input.

    Reference: Maas, Hannun and Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models*, ICML 2013.

    negative_slope:  0.3 as in Keras's layer; the activation of this name has the 0.01 of the paper and PyTorch.

    Example:
        >>> from liuli import layers
        >>> layers.LeakyReLU(0.1)
        LeakyReLU(negative_slope=0.1)
    """

    negative_slope: float = dial(default=0.3, least=0.0)

    @property
    def activation(self) -> Function:
        return with_fields(activations.LeakyReLU(), {"negative_slope": self.negative_slope})


@spec
class ELU(_Named):
    """y = z where z > 0, else alpha (exp(z) - 1)            z, y: (...)

    Taps: ``z``, the input.

    Reference: Clevert, Unterthiner and Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear
    Units*, ICLR 2016.

    alpha:  minus the value that y approaches on the negative side.

    Example:
        >>> from liuli import layers
        >>> layers.ELU(0.5)
        ELU(alpha=0.5)
    """

    alpha: float = dial(default=1.0, least=0.0)

    @property
    def activation(self) -> Function:
        return with_fields(activations.ELU(), {"alpha": self.alpha})


@spec
class ReLU(Layer):
    """y = max_value where z >= max_value, z where threshold < z < max_value, else negative_slope (z - threshold)

    z, y: (...)

    Taps: ``z``, the input.

    Reference: Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML 2010; with a
    threshold, Konda, Memisevic and Krueger, *Zero-Bias Autoencoders*, ICLR 2015.

    max_value:       the largest y; None sets no bound.
    negative_slope:  the slope below the threshold.
    threshold:       from where on z passes.

    Example:
        >>> from liuli import layers
        >>> layers.ReLU(max_value=6.0)
        ReLU(max_value=6.0)
    """

    max_value: float | None = dial(default=None, least=0.0)
    negative_slope: float = dial(default=0.0, least=0.0)
    threshold: float = dial(default=0.0)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = ctx.tap("z", x)
        y = jnp.where(z > self.threshold, z, self.negative_slope * (z - self.threshold))
        return (y if self.max_value is None else jnp.minimum(y, self.max_value)), state


@spec
class Softmax(Layer):
    """y_i = exp(z_i) / sum_j exp(z_j), the sum over one axis or several            z, y: (batch, ...)

    Where time is among them, the steps that the mask leaves out get 0 and do not count in the sum.

    Taps: ``z``, the input.

    Reference: Bridle, *Probabilistic Interpretation of Feedforward Classification Network Outputs*, 1990.

    axis:  the axis of i, or several.

    Raises:
        ShapeError: the input has no such axis, or it is the batch.

    Example:
        >>> from liuli import layers
        >>> layers.Softmax()
        Softmax()
    """

    axis: int | tuple[int, ...] = -1

    @property
    def ends_in_activation(self) -> bool:  # type: ignore[override]
        return self.axis == -1

    @property
    def activation(self) -> Function:
        """f, where it is over the last axis."""
        return activations.Softmax()

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        places(self.axis, x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = ctx.tap("z", x)
        if ctx.mask is None or 1 not in places(self.axis, x):
            return jax.nn.softmax(z, self.axis), state
        counts = jnp.broadcast_to(ctx.mask.reshape(ctx.mask.shape + (1,) * (x.ndim - 2)), x.shape)
        y = jax.nn.softmax(jnp.where(counts, z, jnp.finfo(z.dtype).min), self.axis)
        return jnp.where(counts, y, 0), state


@spec
class PReLU(Layer):
    """y = z where z > 0, else alpha z            z, y: (batch, ...)   alpha: (...), trained

    Taps: ``z``, the input.

    Reference: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, ICCV 2015.

    alpha_initializer:  how alpha starts; PyTorch starts at 0.25.
    alpha_regularizer:  a penalty added to the loss.
    alpha_constraint:   what alpha is put back into after each update.
    shared_axes:        the axes along which alpha is one number, counted from the batch as 0: (1, 2) for images;
                        PyTorch has one alpha for all by default, or one for each channel.

    Raises:
        ShapeError: the input has no such axis.

    Example:
        >>> from liuli import layers
        >>> layers.PReLU(shared_axes=(1, 2))
        PReLU(shared_axes=(1, 2))
    """

    alpha_initializer: Initializer = Zeros()
    alpha_regularizer: Regularizer | None = None
    alpha_constraint: Constraint | None = None
    shared_axes: tuple[int, ...] | None = setting(default=None, least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        shared = self.shared_axes or ()
        if max(shared, default=0) >= x.ndim:
            got = f"shared_axes={shared} for an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"axes from 1 to {x.ndim - 1}", fix="leave shared_axes out")
        shape = tuple(1 if i in shared else n for i, n in enumerate(x.shape[1:], 1))
        return {"alpha": self.alpha_initializer(fold(key, "alpha"), shape)}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = ctx.tap("z", x)
        return jnp.where(z > 0, z, params["alpha"][None] * z), state


@spec
class Maxout(Layer):
    """y_u = max over j of z_uj,   z = x W + b            x: (..., n)   z: (..., units, pieces)   y: (..., units)

    W: (n, units pieces)   b: (units pieces,)

    A convex function that is learned, made of ``pieces`` straight lines for each unit.

    Taps: ``z``, every piece of every unit.

    Reference: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, *Maxout Networks*, ICML 2013.

    units:               the number of outputs.
    pieces:              how many lines the maximum is taken of.
    use_bias:            whether there is a b.
    kernel_initializer:  how W starts.
    bias_initializer:    how b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what W and b are put back into after each update.

    Example:
        >>> from liuli import layers
        >>> layers.Maxout(64, pieces=3)
        Maxout(64, pieces=3)
    """

    units: int = setting(least=1)
    pieces: int = setting(default=2, least=1)
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        size = self.units * self.pieces
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], size))}
        if self.use_bias:
            params["bias"] = self.bias_initializer(fold(key, "bias"), (size,))
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = x @ params["kernel"]
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        z = ctx.tap("z", z.reshape(*x.shape[:-1], self.units, self.pieces))
        return z.max(-1), state
