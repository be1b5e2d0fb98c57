"""Layers whose every output sees every feature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import Bilinear, Context, Dense, EinsumDense
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close


def test_is_its_equation():
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    layer = Dense(2, "tanh")
    params, _ = init(layer, x)
    params["bias"] = jnp.array([0.5, -1.0])
    y, _ = layer.apply(params, {}, jnp.asarray(x), Context())
    close(y, np.tanh(np.einsum("btn,nu->btu", x, params["kernel"]) + np.array([0.5, -1.0])), relative=1e-6)


def test_tap_gradient_is_that_of_the_plain_version():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4)))
        layer = Dense(2, "tanh")
        params, state = init(layer, x)
        values, gradients = taps(layer, params, state, x, lambda y: jnp.square(y).sum())
        z = x @ params["kernel"]
        close(values, {"z": z}, relative=1e-12)
        close(gradients, {"z": jax.grad(lambda z: jnp.square(jnp.tanh(z)).sum())(z)}, relative=1e-12)


def test_without_bias():
    assert set(init(Dense(2, use_bias=False), shape(3, 4))[0]) == {"kernel"}


def test_regularizer_speaks_of_the_kernel():
    layer = Dense(2, kernel_regularizer=L2(0.5))
    params = {"kernel": jnp.full((3, 2), 2.0), "bias": jnp.full(2, 100.0)}
    assert float(layer.penalty(params)) == 0.5 * 6 * 4


def test_a_vector_is_no_batch():
    with pytest.raises(ShapeError, match=r"got an input of shape \(batch\)"):
        Dense(2).init(KEY, shape(3))


def test_keeps_the_mask():
    mask = jnp.ones((2, 3), bool)
    assert Dense(2).output_mask(shape(2, 3, 4), mask) is mask


def test_no_samples_give_no_samples():
    assert call(Dense(2), jnp.zeros((0, 3))).shape == (0, 2)


def test_bilinear_is_its_equation():
    rng = np.random.default_rng(0)
    x = tuple(jnp.asarray(rng.normal(size=(3, 2, n)), float) for n in (4, 5))
    layer = Bilinear(2, "tanh")
    params, _ = init(layer, x)
    params["bias"] = jnp.array([0.5, -1.0])
    y, _ = layer.apply(params, {}, x, Context())
    z = np.einsum("bti,ijk,btj->btk", x[0], params["kernel"], x[1]) + np.array([0.5, -1.0])
    close(y, np.tanh(z), relative=1e-5)
    assert set(init(Bilinear(2, use_bias=False), x)[0]) == {"kernel"}


@pytest.mark.parametrize("x", [shape(2, 3), (shape(2, 3),) * 3])
def test_bilinear_takes_two(x):
    with pytest.raises(ShapeError, match="expected two"):
        Bilinear(2).init(KEY, x)


def test_bilinear_broadcasts_nothing():
    with pytest.raises(ShapeError, match="agree but for the last axis"):
        Bilinear(2).init(KEY, (shape(2, 3, 4), shape(2, 1, 4)))
    with pytest.raises(ShapeError, match="agree but for the last axis"):
        Bilinear(2).init(KEY, (shape(2, 4), shape(2, 3, 4)))


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "x", "kernel", "bias"),
    [
        ("ab,bc->ac", 7, "c", (2, 5), (5, 7), (7,)),
        ("abc,cd->abd", (None, 7), None, (2, 3, 5), (5, 7), None),
        ("abc,cd->abd", (3, 7), "bd", (2, 3, 5), (5, 7), (3, 7)),
        ("abc,cde->abde", (None, 7, 2), "de", (2, 3, 5), (5, 7, 2), (7, 2)),
        ("abc,cde->abde", (None, 7, 2), "d", (2, 3, 5), (5, 7, 2), (7, 1)),
        ("abcd,cde->abe", (None, 7), "e", (2, 3, 5, 4), (5, 4, 7), (7,)),
        ("abc,bd->acd", (None, 7), None, (2, 3, 5), (3, 7), None),
        ("...x,xy->...y", 7, "y", (2, 3, 5), (5, 7), (7,)),
        ("...x,xy->...y", 7, "y", (2, 5), (5, 7), (7,)),
        ("ab...,bc->ac...", 7, "c", (2, 5, 3, 4), (5, 7), (7, 1, 1)),
        ("ab...,bc->ac...", 7, "c", (2, 5), (5, 7), (7,)),
    ],
)
def test_einsum_shapes(equation, output_shape, bias_axes, x, kernel, bias):
    layer = EinsumDense(equation, output_shape, bias_axes=bias_axes)
    x = jnp.asarray(np.random.default_rng(0).normal(size=x), float)
    params, _ = init(layer, x)
    assert {name: p.shape for name, p in params.items()} == {"kernel": kernel} | ({"bias": bias} if bias else {})
    if bias:
        params["bias"] = jnp.asarray(np.random.default_rng(1).normal(size=bias), float)
    y, _ = layer.apply(params, {}, x, Context())
    z = np.einsum(equation, x, params["kernel"])
    close(y, z + np.asarray(params["bias"]) if bias else z, relative=1e-5)


def test_einsum_is_dense():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)), float)
    layer = EinsumDense("...x,xy->...y", 7, "tanh", "y")
    params, _ = init(layer, x)
    close(layer.apply(params, {}, x, Context()), Dense(7, "tanh").apply(params, {}, x, Context()), relative=1e-6)


@pytest.mark.parametrize(
    "equation",
    ["abc", "ab,bc", "ab,bc->", "ab,b c->ac", "a...b,bc->a...c", "...a,ab->b", "...a...,ab->...b...", "ab,bc->ca",
     "ab,bc->aac", "ab,bc->ad", "ab,cd->ac", "ab,ab->ab", "ab,...b->a", "ab...,bc->...ac", "aa,ab->ab"],
)  # fmt: skip
def test_what_is_no_equation(equation):
    with pytest.raises(SpecError, match="equation: got"):
        EinsumDense(equation, 7)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("ab,bc->ac", (3, 7)), "a size for each of c"),
        (("...x,xy->...xy", 7), "a size for each of x, y"),
        (("ab,bc->ac", (None,)), r"None for c of 'ab,bc->ac', which x lacks"),
        (("ab,bc->ac", 7, "relu", "a"), "bias_axes: got 'a'.*letters of 'c'"),
    ],
)
def test_einsum_fields_go_together(fields, message):
    with pytest.raises(SpecError, match=message):
        EinsumDense(*fields)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (EinsumDense("ab,bc->ac", 7), (2, 3, 4), "expected axes as in 'ab,bc->ac'"),
        (EinsumDense("abc,cd->abd", (None, 7)), (2, 3), "expected axes as in"),
        (EinsumDense("...x,xy->...y", 7), (3,), "expected axes as in"),
        (EinsumDense("abc,cd->abd", (5, 7)), (2, 3, 4), r"got 3 along b.*expected 5, as in output_shape"),
    ],
)
def test_einsum_input_goes_with_the_equation(layer, x, message):
    with pytest.raises(ShapeError, match=message):
        layer.init(KEY, shape(*x))


def test_einsum_keeps_the_mask_of_time():
    mask, x = jnp.ones((2, 3), bool), shape(2, 3, 4)
    for equation in ("abc,cd->abd", "...c,cd->...d"):
        assert EinsumDense(equation, (None, 7)[equation.startswith("...") :]).output_mask(x, mask) is mask
    across = EinsumDense("abc,bd->acd", (None, 7))
    assert across.output_mask(x, None) is None
    with pytest.raises(LiuliError, match="cannot pass EinsumDense"):
        across.output_mask(x, mask)
