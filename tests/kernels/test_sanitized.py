"""The native kernels, built with the address and the thread sanitizer, on random sizes."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "sanitized"
COMPILER = shutil.which("g++") or shutil.which("clang++")
FLAGS = ["-mavx2", "-mfma"] if platform.machine() in ("x86_64", "AMD64") else []


# Functions stay functions: their copies in every caller would be most of what is compiled.
LEVELS = {"address,undefined": "-O0", "thread": "-O1"}  # which took the least time to build and to run together
SEPARATE = ["-Dalways_inline="]


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("sanitizer", LEVELS)
@pytest.mark.parametrize("kernel", sorted(path.stem for path in FOLDER.glob("*.cc")))
def test_kernel(kernel, sanitizer, tmp_path):
    program = tmp_path / kernel
    how = ["-std=c++20", LEVELS[sanitizer], *SEPARATE, "-Wno-psabi", "-pthread"]
    how += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    built = run([COMPILER, *how, *FLAGS, str(FOLDER / f"{kernel}.cc"), "-o", str(program)])
    if built.returncode and "cannot find" in built.stderr:
        pytest.skip(f"the compiler has no {sanitizer} sanitizer")
    assert built.returncode == 0, built.stderr
    done = run([str(program)])
    assert done.returncode == 0, done.stderr


def run(command):
    return subprocess.run(command, check=False, capture_output=True, text=True)
