"""Curvature: LBFGS against SciPy, Newton against closed forms and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers, optimizers
from liuli.core.errors import SpecError

RNG = np.random.default_rng(0)


def rosenbrock(w):
    x = w["x"]
    return (100 * jnp.square(x[1:] - jnp.square(x[:-1])) + jnp.square(1 - x[:-1])).sum(), ()


def run(optimizer, objective, w, steps):
    slots, advance = optimizer.init(w), jax.jit(lambda w, slots, i: optimizer.advance(objective, w, slots, i)[:2])
    for i in range(steps):
        w, slots = advance(w, slots, i)
    return w


def test_lbfgs_finds_what_scipy_finds():
    optimize = pytest.importorskip("scipy.optimize")
    start = np.array([-1.2, 1.0, -0.5, 0.8])
    with jax.enable_x64(True):
        want = optimize.minimize(optimize.rosen, start, jac=optimize.rosen_der, method="L-BFGS-B", tol=1e-14)
        got = run(optimizers.LBFGS(), rosenbrock, {"x": jnp.asarray(start)}, 80)
        np.testing.assert_allclose(got["x"], want.x, atol=1e-5)
        np.testing.assert_allclose(got["x"], 1.0, atol=1e-8)


def test_newton_solves_a_quadratic_in_one_step():
    with jax.enable_x64(True):
        half = RNG.normal(size=(6, 6))
        a, b = jnp.asarray(half @ half.T + np.eye(6)), jnp.asarray(RNG.normal(size=6))

        def bowl(w):
            x = jnp.concatenate([w["a"], w["b"].ravel()])
            return 0.5 * x @ a @ x - b @ x, ()

        got = run(optimizers.Newton(damping=0.0), bowl, {"a": jnp.ones(2), "b": jnp.ones((2, 2))}, 1)
        x = np.concatenate([got["a"], np.ravel(got["b"])])
        np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-10)


def test_a_damped_step_of_newton():
    with jax.enable_x64(True):
        w = {"x": jnp.asarray([-1.2, 1.0])}
        gradient = jax.grad(lambda x: rosenbrock({"x": x})[0])(w["x"])
        hessian = jax.hessian(lambda x: rosenbrock({"x": x})[0])(w["x"])
        want = w["x"] - 0.5 * np.linalg.solve(hessian + 2.0 * np.eye(2), gradient)
        got = run(optimizers.Newton(0.5, damping=2.0), rosenbrock, w, 1)
        np.testing.assert_allclose(got["x"], want, rtol=1e-10)


def test_logistic_regression_by_newton_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    x = RNG.normal(size=(80, 3))
    y = (x @ [1.0, -2.0, 0.5] + 0.3 + RNG.logistic(size=80) > 0).astype(int)
    model = ll.Model(
        ll.Sequential([layers.Dense(1, "sigmoid")]),
        "binary_crossentropy",
        optimizers.Newton(damping=0.0),
        precision="float64",
    )
    model.fit(x, y[:, None].astype(float), epochs=8, batch_size=80, verbose=0)
    want = linear.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(x, y)
    np.testing.assert_allclose(np.ravel(model.params["dense_1"]["kernel"]), want.coef_[0], rtol=1e-8)
    np.testing.assert_allclose(model.params["dense_1"]["bias"], want.intercept_, rtol=1e-8)


def test_newton_refuses_a_large_network():
    with pytest.raises(SpecError, match="5050 parameters; expected at most 4096"):
        ll.Model(ll.Sequential([ll.Input((100,)), layers.Dense(50)]), "mse", "newton")


def test_lbfgs_trains_a_network():
    x = RNG.normal(size=(64, 2))
    y = np.tanh(x[:, :1] * x[:, 1:])
    net = ll.Sequential([layers.Dense(8, "tanh"), layers.Dense(1)])
    model = ll.Model(net, "mse", "lbfgs")
    assert model.fit(x, y, epochs=60, batch_size=64, verbose=0)["loss"][-1] < 0.01
