"""Keras on JAX, as an oracle. A test file that imports ``keras`` from here skips where it is not installed."""

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
