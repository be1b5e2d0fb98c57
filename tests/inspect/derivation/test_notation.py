"""Formulas in LaTeX become readable Unicode."""

import pytest

from liuli.inspect.derivation.notation import fraction, gradient, transposed, unicode


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"W_{12}", "W₁₂"),
        (r"c_{3,t-1}", "c_(3,t-1)"),
        (r"x^{\top} y", "xᵀ y"),
        (r"(1 - a_{1}^{2})", "(1 - a₁²)"),
        (r"\frac{a - t}{a \odot b}", "(a - t)/(a ⊙ b)"),
        (r"\frac{x}{\sqrt{\nu + \varepsilon}}", "x/√(ν + ε)"),
        (r"\hat{x}_{2}", "x̂₂"),
        (r"\left(\frac{\partial a}{\partial x}\right)^{\top} g", "(∂a/∂x)ᵀ g"),
        (r"\mathrm{moving mean}", "moving mean"),
        (r"2 \, \operatorname{sign}(W)", "2 sign(W)"),
        (r"\sum_{t} z_{t}", "Σₜ zₜ"),
        (r"\lfloor i / 2 \rfloor", "⌊i / 2⌋"),
        (r"\bar{x}_{2} + \overline{a \odot b}", "x̄₂ + mean(a ⊙ b)"),
        (r"\underbrace{a}_{\text{upstream}} \odot b", "a ⊙ b"),
        (r"h \; \mathrm{drawn}", "h drawn"),
        (r"z_{1}''", "z₁''"),
        (gradient(r"\gamma_{1}"), "∂L/∂γ₁"),
        (transposed("W_{1}"), "W₁ᵀ"),
    ],
)
def test_unicode(latex, text):
    assert unicode(latex) == text


def test_fractions():
    assert [unicode(fraction(*pair)) for pair in ((1, 4), (2, 1), (3, 3), (0.5, 6))] == ["1/4 ", "2 ", "", "0.5/6 "]
