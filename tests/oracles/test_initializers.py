"""Initializers against the distributions that they name, by SciPy: moments, Kolmogorov-Smirnov, bounds."""

import math
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import initializers
from liuli.core.dials import dials, with_dials
from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import members
from liuli.initializers import spectral

stats = pytest.importorskip("scipy.stats", reason="SciPy is the oracle")
pytestmark = pytest.mark.oracle

SHAPE = (3, 2, 40, 60)  # a kernel: receptive field 6, fan_in 240, fan_out 360
FAN_IN, FAN_OUT = 240, 360
FAN = {"fan_in": FAN_IN, "fan_out": FAN_OUT, "fan_avg": (FAN_IN + FAN_OUT) / 2}


def uniform(variance):
    bound = math.sqrt(3 * variance)
    return stats.uniform(-bound, 2 * bound)


def truncated(variance):
    """The normal cut at two of its own deviations, widened until its variance is the one asked for."""
    return stats.truncnorm(-2, 2, scale=math.sqrt(variance / stats.truncnorm(-2, 2).var()))


DISTRIBUTIONS = {
    initializers.RandomNormal(): stats.norm(0, 0.05),
    initializers.RandomNormal(2.0, 0.5): stats.norm(2, 0.5),
    initializers.TruncatedNormal(): stats.truncnorm(-2, 2, 0, 0.05),
    initializers.TruncatedNormal(2.0, 0.5): stats.truncnorm(-2, 2, 2, 0.5),
    initializers.RandomUniform(): stats.uniform(-0.05, 0.1),
    initializers.RandomUniform(1.0, 3.0): stats.uniform(1, 2),
    initializers.GlorotUniform(): uniform(2 / (FAN_IN + FAN_OUT)),
    initializers.GlorotNormal(): truncated(2 / (FAN_IN + FAN_OUT)),
    initializers.HeUniform(): uniform(2 / FAN_IN),
    initializers.HeNormal(): truncated(2 / FAN_IN),
    initializers.LecunUniform(): uniform(1 / FAN_IN),
    initializers.LecunNormal(): truncated(1 / FAN_IN),
    initializers.StandardUniform(): stats.uniform(-1 / math.sqrt(FAN_IN), 2 / math.sqrt(FAN_IN)),
} | {
    initializers.VarianceScaling(1.5, mode, form): of(1.5 / fan)
    for mode, fan in FAN.items()
    for form, of in {
        "uniform": uniform,
        "truncated_normal": truncated,
        "normal": lambda v: stats.norm(0, v**0.5),
    }.items()
}
FIXED = {initializers.Zeros(): 0.0, initializers.Ones(): 1.0, initializers.Constant(0.3): 0.3}


def test_every_initializer_is_compared():
    compared = {type(f) for f in [*DISTRIBUTIONS, *FIXED]}
    compared |= {getattr(initializers, name) for name in ("Dirac", "Identity", "Orthogonal", "STFT", "Sparse")}
    assert compared == set(members("initializers").values())


