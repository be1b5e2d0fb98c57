import json

import pytest

from liuli.core.errors import LiuliError
from liuli.core.extras import require


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
