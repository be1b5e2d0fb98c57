"""Formulas as MathML, the reading of lines, and the page that they stand on."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import liuli as ll
from liuli import layers, losses
from liuli.inspect import derive
from liuli.inspect.derivation.lines import Expression, Line, total
from liuli.inspect.derivation.mathml import mathml
from liuli.inspect.derivation.notation import unicode
from liuli.inspect.derivation.page import occurring
from liuli.inspect.derivation.reading import braced, first_side, gradients_in, readings

RNG = np.random.default_rng(0)
DA, DZ = r"\frac{\partial L}{\partial a_{1}}", r"\frac{\partial L}{\partial z_{1}}"


@pytest.fixture(scope="module")
def found():
    net = ll.Sequential(
        [layers.Conv2D(2, 2, 2, "same", activation="mish"), layers.MaxPooling2D(2, 1), layers.Flatten(),
         layers.Dense(3, "sigmoid", kernel_regularizer="l2")]
    )  # fmt: skip
    model = ll.Model(net, losses.BinaryFocalCrossentropy())
    return derive(model, RNG.normal(size=(2, 4, 4, 1)), np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]))


def tree(latex):
    return ET.fromstring(mathml(latex))


def line(latex, symbol=DZ, **given):
    terms = [Expression(text, np.zeros, **given) for text in latex.split(" & ")]
    return Line("backward", "node", "node/z", symbol, total(terms), np.zeros(()))


@pytest.mark.parametrize(
    ("latex", "tags"),
    [
        (r"\frac{a}{b}", ["math", "mrow", "mfrac", "mi", "mi"]),
        ("x_{1}^{2}", ["math", "mrow", "msubsup", "mi", "mn", "mn"]),
        (r"\sum_{i} x", ["math", "mrow", "munder", "mo", "mi", "mi"]),
        (r"W_{1}^{\top}", ["math", "mrow", "msubsup", "mi", "mn", "mi"]),
        (r"\sqrt{\nu + 0.5}", ["math", "mrow", "msqrt", "mrow", "mi", "mo", "mn"]),
        (r"\hat{x}", ["math", "mrow", "mover", "mi", "mo"]),
        ("z''", ["math", "mrow", "msup", "mi", "mo"]),
        (r"\underbrace{a}_{b}", ["math", "mrow", "munder", "mrow", "mi", "mi"]),
        (r"a \lt b", ["math", "mrow", "mi", "mi", "mi"]),
        ("a < b", ["math", "mrow", "mi", "mo", "mi"]),
        ("}", ["math", "mrow", "mo"]),
        ("a_", ["math", "mrow", "msub", "mi", "mrow"]),
        ("", ["math", "mrow"]),
    ],
)
def test_mathml(latex, tags):
    assert [element.tag for element in tree(latex).iter()] == tags


def test_mathml_says_the_same_letters_as_text(found):
    """But for brackets, lines and spaces, which two dimensions do without."""
    raised = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵀⱼᵢₚ⁰¹²³⁻−∗", "0123456789⊤jip0123--*")

    def plain(text):
        return sorted(re.sub(r"[\s()^_/√]", "", text.translate(raised).replace("Σ", "∑")))

    for each in found.lines:
        latex = each.expression.latex
        assert plain("".join(tree(latex).itertext())) == plain(unicode(latex)), latex


def test_every_formula_is_well_formed(found):
    body = found.to_html(page=False)
    style, rest = body.split("</style>")
    ET.fromstring(f"{style}</style>{rest}")  # the fragment is XML, MathML and all
    page = found.to_html()
    assert page.startswith("<!doctype html>") and body in page
    assert "<script" not in page and "http" not in page and "src=" not in page
    assert page.count("<math") > 50 and 'name="viewport"' in page and "liuli-derivation" in found._repr_html_()
    assert page.count(">✓<") == len(found.lines)


def test_the_page_in_chinese(found):
    text = ll.inspect.derive(
        ll.Model(ll.Sequential([layers.Dense(1)]), "mse"), [[1.0]], [[2.0]], language="zh"
    ).to_html()
    assert '<html lang="zh">' in text and "上游" in text and "局部导数" in text and "upstream" not in text


def test_local_derivatives():
    (read,) = readings(line(rf"{DA} \odot a_{{1}} \odot (1 - a_{{1}}) = a - t"))
    assert read.upstream == (DA,) and unicode(read.name) == "∂a₁/∂z₁" and unicode(read.local) == "a₁ ⊙ (1 - a₁)"
    (read,) = readings(line(rf"{DA} \odot (1 - a_{{1}}^{{2}})"))
    assert unicode(read.local) == "1 - a₁²" and not read.map
    (read,) = readings(line(rf"a \odot ({DA} - \langle {DA}, a\rangle)"))
    assert unicode(read.local) == "g ↦ a ⊙ (g - ⟨g, a⟩)" and read.map
    assert readings(line(DA))[0].local == "1"
    both = readings(line(rf"{DA} W^{{\top}} & {DA}"))
    assert [unicode(each.local) for each in both] == ["g ↦ g Wᵀ", "1"]
    (read,) = readings(line("2 W", symbol=r"\frac{\partial L}{\partial W}", part="R"))
    assert [unicode(text) for text in (*read.upstream, read.name)] == ["∂L/∂R = 1", "∂R/∂W"]
    (read,) = readings(line(rf"{DA} \odot x + {DZ} \odot y"))
    assert read.upstream == (DA, DZ) and not read.local


def test_braces():
    assert unicode(braced(line(rf"{DA} \odot a = t"), "upstream")) == "∂L/∂a₁ ⊙ a = t"
    assert braced(line(rf"{DA} \odot a = t"), "up").count(r"\underbrace") == 2
    assert braced(line(rf"x^{{\top}} {DA}"), "up") == rf"x^{{\top}}  \underbrace{{{DA}}}_{{\text{{up}}}}"
    assert braced(line(rf"\log({DA})"), "up") == rf"\log({DA})"


def test_parts_of_formulas():
    assert first_side(r"\sum_{i = j} a = b = c") == r"\sum_{i = j} a"
    assert gradients_in(rf"{DA} {DZ} {DA}") == [DA, DZ]
    shapes = [("x", (2, 3)), ("x_{1}", (4,)), ("W_{1}", (3, 1)), (DA, (2, 1)), ("a_{1}", (2, 1))]
    assert occurring(rf"x \, W_{{1}} + \max(0, {DA})", shapes) == [("x", (2, 3)), ("W_{1}", (3, 1)), (DA, (2, 1))]
    assert occurring(r"\mathrm{max}(x_{1}, x_{2}, a_{1})", shapes) == [("x_{1}", (4,)), ("a_{1}", (2, 1))]


def test_latex_has_braces_and_definitions(found):
    latex = found.to_latex()
    assert r"\underbrace{\frac{\partial L}{\partial a_{4}}}_{\text{upstream}}" in latex and r"\text{where }" in latex
    assert latex.count("{") == latex.count("}")
