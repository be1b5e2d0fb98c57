"""Spectrograms against PyTorch's Fourier transform: outputs and gradients, in float32 and in float64."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.layers import Context
from tests.numeric import close

torch = pytest.importorskip("torch")
signal = pytest.importorskip("scipy.signal")
pytestmark = pytest.mark.oracle

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def compare(layer, run, x, precision):
    """Outputs, and the gradients of sum(w y)."""
    with jax.enable_x64(precision == "float64"):
        x = jnp.asarray(x, precision)
        params, state = layer.init(jax.random.key(0), x)
        y, pull = jax.vjp(jax.jit(lambda x: layer.apply(params, state, x, Context())[0]), x)
        w = normal(*y.shape, seed=1)
        (dx,) = pull(jnp.asarray(w, y.dtype))
        tensor = torch.tensor(np.asarray(x), requires_grad=True)
        theirs = run(tensor)
        (theirs * torch.tensor(w).to(theirs.dtype)).sum().backward()
        share = PRECISIONS[precision]
        close({"y": y, "x": dx}, {"y": theirs.detach().numpy(), "x": tensor.grad.numpy()}, share, share / 10)


def by_mode(z, mode):
    """What the mode takes of a transform."""
    if mode in ("real", "imag"):
        return getattr(z, mode)
    if mode == "stft":
        return torch.cat([z.real, z.imag], -1)
    power = z.real**2 + z.imag**2
    if mode == "psd":
        doubled = torch.full(power.shape[-1:], 2.0, dtype=power.dtype)
        doubled[[0, -1]] = 1.0
        return power * doubled
    magnitude = torch.sqrt(torch.clamp(power, min=1e-7))
    return magnitude if mode == "magnitude" else torch.log(magnitude)


@pytest.mark.parametrize("precision", PRECISIONS)
@settings(max_examples=6)
@given(mode=st.sampled_from(["log", "magnitude", "psd", "real", "imag", "stft"]), frame=st.integers(4, 9),
       step=st.integers(1, 4), n=st.sampled_from([None, 18]), window=st.sampled_from(["hann", "hamming", "nuttall"]),
       scaling=st.sampled_from(["density", "spectrum"]), expand=st.booleans())  # fmt: skip
def test_stft(precision, mode, frame, step, n, window, scaling, expand):
    layer = layers.STFTSpectrogram(mode, frame, step, n, window, True, scaling, expand_dims=expand)
    w = signal.get_window(window, frame)
    w = w / (math.sqrt((w**2).sum()) if scaling == "density" else abs(w).sum())

    def run(x):
        frames = x.movedim(2, 1).unfold(-1, frame, step) * torch.tensor(w, dtype=x.dtype)
        y = by_mode(torch.fft.rfft(frames, n or 2 ** math.ceil(math.log2(frame))), mode)  # (batch, channels, frames, k)
        return y.movedim(1, 3) if expand else y.movedim(1, 2).flatten(2)

    compare(layer, run, normal(2, 21, 2), precision)


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_stft_is_scipys(scaling):
    """SciPy's psd scaling at a sampling rate of 1 is ours by density."""
    x, w = normal(3, 50), signal.get_window("blackman", 12)
    fields = {"nperseg": 12, "noverlap": 7, "nfft": 16, "boundary": None, "padded": False}
    _, _, want = signal.stft(x, 1.0, w, scaling={"density": "psd"}.get(scaling, scaling), **fields)
    layer = layers.STFTSpectrogram("stft", 12, 5, 16, "blackman", True, scaling)
    with jax.enable_x64(True):
        y = np.asarray(layer.apply({}, {}, jnp.asarray(x[:, :, None]), Context())[0])
    np.testing.assert_allclose(y[..., :9] + 1j * y[..., 9:], np.moveaxis(want, 1, 2), rtol=0, atol=1e-12)


def triangles(n, rate, low, high, bins):
    """The mel bins, one number after the other."""
    mel = lambda f: 1127.01048 * math.log(1 + f / 700)  # noqa: E731
    edges = [mel(low) + (mel(high) - mel(low)) * i / (bins + 1) for i in range(bins + 2)]
    matrix = np.zeros((n // 2 + 1, bins))
    for k in range(1, n // 2 + 1):
        pitch = mel(rate * k / n)
        for m in range(bins):
            left, top, right = edges[m : m + 3]
            if left < pitch < right:
                matrix[k, m] = (pitch - left) / (top - left) if pitch < top else (right - pitch) / (right - top)
    return matrix


@pytest.mark.optimized
@pytest.mark.parametrize("precision", PRECISIONS)
@settings(max_examples=6)
@given(n=st.sampled_from([16, 32]), stride=st.integers(3, 40), shorter=st.booleans(), bins=st.integers(2, 5),
       high=st.sampled_from([None, 3000.0]), decibels=st.booleans(), exponent=st.sampled_from([1.0, 2.0, 1.5]),
       top=st.sampled_from([8.0, 80.0]))  # fmt: skip
def test_mel(precision, n, stride, shorter, bins, high, decibels, exponent, top):
    length = n - 4 if shorter else n
    layer = layers.MelSpectrogram(
        n, stride, length, "hann", 8000, bins, 100.0, high, decibels, top, exponent, 1e-10, 0.5
    )

    def run(x):
        w = torch.tensor(signal.get_window("hann", length), dtype=x.dtype)
        z = torch.stft(x, n, stride, length, w, center=True, pad_mode="reflect", return_complex=True).mT
        spectrum = (z.real**2 + z.imag**2) ** (exponent / 2)
        mel = spectrum @ torch.tensor(triangles(n, 8000, 100.0, high or 4000.0, bins), dtype=x.dtype)
        if not decibels:
            return mel
        level = 10 * torch.log10(torch.clamp(mel, min=1e-10)) - 10 * math.log10(0.5)
        return torch.maximum(level, level.amax((1, 2), keepdim=True) - top)

    compare(layer, run, normal(2, 70), precision)
