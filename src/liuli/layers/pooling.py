"""Pooling: images made smaller, each window by one number."""

from __future__ import annotations

from typing import Any

import jax

from liuli.core.specs import setting, spec
from liuli.kernels import average_pool2d, max_pool2d
from liuli.kernels.windows import Padding, Pair
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_windows

__all__ = ["AveragePooling2D", "GlobalAveragePooling2D", "MaxPooling2D"]


@spec
class MaxPooling2D(Layer):
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
    padding: Padding = "valid"

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_windows(x, self.pool_size, (1, 1), self.padding)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return max_pool2d(x, self.pool_size, self.strides or self.pool_size, self.padding), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "MaxPooling2D", "drop mask_zero=True")


@spec
class AveragePooling2D(Layer):
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
        >>> layers.AveragePooling2D(3, strides=2, padding="same")
        AveragePooling2D(pool_size=(3, 3), strides=(2, 2), padding='same')
    """

    pool_size: Pair = setting(default=(2, 2), least=1)
    strides: Pair | None = setting(default=None, least=1)
    padding: Padding = "valid"

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_windows(x, self.pool_size, (1, 1), self.padding)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return average_pool2d(x, self.pool_size, self.strides or self.pool_size, self.padding), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "AveragePooling2D", "drop mask_zero=True")


@spec
class GlobalAveragePooling2D(Layer):
    """y = the mean of each channel over the image            x: (batch, height, width, n)   y: (batch, n)

    Reference: Lin, Chen and Yan, *Network in Network*, ICLR 2014.

    keepdims:  keep height and width as axes of one: (batch, 1, 1, n).

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalAveragePooling2D()
        GlobalAveragePooling2D()
    """

    keepdims: bool = False

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, 4, "(batch, height, width, channels)")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x.mean(axis=(1, 2), keepdims=self.keepdims), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "GlobalAveragePooling2D", "drop mask_zero=True")
