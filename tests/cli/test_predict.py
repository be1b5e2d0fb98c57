"""``liuli predict``: raw rows in, a line for each out."""

import csv as csv_files
import json

import numpy as np

import liuli as ll
from tests.cli.helpers import csv, done, image_folder, listing, run, told


def _rows(path):
    with open(path, newline="") as file:
        return list(csv_files.DictReader(file))


def test_classes_have_a_probability_each(trained, here):
    done("predict", trained / "runs/mixed/model.liuli", trained / "mixed.csv", "-o", "out.csv")
    rows = _rows("out.csv")
    assert list(rows[0]) == ["prediction", "probability big", "probability small"] and len(rows) == 80
    for row in rows:
        likely = max(("big", "small"), key=lambda name: float(row[f"probability {name}"]))
        assert row["prediction"] == likely


def test_numbers_are_in_the_units_of_the_data_and_rows_in_order(trained, here):
    model = trained / "runs/plain/model.liuli"
    lines = (trained / "plain.csv").read_text().splitlines()
    csv(here / "back.csv", lines[0], lines[:0:-1])
    done("predict", model, trained / "plain.csv", "-o", "there.csv")
    done("predict", model, "back.csv", "-o", "back_out.csv")
    there, back = (np.array([float(r["prediction"]) for r in _rows(name)]) for name in ("there.csv", "back_out.csv"))
    np.testing.assert_allclose(there, back[::-1], rtol=1e-6)
    assert 80 < there.mean() < 120  # the targets are about 100


def test_the_target_may_be_missing_and_other_columns_may_be_there(trained, here):
    csv(here / "new.csv", "b,extra,a", ["1.5,x,0.5"])
    said = told("predict", trained / "runs/plain/model.liuli", "new.csv")
    expected = ll.Model.load(trained / "runs/plain/model.liuli").predict([{"a": 0.5, "b": 1.5}])
    np.testing.assert_allclose(said["predictions"][0]["prediction"], expected[0, 0], rtol=1e-6)


def test_what_is_filled_in_is_counted(trained, here):
    csv(here / "new.csv", "size,city,built,garden", ["50,Bern,2020-01-01,yes", ",Genf,2020-01-01,no", "40,Lugano,,"])
    result = done("predict", trained / "runs/mixed/model.liuli", "new.csv", "-o", "out.csv", "--json")
    filled = {(f["name"], bool(f["examples"])): f["count"] for f in json.loads(result.stdout)["filled_in"]}
    assert filled == {("size", False): 1, ("city", True): 2, ("built", False): 1, ("garden", False): 1}
    assert "city, never seen in training: 2 (Genf, Lugano)" in " ".join(result.stderr.split())


def test_many_gaps_are_summed_up(here, undrawn):
    names = [f"c{i}" for i in range(12)]
    lines = [",".join("" if (i + j) % 10 == 0 else str(i * j % 7) for j in range(12)) + f",{i}.5" for i in range(60)]
    csv(here / "d.csv", ",".join([*names, "y"]), lines)
    done("train", "d.csv", "--epochs", 1, "--out", "run", "--quiet")
    result = done("predict", "run/model.liuli", "d.csv", "-o", "out.csv", "--json")
    counts = [f["count"] for f in json.loads(result.stdout)["filled_in"]]
    assert counts == [6] * 12
    assert result.stderr.count("missing:") == 8 and "in 4 more columns: 24" in result.stderr


def test_standard_output(trained):
    result = done("predict", trained / "runs/plain/model.liuli", trained / "plain.csv", "-o", "-")
    assert len(result.stdout.splitlines()) == 61 and result.stdout.startswith("prediction\n")


def test_its_own_inputs_are_never_written_over(trained, here):
    before = listing(trained)
    for target in ("plain.csv", "runs/plain/model.liuli"):
        result = run("predict", trained / "runs/plain/model.liuli", trained / "plain.csv", "-o", trained / target)
        assert result.exit_code == 3 and "one of the inputs" in result.stderr
    assert listing(trained) == before


def test_arrays_without_targets(trained, here):
    x = ll.data.load("digits").x
    np.savez(here / "x.npz", x=x[:5])
    np.save(here / "x.npy", x[:5])
    expected = [
        row["prediction"] for row in told("predict", trained / "runs/digits/model.liuli", "digits")["predictions"]
    ]
    for name in ("x.npz", "x.npy"):
        rows = told("predict", trained / "runs/digits/model.liuli", name)["predictions"]
        assert [row["prediction"] for row in rows] == expected[:5]


def test_images_without_classes_are_named(here, undrawn):
    from PIL import Image

    done("train", image_folder(here / "sky"), "--epochs", 60, "--network", "cnn", "--out", "run", "--quiet")
    (here / "new").mkdir()
    for name, level in {"a": 210, "b": 25}.items():
        Image.new("RGB", (5, 6), (level, level, level)).save(here / "new" / f"{name}.png")
    rows = told("predict", "run/model.liuli", "new")["predictions"]
    assert [(row["file"], row["prediction"]) for row in rows] == [("a.png", "day"), ("b.png", "night")]
