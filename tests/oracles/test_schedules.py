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


def restarts(t, first, t_mul, m_mul, alpha):
    """Period after period."""
    start, length, top = 0.0, first, 1.0
    rate = np.full(len(t), np.nan)
    while start <= t[-1]:
        wave = top * (1 + np.cos(np.pi * (t - start) / length)) / 2
        rate = np.where(t >= start, 0.2 * ((1 - alpha) * wave + alpha), rate)
        start, length, top = start + length, length * t_mul, top * m_mul
    return rate


def of_torch(make):
    """The rates of a scheduler of PyTorch, whose optimizer starts at 0.2."""

    def rates(t):
        torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
        scheduler, found = make(torch.optim.lr_scheduler, optimizer), []
        for _ in t:
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    return rates


CASES = {
    schedules.ExponentialDecay(0.2, 7, 0.6): lambda t: 0.2 * 0.6 ** (t / 7),
    schedules.ExponentialDecay(0.2, 7, 0.6, staircase=True): lambda t: 0.2 * 0.6 ** np.floor(t / 7),
    schedules.CosineDecay(0.2, 20): lambda t: 0.1 * (1 + np.cos(np.pi * np.minimum(t, 20) / 20)),
    schedules.CosineDecay(0.2, 20, alpha=0.1, warmup_steps=15): warm_cosine,
    schedules.PiecewiseConstantDecay((10, 30), (0.2, 0.1, 0.05)): lambda t: np.where(
        t <= 10, 0.2, np.where(t <= 30, 0.1, 0.05)
    ),
    schedules.PolynomialDecay(0.2, 23, 0.01): lambda t: 0.01 + 0.19 * (1 - np.minimum(t, 23) / 23),
    schedules.PolynomialDecay(0.2, 23, 0.0, power=2.5): of_torch(lambda of, o: of.PolynomialLR(o, 23, 2.5)),
    schedules.PolynomialDecay(0.2, 20, 0.01, power=2.0, cycle=True): lambda t: (
        0.01 + 0.19 * (1 - t / (20 * np.maximum(1, np.ceil(t / 20)))) ** 2
    ),
    schedules.InverseTimeDecay(0.2, 7, 0.6): lambda t: 0.2 / (1 + 0.6 * t / 7),
    schedules.InverseTimeDecay(0.2, 7, 0.6, staircase=True): lambda t: 0.2 / (1 + 0.6 * (t // 7)),
    schedules.CosineDecayRestarts(0.2, 7): of_torch(lambda of, o: of.CosineAnnealingWarmRestarts(o, 7, 2)),
    schedules.CosineDecayRestarts(0.2, 10, t_mul=1.0): of_torch(lambda of, o: of.CosineAnnealingWarmRestarts(o, 10)),
    schedules.CosineDecayRestarts(0.2, 2, t_mul=3.0, m_mul=0.7, alpha=0.1): lambda t: restarts(t, 2, 3.0, 0.7, 0.1),
    schedules.CosineDecayRestarts(0.2, 5, t_mul=1.5, m_mul=1.1): lambda t: restarts(t, 5, 1.5, 1.1, 0.0),
    schedules.OneCycle(0.2, 60): of_torch(lambda of, o: of.OneCycleLR(o, 0.2, 60)),
    schedules.OneCycle(0.2, 60, rise=0.45, div_factor=10.0, final_div_factor=50.0): of_torch(
        lambda of, o: of.OneCycleLR(o, 0.2, 60, pct_start=0.45, div_factor=10.0, final_div_factor=50.0)
    ),
    schedules.PolynomialDecay(0.2 / 3, 7, 0.2): of_torch(lambda of, o: of.LinearLR(o, total_iters=7)),
    schedules.Cyclic(0.1, 0.5, 7): of_torch(lambda of, o: of.CyclicLR(o, 0.1, 0.5, 7, cycle_momentum=False)),
    schedules.Cyclic(0.1, 0.5, 7, 4, "triangular2"): of_torch(
        lambda of, o: of.CyclicLR(o, 0.1, 0.5, 7, 4, "triangular2", cycle_momentum=False)
    ),
    schedules.Cyclic(0.1, 0.5, 3, 5, "exp_range", 0.9): of_torch(
        lambda of, o: of.CyclicLR(o, 0.1, 0.5, 3, 5, "exp_range", 0.9, cycle_momentum=False)
    ),
    schedules.Sequential(
        (
            schedules.PolynomialDecay(0.02, 10, 0.2),
            schedules.ExponentialDecay(0.2, 1, 0.9),
            schedules.CosineDecay(0.2, 40),
        ),
        (10, 25),
    ): of_torch(
        lambda of, o: of.SequentialLR(
            o, [of.LinearLR(o, 0.1, 1.0, 10), of.ExponentialLR(o, 0.9), of.CosineAnnealingLR(o, 40)], [10, 25]
        )
    ),
    schedules.WarmUp(schedules.ExponentialDecay(0.2, 7, 0.6), 15): lambda t: np.where(
        t < 15, 0.2 * t / 15, 0.2 * 0.6 ** ((t - 15) / 7)
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


@pytest.mark.parametrize("rise", [0.0, 0.01, 0.5, 1.0])
def test_one_cycle_ends_where_it_should_whatever_its_rise(rise):
    schedule = schedules.OneCycle(0.2, 20, rise=rise)
    rates = np.array([float(schedule(t)) for t in range(30)])
    assert np.isfinite(rates).all() and rates.max() <= 0.2 * (1 + 1e-6)
    np.testing.assert_allclose(rates[20:], 0.2 / 25 / 1e4, rtol=0.1)
    assert (np.diff(rates) > 0).sum() <= max(0, 20 * rise - 1)


def test_a_restart_is_at_its_step_in_float32():
    schedule = schedules.CosineDecayRestarts(0.2, 10, t_mul=2.0)
    starts = np.array([10 * (2**i - 1) for i in range(1, 13)])
    np.testing.assert_allclose(jax.vmap(schedule)(starts), 0.2, rtol=1e-4)
    assert (np.asarray(jax.vmap(schedule)(starts - 1)) < 0.01).all()
