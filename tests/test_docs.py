"""Every public name explains itself, and every spec its fields; every name of Keras is here, or explained."""

import importlib
import re
from pathlib import Path

import pytest

from documentation.docstrings import parse
from documentation.pages import entry, signature
from documentation.surface import MODULES, faults, public
from liuli.core.specs import members, named, snake_case

KERAS_PAGE = Path(__file__).parents[1] / "docs" / "keras.md"
FAMILIES = "activations callbacks constraints initializers layers losses metrics optimizers regularizers"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module):
    space = importlib.import_module(module)
    assert getattr(space, "__all__", None), f"{module} does not say what is public: it has no __all__"
    wrong = [f"{module} {fault}" for fault in faults(space)]
    wrong += [f"{module}.{name} {fault}" for name, thing in public(module).items() for fault in faults(thing)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry(module):
    for name, thing in public(module).items():
        text = "\n\n".join(entry(name, thing))
        assert text.startswith(f"### {name}\n")
        assert text.count("```") % 2 == 0


def test_a_docstring_is_taken_apart():
    doc = parse(
        """y = a x            x: (batch, n)

        More about it.

        Taps: ``z``, the
        product.

        a:     the slope,
               which is learned.
        b, c:  others.

        Raises:
            ShapeError: never,
                or almost.

        Example:
            >>> 1 + 1
            2
        """,
        ["a", "b", "c"],
    )
    assert doc.equation == "y = a x            x: (batch, n)"
    assert doc.prose == ("More about it.",)
    assert doc.labelled == (("Taps", "``z``, the product."),)
    assert doc.fields == (("a", "the slope, which is learned."), ("b, c", "others."))
    assert doc.raises == ("ShapeError: never, or almost.",)
    assert doc.example == ">>> 1 + 1\n2"


def test_a_gap_is_found():
    def nothing():
        pass

    assert faults(nothing) == ["has no docstring"]


def test_keyword_only_arguments_are_marked():
    def f(a, *, b=1):
        pass

    assert signature("f", f) == "f(a, *, b=1)"


@pytest.mark.oracle
@pytest.mark.parametrize("family", FAMILIES.split())
def test_every_name_of_keras_is_here_or_explained(family):
    from tests.oracles.keras_oracle import keras

    explained = KERAS_PAGE.read_text("utf-8")
    ours = public(f"liuli.{family}").keys() | public("liuli").keys() | public("liuli.schedules").keys()
    theirs = [name for name in dir(getattr(keras, family)) if not name.startswith("_") and name[0].isupper()]
    aliases = re.compile(r"(Max|Avg)Pool\dD|GlobalAvgPool\dD|GlobalMaxPool\dD|\w*Convolution\dD(Transpose)?")
    missing = [
        name
        for name in theirs
        if not (name in ours or re.search(rf"\b{name}\b", explained) or aliases.fullmatch(name) or means(family, name))
    ]
    assert not missing, missing


def means(family, name):
    """Whether the string means something here."""
    words = [word for cls in members(family).values() for word in (cls.__name__, *cls.aliases)]
    return snake_case(name).replace("_", "") in [word.lower().replace("_", "") for word in words]


def test_aliases_mean_what_keras_means_by_them():
    assert type(named("layers", "max_pool2d")).__name__ == "MaxPooling2D"
