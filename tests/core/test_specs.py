"""Specs: names, JSON that comes back, and JSON that was made to do harm."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli import activations, layers, losses, optimizers, regularizers
from liuli.core.errors import FileError, LiuliError, SpecError
from liuli.core.specs import (
    Spec,
    abstract,
    from_json,
    from_plain,
    map_parts,
    members,
    named,
    parts,
    plain,
    setting,
    snake_case,
    spec,
    to_json,
    type_name,
    with_fields,
)

DENSE = layers.Dense(3, "leaky_relu", kernel_regularizer=regularizers.L2(0.5))


@spec
class Foreign(Spec, family="foreign"):
    size: int = setting(default=2, least=1)
    parts_: tuple[activations.Activation, ...] = ()


@abstract
class Base(Spec, family="bases"):
    size: int = 1


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("Dense", "dense"),
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("ReLU", "relu"),
        ("LeakyReLU", "leaky_relu"),
        ("SiLU", "silu"),
        ("GELU", "gelu"),
        ("LSTM", "lstm"),
        ("L1L2", "l1l2"),
        ("RMSprop", "rmsprop"),
        ("AdamW", "adam_w"),
        ("F1Score", "f1_score"),
        ("MeanIoU", "mean_iou"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
    ],
)
def test_snake_case(name, want):
    assert snake_case(name) == want


@pytest.mark.parametrize("word", ["leaky_relu", "LeakyReLU", "leakyrelu", "leaky-relu", "Leaky ReLU"])
def test_a_name_in_any_spelling(word):
    assert named("activations", word) == activations.LeakyReLU()


@pytest.mark.parametrize(
    ("family", "word", "near"), [("activations", "rleu", "'relu'"), ("optimizers", "adamm", "'adam'")]
)
def test_an_unknown_name_lists_the_near_ones(family, word, near):
    with pytest.raises(SpecError) as raised:
        named(family, word)
    assert raised.value.got == repr(word)
    assert near in raised.value.fix


def test_a_name_far_from_all_lists_them_all():
    with pytest.raises(SpecError) as raised:
        named("losses", "xyzzy")
    assert all(snake_case(name) in raised.value.fix for name in members("losses"))


def test_a_name_of_something_that_needs_a_value():
    with pytest.raises(SpecError, match=r"expected a value for units.*layers.Dense\(units=\.\.\.\)"):
        named("layers", "dense")


def test_who_is_registered():
    assert type_name(layers.Dense) == "layers.Dense"
    assert members("layers")["Dense"] is layers.Dense
    assert not members("foreign")
    assert not members("bases")
    for family in ("layers", "losses", "metrics", "optimizers"):
        assert not {"Layer", "Loss", "Metric", "Optimizer"} & members(family).keys()


# ---- parts -----------------------------------------------------------------------------------------------------------


def test_parts_and_changing_them():
    names = dict(parts(DENSE))
    assert names["activation"] == activations.LeakyReLU()
    assert names["kernel_regularizer"] == regularizers.L2(0.5)
    assert "bias_regularizer" not in names
    changed = map_parts(DENSE, lambda name, part: activations.ReLU() if name == "activation" else part)
    assert changed == DENSE.replace(activation="relu")
    several = Foreign(parts_=("relu", "tanh"))
    assert dict(parts(several)) == {"parts_/0": activations.ReLU(), "parts_/1": activations.Tanh()}


def test_with_fields_does_not_check():
    assert with_fields(DENSE, {"units": -1}).units == -1
    assert DENSE.units == 3
    with pytest.raises(SpecError):
        DENSE.replace(units=-1)


def test_repr_leaves_out_what_is_as_it_was():
    assert repr(layers.Dense(3)) == "Dense(3)"
    assert repr(DENSE) == "Dense(3, activation=LeakyReLU(), kernel_regularizer=L2(l2=0.5))"


# ---- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_plain():
    data = json.loads(to_json(DENSE))
    assert data["spec"] == "layers.Dense"
    assert data["activation"] == {"spec": "activations.LeakyReLU", "negative_slope": 0.01}
    assert data["bias_regularizer"] is None
    assert data == plain(DENSE)


def test_classes_of_others_are_read_where_they_are_named():
    thing = Foreign(5, ("relu",))
    with pytest.raises(SpecError, match=r"the unknown type 'foreign.Foreign'.*registry="):
        from_json(to_json(thing))
    assert from_json(to_json(thing), [Foreign]) == thing
    with pytest.raises(SpecError, match="a name that is not taken"):
        from_json(to_json(thing), [layers.Dense])


def dense(**fields):
    return json.dumps({"spec": "layers.Dense", "units": 3, **fields})


def nested(levels):
    """A spec in a spec in a spec, and the same of lists."""
    data = {"spec": "layers.Dense", "units": 3}
    for _ in range(levels):
        data = {"spec": "layers.Dense", "units": 3, "activation": data}
    return json.dumps(data)


HOSTILE = {
    "nothing": ("", FileError, "not JSON"),
    "half": ('{"spec": "layers.De', FileError, "not JSON"),
    "a number": ("3", FileError, "got int"),
    "null": ("null", FileError, "got NoneType"),
    "a list": ("[]", FileError, "got list"),
    "text": ('"relu"', FileError, "got str"),
    "no type": ("{}", SpecError, "the unknown type None"),
    "a number for a type": ('{"spec": 3}', SpecError, "the unknown type 3"),
    "a list for a type": ('{"spec": ["layers.Dense"]}', SpecError, "the unknown type"),
    "an unknown type": ('{"spec": "os.system", "command": "x"}', SpecError, "the unknown type 'os.system'"),
    "a base": ('{"spec": "layers.Layer"}', SpecError, "the unknown type 'layers.Layer'"),
    "dunder": ('{"spec": "layers.__class__"}', SpecError, "the unknown type"),
    "an unknown type within": (
        dense(activation={"spec": "builtins.eval"}),
        SpecError,
        "activation: got the unknown type",
    ),
    "another family": (dense(activation={"spec": "losses.Huber"}), SpecError, "Dense.activation: got Huber"),
    "an unknown field": (dense(color="red"), SpecError, "fields that layers.Dense does not take"),
    "a dunder field": (dense(__class__="x"), SpecError, "fields that layers.Dense does not take"),
    "a missing field": ('{"spec": "layers.Dense"}', SpecError, "fields that layers.Dense does not take"),
    "text for a number": (dense(units="64"), SpecError, "Dense.units: got '64'; expected an integer"),
    "a list for a number": (dense(units=[64]), SpecError, "Dense.units: got (64,); expected an integer"),
    "a spec for a number": (dense(units={"spec": "losses.Huber"}), SpecError, "Dense.units: got Huber"),
    "a number for a spec": (dense(activation=1e3), SpecError, "Dense.activation: got 1000.0"),
    "null for a number": (dense(units=None), SpecError, "Dense.units: got None"),
    "a huge integer": (dense(units=10**30), SpecError, "an integer of 64 bits"),
    "an integer beyond floats": ('{"spec": "losses.Huber", "delta": 1' + "0" * 400 + "}", SpecError, "a finite number"),
    "an integer beyond text": ('{"spec": "losses.Huber", "delta": 1' + "0" * 5000 + "}", FileError, "not JSON"),
    "a float beyond floats": ('{"spec": "losses.Huber", "delta": 1e999}', SpecError, "a finite number"),
    "infinity": ('{"spec": "losses.Huber", "delta": Infinity}', SpecError, "a finite number"),
    "not a number": ('{"spec": "losses.Huber", "delta": NaN}', SpecError, "a finite number"),
    "out of bounds": ('{"spec": "losses.Huber", "delta": -1.0}', SpecError, "at least 0.0"),
    "deep": (nested(70), FileError, "nested too deeply"),
    "deep lists": (dense(activation=json.loads("[" * 70 + "]" * 70)), FileError, "nested too deeply"),
    "very deep": ("[" * 100_000 + "]" * 100_000, FileError, ""),
    "very deep objects": ('{"spec": "layers.Dense", "activation": ' * 100_000, FileError, ""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_json(what):
    text, error, says = HOSTILE[what]
    with pytest.raises(error) as raised:
        from_json(text)
    assert says in str(raised.value)
    assert raised.value.fix


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["relu", "layers.Dense"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "units", "activation", "name", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_any_json_is_read_or_refused(value):
    for data in (
        value,
        {"spec": "layers.Dense", "units": value},
        {"spec": "layers.Dense", "units": 3, "activation": value},
    ):
        try:
            found = from_json(json.dumps(data))
        except LiuliError:
            continue
        assert from_json(to_json(found)) == found


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0.0))
def test_every_float_comes_back(value):
    loss = losses.Huber(value)
    assert from_json(to_json(loss)).delta == value


def test_from_plain_takes_what_plain_gives():
    assert from_plain(plain(DENSE)) == DENSE
    assert from_plain(plain(optimizers.SGD(0.1))) == optimizers.SGD(0.1)


def test_specs_are_values():
    assert layers.Dense(3) == layers.Dense(3)
    assert len({layers.Dense(3), layers.Dense(3), layers.Dense(4)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        DENSE.units = 4
