"""What a field holds of what a caller writes: coercions, bounds, near names, and the errors of each."""

import dataclasses
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli import activations, initializers, layers, losses, optimizers, schedules
from liuli.core.errors import SpecError
from liuli.core.fields import coerce, nearest
from liuli.core.specs import Spec, dial, setting, spec


@spec
class Sample(Spec, family="samples"):
    whole: int = setting(default=3, least=1, most=9)
    share: float = dial(default=0.5, least=0.0, most=1.0)
    flag: bool = False
    word: str = "a"
    maybe: float | None = None
    choice: Literal["same", "valid"] = "same"
    pair: tuple[int, int] = setting(default=(1, 1), least=1)
    many: tuple[float, ...] = ()
    activation: activations.Activation = activations.Identity()
    several: tuple[activations.Activation, ...] = ()


@pytest.mark.parametrize(
    ("field", "written", "held"),
    [
        ("whole", np.int32(4), 4),
        ("share", 1, 1.0),
        ("share", np.float32(0.25), 0.25),
        ("share", Fraction(1, 4), 0.25),
        ("maybe", None, None),
        ("maybe", 2, 2.0),
        ("choice", "valid", "valid"),
        ("pair", 3, (3, 3)),
        ("pair", [2, 3], (2, 3)),
        ("pair", np.array([2, 3]), (2, 3)),
        ("many", 2, (2.0,)),
        ("many", range(3), (0.0, 1.0, 2.0)),
        ("activation", "relu", activations.ReLU()),
        ("activation", "Leaky_ReLU", activations.LeakyReLU()),
        ("several", ["relu", activations.Tanh()], (activations.ReLU(), activations.Tanh())),
    ],
)
def test_a_field_holds_its_own_type(field, written, held):
    value = getattr(Sample(**{field: written}), field)
    assert value == held
    assert type(value) is type(held)


@pytest.mark.parametrize(
    ("field", "written", "says"),
    [
        ("whole", 1.5, "got 1.5; expected an integer"),
        ("whole", True, "got True; expected an integer"),
        ("whole", "3", "got '3'; expected an integer"),
        ("whole", 2**63, "expected an integer of 64 bits"),
        ("whole", 0, "got 0; expected a number of at least 1 and at most 9. Try: set it to 1."),
        ("whole", 10, "got 10; expected a number of at least 1 and at most 9. Try: set it to 9."),
        ("share", float("nan"), "got nan; expected a finite number"),
        ("share", float("inf"), "got inf; expected a finite number"),
        ("share", 10**400, "expected a finite number"),
        ("share", "half", "got 'half'; expected a finite number"),
        ("share", 1 + 1e-9, "expected a number of at least 0.0 and at most 1.0. Try: set it to 1.0."),
        ("flag", 1, "got 1; expected True or False"),
        ("word", 1, "got 1; expected text"),
        ("maybe", "x", "got 'x'; expected a finite number"),
        ("choice", "sam", "got 'sam'; expected one of 'same', 'valid'. Try: write 'same'."),
        ("choice", 3, "got 3; expected one of 'same', 'valid'"),
        ("pair", (1, 2, 3), "got (1, 2, 3); expected 2 values"),
        ("pair", (1, 0), "got 0; expected a number of at least 1"),
        ("pair", (1, "a"), "pair[1]: got 'a'; expected an integer"),
        ("many", "12", "many[0]: got '12'; expected a finite number"),
        ("activation", "rellu", "activation: got 'rellu'; expected a name from activations. Try: write 'relu'"),
        ("activation", 3, "got 3; expected a activations spec or its name"),
        ("activation", losses.Huber(), "got Huber(); expected a activations spec or its name"),
        ("several", ["relu", "tan"], "several[1]: got 'tan'; expected a name from activations. Try: write 'tanh'"),
    ],
)
def test_a_field_says_what_it_wants(field, written, says):
    with pytest.raises(SpecError) as raised:
        Sample(**{field: written})
    assert f"Sample.{field}" in str(raised.value)
    assert says in str(raised.value)


def test_the_bounds_themselves_are_allowed():
    assert Sample(whole=1, share=0).whole == 1
    assert Sample(whole=9, share=1).share == 1.0


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.lists(st.integers()) | st.binary())
def test_anything_is_held_or_refused(value):
    """Whatever is written, a field holds its own type or says that it cannot; nothing else is raised."""
    for field in dataclasses.fields(Sample):
        try:
            held = getattr(Sample(**{field.name: value}), field.name)
        except SpecError as error:
            assert error.where.startswith(f"Sample.{field.name}")
        else:
            assert hash(held) == hash(getattr(Sample(**{field.name: held}), field.name))


def test_fields_of_two_kinds():
    schedule = schedules.CosineDecay(0.1, 10)
    assert optimizers.SGD(schedule).learning_rate == schedule
    assert optimizers.SGD(1).learning_rate == 1.0
    with pytest.raises(SpecError, match=r"SGD.learning_rate: got 'x'; expected a finite number"):
        optimizers.SGD("x")


def test_names_in_a_field():
    with pytest.raises(SpecError, match=r"Dense.kernel_initializer: got 'glorot'.*'glorot_normal' or 'glorot_uniform'"):
        layers.Dense(3, kernel_initializer="glorot")
    assert layers.Dense(3, kernel_initializer="zeros").kernel_initializer == initializers.Zeros()


def test_near_names():
    assert nearest("adm", ["adam", "sgd"]) == "'adam'"
    assert nearest("xyz", ["adam", "sgd"]) == "one of adam, sgd"


def test_any_is_taken_as_it_is():
    from typing import Any

    thing = object()
    assert coerce(thing, Any, "", lambda *_: None) is thing
