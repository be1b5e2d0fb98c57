"""Pooling by windows that slide over sequences, images and volumes: each window becomes one number a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from liuli.core.specs import abstract, setting, spec
from liuli.kernels import average_pool, counted, max_pool
from liuli.kernels.windows import Padding, Pair, Sizes, Triple
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_windows

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


@abstract
class _Windowed(Layer):
    """The base of pooling by windows: ``pool`` makes one number of each.

    A mask of a sequence is passed on: an output counts where any step of its window does.
    """

    pool_size: Any = 2
    strides: Any = None
    padding: Padding = "valid"

    pool: ClassVar[Callable[..., jax.Array]]

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        window, _, padding = self._windows
        require_windows(x, window, (1,) * len(window), padding)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return type(self).pool(x, *self._windows, mask=ctx.mask if x.ndim == 3 else None), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if mask is None or x.ndim == 3:
            return None if mask is None else counted(mask, *self._windows) > 0
        return refuse_mask(mask, type(self).__name__, "drop mask_zero=True")

    @property
    def _windows(self) -> tuple[Sizes, Sizes, Padding]:
        window, strides = self.pool_size, self.strides or self.pool_size
        return (window, strides, self.padding) if isinstance(window, tuple) else ((window,), (strides,), self.padding)


@spec
class MaxPooling1D(_Windowed):
    """y = the largest element of each window            x: (batch, steps, n)   y: (batch, steps', n)

    steps' = (steps - pool_size) // s + 1, or ceil(steps / s) where padded. The gradient goes to the largest alone, of
    equal ones to the first. Masked steps are left out; a window of masked steps alone gives 0 and is masked.

    Reference: Collobert et al., *Natural Language Processing (Almost) from Scratch*, JMLR 12, 2011.

    pool_size:  steps of a window.
    strides:    s, how far the window moves; None moves it by its own size.
    padding:    ``"valid"``: windows lie inside; ``"same"``: windows may reach beyond the ends.

    Raises:
        ShapeError: the input is no sequence, or shorter than the window.

    Example:
        >>> from liuli import layers
        >>> layers.MaxPooling1D(3)
        MaxPooling1D(pool_size=3)
    """

    pool_size: int = setting(default=2, least=1)
    strides: int | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("max_pool1d",)
    pool: ClassVar[Callable[..., jax.Array]] = max_pool


@spec
class MaxPooling2D(_Windowed):
    """y = the largest element of each window        x: (batch, height, width, n)   y: (batch, height', width', n)

    height' = (height - rows) // s + 1, or ceil(height / s) where padded. The gradient goes to the largest alone,
    of equal ones to the first.

    Reference: Ranzato, Huang, Boureau and LeCun, *Unsupervised Learning of Invariant Feature Hierarchies*, CVPR 2007.

    pool_size:  rows and columns of a window; one number stands for both.
    strides:    s, how far the window moves; None moves it by its own size.
    padding:    ``"valid"``: windows lie inside; ``"same"``: windows may reach beyond the edges.

    Raises:
        ShapeError: the input is no image, or smaller than the window.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.MaxPooling2D(2)
        MaxPooling2D()
    """

    pool_size: Pair = setting(default=(2, 2), least=1)
    strides: Pair | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("max_pool2d",)
    pool: ClassVar[Callable[..., jax.Array]] = max_pool

    @property
    def halves(self) -> bool:
        """Whether it takes the largest of each 2 x 2, side by side."""
        return self._windows == ((2, 2), (2, 2), "valid")


@spec
class MaxPooling3D(_Windowed):
    """y = the largest element of each window    x: (batch, depth, height, width, n)   y: (batch, depth', ..., n)

    depth' = (depth - planes) // s + 1, or ceil(depth / s) where padded. The gradient goes to the largest alone, of
    equal ones to the first.

    Reference: Tran et al., *Learning Spatiotemporal Features with 3D Convolutional Networks*, ICCV 2015.

    pool_size:         planes, rows and columns of a window; one number stands for all.
    strides, padding:  as in MaxPooling2D.

    Raises:
        ShapeError: the input is no volume, or smaller than the window.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.MaxPooling3D((1, 2, 2))
        MaxPooling3D(pool_size=(1, 2, 2))
    """

    pool_size: Triple = setting(default=(2, 2, 2), least=1)
    strides: Triple | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("max_pool3d",)
    pool: ClassVar[Callable[..., jax.Array]] = max_pool


@spec
class AveragePooling1D(_Windowed):
    """y = the mean of each window            x: (batch, steps, n)   y: (batch, steps', n)

    steps' = (steps - pool_size) // s + 1, or ceil(steps / s) where padded. Padding and masked steps are not counted; a
    window of masked steps alone gives 0 and is masked. PyTorch counts padding unless ``count_include_pad=False``.

    Reference: LeCun, Bottou, Bengio and Haffner, *Gradient-Based Learning Applied to Document Recognition*, 1998.

    pool_size, strides, padding:  as in MaxPooling1D.

    Raises:
        ShapeError: the input is no sequence, or shorter than the window.

    Example:
        >>> from liuli import layers
        >>> layers.AveragePooling1D(3)
        AveragePooling1D(pool_size=3)
    """

    pool_size: int = setting(default=2, least=1)
    strides: int | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("avg_pool1d",)
    pool: ClassVar[Callable[..., jax.Array]] = average_pool


@spec
class AveragePooling2D(_Windowed):
    """y = the mean of each window            x: (batch, height, width, n)   y: (batch, height', width', n)

    height' = (height - rows) // s + 1, or ceil(height / s) where padded. Padding is not counted.

    Reference: LeCun, Bottou, Bengio and Haffner, *Gradient-Based Learning Applied to Document Recognition*, 1998.

    pool_size:  rows and columns of a window; one number stands for both.
    strides:    s, how far the window moves; None moves it by its own size.
    padding:    ``"valid"``: windows lie inside; ``"same"``: windows may reach beyond the edges.

    Raises:
        ShapeError: the input is no image, or smaller than the window.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AveragePooling2D(2)
        AveragePooling2D()
    """

    pool_size: Pair = setting(default=(2, 2), least=1)
    strides: Pair | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("avg_pool2d",)
    pool: ClassVar[Callable[..., jax.Array]] = average_pool


@spec
class AveragePooling3D(_Windowed):
    """y = the mean of each window            x: (batch, depth, height, width, n)   y: (batch, depth', ..., n)

    depth' = (depth - planes) // s + 1, or ceil(depth / s) where padded. Padding is not counted.

    Reference: as of AveragePooling2D, over volumes.

    pool_size, strides, padding:  as in MaxPooling3D.

    Raises:
        ShapeError: the input is no volume, or smaller than the window.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.AveragePooling3D((1, 2, 2))
        AveragePooling3D(pool_size=(1, 2, 2))
    """

    pool_size: Triple = setting(default=(2, 2, 2), least=1)
    strides: Triple | None = setting(default=None, least=1)

    aliases: ClassVar[tuple[str, ...]] = ("avg_pool3d",)
    pool: ClassVar[Callable[..., jax.Array]] = average_pool
