"""The words of a derivation: a column for each language."""

from __future__ import annotations

from typing import Literal, get_args

from liuli.core.errors import LiuliError
from liuli.core.fields import nearest

Language = Literal["en", "zh"]

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Back-propagation, written out", "zh": "反向传播的逐步推导"},
    "given": {"en": "Given", "zh": "已知"},
    "forward": {"en": "Forward", "zh": "前向传播"},
    "loss": {"en": "Loss", "zh": "损失"},
    "backward": {"en": "Backward, by the chain rule", "zh": "反向传播（链式法则）"},
    "mean": {"en": "mean", "zh": "均值"},
    "norm": {"en": "norm", "zh": "范数"},
    "inputs": {"en": "inputs and targets", "zh": "输入与目标"},
    "where": {"en": "where", "zh": "其中"},
    "upstream": {"en": "upstream", "zh": "上游"},
    "upstream gradient": {"en": "upstream gradient", "zh": "上游梯度"},
    "local derivative": {"en": "local derivative", "zh": "局部导数"},
    "right": {"en": "computed again from the lines before: equal", "zh": "由前面各式重新计算：相等"},
    "wrong": {"en": "relative difference from the traced numbers", "zh": "与实测数值的相对差异"},
    "error": {"en": "largest relative difference from the traced numbers", "zh": "与实测数值的最大相对差异"},
    "legend": {
        "en": "⊙ element by element, ⟨,⟩ summed over the last axis, Σ over the batch, [ ] 1 where true, else 0, "
        "g ↦ what the local derivative makes of an upstream gradient g, ✓ equal to the traced numbers",
        "zh": "⊙ 逐元素相乘，⟨,⟩ 沿最后一轴求和，Σ 对批次求和，[ ] 成立为 1、否则为 0，"
        "g ↦ 局部导数对上游梯度 g 的作用，✓ 与实测数值相等",
    },
}


def word(name: str, language: Language) -> str:
    """A word in a language.

    >>> word("loss", "en"), word("loss", "zh")
    ('Loss', '损失')
    """
    return WORDS[name][language]


def colon(language: Language) -> str:
    """What stands between a word and what it announces.

    >>> colon("zh")
    '：'
    """
    return "：" if language == "zh" else ": "


def check_language(language: str) -> None:
    """Raise LiuliError where there are no words in ``language``."""
    known = get_args(Language)
    if language not in known:
        raise LiuliError(
            "language", got=repr(language), expected=f"one of {known}", fix=f"write {nearest(str(language), known)}"
        )