@pytest.mark.parametrize("initializer", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distribution(initializer, dtype):
    want = DISTRIBUTIONS[initializer]
    with jax.enable_x64(dtype == "float64"):
        w = initializer(jax.random.key(0), SHAPE)
        assert (w.shape, w.dtype) == (SHAPE, dtype)
    w = np.asarray(w, float).ravel()
    low, high = want.support()
    assert low - 1e-6 <= w.min()
    assert w.max() <= high + 1e-6
    error = want.std() / math.sqrt(w.size)
    assert abs(w.mean() - want.mean()) < 4 * error
    kurtosis = float(want.stats("k"))
    assert abs(w.var() / want.var() - 1) < 4 * math.sqrt((kurtosis + 2) / w.size)
    assert stats.kstest(w, want.cdf).pvalue > 1e-3


@pytest.mark.parametrize("initializer", DISTRIBUTIONS, ids=repr)
def test_its_numbers_do_not_depend_on_one_another(initializer):
    w = np.asarray(initializer(jax.random.key(1), SHAPE), float).ravel()
    w = (w - w.mean()) / w.std()
    for lag in (1, 2, SHAPE[-1]):
        assert abs((w[lag:] * w[:-lag]).mean()) < 4 / math.sqrt(w.size)
    other = np.asarray(initializer(jax.random.key(2), SHAPE), float).ravel()
    assert abs(np.corrcoef(w, other)[0, 1]) < 4 / math.sqrt(w.size)


@pytest.mark.parametrize("initializer", FIXED, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fixed(initializer, dtype):
    with jax.enable_x64(dtype == "float64"):
        w = initializer(jax.random.key(0), (3, 4))
        assert w.dtype == dtype
        np.testing.assert_array_equal(w, np.full((3, 4), FIXED[initializer], dtype))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (3, 4, 6), (3, 5, 6, 4), (1, 3, 5, 2, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_identity(shape, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    fill = torch.nn.init.eye_ if len(shape) == 2 else torch.nn.init.dirac_
    theirs = np.moveaxis(fill(torch.empty(*shape[:-3:-1], *shape[:-2])).numpy(), (0, 1), (-1, -2))
    with jax.enable_x64(dtype == "float64"):
        w = initializers.Identity(2.5)(jax.random.key(0), shape)
        assert w.dtype == dtype
    np.testing.assert_array_equal(w, 2.5 * theirs)


@pytest.mark.parametrize("size", [(3, 3), (2, 4), (1, 5)])
def test_a_convolution_by_the_identity_passes_its_input_on(size):
    x = jax.random.normal(jax.random.key(0), (2, 6, 7, 3))
    kernel = initializers.Identity()(jax.random.key(1), (*size, 3, 3))
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    np.testing.assert_allclose(y, x, rtol=1e-6)


@pytest.mark.parametrize("shape", [(), (4,)])
@pytest.mark.parametrize("name", ["Identity", "Dirac"])
def test_identity_wants_a_kernel(name, shape):
    with pytest.raises(ShapeError, match=f"{name}: got the shape"):
        getattr(initializers, name)()(jax.random.key(0), shape)


@pytest.mark.parametrize(("shape", "groups"), [((3, 4, 6), 1), ((3, 5, 2, 6), 3), ((1, 3, 5, 4, 6), 2), ((5, 8, 4), 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dirac(shape, groups, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    theirs = torch.nn.init.dirac_(torch.empty(*shape[:-3:-1], *shape[:-2]), groups).numpy()
    with jax.enable_x64(dtype == "float64"):
        w = initializers.Dirac(groups)(jax.random.key(0), shape)
        assert w.dtype == dtype
    np.testing.assert_array_equal(w, np.moveaxis(theirs, (0, 1), (-1, -2)))


def test_groups_divide_the_outputs():
    with pytest.raises(ShapeError, match="Dirac: got 4 outputs in 3 groups"):
        initializers.Dirac(groups=3)(jax.random.key(0), (3, 2, 4))


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.1, 20), (0.5, 100), (0.751, 151), (1.0, 200)])
def test_sparse(sparsity, zeros):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    w = np.asarray(initializers.Sparse(sparsity, 0.3)(jax.random.key(0), (200, 50)))
    assert ((w == 0).sum(0) == zeros).all()
    assert zeros == (torch.nn.init.sparse_(torch.empty(200, 50), sparsity) == 0).sum(0)[0]
    if zeros < 200:
        assert stats.kstest(w[w != 0], stats.norm(0, 0.3).cdf).pvalue > 1e-3


def test_sparse_columns_are_drawn_apart_and_rows_alike():
    gone = np.asarray(initializers.Sparse(0.5)(jax.random.key(0), (20, 2000))) == 0
    assert stats.chisquare(gone.sum(1)).pvalue > 1e-3
    assert abs(np.corrcoef(gone[:, :-1].ravel(), gone[:, 1:].ravel())[0, 1]) < 4 / math.sqrt(gone.size)


def test_sparse_wants_a_matrix():
    with pytest.raises(ShapeError, match=r"Sparse: got the shape \(3, 2, 4\)"):
        initializers.Sparse(0.5)(jax.random.key(0), (3, 2, 4))


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("length", [1, 2, 7, 16])
def test_windows(length, periodic):
    signal = pytest.importorskip("scipy.signal")
    for name in typing.get_args(spectral.WindowName):
        want = signal.get_window(name, length, fftbins=periodic)
        np.testing.assert_allclose(spectral.window_values(name, length, periodic), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("window", ["hann", "flattop", (1.0, 2.0, 3.0, 2.0, 1.0, 0.5), None])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_stft(side, window, scaling):
    ours = initializers.STFT(side, window, scaling, periodic=True)
    with jax.enable_x64(True):
        kernel = np.asarray(ours(jax.random.key(0), (6, 1, 5)))[:, 0]
    signal = pytest.importorskip("scipy.signal")
    values = np.ones(6) if window is None else np.array(window) if isinstance(window, tuple) else None
    values = signal.get_window(window, 6) if values is None else values
    scale = {"density": math.sqrt((values**2).sum()), "spectrum": abs(values).sum(), None: 1.0}[scaling]
    transform = np.fft.rfft(np.eye(6), 8) * values[:, None] / (1.0 if window is None else scale)
    np.testing.assert_allclose(kernel, transform.real if side == "real" else transform.imag, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 5), (6, 2, 5), (6, 1, 1)])
def test_stft_wants_the_kernel_of_a_signal(shape):
    with pytest.raises(ShapeError, match="STFT: got the shape"):
        initializers.STFT()(jax.random.key(0), shape)
    with pytest.raises(ShapeError, match="got a window of 2 values; expected 6"):
        initializers.STFT(window=(1.0, 2.0))(jax.random.key(0), (6, 1, 5))


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7), (3, 2, 5, 8), (3, 2, 5, 40), (5, 1)])
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal(shape, gain):
    with jax.enable_x64(True):
        w = np.asarray(initializers.Orthogonal(gain)(jax.random.key(0), shape)).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_is_uniform_over_rotations():
    """An element of a uniformly drawn orthogonal matrix: (w + 1) / 2 is Beta((n - 1) / 2, (n - 1) / 2)."""
    draws = jax.vmap(lambda key: initializers.Orthogonal()(key, (4, 4)))(jax.random.split(jax.random.key(0), 2000))
    for i, j in [(0, 0), (3, 1)]:
        assert stats.kstest((np.asarray(draws[:, i, j], float) + 1) / 2, stats.beta(1.5, 1.5).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "initializer",
    [*DISTRIBUTIONS, initializers.Constant(0.3), initializers.Identity(), initializers.Orthogonal()],
    ids=repr,
)
def test_dials_may_be_traced(initializer):
    make = jax.jit(lambda values: with_dials(initializer, values)(jax.random.key(0), (5, 6)))
    np.testing.assert_allclose(make(dials(initializer)), initializer(jax.random.key(0), (5, 6)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "want"), [((), (1, 1)), ((5,), (5, 5)), ((4, 7), (4, 7)), ((3, 2, 4, 7), (24, 42)), ((5, 4, 7), (20, 35))]
)
def test_fans(shape, want):
    assert initializers.fans(shape) == want


HEADS = {"input_axes": (0,), "output_axes": (1, 2)}  # W: (inputs, heads, features)


@pytest.mark.parametrize("axes", [HEADS, {"input_axes": (1, -1), "output_axes": (0,)}], ids=repr)
def test_fans_by_axes(axes):
    keras = pytest.importorskip("tests.oracles.keras_oracle").keras
    fans = keras.src.initializers.random_initializers.compute_fans
    assert initializers.fans((60, 4, 50), **axes) == fans((60, 4, 50), **axes)


@pytest.mark.parametrize(
    ("initializer", "want"),
    [
        (initializers.GlorotUniform(**HEADS), uniform(2 / 260)),
        (initializers.HeNormal(**HEADS), truncated(2 / 60)),
        (initializers.StandardUniform(**HEADS), uniform(1 / 180)),
        (initializers.VarianceScaling(1.5, "fan_out", "uniform", **HEADS), uniform(1.5 / 200)),
    ],
    ids=["glorot", "he", "standard", "variance scaling"],
)
def test_the_variance_follows_the_axes(initializer, want):
    w = np.asarray(initializer(jax.random.key(0), (60, 4, 50)), float).ravel()
    assert stats.kstest(w, want.cdf).pvalue > 1e-3


def test_axes_are_given_both_and_exist():
    with pytest.raises(SpecError, match=r"HeNormal.output_axes: got input_axes=\(0,\) and output_axes=None"):
        initializers.HeNormal(input_axes=(0,))
    with pytest.raises(ShapeError, match=r"axes \(1, 2\) of the shape \(3, 4\)"):
        initializers.GlorotNormal(**HEADS)(jax.random.key(0), (3, 4))


def test_a_bias_can_be_drawn():
    assert jnp.isfinite(initializers.GlorotUniform()(jax.random.key(0), (9,))).all()
