"""Text: from raw strings to the ids or counts of their words."""

from __future__ import annotations

import string
from typing import Any, ClassVar, Literal, Self

import jax
import numpy as np

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import setting, spec
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.preprocessing.hashing import strings
from liuli.layers.preprocessing.lookup import StringLookup

__all__ = ["TextVectorization"]

Standardize = Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"]


@spec
class TextVectorization(Layer):
    """y = the ids of the words of x            x: (batch,) or (batch, 1) of text   y: (batch, time) of integers

    A text is standardized, split into tokens, joined to n-grams, and looked up. Id 0 is padding, 1 any unknown token;
    an ``Embedding(layer.vocabulary_size(), n, mask_zero=True)`` after it leaves the padding out. Text stays on the
    host: ``host`` makes numbers of it before anything goes to the device, and within the network they pass as they are.

    Reference: Salton and Buckley, *Term-weighting Approaches in Automatic Text Retrieval*, Information Processing and
    Management 24, 1988. The weight of a token in N texts, n of them with it, is log(1 + N / (1 + n)), as in Keras.

    max_tokens:              how many ids there may be in all; ``adapt`` keeps the most frequent tokens.
    standardize:             lower case (of any script), without ASCII punctuation, both, or None for the text as it is.
    split:                   ``"whitespace"`` makes words, ``"character"`` characters (as for Chinese), None leaves
                             texts whole: x may then be (batch, tokens).
    ngrams:                  also so many tokens in a row, joined by spaces: n for 1 to n, or the numbers wanted.
    output_mode:             ``"int"`` gives ids; ``"multi_hot"``, ``"count"`` and ``"tf_idf"`` (counts times
                             idf_weights) a vector for each text, which does not count padding.
    output_sequence_length:  the length that texts are cut or padded to; None is that of the longest one given.
    pad_to_max_tokens:       whether vectors are max_tokens long, whatever the vocabulary.
    vocabulary:              the tokens; None until ``adapt`` finds them, the most frequent first.
    idf_weights:             for ``"tf_idf"``: the weight of each token; unknown ones get the mean.

    Raises:
        SpecError: a call before ``adapt``, tokens that are there twice, weights that do not fit the vocabulary.
        DataError: what enters is no text.
        ShapeError: there is more than one text in a row.

    Example:
        >>> import numpy as np
        >>> from liuli import layers
        >>> layer = layers.TextVectorization().adapt(np.array(["The cat sat.", "the dog!"]))
        >>> layer.vocabulary
        ('the', 'sat', 'dog', 'cat')
        >>> layer.host(np.array(["A dog sat", "the cat"])).tolist()
        [[1, 4, 3], [2, 5, 0]]
    """

    max_tokens: int | None = setting(default=None, least=2)
    standardize: Standardize | None = "lower_and_strip_punctuation"
    split: Literal["whitespace", "character"] | None = "whitespace"
    ngrams: int | tuple[int, ...] | None = setting(default=None, least=1)
    output_mode: Literal["int", "multi_hot", "count", "tf_idf"] = "int"
    output_sequence_length: int | None = setting(default=None, least=1)
    pad_to_max_tokens: bool = False
    vocabulary: tuple[str, ...] | None = None
    idf_weights: tuple[float, ...] | None = None

    takes_integers: ClassVar[bool] = True
    on_host: ClassVar[bool] = True

    def check(self) -> None:
        if self.output_sequence_length is not None and self.output_mode != "int":
            got, fix = f"{self.output_sequence_length} with {self.output_mode!r}", 'output_mode="int"'
            raise SpecError("TextVectorization.output_sequence_length", got=got, expected="None", fix=fix)
        self.lookup()

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        self.lookup().words()
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x, state

    def adapt(self, data: Any) -> Self:
        """This layer with the vocabulary of data, (texts,) or (texts, 1).

        Raises:
            DataError: there are no tokens, or what is there is no text.
            ShapeError: there is more than one text in a row.
        """
        unknown = self.replace(vocabulary=None, idf_weights=None)
        learned = unknown.lookup().learned(self.tokens(data))
        return self.replace(vocabulary=learned.vocabulary, idf_weights=learned.idf_weights)

    def host(self, x: np.ndarray) -> np.ndarray:
        """Ids (int32), padded with 0, or vectors (the default float dtype) for texts."""
        rows = self.tokens(x)
        longest = max(map(len, rows), default=0)
        padded = np.full((len(rows), self.output_sequence_length or max(1, longest)), "", object)
        for row, tokens in zip(padded, rows, strict=True):
            row[: len(tokens)] = tokens[: len(row)]
        return self.lookup().host(padded)

    def tokens(self, x: Any) -> list[list[str]]:
        """The tokens of each text, standardized, split and joined."""
        texts = strings(x)
        if self.split is None:
            rows = [[self._standardized(t) for t in row] for row in texts.reshape(len(texts), -1).tolist()]
        elif texts.size == len(texts):
            rows = [self._split(self._standardized(text)) for text in texts.ravel().tolist()]
        else:
            got, fix = f"texts of shape {texts.shape}", "one text in a row, or split=None"
            raise ShapeError("x", got=got, expected="(batch,) or (batch, 1)", fix=fix)
        return rows if self.ngrams is None else [_joined(row, self.ngrams) for row in rows]

    def lookup(self) -> StringLookup:
        """The layer that tokens are looked up by."""
        return StringLookup(
            self.max_tokens,
            mask_token="",
            vocabulary=self.vocabulary,
            idf_weights=self.idf_weights,
            output_mode=self.output_mode,
            pad_to_max_tokens=self.pad_to_max_tokens,
        )

    def vocabulary_size(self) -> int:
        """How many ids there are, those of padding and of unknown tokens among them: what an Embedding needs."""
        return self.lookup().vocabulary_size()

    def _standardized(self, text: str) -> str:
        ways = self.standardize or ""
        text = text.lower() if "lower" in ways else text
        return text.translate(_NO_PUNCTUATION) if "strip" in ways else text

    def _split(self, text: str) -> list[str]:
        return text.split() if self.split == "whitespace" else list(text)


def _joined(tokens: list[str], ngrams: int | tuple[int, ...]) -> list[str]:
    """All runs of one length, then of the next."""
    lengths = range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams
    return [" ".join(tokens[i : i + n]) for n in lengths for i in range(len(tokens) - n + 1)]


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
