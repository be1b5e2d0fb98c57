"""Pooling of all space at once: one number a channel, whatever the length of a sequence or the size of an image."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.core.specs import abstract, spec
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


@abstract
class _Global(Layer):
    """The base of pooling of all space.

    A mask of a sequence ends here; with keepdims the one step that is left counts where any step did.
    """

    keepdims: bool = False

    rank: ClassVar[int]

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, self.rank)
        return {}, {}

    def output_mask(self, x: Any, mask: Any) -> Any:
        if self.rank > 1:
            refuse_mask(mask, type(self).__name__, "drop mask_zero=True")
        return mask.any(axis=1, keepdims=True) if mask is not None and self.keepdims else None

    def _mask(self, ctx: Context) -> jax.Array | None:
        """The mask, as (batch, steps, 1)."""
        return ctx.mask[..., None] if self.rank == 1 and ctx.mask is not None else None

    @property
    def _space(self) -> tuple[int, ...]:
        """The axes of space."""
        return tuple(range(1, self.rank + 1))


@abstract
class _GlobalMax(_Global):
    """The largest element of each channel."""

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        mask = self._mask(ctx)
        if mask is None:
            return x.max(axis=self._space, keepdims=self.keepdims), state
        largest = jnp.where(mask, x, -jnp.inf).max(axis=1, keepdims=self.keepdims)
        return jnp.where(mask.any(axis=1, keepdims=self.keepdims), largest, 0), state


@abstract
class _GlobalAverage(_Global):
    """The mean of each channel."""

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        mask = self._mask(ctx)
        if mask is None:
            return x.mean(axis=self._space, keepdims=self.keepdims), state
        count = jnp.maximum(mask.sum(axis=1, keepdims=self.keepdims), 1).astype(x.dtype)
        return jnp.where(mask, x, 0).sum(axis=1, keepdims=self.keepdims) / count, state


@spec
class GlobalMaxPooling1D(_GlobalMax):
    """y = the largest element of each channel over time            x: (batch, steps, n)   y: (batch, n)

    Elements that are equally large share the gradient. Masked steps are left out; masked steps alone give 0.

    Reference: Collobert et al., *Natural Language Processing (Almost) from Scratch*, JMLR 12, 2011.

    keepdims:  keep time as an axis of one: (batch, 1, n).

    Raises:
        ShapeError: the input is no sequence.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalMaxPooling1D()
        GlobalMaxPooling1D()
    """

    aliases: ClassVar[tuple[str, ...]] = ("global_max_pool1d",)
    rank: ClassVar[int] = 1


@spec
class GlobalMaxPooling2D(_GlobalMax):
    """y = the largest element of each channel over the image            x: (batch, height, width, n)   y: (batch, n)

    Elements that are equally large share the gradient.

    Reference: Oquab, Bottou, Laptev and Sivic, *Is Object Localization for Free?*, CVPR 2015.

    keepdims:  keep height and width as axes of one: (batch, 1, 1, n).

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalMaxPooling2D()
        GlobalMaxPooling2D()
    """

    aliases: ClassVar[tuple[str, ...]] = ("global_max_pool2d",)
    rank: ClassVar[int] = 2


@spec
class GlobalMaxPooling3D(_GlobalMax):
    """y = the largest element of each channel over the volume    x: (batch, depth, height, width, n)   y: (batch, n)

    Elements that are equally large share the gradient.

    Reference: as of GlobalMaxPooling2D, over volumes.

    keepdims:  keep depth, height and width as axes of one: (batch, 1, 1, 1, n).

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalMaxPooling3D()
        GlobalMaxPooling3D()
    """

    aliases: ClassVar[tuple[str, ...]] = ("global_max_pool3d",)
    rank: ClassVar[int] = 3


@spec
class GlobalAveragePooling1D(_GlobalAverage):
    """y = the mean of each channel over time            x: (batch, steps, n)   y: (batch, n)

    The mean is over the steps that count; masked steps alone give 0, where Keras gives NaN.

    Reference: Lin, Chen and Yan, *Network in Network*, ICLR 2014.

    keepdims:  keep time as an axis of one: (batch, 1, n).

    Raises:
        ShapeError: the input is no sequence.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalAveragePooling1D()
        GlobalAveragePooling1D()
    """

    aliases: ClassVar[tuple[str, ...]] = ("global_avg_pool1d",)
    rank: ClassVar[int] = 1


@spec
class GlobalAveragePooling2D(_GlobalAverage):
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

    aliases: ClassVar[tuple[str, ...]] = ("global_avg_pool2d",)
    rank: ClassVar[int] = 2


@spec
class GlobalAveragePooling3D(_GlobalAverage):
    """y = the mean of each channel over the volume    x: (batch, depth, height, width, n)   y: (batch, n)

    Reference: Lin, Chen and Yan, *Network in Network*, ICLR 2014, over volumes.

    keepdims:  keep depth, height and width as axes of one: (batch, 1, 1, 1, n).

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.GlobalAveragePooling3D()
        GlobalAveragePooling3D()
    """

    aliases: ClassVar[tuple[str, ...]] = ("global_avg_pool3d",)
    rank: ClassVar[int] = 3
