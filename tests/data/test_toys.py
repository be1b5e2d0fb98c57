"""Each toy is what its formula says, at any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli import data
from liuli.core.errors import DataError

CLASSES = [data.circles, data.gaussians, data.moons, data.spirals, data.xor]
TOYS = [*CLASSES, data.plane, data.sine]


@pytest.mark.parametrize("toy", TOYS)
@given(n=st.integers(2, 60), seed=st.integers(0, 1000))
def test_forms(toy, n, seed):
    made = toy(n, seed=seed)
    assert made.rows == n and made.y.shape == (n, 1)
    assert made.x.dtype == made.y.dtype == np.float32
    np.testing.assert_array_equal(made.x, toy(n, seed=seed).x)
    assert not np.array_equal(made.x, toy(n, seed=seed + 1).x)


@pytest.mark.parametrize("toy", CLASSES)
def test_classes_are_balanced(toy):
    assert toy(120).task == "binary"
    assert toy(120).y.mean() == 0.5


def test_xor_is_exclusive_or():
    made = data.xor(40, noise=0.0)
    assert {(*map(int, x), int(y)) for x, (y,) in zip(made.x, made.y, strict=True)} == {
        (0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0),
    }  # fmt: skip


def test_circles_have_their_radii():
    made = data.circles(50, noise=0.0, inner=0.3)
    np.testing.assert_allclose(np.hypot(*made.x.T), np.where(made.y[:, 0] == 1, 0.3, 1.0), rtol=1e-6)


def test_gaussians_have_their_means_and_their_error():
    made = data.gaussians(40_000, noise=1.0)
    zero, one = (made.x[made.y[:, 0] == c] for c in (0, 1))
    np.testing.assert_allclose([*zero.mean(0), *one.mean(0)], [-1, -1, 1, 1], atol=0.03)
    wrong = ((made.x.sum(1) > 0) != (made.y[:, 0] == 1)).mean()
    assert abs(wrong - 0.0786496) < 0.006  # Phi(-sqrt(2))


def test_moons_interlock():
    made = data.moons(50, noise=0.0)
    upper, lower = (made.x[made.y[:, 0] == c] for c in (0, 1))
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1, rtol=1e-6)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5


def test_spirals_turn():
    made = data.spirals(200, noise=0.0, turns=2.0)
    radius, angle = np.hypot(*made.x.T), np.arctan2(*made.x.T[::-1])
    expected = 4 * np.pi * radius + np.pi * made.y[:, 0]
    np.testing.assert_allclose(np.cos(angle), np.cos(expected), atol=1e-4)
    assert radius.max() <= 1


def test_plane_is_found_by_least_squares():
    made = data.plane(2000, noise=0.1)
    design = np.column_stack([made.x, np.ones(made.rows)])
    np.testing.assert_allclose(np.linalg.lstsq(design, made.y, rcond=None)[0][:, 0], [2, -3, 1], atol=0.02)


def test_sine_is_a_sine():
    made = data.sine(50, noise=0.0)
    np.testing.assert_allclose(made.y, np.sin(made.x), atol=1e-6)


@pytest.mark.parametrize("toy", TOYS)
def test_what_makes_no_sense_is_said(toy):
    with pytest.raises(DataError, match="n: got 1; expected a whole number of at least 2"):
        toy(1)
    with pytest.raises(DataError, match=r"noise: got -0\.1"):
        toy(10, noise=-0.1)
