"""Pictures: the figures as PNG files, and names that no font can write."""

import pytest
from matplotlib.text import Text

from liuli.report import panels, write_pictures
from liuli.report.story import Story
from liuli.report.svg import drawing, legible
from liuli.report.words import ENGLISH
from tests.report.conftest import CLASSES


def test_pictures(digits, diabetes, tmp_path):
    image = pytest.importorskip("PIL.Image")
    names = {"network", "learning_curves", "weights", "activations"}
    own = {"digits": {"classes", "confusion", "worst", "probes"}, "diabetes": {"target", "residuals"}}
    for task, more in own.items():
        given = {"digits": digits, "diabetes": diabetes}[task][0]
        paths = write_pictures(tmp_path / task / "new", **given, language="zh")
        assert {path.stem for path in paths} == names | more
        assert sorted(paths) == sorted((tmp_path / task / "new").iterdir())
        for path in paths:
            with image.open(path) as picture:
                picture.load()
                assert picture.format == "PNG" and min(picture.size) > 200


def test_names_that_no_font_can_write_are_numbers_in_pictures(mixed):
    can = legible(())
    assert [can(name) for name in CLASSES] == [True, True, False]
    given = {**mixed[0], "words": ENGLISH}
    story = Story(**given, legible=can)
    at = story.class_names.index("北京")
    with drawing():
        for plate in (panels.confusion(story), panels.target(story)):
            figure = panels.composed(plate, story)
            assert all(can(text.get_text()) for text in figure.findobj(Text))
            assert "classes stand as their numbers" in figure.get_supxlabel().replace("\n", " ")
            assert figure.axes[0].get_yticklabels()[at].get_text() == f"class {at}"
        readable = Story(**given)
        figure = panels.composed(panels.confusion(readable), readable)
    assert not figure.get_supxlabel() and figure.axes[0].get_yticklabels()[at].get_text() == "北京"


def test_pictures_of_chinese_names_warn_of_nothing(mixed, tmp_path):
    assert write_pictures(tmp_path, **mixed[0])  # for warnings are errors here


# ---- precisions ------------------------------------------------------------------------------------------------------
