"""Traces and derivations compile much and compute little: without most optimizations."""

import jax
import pytest


@pytest.fixture(autouse=True)
def compiled_sooner():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
