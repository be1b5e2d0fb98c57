"""Model files: round trips, and files that a stranger made."""

import contextlib
import json
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import liuli as ll
from liuli import layers
from liuli.core.errors import FileError
from liuli.core.specs import spec


@pytest.fixture
def model():
    return ll.Model(
        ll.Sequential([ll.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2, "softmax")]), "categorical_crossentropy"
    )


@pytest.fixture
def saved(model, tmp_path):
    return model.save(tmp_path / "m.liuli")


def header(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path, change):
    """The file with its header changed, everything else as it was."""
    told, body = header(path)
    inner = json.loads(told["__metadata__"]["liuli"])
    change(told, inner)
    told["__metadata__"]["liuli"] = json.dumps(inner)
    text = json.dumps(told).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def refuse(path, *words, error=ll.LiuliError, registry=()):
    before = path.read_bytes()
    with pytest.raises(error) as caught:
        ll.Model.load(path, registry=registry)
    assert path.read_bytes() == before
    for word in words:
        assert word in str(caught.value)


def test_a_saved_model_predicts_the_same_bits(model, saved):
    x = np.random.default_rng(0).normal(size=(7, 3))
    again = ll.Model.load(saved)
    assert again.recipe == model.recipe
    assert np.array_equal(again.predict(x), model.predict(x))


def test_dials_are_saved_as_they_stand(model, tmp_path):
    model.dials["optimizer/learning_rate"] = 0.25
    assert ll.Model.load(model.save(tmp_path / "m.liuli")).dials["optimizer/learning_rate"] == 0.25


def test_a_missing_file(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        ll.Model.load(tmp_path / "none.liuli")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    refuse(saved, "damaged", str(saved), error=FileError)


def test_every_flipped_header_byte_loads_or_is_refused_with_a_clear_error(saved):
    content = saved.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    rng = np.random.default_rng(0)
    for at in rng.integers(0, 8 + length, 150):
        broken = bytearray(content)
        broken[at] ^= 1 << int(rng.integers(8))
        saved.write_bytes(bytes(broken))
        with contextlib.suppress(ll.LiuliError):
            ll.Model.load(saved)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "m.liuli"
    path.write_bytes(b"")
    refuse(path, "damaged")
    path.write_bytes(b"not a model at all, only text " * 100)
    refuse(path, "damaged")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", b"0" * 10**7)
    refuse(path, "damaged")
    save_file({"a": np.zeros(3)}, path)
    refuse(path, "liuli did not write")


def test_a_header_that_claims_terabytes_is_refused_before_anything_is_allocated(saved):
    content = saved.read_bytes()
    saved.write_bytes(struct.pack("<Q", 2**45) + content[8:])
    refuse(saved, "damaged")

    saved.write_bytes(content)
    rewrite(saved, lambda told, inner: told["params/dense_1/kernel"].update(shape=[10**6, 10**6]))
    refuse(saved, "damaged")


def test_a_network_larger_than_its_arrays_is_refused(saved):
    def widen(told, inner):
        inner["recipe"]["network"]["nodes"][1]["layer"]["units"] = 10**9

    rewrite(saved, widen)
    refuse(saved, "params/dense_1", "1000000000")


def test_a_wrong_dtype_is_refused(saved):
    def retype(told, inner):
        entry = told["params/dense_1/kernel"]
        entry["dtype"] = "I32"

    rewrite(saved, retype)
    refuse(saved, "params/dense_1/kernel", "int32")


def test_a_later_version_is_refused(saved):
    rewrite(saved, lambda told, inner: inner.update(version=99))
    refuse(saved, "version 99", error=FileError)


def test_an_unknown_class_is_refused(saved):
    rewrite(saved, lambda told, inner: inner["recipe"]["network"]["nodes"][1]["layer"].update(spec="os.system"))
    refuse(saved, "os.system", "registry")


def test_nesting_without_end_is_refused(saved):
    def nest(told, inner):
        deep = inner["recipe"]["network"]
        for _ in range(200):
            deep = {
                "spec": "networks.Graph",
                "inputs": ["a"],
                "outputs": ["a"],
                "nodes": [deep],
                "name": None,
                "trainable": True,
            }
        inner["recipe"]["network"] = deep

    rewrite(saved, nest)
    refuse(saved, "nested too deeply")


def test_a_recipe_that_is_no_recipe_is_refused(saved):
    rewrite(saved, lambda told, inner: inner.update(recipe=[1, 2]))
    refuse(saved, "a recipe")
    rewrite(saved, lambda told, inner: inner.pop("recipe"))
    refuse(saved, "a recipe")


def test_names_that_are_paths_stay_names(saved, tmp_path):
    def escape(told, inner):
        told["../../evil"] = told.pop("params/dense_1/kernel")

    rewrite(saved, escape)
    refuse(saved, "params/dense_1/kernel")
    assert [p.name for p in tmp_path.iterdir()] == ["m.liuli"]


@spec
class Doubled(layers.Layer):
    """y = 2 x, written by a user of the library."""

    def apply(self, params, state, x, ctx):
        return 2 * x, state


def test_layers_of_ones_own_come_through_the_registry(tmp_path):
    model = ll.Model(ll.Sequential([ll.Input((2,)), Doubled(), layers.Dense(1)]), "mse")
    path = model.save(tmp_path / "m.liuli")
    refuse(path, "layers.Doubled", "registry")
    again = ll.Model.load(path, registry=[Doubled])
    x = np.ones((1, 2))
    assert np.array_equal(again.predict(x), model.predict(x))


def test_a_registry_may_not_take_a_name_that_is_there(saved):
    @spec
    class Dense(layers.Layer):
        """An impostor."""

    refuse(saved, "a name that is not taken", registry=[Dense])


def test_a_failed_write_leaves_the_old_file(model, saved, monkeypatch):
    before = saved.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        model.save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
