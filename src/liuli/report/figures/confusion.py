"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liuli.inspect.seeing.confusion import confusion_counts, extent, matrix
from liuli.report.words import ENGLISH, Words

__all__ = ["confusion_counts", "confusion_matrix", "extent"]


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str], ax: Any = None, words: Words = ENGLISH) -> Any:
    """Counts, written and coloured by their share of the row (the true class); returns the axis.

    counts:       as ``confusion_counts`` makes them.
    class_names:  a name for each class.
    ax:           the Matplotlib axis to draw on.
    words:        the language of the labels.
    """
    return matrix(counts, class_names, (words("predicted class"), words("true class")), ax)
