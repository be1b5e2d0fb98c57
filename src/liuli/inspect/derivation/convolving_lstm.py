"""ConvLSTM through time: an LSTM in which x * W and h * U are convolutions."""

from __future__ import annotations

import numpy as np

from liuli.inspect.derivation.recurrence import Array
from liuli.inspect.derivation.steps import LSTMLoop
from liuli.inspect.derivation.windows import Windows, windows
from liuli.layers.convolution.lstm import ConvLSTMStep


class ConvLoop(LSTMLoop):
    """Time stands with the batch in every convolution, (batch x time, *space, channels)."""

    times = r" \star"

    def by_kernel(self, x: Array) -> Array:
        return self._unfolded(_forward(self._over_x(), _folded(x), self.weight("kernel")))

    def by_recurrent(self, h: Array) -> Array:
        return self._unfolded(_forward(self._over_h(), _folded(h), self.weight("recurrent_kernel")))

    def from_kernel(self, dz: Array) -> Array:
        return self._unfolded(_back(self._over_x(), _folded(dz), self.weight("kernel")))

    def from_recurrent(self, dz: Array) -> Array:
        return self._unfolded(_back(self._over_h(), _folded(dz), self.weight("recurrent_kernel")))

    def to_kernel(self, dz: Array) -> Array:
        found = _of_kernel(self._over_x(), _folded(self.entering()), _folded(dz))
        return found.reshape(self.weight("kernel").shape)

    def to_recurrent(self, dz: Array) -> Array:
        found = _of_kernel(self._over_h(), _folded(self.recurring()), _folded(dz))
        return found.reshape(self.weight("recurrent_kernel").shape)

    def back_through(self, dz: str, W: str) -> str:
        return rf"{dz} \star^{{\top}} {W}"

    def onto(self, over: str, x: str, dz: str) -> str:
        return rf"{over}{x} \star {dz}"

    def where(self) -> str:
        at, letters = self._over_x().index()
        forward, back = rf"(x \star W)[i] = \sum_{{p}} x[{at}] \, W[p]", r"(z \star^{\top} W)[j] = "
        back += rf"\sum_{{i, p: {at} = j}} z[i] \, W[p]^{{\top}}"
        return r", \quad ".join(part for part in (forward, back, letters) if part)

    def _over_x(self) -> Windows:
        cell, x = self.cell, self.x()
        return windows(_folded(x).shape, cell.kernel_size, cell.strides, cell.dilation_rate, cell.padding)

    def _over_h(self) -> Windows:
        once = (1,) * len(self.cell.kernel_size)
        return windows(_folded(self.value("h")).shape, self.cell.kernel_size, once, once, "same")

    def _unfolded(self, array: Array) -> Array:
        return array.reshape(*self.value("h").shape[:2], *array.shape[1:])


def _folded(array: Array) -> Array:
    return array.reshape(-1, *array.shape[2:])


def _places(kernel: Array) -> Array:
    """(places, n, filters)"""
    return kernel.reshape(-1, *kernel.shape[-2:])


def _forward(over: Windows, x: Array, kernel: Array) -> Array:
    return np.sum([seen @ W for seen, W in zip(over.views(x), _places(kernel), strict=True)], axis=0)


def _back(over: Windows, dz: Array, kernel: Array) -> Array:
    W = _places(kernel)
    return over.spread(lambda k: dz @ W[k].T)


def _of_kernel(over: Windows, x: Array, dz: Array) -> Array:
    flat = dz.reshape(-1, dz.shape[-1])
    return np.stack([seen.reshape(-1, seen.shape[-1]).T @ flat for seen in over.views(x)])


LOOPS = [(ConvLSTMStep, ConvLoop)]
