"""Weights that start as a special matrix."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import dial, setting, spec
from liuli.initializers.base import Initializer

__all__ = ["Dirac", "Identity", "Orthogonal", "Sparse"]


@spec
class Identity(Initializer):
    """W_io = gain [i = o], square or not; in a convolution's kernel at its centre, zero around it.

    With ``padding="same"`` and gain 1, a convolution passes its input on. The centre is at (size - 1) // 2.

    Reference: Le, Jaitly and Hinton, *A Simple Way to Initialize Recurrent Networks of Rectified Linear Units*, 2015.

    gain:  the value on the diagonal.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Identity()(jax.random.key(0), (2, 3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    gain: float = dial(default=1.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        _require_kernel(shape, "Identity")
        return _at_the_centre(shape, self.gain * jnp.eye(shape[-2], shape[-1]))


@spec
class Orthogonal(Initializer):
    """W with orthonormal columns (or rows, whichever are fewer), times gain: W^T W = gain^2 I.

    Reference: Saxe, McClelland and Ganguli, *Exact Solutions to the Nonlinear Dynamics of Learning*, ICLR 2014.

    gain:  the length of each column.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liuli import initializers
        >>> w = initializers.Orthogonal()(jax.random.key(0), (4, 3))
        >>> bool(jnp.allclose(w.T @ w, jnp.eye(3), atol=1e-5))
        True
    """

    gain: float = dial(default=1.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = jax.random.normal(key, (max(rows, columns), min(rows, columns)))
        q, r = jnp.linalg.qr(tall)
        q = q * jnp.sign(jnp.diagonal(r))[None, :]  # without this Q is not uniform over the orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@spec
class Dirac(Initializer):
    """W_io = [i = o mod outputs / groups] at the centre of the kernel, zero around it: the input passes as it is.

    Within each group the first channels are passed on. With one group it is Identity. PyTorch's centre is at size // 2,
    ours at (size - 1) // 2, which is where ``padding="same"`` has it; for odd sizes they are one.

    Reference: Zagoruyko and Komodakis, *DiracNets: Training Very Deep Neural Networks Without Skip-Connections*, 2017.

    groups:  how many groups the convolution has; it must divide the outputs.

    Raises:
        ShapeError: the shape is no kernel, or the groups do not divide its outputs.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Dirac(groups=2)(jax.random.key(0), (1, 2, 4))[0].tolist()
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    groups: int = setting(default=1, least=1)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        _require_kernel(shape, "Dirac")
        if shape[-1] % self.groups:
            got = f"{shape[-1]} outputs in {self.groups} groups"
            raise ShapeError("Dirac", got=got, expected="equally many in each", fix="groups=1")
        one = jnp.eye(shape[-2], shape[-1] // self.groups)
        return _at_the_centre(shape, jnp.tile(one, (1, self.groups)))


@spec
class Sparse(Initializer):
    """W_io ~ N(0, stddev^2), a share ``sparsity`` of each column zero: every unit starts with few inputs.

    Which inputs are zero is drawn anew for each unit; their number is rounded up. PyTorch, whose matrices are (outputs,
    inputs), makes a share of each *input's* weights zero.

    Reference: Martens, *Deep Learning via Hessian-Free Optimization*, ICML 2010.

    sparsity:  the share that is zero.
    stddev:    of the others.

    Raises:
        ShapeError: the shape is no matrix.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> (initializers.Sparse(0.75)(jax.random.key(0), (8, 3)) == 0).sum(0).tolist()
        [6, 6, 6]
    """

    sparsity: float = setting(least=0.0, most=1.0)
    stddev: float = dial(default=0.01, least=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        if len(shape) != 2:
            fix = 'write "he_normal" for other weights'
            raise ShapeError("Sparse", got=f"the shape {shape}", expected="a matrix (inputs, outputs)", fix=fix)
        values, places = jax.random.split(key)
        order = jax.random.permutation(places, jnp.broadcast_to(jnp.arange(shape[0])[:, None], shape), 0, True)
        kept = order >= math.ceil(self.sparsity * shape[0])
        return jnp.where(kept, self.stddev * jax.random.normal(values, shape), 0.0)


def _require_kernel(shape: tuple[int, ...], name: str) -> None:
    if len(shape) < 2:
        raise ShapeError(
            name,
            got=f"the shape {shape}",
            expected="a kernel (..., inputs, outputs)",
            fix='write "zeros" or "ones" for a bias or a scale',
        )


def _at_the_centre(shape: tuple[int, ...], matrix: jax.Array) -> jax.Array:
    """A kernel that is ``matrix`` (inputs, outputs) at its centre, and zero around it."""
    return jnp.zeros(shape).at[tuple((size - 1) // 2 for size in shape[:-2])].set(matrix)
