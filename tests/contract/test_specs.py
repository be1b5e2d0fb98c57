"""What every registered spec keeps: it prints, compares, hashes and comes back from JSON as it was."""

import dataclasses
import inspect
import json
import re

import pytest

from liuli.core.dials import dials, structure, with_dials
from liuli.core.errors import SpecError
from liuli.core.specs import _BUILT_IN, from_json, members, named, snake_case, to_json, type_name
from tests.contract.examples import FIELDS, INPUTS, SPECS, example, moved, namespace


@pytest.fixture(params=SPECS)
def name(request):
    return request.param


@pytest.fixture(params=["as it is", "dials moved"])
def made(request, name):
    spec = example(name)
    return with_dials(spec, moved(spec)) if request.param == "dials moved" else spec


def test_examples_are_of_registered_specs():
    """Of specs that are still to be written, too, no line may stand about unused."""
    assert not (FIELDS.keys() | INPUTS.keys()) - set(SPECS)


def test_comes_back_from_json(made):
    text = to_json(made)
    back = from_json(text)
    assert type(back) is type(made)
    assert back == made
    assert hash(back) == hash(made)
    assert to_json(back) == text
    assert json.loads(text)["spec"] == type_name(type(made))


def test_repr_makes_it_again(made):
    again = eval(repr(made), namespace(made.family))
    assert again == made
    assert hash(again) == hash(made)


def test_is_registered_under_its_name(name):
    cls = _BUILT_IN[name]
    assert type_name(cls) == name
    assert not cls.__name__.startswith("_"), "a base: make it with @abstract, not @spec"


def test_is_frozen(name):
    spec = example(name)
    for field in dataclasses.fields(spec):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, field.name, getattr(spec, field.name))


def test_dials_are_within_their_bounds_and_kept_there(name):
    spec = example(name)
    for field in dataclasses.fields(spec):
        value, least, most = getattr(spec, field.name), field.metadata.get("least"), field.metadata.get("most")
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if least is not None:
            assert value >= least
            refuses(spec, field.name, least - 1)
        if most is not None:
            assert value <= most
            refuses(spec, field.name, most + 1)


def refuses(spec, field, value):
    with pytest.raises(SpecError, match=rf"{field}: got {value}; expected a number of at (least|most)"):
        spec.replace(**{field: value})


def test_dials_are_no_structure(name):
    spec = example(name)
    other = with_dials(spec, moved(spec))
    assert structure(other) == structure(spec)
    assert set(moved(spec)) == set(dials(spec))
    assert (other == spec) == (not dials(spec))
    assert dials(other) == moved(spec)


@pytest.mark.parametrize("name", [name for name in SPECS if name not in FIELDS])
def test_its_string_means_it(name):
    cls = _BUILT_IN[name]
    for word in (cls.__name__, snake_case(cls.__name__), *cls.aliases):
        assert named(cls.family, word) == cls()


def test_every_field_is_explained(name):
    cls = _BUILT_IN[name]
    written = "\n".join(vars(base).get("__doc__") or "" for base in inspect.getmro(cls) if hasattr(base, "family"))
    missing = [f.name for f in dataclasses.fields(cls) if not re.search(rf"\b{f.name}\b", written)]
    assert not missing, f"{name} does not say what {', '.join(missing)} is"


@pytest.mark.parametrize("family", sorted({name.partition(".")[0] for name in SPECS}))
def test_no_two_specs_answer_to_one_string(family):
    words = [re.sub("_", "", w.lower()) for cls in members(family).values() for w in (cls.__name__, *cls.aliases)]
    assert len(words) == len(set(words))
