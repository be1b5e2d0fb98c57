"""The identity, masking, functions by name and a penalty on activity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.dials import with_dials
from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.layers.core import _FUNCTIONS
from tests.layers.calling import KEY, call, shape
from tests.numeric import close

STEPS = jnp.array([[[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]])


def test_identity():
    x = jnp.arange(6).reshape(2, 3)
    assert call(layers.Identity(), x) is x
    assert layers.Identity().output_mask(x, STEPS) is STEPS


def test_a_step_counts_where_any_feature_differs():
    layer = layers.Masking()
    assert layer.output_mask(STEPS, None).tolist() == [[True, False, True]]
    assert call(layer, STEPS).tolist() == STEPS.tolist()


def test_masked_steps_become_zero():
    layer = layers.Masking(-1.0)
    x = STEPS.at[0, 1].set(-1.0)
    assert layer.output_mask(x, None).tolist() == [[True, False, True]]
    assert call(layer, x).tolist() == STEPS.tolist()


def test_a_mask_that_came_in_stays():
    before = jnp.array([[False, True, True]])
    assert layers.Masking().output_mask(STEPS, before).tolist() == [[False, False, True]]
    assert call(layers.Masking(), STEPS, mask=before)[0, 0].tolist() == [0.0, 0.0]


def test_steps_of_images():
    x = jnp.zeros((1, 2, 3, 3, 1)).at[0, 1, 2, 0, 0].set(5.0)
    assert layers.Masking().output_mask(x, None).tolist() == [[False, True]]
    assert call(layers.Masking(), x).tolist() == x.tolist()


def test_masking_compares_in_the_dtype_of_the_input():
    x = jnp.full((1, 2, 1), 0.1, jnp.bfloat16)
    assert layers.Masking(0.1).output_mask(x, None).tolist() == [[False, False]]


def test_masking_needs_time():
    with pytest.raises(ShapeError, match=r"\(batch, time, features\)"):
        layers.Masking().init(KEY, shape(2, 4))


def test_mask_value_turns_without_recompiling():
    run = jax.jit(lambda value: with_dials(layers.Masking(), {"mask_value": value}).output_mask(STEPS, None))
    assert run(0.0).tolist() == [[True, False, True]]
    assert run(2.0).tolist() == [[True, True, True]]


def test_lstm_leaves_masked_steps_out():
    net = ll.Sequential([layers.Masking(), layers.LSTM(3)])
    close(call(net, jnp.pad(STEPS[:, :1], [(0, 0), (0, 4), (0, 0)])), call(net, STEPS[:, :1]), relative=1e-6)


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_every_function_is_numpy_s_element_by_element(name):
    x = np.linspace(1.0, 2.0, 6) if name == "arccosh" else np.linspace(0.05, 0.95, 6)
    close(call(layers.Lambda(name), jnp.asarray(x, float)), getattr(np, name)(x), relative=1e-5)
    assert from_json(to_json(layers.Lambda(name))) == layers.Lambda(name)


@pytest.mark.parametrize(
    ("name", "near"), [("squared", "'square'"), ("log1", "'log1p'"), ("xyz", "one of abs, arccos")]
)
def test_other_names_are_refused(name, near):
    with pytest.raises(SpecError, match=rf"Lambda.function: got '{name}'; .*element by element.*{near}"):
        layers.Lambda(name)


def test_a_function_itself_is_refused():
    with pytest.raises(SpecError, match="expected text"):
        layers.Lambda(jnp.square)


def test_activity_is_penalized_by_its_mean_over_samples():
    x, layer = jnp.array([[1.0, -2.0], [3.0, 0.0]]), layers.ActivityRegularization(l1=0.5, l2=0.25)
    assert call(layer, x) is x
    assert float(layer.activity_penalty(x)) == (0.5 * 6 + 0.25 * 14) / 2
    gradient = jax.grad(layer.activity_penalty)(x)  # of |0| it is 0
    close(gradient, (0.5 * jnp.sign(x) + 0.5 * x) / 2, relative=1e-6)


def test_activity_in_half_precision_does_not_overflow():
    half = jnp.full((1, 4), 300.0, jnp.float16)
    assert float(layers.ActivityRegularization(l2=1.0).activity_penalty(half)) == 360_000.0
