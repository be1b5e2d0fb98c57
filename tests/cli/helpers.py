"""What the tests of the command line share: commands in this process and in others, and small files of every kind."""

import gzip
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from typer.testing import CliRunner, Result

import liuli
from liuli.cli import app

CODE = "from liuli.cli import main; main()"


def run(*words: object, env: dict[str, str] | None = None) -> Result:
    """``liuli`` with these words, in this process."""
    return CliRunner().invoke(
        app, list(map(str, words)), env={"LANG": "C", "LC_ALL": "", "LIULI_DEBUG": "1", **(env or {})}
    )


def done(*words: object, env: dict[str, str] | None = None) -> Result:
    """The same, which must succeed."""
    result = run(*words, env=env)
    assert result.exit_code == 0, result.output
    return result


def told(*words: object) -> dict:
    """The JSON object that the command writes, alone, to its standard output."""
    return json.loads(done(*words, "--json").stdout)


def environment(**more: str) -> dict[str, str]:
    """The environment for ``liuli`` in a process of its own: the package under test, English, 80 columns."""
    home = str(Path(liuli.__file__).parents[1])
    rest = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    base = {"PYTHONPATH": os.pathsep.join([home, *rest]), "LANG": "C", "LC_ALL": "", "COLUMNS": "80"}
    return {**os.environ, **base, **more}


def start(*words: object, before: str = "", **options: object) -> subprocess.Popen:
    """``liuli`` in a process of its own; ``before`` is Python that runs first."""
    command = [sys.executable, "-c", f"{before}\n{CODE}", *map(str, words)]
    options = {"env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, text=True, **options)


def finish(process: subprocess.Popen, seconds: float = 240) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def listing(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder, hidden files too, with what files hold."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


# ---- files -----------------------------------------------------------------------------------------------------------


def csv(path: Path, header: str, rows: Sequence[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def mixed_csv(path: Path, rows: int = 80, target: bool = True, seed: int = 0) -> Path:
    """Numbers, categories, dates and truth values, a tenth of them missing; the class follows from two of them."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        size, city = rng.normal(50, 10), rng.choice(["Bern", "Basel", "Chur"])
        kind = "big" if size + 10 * (city == "Bern") > 53 else "small"
        day = f"20{rng.integers(10, 25)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        cells = [f"{size:.2f}", str(city), day, str(rng.choice(["yes", "no"]))]
        cells = ["" if rng.random() < 0.1 else cell for cell in cells]
        lines.append(",".join([*cells, kind] if target else cells))
    return csv(path, "size,city,built,garden" + ",kind" * target, lines)


def plain_csv(path: Path, rows: int = 60) -> Path:
    """y = 3 a - 2 b, and a column that numbers the rows."""
    x = np.random.default_rng(0).normal(size=(rows, 2))
    return csv(path, "id,a,b,y", [f"{i},{a:.4f},{b:.4f},{100 + 3 * a - 2 * b:.4f}" for i, (a, b) in enumerate(x)])


def image_folder(path: Path, each: int = 12, size: tuple[int, int] = (6, 5)) -> Path:
    """Dark and bright images, a folder for each class."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, level in {"day": 200, "night": 20}.items():
        (path / name).mkdir(parents=True)
        for i in range(each):
            pixels = (level + rng.integers(0, 30, size=size)).astype(np.uint8)
            Image.fromarray(pixels).save(path / name / f"{i}.png")
    return path


def idx_file(path: Path, array: np.ndarray) -> Path:
    """An array of bytes as an IDX file, packed where the name ends in .gz."""
    content = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def idx_folder(path: Path, train: int = 60, test: int = 12) -> Path:
    """Images of three classes, each with another bright row, under MNIST's file names."""
    path.mkdir()
    rng = np.random.default_rng(0)
    for part, rows in {"train": train, "t10k": test}.items():
        y = np.arange(rows) % 3
        x = rng.integers(0, 40, size=(rows, 6, 6))
        x[np.arange(rows), 2 * y] += 200
        idx_file(path / f"{part}-images-idx3-ubyte.gz", x)
        idx_file(path / f"{part}-labels-idx1-ubyte", y)
    return path


def wait_for(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 120) -> None:
    """Wait until something holds, as long as the process lives."""
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"ended too early: {process.communicate()}"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)
