"""Cross entropies: which targets they take, what they say of others, and what they tell a network's last activation."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import activations, losses
from liuli.core.dials import dials
from liuli.core.errors import DataError, ShapeError

CATEGORICAL, SPARSE = losses.CategoricalCrossentropy(), losses.SparseCategoricalCrossentropy()
BINARY = losses.BinaryCrossentropy()


def test_spaces_and_matched_activations():
    for loss, activation in ((CATEGORICAL, "Softmax"), (SPARSE, "Softmax"), (BINARY, "Sigmoid")):
        assert loss.matched is getattr(activations, activation)
        assert loss.space == "probabilities"
        assert loss.replace(from_logits=True).space == "logits"
        assert dials(loss.replace(from_logits=True)) == dials(loss)
    assert losses.MeanSquaredError().space == "values"
    assert losses.MeanSquaredError().matched is None


@pytest.mark.parametrize("activation", [activations.Softmax(), activations.Sigmoid()])
def test_both_forms_agree(activation):
    z = jnp.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]])
    y = jnp.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    for loss in (CATEGORICAL, BINARY):
        if isinstance(activation, loss.matched):
            smoothed = loss.replace(label_smoothing=0.1)
            np.testing.assert_allclose(smoothed.replace(from_logits=True)(y, z), smoothed(y, activation(z)), rtol=1e-5)


def test_labels_and_one_hot_are_told_apart_by_dtype_and_rank():
    p = jnp.array([[0.1, 0.9], [0.8, 0.2]])
    labels = jnp.array([1, 0])
    for dtype in (jnp.int32, jnp.uint8, jnp.int8):
        assert float(CATEGORICAL(labels.astype(dtype), p)) == float(CATEGORICAL(jnp.eye(2)[labels], p))
        assert float(SPARSE(labels.astype(dtype), p)) == float(CATEGORICAL(labels, p))
    whole = jnp.eye(2, dtype=int)[labels]  # integers of the predictions' shape are one-hot
    assert float(CATEGORICAL(whole, p)) == float(CATEGORICAL(labels, p))


@pytest.mark.parametrize("loss", [CATEGORICAL, SPARSE], ids=repr)
@pytest.mark.parametrize(
    ("dtype", "target", "prediction", "fix"),
    [
        (float, (4,), (4, 3), "y.astype(int)"),
        (bool, (4,), (4, 3), "y.astype(int)"),
        (int, (4, 1), (4, 3), "y[:, 0]"),
        (float, (4, 1), (4, 3), "y[:, 0].astype(int)"),
        (int, (4, 5, 1), (4, 5, 3), "y[..., 0]"),
        (float, (4, 5), (4, 5, 3), "y.astype(int)"),
        (int, (4, 5), (4, 3), "give the last layer 5 units, one for each class"),
        (int, (4, 5, 6), (4, 3), "make targets one-hot, or one integer label for each prediction"),
        (int, (3,), (4, 3), "make targets one-hot, or one integer label for each prediction"),
        (int, (4, 1), (4, 1), 'Dense(1, "sigmoid") with "binary_crossentropy", or a unit for each class'),
        (int, (4,), (4,), 'Dense(1, "sigmoid") with "binary_crossentropy", or a unit for each class'),
    ],
)
def test_other_targets_are_refused(loss, dtype, target, prediction, fix):
    with pytest.raises(ShapeError) as raised:
        loss(jnp.zeros(target, dtype), jnp.full(prediction, 0.5))
    assert str(target) in raised.value.got
    assert str(prediction) in raised.value.got
    assert raised.value.fix == fix


def test_sparse_takes_no_one_hot():
    with pytest.raises(ShapeError, match="one-hot") as raised:
        SPARSE(jnp.eye(3), jnp.full((3, 3), 1 / 3))
    assert raised.value.fix == 'y.argmax(-1), or the loss "categorical_crossentropy"'


def test_sequences_are_averaged_over_time():
    p = jnp.array([[[0.5, 0.5], [0.25, 0.75]]])
    want = -(np.log(0.5) + np.log(0.75)) / 2
    assert CATEGORICAL.per_sample(jnp.array([[0, 1]]), p).shape == (1,)
    np.testing.assert_allclose(CATEGORICAL(jnp.array([[0, 1]]), p), want, rtol=1e-6)
    np.testing.assert_allclose(SPARSE(jnp.array([[0, 1]]), p), want, rtol=1e-6)


# ---- the look at all targets -----------------------------------------------------------------------------------------


def refused(loss, y, shape):
    with pytest.raises(DataError) as raised:
        loss.validate_targets(np.asarray(y), shape)
    return raised.value


@pytest.mark.parametrize("loss", [CATEGORICAL, SPARSE], ids=repr)
def test_labels_out_of_range(loss):
    loss.validate_targets(np.array([0, 9, 3]), (3, 10))
    error = refused(loss, [0, 3, 10, 12], (4, 10))
    assert error.got == "label 10 in row 2"
    assert error.expected == "labels from 0 to 9 (10 classes)"
    assert error.fix == "give the last layer 13 units"
    assert "np.unique" in refused(loss, [1, 2, 3], (3, 3)).fix
    assert refused(loss, [0, -1], (2, 3)).got == "label -1 in row 1"
    assert refused(loss, [[0, 1], [2, 5]], (2, 2, 3)).got == "label 5 in row 1 (position 1)"


def test_the_fix_for_labels_mends_them():
    y = np.array([3, 7, 7, 9])
    assert "np.unique(y, return_inverse=True)[1]" in refused(CATEGORICAL, y, (4, 3)).fix
    CATEGORICAL.validate_targets(np.unique(y, return_inverse=True)[1], (4, 3))


def test_rows_that_are_no_distribution():
    CATEGORICAL.validate_targets(np.eye(3), (3, 3))
    CATEGORICAL.validate_targets(np.full((2, 3), 1 / 3, np.float16), (2, 3))
    error = refused(CATEGORICAL, [[1, 0, 0], [1, 1, 0]], (2, 3))
    assert error.got == "the sum 2.0 in row 1"
    assert "binary_crossentropy" in error.fix
    assert refused(CATEGORICAL, [[0.0, 0.0]], (1, 2)).got == "the sum 0.0 in row 0"
    assert refused(CATEGORICAL, [[2.0, -1.0]], (1, 2)).got == "target -1.0 in row 0 (position 1)"
    assert refused(CATEGORICAL, [[np.nan, 1.0]], (1, 2)).got == "target nan in row 0 (position 0)"


def test_binary_targets_outside_0_and_1():
    for y in (np.array([0, 1]), np.array([False, True]), np.array([0.0, 0.3])):
        BINARY.validate_targets(y, (2,))
    assert refused(BINARY, [[0], [2]], (2, 1)).got == "target 2 in row 1 (position 0)"
    assert refused(BINARY, [-1, 1], (2,)).got == "target -1 in row 0"
    assert refused(BINARY, [np.nan, 1], (2,)).got == "target nan in row 0"


def test_a_class_that_is_ignored_is_never_looked_at():
    p = jnp.array([[0.5, 0.5], [0.25, 0.75], [0.1, 0.9]])
    for ignored in (-1, 0, 255):
        loss, y = losses.SparseCategoricalCrossentropy(ignored), np.array([1, ignored, 1])
        np.testing.assert_allclose(loss.per_sample(jnp.asarray(y), p), -np.log([0.5, 1.0, 0.9]), rtol=1e-5)
        loss.validate_targets(y, (3, 2))
        assert refused(loss, [1, ignored, 2], (3, 2)).got == "label 2 in row 2"
    y, mask = jnp.array([[1, -1, 1]]), jnp.array([[True, True, False]])
    masked = losses.SparseCategoricalCrossentropy(-1)(y, p[None], mask=mask)
    np.testing.assert_allclose(masked, -np.log(0.5), rtol=1e-6)


def test_generalized_cross_entropy_lies_between_its_ends():
    loss, y, p = losses.CategoricalGeneralizedCrossEntropy, jnp.array([0, 1]), jnp.array([[0.3, 0.7], [0.4, 0.6]])
    np.testing.assert_allclose(loss(1.0).per_sample(y, p), [0.7, 0.4], rtol=1e-6)
    np.testing.assert_allclose(loss(0.001).per_sample(y, p), -np.log([0.3, 0.6]), rtol=1e-3)
    assert loss.matched is activations.Softmax
    assert refused(loss(), [0, 2], (2, 2)).got == "label 2 in row 1"
