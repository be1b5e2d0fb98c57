"""STFTSpectrogram and MelSpectrogram: tones are found, silence has gradients, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import Context, MelSpectrogram, STFTSpectrogram
from liuli.layers.preprocessing.sound import frames
from tests.layers.calling import KEY, call, init, shape

RATE = 16000


def tone(frequency, seconds=0.1):
    return np.sin(2 * np.pi * frequency * np.arange(RATE * seconds, dtype=np.float32) / RATE)[None].astype(np.float32)


@pytest.mark.parametrize(("length", "step"), [(4, 1), (4, 2), (5, 3), (4, 4), (3, 5), (11, 4)])
def test_frames(length, step):
    x = jnp.arange(22).reshape(2, 11)
    want = np.lib.stride_tricks.sliding_window_view(np.asarray(x), length, axis=1)[:, ::step]
    assert frames(x, length, step).tolist() == want.tolist()


@pytest.mark.parametrize("frequency", [500, 2000, 6000])
def test_a_tone_is_found(frequency):
    y = call(STFTSpectrogram("psd", 256, scaling="spectrum", window="hann"), tone(frequency)[:, :, None])
    assert set(np.asarray(y[0].argmax(1)).tolist()) == {frequency * 256 // RATE}
    np.testing.assert_allclose(y.max(2), 0.5, rtol=0.01)  # twice the power of half a sine's amplitude 1
    mel = call(MelSpectrogram(512, 256, num_mel_bins=20, min_freq=0.0), tone(frequency))
    pitch = 2595 * np.log10(1 + np.array([frequency, RATE / 2]) / 700)
    assert abs(np.asarray(mel[0, 2].argmax()) - (21 * pitch[0] / pitch[1] - 1)) <= 1


def test_shapes():
    x = np.zeros((3, 100, 2), np.float32)
    assert call(STFTSpectrogram(frame_length=20), x).shape == (3, 9, 34)
    assert call(STFTSpectrogram(frame_length=20, expand_dims=True), x).shape == (3, 9, 17, 2)
    assert call(STFTSpectrogram("stft", 20, 7, padding="same"), x).shape == (3, 15, 68)
    assert call(MelSpectrogram(32, 10, num_mel_bins=3), x[:, :, 0]).shape == (3, 11, 3)


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "angle", "stft"])
def test_silence_has_gradients(mode):
    layer, x = STFTSpectrogram(mode, 8), jnp.zeros((1, 16, 1))
    y, dx = jax.jit(jax.value_and_grad(lambda x: layer.apply({}, {}, x, Context())[0].sum()))(x)
    assert np.isfinite(y)
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_silence_has_gradients_in_mel(exponent):
    layer = MelSpectrogram(8, 4, num_mel_bins=2, mag_exp=exponent)
    y, dx = jax.jit(jax.value_and_grad(lambda x: layer.apply({}, {}, x, Context())[0].sum()))(jnp.zeros((1, 16)))
    assert np.isclose(y, 5 * 2 * -100.0)
    assert np.isfinite(dx).all()


def test_the_loudest_is_that_of_the_clip():
    layer = MelSpectrogram(64, 32, num_mel_bins=4, top_db=5.0)
    quiet = 1e-3 * tone(1000)
    both = call(layer, np.concatenate([tone(1000), quiet]))
    np.testing.assert_allclose(both[1:], call(layer, quiet), rtol=1e-5)


def test_spec_refuses():
    with pytest.raises(SpecError, match="frame_step: got 9; expected at most frame_length=8"):
        STFTSpectrogram(frame_length=8, frame_step=9)
    for n in (7, 9):
        with pytest.raises(SpecError, match=f"fft_length: got {n}; expected an even number of at least 8"):
            STFTSpectrogram(frame_length=8, fft_length=n)
    with pytest.raises(SpecError, match="window: got 3 values; expected 8"):
        STFTSpectrogram(frame_length=8, window=(1.0, 2.0, 3.0))
    with pytest.raises(SpecError, match="fft_length: got 8; expected an even number of at least 9"):
        MelSpectrogram(8, sequence_length=9)
    with pytest.raises(SpecError, match=r"max_freq: got 10\.0 with min_freq=20\.0"):
        MelSpectrogram(max_freq=10.0)
    assert STFTSpectrogram(frame_length=3, window=(1.0, 2.0, 1.0)).window == (1.0, 2.0, 1.0)


def test_shapes_are_refused():
    with pytest.raises(ShapeError, match="time, channels"):
        STFTSpectrogram().init(KEY, shape(2, 300))
    with pytest.raises(ShapeError, match="at least 256 samples"):
        STFTSpectrogram().init(KEY, shape(2, 255, 1))
    with pytest.raises(ShapeError, match="at least 1025 samples"):
        MelSpectrogram().init(KEY, shape(2, 1024))
    init(MelSpectrogram(), jnp.zeros((2, 1025)))
    for layer in (STFTSpectrogram(), MelSpectrogram()):
        with pytest.raises(LiuliError, match="masked sequence"):
            layer.output_mask(jnp.zeros((2, 300)), jnp.ones((2, 300), bool))
