"""Lookup: from the words of a vocabulary to ids and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError, SpecError
from liuli.core.specs import abstract, setting, spec
from liuli.layers.base import Context, Params, Shape, State, last_axis
from liuli.layers.preprocessing.encoding import Categories, encoded, encoded_on_host, float_dtype, require_integers
from liuli.layers.preprocessing.hashing import bins, fingerprints, strings

__all__ = ["IntegerLookup", "StringLookup"]


@abstract
class Lookup(Categories):
    """A layer with a vocabulary. Ids are, in this order: the mask's, those of what is unknown, the vocabulary's.

    max_tokens:         how many ids there may be in all; ``adapt`` keeps the most frequent tokens. None is no limit.
    num_oov_indices:    how many ids stand for what is out of the vocabulary; with several a hash chooses.
    mask_token:         the token that means nothing: id 0 with ``"int"``, counted nowhere with the other modes.
    oov_token:          what ``invert`` gives for an unknown id.
    vocabulary:         the tokens; None until ``adapt`` finds them, the most frequent first.
    idf_weights:        for ``"tf_idf"``: the weight of each token; unknown ones get the mean.
    invert:             whether ids become tokens instead.
    output_mode:        ``"int"`` gives ids; ``"one_hot"`` a vector for each; ``"multi_hot"``, ``"count"`` and
                        ``"tf_idf"`` (counts times idf_weights) one for all along the last axis.
    pad_to_max_tokens:  whether vectors are max_tokens long, whatever the vocabulary.
    """

    max_tokens: int | None = setting(default=None, least=2)
    num_oov_indices: int = setting(default=1, least=0)
    mask_token: Any = None
    oov_token: Any = None
    vocabulary: tuple[Any, ...] | None = None
    idf_weights: tuple[float, ...] | None = None
    invert: bool = False
    output_mode: Literal["int", "one_hot", "multi_hot", "count", "tf_idf"] = "int"
    pad_to_max_tokens: bool = False

    def check(self) -> None:
        where, words = type(self).__name__, self.vocabulary
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise SpecError(f"{where}.max_tokens", got="None", expected="a length to pad to", fix="max_tokens=1000")
        if self.invert and self.output_mode != "int":
            got, fix = f"{self.output_mode!r} with invert=True", 'output_mode="int"'
            raise SpecError(f"{where}.output_mode", got=got, expected="'int'", fix=fix)
        wanted = None if words is None or self.output_mode != "tf_idf" else len(words)
        given = None if self.idf_weights is None else len(self.idf_weights)
        if given != wanted:
            got, expected = f"{given} weights", f'{wanted}: one for each token, with output_mode="tf_idf" only'
            raise SpecError(f"{where}.idf_weights", got=got, expected=expected, fix="find them by adapt")
        if words is None:
            return
        reserved = [self.mask_token] if self.mask_token is not None else []
        reserved += [self.oov_token] if self.invert else []
        if twice := [word for word, n in Counter([*words, *reserved]).items() if n > 1]:
            got, fix = f"{twice[0]!r} twice", "name each token once, and neither mask_token nor oov_token"
            raise SpecError(f"{where}.vocabulary", got=got, expected="different tokens", fix=fix)
        if self.max_tokens is not None and self._first + len(words) > self.max_tokens:
            got = f"{len(words)} tokens and {self._first} ids before them"
            raise SpecError(f"{where}.vocabulary", got=got, expected=f"at most {self.max_tokens}", fix="shorten it")

    def words(self) -> tuple[Any, ...]:
        """The vocabulary, or SpecError where there is none yet."""
        if self.vocabulary is None:
            fix = "layer = layer.adapt(x)"
            raise SpecError("vocabulary", got="None", expected="tokens, as adapt finds them", fix=fix)
        return self.vocabulary

    def vocabulary_size(self) -> int:
        """How many ids there are, those of the mask and of unknown tokens among them: what an Embedding needs."""
        return self._first + len(self.words())

    def depth(self) -> int:
        padded = self.max_tokens if self.pad_to_max_tokens else None
        return self.vocabulary_size() if padded is None else padded

    def learned(self, documents: Iterable[list[Any]]) -> Self:
        """This layer with the vocabulary of ``documents``, lists of tokens: the most frequent first.

        Ties are broken by the tokens themselves, the last first (as in Keras). Of N documents, a token that is in n of
        them weighs log(1 + N / (1 + n)).
        """
        every = [list(document) for document in documents]
        counts = Counter(token for document in every for token in document)
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        found = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        found = found[: None if self.max_tokens is None else max(0, self.max_tokens - self._first)]
        if not found:
            raise DataError("data", got="no tokens", expected="tokens to learn", fix="look at the data")
        within = Counter(token for document in every for token in set(document))
        idf = tuple(float(np.log(1 + len(every) / (1 + within[token]))) for token in found)
        return self.replace(vocabulary=tuple(found), idf_weights=idf if self.output_mode == "tf_idf" else None)

    def all_idf(self) -> np.ndarray:
        """The weight of every id: the mean for those of unknown tokens, 0 for padding."""
        own = np.array(self.idf_weights or (0.0,))
        known = np.concatenate([np.full(self._first, own.mean()), own])
        return np.pad(known, (0, self.depth() - known.size))

    @property
    def _masked(self) -> int:
        """The id of the mask: 0, or where that is to be counted nowhere -1."""
        return self._oov - 1

    @property
    def _oov(self) -> int:
        """The first id of what is unknown."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first(self) -> int:
        """The id of the first token of the vocabulary."""
        return self._oov + self.num_oov_indices


