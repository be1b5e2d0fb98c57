"""The page of an inspection: whole, self-contained, in both languages, and true."""

import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.report import write_inspection
from liuli.report.inspection import exhibits
from liuli.report.inspection.texts import TEXTS
from liuli.report.inspection.view import TRACED, View
from tests.cli.helpers import run
from tests.report.reading import Page


def page_of(folder, given, **more):
    path = write_inspection(folder / "inside.html", given["model"], given["test"], **more)
    return path.read_text("utf-8")


def section_ids(text):
    return re.findall(r'<h2 id="(\w+)"', text)


@pytest.fixture(scope="module", params=["digits", "diabetes", "mixed"])
def both(request, tmp_path_factory):
    given = request.getfixturevalue(request.param)[0]
    folder = tmp_path_factory.mktemp("inspection")
    return request.param, given, {lang: page_of(folder, given, language=lang, name="it") for lang in ("en", "zh")}


def test_the_page_is_whole(both):
    for text in both[2].values():
        page = Page(text)
        assert not page.faults and len(page.ids) == len(set(page.ids))
        wanted = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)
        assert wanted and {a or b for a, b in wanted} <= set(page.ids)
        assert not {"script", "link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
        assert not re.search(r"@import|https?://(?!www\.w3\.org)", text)
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
        assert all(len(a["aria-label"]) > 5 for a in page.all("svg"))


def test_sections_and_what_is_absent(both):
    name, _, texts = both
    expected = ["network", "answers", "inputs", "inside", "derivation", "loss", "absent"]
    for text in texts.values():
        assert section_ids(text) == expected
    absent = texts["en"].partition('<h2 id="absent"')[2]
    assert ("does not predict a number" in absent) == (name != "diabetes")
    assert ("two numeric features" in absent) == (name == "digits")


def test_numbers_are_those_of_the_model(both):
    _, given, texts = both
    found = given["model"].evaluate(given["test"])
    page = Page(texts["en"]).text()
    for value in found.values():
        assert f"{value:.4g}" in page
    rows = given["test"].take(range(min(TRACED, len(given["test"]))))
    seen = ll.inspect.trace(given["model"], rows, None)
    for path, value in seen.items():
        assert path in page and f"{value.mean:.4g}" in page


def test_each_language_is_complete(both):
    texts = both[2]
    english = Page(texts["en"]).text(without=("style",)).replace("北京", "")  # a class of one table
    assert not re.search("[\u4e00-\u9fff]", english)
    assert all(len(pair) == 2 and all(pair) for pair in TEXTS.values())
    chinese = Page(texts["zh"]).text(without=("style",))
    assert "网络内部" in chinese and "Seen on" not in chinese and "Gaussian" not in chinese


def shown(maker, model, x, y, language="en"):
    """The exhibits that ``maker`` makes, each drawn."""
    made = list(maker(View(model, x, y, "it", language)))
    for exhibit in made:
        assert exhibit.draw(ax=Figure().subplots()) is not None
    return [exhibit.name for exhibit in made]


def test_convolutions_and_attention():
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(24, 6, 6, 1)), np.arange(24) % 2
    conv = [layers.Conv2D(3, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")]
    model = ll.Model(ll.Sequential(conv), "categorical_crossentropy")
    for maker, names in ((exhibits.heat, ["heat"]), (exhibits.filters, ["filters"]), (exhibits.feature_maps, ["maps"])):
        assert shown(maker, model, images, labels) == names
    ids = ll.Input((5,), "int32")
    h = layers.Embedding(7, 4)(ids)
    net = ll.Graph(ids, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 2)(h))))
    model = ll.Model(net, "mse")
    words = rng.integers(0, 7, size=(24, 5))
    assert shown(exhibits.attention, model, words, rng.normal(size=(24, 1))) == ["attention"]


def test_two_features():
    x = np.random.default_rng(0).normal(size=(24, 2))
    net = ll.Sequential([ll.Input((2,)), layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")])
    model = ll.Model(net, "binary_crossentropy")
    y = (x[:, :1] > 0).astype(float)
    for maker, names in ((exhibits.boundary, ["boundary"]), (exhibits.responses, ["responses"])):
        assert shown(maker, model, x, y) == names
    assert shown(exhibits.dependence, model, x, y) == ["dependence-0", "dependence-1"]


def test_bad_asks_leave_nothing(digits, tmp_path):
    with pytest.raises(ll.LiuliError, match="language"):
        page_of(tmp_path, digits[0], language="fr")
    with pytest.raises(ll.LiuliError, match="x"):
        write_inspection(tmp_path / "inside.html", digits[0]["model"], np.zeros((3, 7)), np.zeros(3, int))
    assert not list(tmp_path.iterdir())


def test_command_line(diabetes, tmp_path):
    model = diabetes[1] / "model.liuli"
    done = run("inspect", model, "diabetes", "--out", tmp_path / "page.html", "--language", "zh")
    assert done.exit_code == 0 and str(tmp_path / "page.html") in done.stdout.replace("\n", "")
    assert section_ids((tmp_path / "page.html").read_text("utf-8"))
    assert run("inspect", model, "no such data").exit_code == 3
    for refused in (model, tmp_path, tmp_path / "page.html" / "inside.html"):
        assert run("inspect", model, "diabetes", "--out", refused).exit_code == 3
    assert ll.Model.load(model).params
