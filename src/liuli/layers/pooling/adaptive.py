"""Adaptive pooling: as many bins as are asked for, whatever the size of the input.

Along an axis of n elements, bin i of m goes from floor(i n / m) up to, not including, ceil((i + 1) n / m): bins cover
the axis, differ in length by at most one, and overlap where m does not divide n. So does PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from liuli.core.specs import abstract, setting, spec
from liuli.kernels import adaptive_average_pool, adaptive_max_pool
from liuli.kernels.windows import Pair, Sizes, Triple
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


@abstract
class _Adaptive(Layer):
    """The base of adaptive pooling: ``pool`` makes one number of each bin."""

    output_size: Any

    pool: ClassVar[Callable[..., jax.Array]]

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, len(self._sizes))
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return type(self).pool(x, self._sizes), state

    def output_mask(self, x: Any, mask: Any) -> None:
        fix = "use GlobalAveragePooling1D, which honours masks" if x.ndim == 3 else "drop mask_zero=True"
        refuse_mask(mask, type(self).__name__, fix)

    @property
    def _sizes(self) -> Sizes:
        return self.output_size if isinstance(self.output_size, tuple) else (self.output_size,)


@spec
class AdaptiveMaxPooling1D(_Adaptive):
    """y_i = the largest of steps floor(i n / m) to ceil((i + 1) n / m) - 1    x: (batch, n, ...)   y: (batch, m, ...)

    x has n steps and y has m, channels last in both. The gradient goes to the first of the largest.

    Reference: He, Zhang, Ren and Sun, *Spatial Pyramid Pooling in Deep Convolutional Networks*, ECCV 2014.

    output_size:  m, the number of steps of y.

    Raises:
        ShapeError: the input is no sequence.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveMaxPooling1D(4)
        AdaptiveMaxPooling1D(4)
    """

    output_size: int = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_max_pool


@spec
class AdaptiveMaxPooling2D(_Adaptive):
    """y = the largest of each bin        x: (batch, height, width, n)   y: (batch, *output_size, n)

    Bins along each axis as in AdaptiveMaxPooling1D. The gradient goes to the first of the largest, row by row.

    Reference: He, Zhang, Ren and Sun, *Spatial Pyramid Pooling in Deep Convolutional Networks*, ECCV 2014.

    output_size:  height and width of y; one number stands for both.

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveMaxPooling2D(7)
        AdaptiveMaxPooling2D((7, 7))
    """

    output_size: Pair = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_max_pool


@spec
class AdaptiveMaxPooling3D(_Adaptive):
    """y = the largest of each bin        x: (batch, depth, height, width, n)   y: (batch, *output_size, n)

    Bins along each axis as in AdaptiveMaxPooling1D. The gradient goes to the first of the largest.

    Reference: as of AdaptiveMaxPooling2D, over volumes.

    output_size:  depth, height and width of y; one number stands for all.

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveMaxPooling3D(2)
        AdaptiveMaxPooling3D((2, 2, 2))
    """

    output_size: Triple = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_max_pool


@spec
class AdaptiveAveragePooling1D(_Adaptive):
    """y_i = the mean of steps floor(i n / m) to ceil((i + 1) n / m) - 1    x: (batch, n, ...)   y: (batch, m, ...)

    x has n steps and y has m, channels last in both.

    Reference: He, Zhang, Ren and Sun, *Spatial Pyramid Pooling in Deep Convolutional Networks*, ECCV 2014, with means.

    output_size:  m, the number of steps of y.

    Raises:
        ShapeError: the input is no sequence.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveAveragePooling1D(4)
        AdaptiveAveragePooling1D(4)
    """

    output_size: int = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_average_pool


@spec
class AdaptiveAveragePooling2D(_Adaptive):
    """y = the mean of each bin        x: (batch, height, width, n)   y: (batch, *output_size, n)

    Bins along each axis as in AdaptiveAveragePooling1D.

    Reference: He, Zhang, Ren and Sun, *Spatial Pyramid Pooling in Deep Convolutional Networks*, ECCV 2014, with means.

    output_size:  height and width of y; one number stands for both.

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveAveragePooling2D(7)
        AdaptiveAveragePooling2D((7, 7))
    """

    output_size: Pair = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_average_pool


@spec
class AdaptiveAveragePooling3D(_Adaptive):
    """y = the mean of each bin        x: (batch, depth, height, width, n)   y: (batch, *output_size, n)

    Bins along each axis as in AdaptiveAveragePooling1D.

    Reference: as of AdaptiveAveragePooling2D, over volumes.

    output_size:  depth, height and width of y; one number stands for all.

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AdaptiveAveragePooling3D(2)
        AdaptiveAveragePooling3D((2, 2, 2))
    """

    output_size: Triple = setting(least=1)

    pool: ClassVar[Callable[..., jax.Array]] = adaptive_average_pool
