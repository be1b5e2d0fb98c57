"""``liuli inspect``: what a model file holds."""

import shutil

import liuli as ll
from tests.cli.helpers import done, told


def test_everything_is_shown(trained):
    out = done("inspect", trained / "runs/mixed/model.liuli").stdout
    for words in ("dense_1", "Dense", "optimizer/learning_rate", "city", "category", "accuracy", "test part"):
        assert words in out, words


def test_machines_can_make_the_model_from_it(trained):
    from liuli.core.specs import from_plain

    said = told("inspect", trained / "runs/mixed/model.liuli")
    model = ll.Model.load(trained / "runs/mixed/model.liuli")
    assert from_plain(said["spec"]) == model.recipe and said["dials"] == model.dials
    assert said["summary"]["parameters"] == sum(a.size for layer in model.params.values() for a in layer.values())


def test_a_model_alone_has_no_metrics(trained, here):
    shutil.copy(trained / "runs/mixed/model.liuli", here / "other.liuli")
    assert told("inspect", "other.liuli")["metrics"] is None
    assert "No metrics are known" in done("inspect", "other.liuli").stdout
