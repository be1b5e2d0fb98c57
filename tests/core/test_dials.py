"""Dials: found by path, set without a check, compiled once."""

import jax
import jax.numpy as jnp
import pytest

from liuli import layers, optimizers, regularizers, schedules
from liuli.core.dials import check_dial, dials, join, structure, with_dials
from liuli.core.errors import SpecError

DENSE = layers.Dense(3, "leaky_relu", kernel_regularizer=regularizers.L1L2(0.1, 0.2))
OF_DENSE = {"activation/negative_slope": 0.01, "kernel_regularizer/l1": 0.1, "kernel_regularizer/l2": 0.2}


def test_dials_of_a_spec_and_of_its_parts():
    assert dials(DENSE) == OF_DENSE
    assert dials(DENSE, "dense_1") == {f"dense_1/{path}": value for path, value in OF_DENSE.items()}
    assert dials(layers.Dense(3)) == {}


def test_none_and_a_schedule_are_structure():
    assert dials(optimizers.SGD(0.1)) == {"learning_rate": 0.1}
    assert dials(optimizers.SGD(0.1, momentum=0.0)) == {"learning_rate": 0.1, "momentum": 0.0}
    scheduled = optimizers.SGD(schedules.CosineDecay(0.1, 10, alpha=0.5))
    assert dials(scheduled) == {"learning_rate/initial_learning_rate": 0.1, "learning_rate/alpha": 0.5}


def test_setting_dials():
    new = with_dials(DENSE, {"kernel_regularizer/l2": 0.7, "something/else": 1.0})
    assert dials(new) == {**OF_DENSE, "kernel_regularizer/l2": 0.7}
    assert dials(DENSE) == OF_DENSE
    assert new.units == DENSE.units
    assert with_dials(DENSE, {}) == DENSE
    assert with_dials(DENSE, {"dense_1/activation/negative_slope": 0.5}, "dense_1").activation.negative_slope == 0.5


def test_specs_that_differ_in_dials_share_their_structure():
    other = with_dials(DENSE, {"kernel_regularizer/l2": 0.7})
    assert other != DENSE
    assert structure(other) == structure(DENSE)
    assert hash(structure(other)) == hash(structure(DENSE))
    assert structure(DENSE) != structure(DENSE.replace(units=4))
    assert structure(optimizers.SGD(0.1)) != structure(optimizers.SGD(0.1, momentum=0.9))


def test_traced_dials():
    f = jax.jit(lambda values, w: with_dials(DENSE, values).kernel_regularizer(w))
    assert jnp.allclose(f(OF_DENSE, jnp.ones(2)), 0.6)
    assert jnp.allclose(f({**OF_DENSE, "kernel_regularizer/l1": 1.0}, jnp.ones(2)), 2.4)
    assert f._cache_size() == 1
    assert jax.grad(f)(OF_DENSE, jnp.ones(2)) == {**dict.fromkeys(OF_DENSE, 2.0), "activation/negative_slope": 0.0}


def test_a_dial_is_checked_before_it_is_turned():
    assert check_dial(DENSE, "kernel_regularizer/l1", 3) == 3.0
    assert type(check_dial(DENSE, "kernel_regularizer/l1", 3)) is float
    with pytest.raises(SpecError, match=r"kernel_regularizer/l3: got an unknown dial.*write 'kernel_regularizer/l"):
        check_dial(DENSE, "kernel_regularizer/l3", 0.1)
    with pytest.raises(SpecError, match=r"l1: got -0.1; expected a number of at least 0.0"):
        check_dial(DENSE, "kernel_regularizer/l1", -0.1)
    with pytest.raises(SpecError, match="unknown dial"):
        check_dial(DENSE, "units", 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", True, None])
def test_a_dial_is_a_finite_number(value):
    with pytest.raises(SpecError, match="expected a finite number"):
        check_dial(DENSE, "kernel_regularizer/l1", value)


def test_joining_paths():
    assert [join("a", "b"), join("", "b"), join("a", ""), join("", "")] == ["a/b", "b", "a", ""]