@spec
class IntegerLookup(Lookup):
    """y = the place of x in the vocabulary            x: (batch, ...) of integers   y: (batch, ...) of integers

    Runs on the device. Where num_oov_indices is 0, an unknown integer becomes -1, which counts nowhere.

    Reference: Keras, *IntegerLookup*.

    mask_token, oov_token, vocabulary:  as in StringLookup, but integers.
    oov_method:                         how one of several ids of unknown tokens is chosen: ``"floormod"`` by x mod
                                        their number, ``"hash"`` by MurmurHash3 (Keras has ``"farmhash"``).
    salt:                               the seed of that hash; None is 0.

    Raises:
        ShapeError: the input is not of integers.
        SpecError: a call before ``adapt``, tokens that are there twice, weights that do not fit the vocabulary.
        LiuliError: the input carries a mask, and its time axis would be lost.

    Example:
        >>> import jax.numpy as jnp, numpy as np
        >>> from liuli import layers
        >>> layer = layers.IntegerLookup().adapt(np.array([7, 7, 7, 40, 40, 2]))
        >>> layer.vocabulary
        (7, 40, 2)
        >>> layer.apply({}, {}, jnp.array([40, 2, 1000]), layers.Context())[0].tolist()
        [2, 3, 0]
    """

    mask_token: int | None = None
    oov_token: int = -1
    vocabulary: tuple[int, ...] | None = setting(default=None, least=-(2**31), most=2**31 - 1)
    oov_method: Literal["floormod", "hash"] = "floormod"
    salt: int | None = setting(default=None, least=0, most=2**32 - 1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        self.words()
        require_integers(x)
        return super().init(key, x)

    def adapt(self, data: Any) -> Self:
        """This layer with the vocabulary of data, (documents, ...) of integers.

        Raises:
            DataError: there are no tokens, or they are no integers of 32 bits.
        """
        values = np.asarray(data)
        if values.dtype.kind not in "iu" or (values.size and int(abs(values).max()) >= 2**31):
            got = f"{values.dtype} up to {values.max()}" if values.size else f"{values.dtype}"
            raise DataError("data", got=got, expected="integers of 32 bits", fix='data.astype("int32")')
        return self.learned(values.reshape(len(values), -1).tolist())

    def ids(self, x: jax.Array) -> jax.Array:
        x, words = x.astype(jnp.int32), np.array(self.words(), np.int32)
        if self.invert:
            table = np.concatenate([np.full(self._first, self.oov_token, np.int32), words])
            table[: self._oov] = self.mask_token or 0
            return jnp.where((x >= 0) & (x < table.size), jnp.take(table, x, mode="clip"), self.oov_token)
        order = np.argsort(words)
        place = jnp.minimum(jnp.searchsorted(words[order], x), len(words) - 1)
        known = jnp.take(words[order], place) == x
        ids = jnp.where(known, self._first + jnp.take(order.astype(np.int32), place), self._unknown(x))
        return ids if self.mask_token is None else jnp.where(x == self.mask_token, self._masked, ids)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if self.output_mode != "tf_idf":
            return super().apply(params, state, x, ctx)
        counts = encoded(self.ids(x), "count", self.depth(), float_dtype(x, ctx))
        return counts * last_axis(jnp.asarray(self.all_idf(), counts.dtype), counts), state

    def _unknown(self, x: jax.Array) -> jax.Array:
        """The id of what is not in the vocabulary."""
        if self.num_oov_indices < 2:
            return jnp.full_like(x, self._oov if self.num_oov_indices else -1)
        if self.oov_method == "floormod":
            return self._oov + x % self.num_oov_indices
        return self._oov + bins([x], self.num_oov_indices, self.salt or 0)


@spec
class StringLookup(Lookup):
    """y = the place of x in the vocabulary            x: (batch, ...) of text   y: (batch, ...) of integers

    Text stays on the host: ``host`` makes numbers of it before anything goes to the device, and within the network they
    pass as they are. An ``Embedding(layer.vocabulary_size(), n, mask_zero=True)`` after it leaves out the mask_token.

    Reference: Keras, *StringLookup*.

    salt:  the seed of the hash that chooses one of several ids of unknown tokens (MurmurHash3 of the first four bytes
           of BLAKE2b; Keras has FarmHash); None is 0.

    Raises:
        SpecError: a call before ``adapt``, tokens that are there twice, weights that do not fit the vocabulary.
        DataError: what enters is no text, or unknown where num_oov_indices is 0.

    Example:
        >>> import numpy as np
        >>> from liuli import layers
        >>> layer = layers.StringLookup(vocabulary=("red", "green"))
        >>> layer.host(np.array(["green", "red", "blue"])).tolist()
        [2, 1, 0]
        >>> layer.replace(invert=True).host(np.array([2, 1, 0])).tolist()
        ['green', 'red', '[UNK]']
    """

    mask_token: str | None = None
    oov_token: str = "[UNK]"
    vocabulary: tuple[str, ...] | None = None
    salt: int | None = setting(default=None, least=0, most=2**32 - 1)

    on_host: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        self.words()
        if self.invert:
            expected, fix = "a layer that makes numbers", "call layer.host(ids) outside of the network"
            raise SpecError("invert", got="True in a network", expected=expected, fix=fix)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x, state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return mask

    def adapt(self, data: Any) -> Self:
        """This layer with the vocabulary of data, (documents, ...) of text, each element a token.

        Raises:
            DataError: there are no tokens, or they are no text.
        """
        values = strings(data)
        return self.learned(values.reshape(len(values), -1).tolist())

    def host(self, x: np.ndarray) -> np.ndarray:
        """Ids (int32) or vectors (the default float dtype) for text; with ``invert`` text for ids."""
        if self.invert:
            return self._inverted(np.asarray(x))
        ids = self.looked_up(strings(x))
        if self.output_mode == "int":
            return ids
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        vectors = encoded_on_host(ids, mode, self.depth())
        return vectors * self.all_idf().astype(vectors.dtype) if self.output_mode == "tf_idf" else vectors

    def looked_up(self, tokens: np.ndarray) -> np.ndarray:
        """The id of each token: int32."""
        table = {token: self._first + i for i, token in enumerate(self.words())}
        if self.mask_token is not None:
            table[self.mask_token] = self._masked
        flat = tokens.ravel().tolist()
        unknown = np.array(sorted({token for token in flat if token not in table}), object)
        if unknown.size and not self.num_oov_indices:
            got, fix = f"the unknown token {unknown[0]!r}", "num_oov_indices=1"
            raise DataError("x", got=got, expected="tokens of the vocabulary", fix=fix)
        buckets = bins([fingerprints(unknown)], max(1, self.num_oov_indices), self.salt or 0)
        table |= dict(zip(unknown.tolist(), (self._oov + buckets).tolist(), strict=True))
        return np.array([table[token] for token in flat], np.int32).reshape(tokens.shape)

    def _inverted(self, ids: np.ndarray) -> np.ndarray:
        table = [self.mask_token] * self._oov + [self.oov_token] * self.num_oov_indices + list(self.words())
        found = [table[i] if 0 <= i < len(table) else self.oov_token for i in ids.ravel().tolist()]
        return np.array(found, object).reshape(ids.shape)
