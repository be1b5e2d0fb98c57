"""Hashing: a bin for anything, without a list of what there is.

Integers are hashed on the device by MurmurHash3 (32 bits, of the integer's four bytes). Text is first made an integer
on the host: the first four bytes of its BLAKE2b digest in UTF-8. Both are the same on every machine and in every
version. Keras has FarmHash: the bins are others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.specs import setting, spec
from liuli.layers.base import Params, Shape, State, shown
from liuli.layers.preprocessing.encoding import Categories, OutputMode, require_integers

__all__ = ["HashedCrossing", "Hashing"]


@spec
class Hashing(Categories):
    """y = murmur3(x) mod num_bins            x: (batch, ...) of integers or text   y: (batch, ...) of integers

    Text becomes integers by ``host``, before the network: the first four bytes of blake2b(x). Different values may
    share a bin.

    Reference: Weinberger, Dasgupta, Langford, Smola and Attenberg, *Feature Hashing for Large Scale Multitask
    Learning*, ICML 2009.

    num_bins:     how many bins there are.
    mask_value:   the value that bin 0 is kept for; all others get 1 to num_bins - 1. None keeps no bin.
    salt:         the seed of the hash; another one makes other collisions. None is 0.
    output_mode:  ``"int"`` gives the bins' numbers; ``"one_hot"`` a vector for each, ``"multi_hot"`` and ``"count"``
                  one for all along the last axis.

    Raises:
        ShapeError: the input is not of integers.
        SpecError: one bin, which a mask_value is to have for itself.
        LiuliError: the input carries a mask, and its time axis would be lost.

    Example:
        >>> import jax.numpy as jnp, numpy as np
        >>> from liuli import layers
        >>> layer = layers.Hashing(8, mask_value="")
        >>> x = layer.host(np.array(["red", "green", "", "red"]))
        >>> layer.apply({}, {}, jnp.asarray(x), layers.Context())[0].tolist()
        [3, 5, 0, 3]
    """

    num_bins: int = setting(least=1)
    mask_value: int | str | None = None
    salt: int | None = setting(default=None, least=0, most=2**32 - 1)
    output_mode: OutputMode = "int"

    on_host: ClassVar[bool] = True

    def check(self) -> None:
        if self.mask_value is not None and self.num_bins < 2:
            got, expected = "1 and a mask_value", "a bin for everything else"
            raise SpecError("Hashing.num_bins", got=got, expected=expected, fix="num_bins=2")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_integers(x)
        return super().init(key, x)

    def host(self, x: np.ndarray) -> np.ndarray:
        """Text as integers (int32), for the device to hash; integers as they are."""
        x = np.asarray(x)
        return fingerprints(x) if x.dtype.kind in "OUS" else x

    def depth(self) -> int:
        return self.num_bins

    def ids(self, x: jax.Array) -> jax.Array:
        if self.mask_value is None:
            return bins([x], self.num_bins, self.salt or 0)
        masked = fingerprint(self.mask_value) if isinstance(self.mask_value, str) else self.mask_value
        return jnp.where(x == masked, 0, 1 + bins([x], self.num_bins - 1, self.salt or 0))


@spec
class HashedCrossing(Categories):
    """y = murmur3(x_1, x_2, ...) mod num_bins            x_i: (batch, ...) of integers   y: (batch, ...) of integers

    A bin for every combination of values of two or more features: what a linear model cannot make of them alone.

    Reference: Cheng et al., *Wide & Deep Learning for Recommender Systems*, DLRS 2016.

    num_bins:     how many bins there are; different combinations may share one.
    output_mode:  ``"int"`` gives the bins' numbers, ``"one_hot"`` vectors (batch, ..., num_bins).

    Raises:
        ShapeError: fewer than two inputs, other shapes than one, or inputs that are not of integers.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> x = jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1])
        >>> layers.HashedCrossing(1000).apply({}, {}, x, layers.Context())[0].tolist()
        [676, 456, 556, 890]
    """

    num_bins: int = setting(least=1)
    output_mode: Literal["int", "one_hot"] = "int"

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        several = x if isinstance(x, tuple) else (x,)
        for each in several:
            require_integers(each)
        if len(several) < 2 or len({each.shape for each in several}) > 1:
            got = ", ".join(map(shown, several))
            raise ShapeError("", got=got, expected="two or more inputs of one shape", fix="layer([a, b])")
        return super().init(key, several[0])

    def depth(self) -> int:
        return self.num_bins

    def ids(self, x: Any) -> jax.Array:
        return bins(x, self.num_bins, 0)


def fingerprint(text: str) -> int:
    """A text as an integer of 32 bits: the first four bytes of its BLAKE2b digest in UTF-8, little end first."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=64).digest()
    return int.from_bytes(digest[:4], "little", signed=True)


def fingerprints(texts: np.ndarray) -> np.ndarray:
    """The fingerprint of each text, in the shape of ``texts``: int32."""
    flat = [fingerprint(text) for text in strings(texts).ravel().tolist()]
    return np.array(flat, np.int32).reshape(texts.shape)


def strings(texts: Any) -> np.ndarray:
    """``texts`` as an array of Python strings; bytes are read as UTF-8.

    Raises:
        DataError: something is no text, such as a missing value.
    """
    texts = np.asarray(texts)
    made = [t.decode("utf-8") if isinstance(t, bytes) else t for t in texts.ravel().tolist()]
    if strange := [t for t in made if not isinstance(t, str)]:
        raise DataError("x", got=f"{strange[0]!r}", expected="text", fix='fill what is missing with ""')
    return np.array(made, object).reshape(texts.shape)


def bins(words: Sequence[Any], count: int, seed: int) -> Any:
    """MurmurHash3 of the integers ``words`` (arrays of one shape, of JAX or NumPy) modulo ``count``: int32."""
    return (murmur3(words, seed) % np.uint32(count)).astype(np.int32)


def murmur3(words: Sequence[Any], seed: int) -> Any:
    """MurmurHash3_x86_32 (Appleby, 2011) of 32-bit words, elementwise: uint32. Arithmetic is modulo 2^32."""
    h = words[0].astype(np.uint32) * np.uint32(0) + np.uint32(seed)
    for word in words:
        k = _rotated(word.astype(np.uint32) * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
        h = _rotated(h ^ k, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    h = h ^ np.uint32(4 * len(words))
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def _rotated(x: Any, by: int) -> Any:
    return (x << np.uint32(by)) | (x >> np.uint32(32 - by))
