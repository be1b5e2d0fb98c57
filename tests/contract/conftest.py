"""Contracts compile thousands of programs that run once: without most optimizations, which take a third of the time."""

import jax
import pytest


@pytest.fixture(autouse=True)
def compiled_sooner():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
