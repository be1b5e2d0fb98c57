import json
import subprocess
import sys

import pytest

from liuli.core.errors import LiuliError
from liuli.core.extras import Later, require


def test_gives_the_module():
    assert require("json", extra="data") is json


def test_says_which_extra_brings_a_package():
    with pytest.raises(LiuliError, match=r"no_such_package_here: .* pip install 'liuli\[data\]'"):
        require("no_such_package_here.sub", extra="data")


def test_a_fault_within_a_package_is_not_taken_for_its_absence(tmp_path, monkeypatch):
    (tmp_path / "broken_package_here.py").write_text("import another_missing_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_missing_package"):
        require("broken_package_here", extra="data")


def test_a_later_module_is_imported_when_it_is_asked(tmp_path, monkeypatch):
    (tmp_path / "asked_of_later.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = Later("asked_of_later")
    assert "asked_of_later" not in sys.modules
    assert module.answer == 42 and "asked_of_later" in sys.modules


def test_a_prediction_imports_little():
    program = """
import sys
import liuli as ll

model = ll.Model(ll.Sequential([ll.Input((2,)), ll.layers.Dense(1)]), "mse")
model.predict([[0.0, 1.0]])
print([name for name in ("liuli.inspect", "optax", "rich", "safetensors") if name in sys.modules])
print(ll.inspect.trace.__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "trace"]
