"""Residuals: in units of the target, and the densities that fit them, beside SciPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import fit_residuals, plot_quantiles, plot_residuals, residuals


@pytest.mark.oracle
@given(st.integers(2, 80), st.floats(0.01, 100), st.floats(-50, 50), st.integers(0, 2**16))
@settings(max_examples=40)
def test_fits_are_those_of_scipy(rows, scale, shift, seed):
    stats = pytest.importorskip("scipy.stats", reason="the oracle is SciPy")
    r = shift + scale * np.random.default_rng(seed).standard_t(4, rows)
    found = fit_residuals(r)
    for mine, likelihood, theirs in zip(
        (found.gaussian, found.laplace), found.log_likelihoods, (stats.norm, stats.laplace), strict=True
    ):
        np.testing.assert_allclose(mine, theirs.fit(r), rtol=1e-9)
        assert likelihood == pytest.approx(theirs.logpdf(r, *mine).sum(), rel=1e-9)


def test_the_shape_speaks_for_a_loss():
    rng = np.random.default_rng(0)
    bell, tent = fit_residuals(rng.normal(size=2000)), fit_residuals(rng.laplace(size=2000))
    assert (bell.speaks_for, tent.speaks_for) == ("mse", "mae")
    assert "mean squared error" in bell.sentence() and "平均绝对误差" in tent.sentence("zh")
    few = fit_residuals(np.array([-1.0, 0.3, 0.8, -0.2]))
    assert few.speaks_for is None and "neither" in few.sentence()
    still = fit_residuals(np.full(5, 2.0))
    assert still.speaks_for is None and "do not vary" in still.sentence()
    with pytest.raises(ll.LiuliError, match="finite"):
        fit_residuals([np.nan])
    with pytest.raises(ll.LiuliError, match="zh"):
        few.sentence("de")


def test_vuong_is_the_mean_difference_over_its_error():
    stats = pytest.importorskip("scipy.stats")
    r = np.random.default_rng(1).normal(size=50)
    d = stats.norm.logpdf(r, *stats.norm.fit(r)) - stats.laplace.logpdf(r, *stats.laplace.fit(r))
    assert fit_residuals(r).vuong == pytest.approx(d.mean() / (d.std() / 50**0.5))


def test_residuals_are_in_units_of_the_target(table, payer):
    found = residuals(payer, table)
    predicted = np.concatenate([payer.predict(table.take([i]))[0] for i in range(len(table))])
    np.testing.assert_allclose(found.values, predicted - table.target.values, rtol=1e-4, atol=1e-2)
    assert found.name == "pay"
    ax = plot_residuals(found, ax=Figure().subplots(), language="zh")
    assert "pay" in ax.get_xlabel() and len(ax.lines) == 2
    area = np.trapezoid(ax.lines[0].get_ydata(), ax.lines[0].get_xdata())
    assert 0.8 < area <= 1.0


def test_one_of_several_numbers():
    model, x, y = ll.Model(ll.Sequential([layers.Dense(2)]), loss="mae"), np.eye(3), np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(residuals(model, x, y, column=1).values, model.predict(x)[:, 1] - y[:, 1], rtol=1e-6)
    with pytest.raises(ll.LiuliError, match="0 to 1"):
        residuals(model, x, y, column=2)
    classes = ll.Model(ll.Sequential([layers.Dense(2, "softmax")]), loss="categorical_crossentropy")
    with pytest.raises(ll.LiuliError, match="confusion"):
        residuals(classes, x, np.array([0, 1, 1]))


@pytest.mark.oracle
@pytest.mark.parametrize(("against", "name"), [("gaussian", "norm"), ("laplace", "laplace")])
def test_quantiles_are_those_of_scipy(against, name):
    theirs = getattr(pytest.importorskip("scipy.stats", reason="the oracle is SciPy"), name)
    found = fit_residuals(np.random.default_rng(0).normal(size=21))
    ax = plot_quantiles(found, against, ax=Figure().subplots())
    wanted = theirs.ppf((np.arange(21) + 0.5) / 21, *getattr(found, against))
    np.testing.assert_allclose(ax.lines[1].get_xdata(), wanted, atol=1e-9)
    with pytest.raises(ll.LiuliError, match="gaussian or laplace"):
        plot_quantiles(found, "student")
