"""The history for TensorBoard: its event files, written without TensorFlow.

A file is a row of records: length, masked CRC of the length, an Event message of protocol buffers, masked CRC of the
message. An Event of a scalar holds the time (field 1), the step (2) and a Summary (5), whose value (1) holds a tag (1)
and a number (2).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from liuli.core.files import told
from liuli.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from liuli.training.run import Run


class TensorBoard(Callback):
    """Write losses and metrics of every epoch where TensorBoard finds them: ``tensorboard --logdir logs``

    Training goes to the folder ``train``, validation to ``validation``, under the same tags (``epoch_loss``), so that
    both are in one figure.

    log_dir:  the folder.

    Example:
        >>> from liuli.callbacks import TensorBoard
        >>> TensorBoard("logs/first").log_dir.name
        'first'
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, log_dir: str | Path = "logs") -> None:
        self.log_dir = Path(log_dir)
        self.files: dict[str, BinaryIO] = {}

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        for name, value in logs.items():
            part, tag = ("validation", name.removeprefix("val_")) if name.startswith("val_") else ("train", name)
            self._write(part, _whole(2, run.epoch - 1) + _scalar(f"epoch_{tag}", value))
        for file in self.files.values():
            file.flush()

    def on_fit_end(self, run: Run) -> None:
        for file in self.files.values():
            file.close()
        self.files = {}

    def _write(self, part: str, message: bytes) -> None:
        with told(self.log_dir, "write"):
            if part not in self.files:
                self.files[part] = self._open(part)
                self.files[part].write(_record(_time() + _bytes(3, b"brain.Event:2")))
            self.files[part].write(_record(_time() + message))

    def _open(self, part: str) -> BinaryIO:
        folder = self.log_dir / part
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        return (folder / f"events.out.tfevents.{now // 10**9}.{socket.gethostname()}.{os.getpid()}.{now}").open("wb")


def _record(message: bytes) -> bytes:
    length = struct.pack("<Q", len(message))
    return length + _masked(length) + message + _masked(message)


def _masked(data: bytes) -> bytes:
    """The CRC-32C of ``data``, turned and shifted as record files want it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # the polynomial of Castagnoli, reversed
    return value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _bytes(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def _whole(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _time() -> bytes:
    return bytes([1 << 3 | 1]) + struct.pack("<d", time.time())


def _scalar(tag: str, value: float) -> bytes:
    value_bytes = bytes([2 << 3 | 5]) + struct.pack("<f", value)
    return _bytes(5, _bytes(1, _bytes(1, tag.encode()) + value_bytes))


_TABLE = [_entry(i) for i in range(256)]

__all__ = ["TensorBoard"]
