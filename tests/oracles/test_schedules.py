"""Schedules against their closed forms in NumPy, in float64, steps and dials traced."""

import jax
import numpy as np
import pytest

from liuli import schedules
from liuli.core.dials import dials, with_dials
from liuli.core.specs import members

STEPS = np.arange(0, 60)


def warm_cosine(t):
    down = np.clip((t - 15) / 20, 0, 1)
    return np.where(t < 15, 0.2 * t / 15, 0.2 * (0.9 * (1 + np.cos(np.pi * down)) / 2 + 0.1))


CASES = {
    schedules.ExponentialDecay(0.2, 7, 0.6): lambda t: 0.2 * 0.6 ** (t / 7),
    schedules.ExponentialDecay(0.2, 7, 0.6, staircase=True): lambda t: 0.2 * 0.6 ** np.floor(t / 7),
    schedules.CosineDecay(0.2, 20): lambda t: 0.1 * (1 + np.cos(np.pi * np.minimum(t, 20) / 20)),
    schedules.CosineDecay(0.2, 20, alpha=0.1, warmup_steps=15): warm_cosine,
    schedules.PiecewiseConstantDecay((10, 30), (0.2, 0.1, 0.05)): lambda t: np.where(
        t <= 10, 0.2, np.where(t <= 30, 0.1, 0.05)
    ),
}


def test_every_schedule_is_compared():
    assert {type(schedule) for schedule in CASES} == set(members("schedules").values())


@pytest.mark.parametrize("schedule", CASES, ids=repr)
def test_closed_form(schedule):
    with jax.enable_x64(True):
        rate = jax.jit(lambda values, t: with_dials(schedule, values)(t))
        got = [float(rate(dials(schedule), int(t))) for t in STEPS]
    np.testing.assert_allclose(got, CASES[schedule](STEPS), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("schedule", CASES, ids=repr)
def test_closed_form_of_plain_numbers(schedule):
    np.testing.assert_allclose([float(schedule(int(t))) for t in STEPS], CASES[schedule](STEPS), rtol=1e-5, atol=1e-8)
