"""Programs to compare with, or of which only the numbers matter: compiled soonest, because they run once."""

import contextlib

import jax

from liuli import kernels

OPTION = "jax_disable_most_optimizations"


@contextlib.contextmanager
def sooner():
    """Without the compiler's most optimizations, which take more than half of its time."""
    before = jax.config.read(OPTION)
    jax.config.update(OPTION, True)
    try:
        yield
    finally:
        jax.config.update(OPTION, before)


@contextlib.contextmanager
def plain():
    """Plain XLA, compiled soonest: the other side of a native kernel."""
    with kernels.plain(), sooner():
        yield
