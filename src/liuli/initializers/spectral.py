"""The Fourier transform as weights, and the windows that frames of a signal are multiplied by."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import ShapeError
from liuli.core.specs import spec
from liuli.initializers.base import Initializer

__all__ = ["STFT"]

WindowName = Literal["hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop", "bartlett", "boxcar"]
WindowValues = tuple[float, ...]
Scaling = Literal["density", "spectrum"]


@spec
class STFT(Initializer):
    """W_tk = w_t cos(2 pi t k / n) / s, or -w_t sin(2 pi t k / n) / s            W: (frame_length, 1, n // 2 + 1)

    As the kernel of a Conv1D it takes the short-time Fourier transform of a signal: its real or its imaginary side.

    Reference: Allen and Rabiner, *A Unified Approach to Short-Time Fourier Analysis and Synthesis*, Proceedings of the
    IEEE 65, 1977.

    side:      which side of the transform.
    window:    the name of w, its values, or None for no window.
    scaling:   ``"density"`` has s = sqrt(sum w^2), ``"spectrum"`` s = sum |w|, None s = 1.
    periodic:  whether the window is one period of a longer one, else it is symmetric.

    Raises:
        ShapeError: the shape is not (frame_length, 1, n // 2 + 1) with an n of at least 2, or the window is of another
            length.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.STFT("real", "boxcar", None)(jax.random.key(0), (4, 1, 3))[:, 0].round(3).tolist()
        [[1.0, 1.0, 1.0], [1.0, -0.0, -1.0], [1.0, -1.0, 1.0], [1.0, 0.0, -1.0]]
    """

    side: Literal["real", "imag"] = "real"
    window: WindowName | WindowValues | None = "hann"
    scaling: Scaling | None = "density"
    periodic: bool = False

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            fix = "Conv1D(n // 2 + 1, frame_length) on one channel"
            raise ShapeError(
                "STFT", got=f"the shape {shape}", expected="a kernel (frame_length, 1, n // 2 + 1)", fix=fix
            )
        values = window_values(self.window, shape[0], self.periodic, self.scaling)
        angle = np.pi * np.arange(shape[0])[:, None] * np.arange(shape[2]) / (shape[2] - 1)
        wave = np.cos(angle) if self.side == "real" else -np.sin(angle)
        return jnp.asarray((values[:, None] * wave)[:, None, :], float)


def window_values(
    window: str | WindowValues | None, length: int, periodic: bool, scaling: str | None = None
) -> np.ndarray:
    """w_t / s for t = 0 .. length - 1, in float64; None is a window of ones that nothing scales.

    Raises:
        ShapeError: ``window`` holds another number of values.
    """
    if window is None:
        return np.ones(length)
    values = _named(window, length, periodic) if isinstance(window, str) else np.array(window, np.float64)
    if values.shape != (length,):
        got = f"a window of {values.size} values"
        raise ShapeError("window", got=got, expected=f"{length}, one for each sample of a frame", fix='window="hann"')
    sums = {"density": np.sqrt(np.square(values).sum()), "spectrum": np.abs(values).sum(), None: 1.0}
    return values / sums[scaling]


def _named(name: str, length: int, periodic: bool) -> np.ndarray:
    """sum_k (-1)^k a_k cos(2 pi k t / T); T is the length where the window is periodic, else one less."""
    if name == "boxcar" or length == 1:
        return np.ones(length)
    turn = np.arange(length) / (length if periodic else length - 1)  # 0 to 1
    if name == "bartlett":
        return 1 - np.abs(2 * turn - 1)
    return sum(a * (-1) ** k * np.cos(2 * np.pi * k * turn) for k, a in enumerate(_COSINES[name]))  # type: ignore[return-value]


_COSINES: dict[str, tuple[float, ...]] = {  # Harris, Proc. IEEE 66, 1978; Nuttall, 1981; D'Antona and Ferrero, 2006
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
