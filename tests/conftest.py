"""What all tests share: a strict JAX, a compilation cache of the run's own, few threads, figures without a screen.

The environment carries the settings to the processes that tests start, and to the workers of a parallel run.
"""

import atexit
import functools
import os
import shutil
import tempfile

import hypothesis
import pytest

if "LIULI_CACHE" not in os.environ:  # set in the first process only, which outlives its workers
    os.environ["LIULI_CACHE"] = tempfile.mkdtemp(prefix="liuli-cache-")
    atexit.register(shutil.rmtree, os.environ["LIULI_CACHE"], ignore_errors=True)

os.environ.setdefault("OMP_NUM_THREADS", "2")  # PyTorch and scikit-learn, should a test import them
os.environ.setdefault("MPLBACKEND", "Agg")

STRICT = {"jax_numpy_dtype_promotion": "strict", "jax_numpy_rank_promotion": "raise"}
os.environ.update({name.upper(): value for name, value in STRICT.items()})

import jax  # noqa: E402 - reads the environment
from jax._src import compiler  # noqa: E402 - no option of JAX is for all programs

for name, value in STRICT.items():  # should a plugin have imported JAX before
    jax.config.update(name, value)

# What fails is reported as it was found: to shrink an example, each of which compiles, takes minutes.
found = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.shrink]
hypothesis.settings.register_profile("liuli", deadline=None, derandomize="CI" in os.environ, phases=found)
hypothesis.settings.load_profile("liuli")


SIMPLE = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}  # what compiles soonest


def _known(options):
    """Whether this XLA knows the options."""
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _simply(compile_options):
    """JAX's options of compilation, and the simple ones where most optimizations are off."""

    @functools.wraps(compile_options)
    def chosen(*arguments, **named):
        options = compile_options(*arguments, **named)
        if jax.config.read("jax_disable_most_optimizations"):
            options.env_option_overrides = [*options.env_option_overrides, *SIMPLE.items()]
        return options

    return chosen


@pytest.fixture(autouse=True, scope="session")
def simple_programs():
    """Programs without most optimizations are compiled with ``SIMPLE``, where XLA knows it."""
    with pytest.MonkeyPatch.context() as patch:
        if _known(SIMPLE):
            patch.setattr(compiler, "get_compile_options", _simply(compiler.get_compile_options))
        yield


@pytest.fixture(autouse=True)
def compiled_sooner(request):
    """Most tests compile much and compute little: without most optimizations, which take more than half of it."""
    jax.config.update("jax_disable_most_optimizations", request.node.get_closest_marker("optimized") is None)


def pytest_collection_modifyitems(items):
    """Long tests first: in a parallel run none of them is then left to a single worker at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


_RAN = pytest.StashKey[list[int]]()
_PROGRAMS = 400  # tests whose compiled programs are kept at a time: all of them would fill the memory


def pytest_runtest_teardown(item, nextitem):
    ran = item.session.config.stash.setdefault(_RAN, [0])
    ran[0] += 1
    if ran[0] % _PROGRAMS == 0:
        jax.clear_caches()
