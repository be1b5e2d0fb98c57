"""What all losses share: reductions, weights, shapes that are never broadcast, and the look at targets beforehand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import DataError, ShapeError
from liuli.losses.base import mean_over_features

MSE = losses.MeanSquaredError()
Y, P = jnp.array([[0.0, 0.0], [0.0, 0.0]]), jnp.array([[1.0, 3.0], [0.0, 2.0]])  # per sample 5 and 2


def test_reductions_and_weights():
    weight = jnp.array([2.0, 0.0])
    assert float(MSE(Y, P)) == 3.5
    assert float(MSE.replace(reduction="sum")(Y, P)) == 7.0
    assert float(MSE(Y, P, weight)) == 5.0  # divided by the number of samples, not by the sum of the weights
    assert float(MSE.replace(reduction="sum")(Y, P, weight)) == 10.0
    assert MSE.per_sample(Y, P).tolist() == [5.0, 2.0]


def test_the_reduction_is_named():
    assert losses.Huber(2.0).delta == 2.0
    assert losses.Huber(2.0, reduction="sum").reduction == "sum"


def test_targets_and_weights_take_the_dtype_of_the_predictions():
    for y in (Y.astype(int), Y.astype(bool), Y.astype(jnp.bfloat16)):
        assert MSE(y, P, jnp.array([1, 1])).dtype == jnp.float32
    assert MSE(Y, P.astype(jnp.bfloat16), jnp.ones(2)).dtype == jnp.bfloat16


def test_mean_over_features():
    assert mean_over_features(jnp.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
    assert mean_over_features(jnp.arange(8.0).reshape(2, 2, 2)).tolist() == [1.5, 5.5]
    assert mean_over_features(jnp.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    "loss", [MSE, losses.MeanAbsoluteError(), losses.Huber(), losses.BinaryCrossentropy()], ids=repr
)
@pytest.mark.parametrize(
    ("target", "prediction", "fix"),
    [
        ((4,), (4, 1), "y[:, None]"),
        ((4, 1), (4,), "y[:, 0]"),
        ((4, 3), (4, 3, 1), "y[..., None]"),
        ((4, 3, 1), (4, 3), "y[..., 0]"),
        ((4,), (4, 3), "make targets of shape (batch, 3)"),
        ((4, 2), (4, 3), "make targets of shape (batch, 3)"),
    ],
)
def test_nothing_is_broadcast(loss, target, prediction, fix):
    with pytest.raises(ShapeError) as raised:
        loss(jnp.zeros(target), jnp.full(prediction, 0.5))
    assert str(target) in raised.value.got
    assert str(prediction) in raised.value.got
    assert raised.value.fix == fix
    with pytest.raises(ShapeError):
        jax.eval_shape(loss, jnp.zeros(target), jnp.full(prediction, 0.5))
    with pytest.raises(ShapeError):
        loss.validate_targets(np.zeros(target), prediction)


def test_one_target_is_not_spread_over_a_batch():
    with pytest.raises(ShapeError):
        MSE(jnp.zeros((1, 3)), jnp.zeros((4, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_targets_must_be_finite(bad):
    y = np.zeros((5, 2), np.float32)
    MSE.validate_targets(y, (1, 2))
    y[3, 1] = bad
    with pytest.raises(DataError) as raised:
        MSE.validate_targets(y, (1, 2))
    assert raised.value.got == f"target {bad} in row 3 (position 1)"


def test_the_batch_of_the_predictions_is_not_looked_at():
    MSE.validate_targets(np.zeros((5, 2)), (32, 2))


def test_a_mask_makes_the_mean_over_the_steps_that_count():
    y, p = jnp.zeros((3, 3)), jnp.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    mask = jnp.array([[True, True, True], [True, False, False], [False, False, False]])
    assert MSE.masked(y, p, mask).tolist() == [pytest.approx(14 / 3), 1.0, 0.0]
    assert float(MSE(y, p, mask=mask)) == pytest.approx((14 / 3 + 1) / 3)
    assert float(MSE(y, p, jnp.array([0.0, 3.0, 0.0]), mask)) == 1.0
    assert float(MSE(y, p, mask=jnp.ones((3, 3), bool))) == pytest.approx(float(MSE(y, p)))
    for wrong in ((3, 2), (2, 3), (3,), (3, 3, 1)):
        with pytest.raises(ShapeError, match="mask"):
            MSE(y, p, mask=jnp.ones(wrong, bool))


def test_what_an_overlap_sums_leaves_masked_steps_out():
    y, p = jnp.array([[1.0, 0.0, 1.0]]), jnp.array([[0.5, 0.5, 1.0]])
    masked = losses.Dice()(y, p, mask=jnp.array([[True, True, False]]))
    assert float(masked) == pytest.approx(float(losses.Dice()(y[:, :2], p[:, :2])))
