"""``liuli train``: from data of every kind to a run folder, a model and what is said."""

import json
import os
import platform
import shlex

import jax
import numpy as np
import pytest
from rich.cells import cell_len

import liuli as ll
from liuli.training.probes import Records
from tests.cli.helpers import csv, done, idx_folder, image_folder, listing, mixed_csv, plain_csv, run, told

QUICK = ("--epochs", 2)


def test_a_run_folder_holds_everything(here):
    result = done("train", "iris", *QUICK, "--out", "runs/iris")
    folder = here / "runs" / "iris"
    assert {"model.liuli", "checkpoint.liuli", "history.jsonl", "run.json", "report.html"} <= set(listing(folder))
    pictures = list((folder / "pictures").glob("*.png"))
    assert pictures and all(p.read_bytes().startswith(b"\x89PNG") for p in pictures)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["command"] == "liuli train iris --epochs 2 --out runs/iris"
    assert facts["status"] == "finished" and facts["task"] == "multiclass" and facts["seconds"] > 0
    assert (facts["versions"]["jax"], facts["versions"]["numpy"]) == (jax.__version__, np.__version__)
    assert facts["versions"]["python"] == platform.python_version()
    assert facts["split"] == {"train": 108, "validation": 12, "test": 30}
    epochs = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [e["epoch"] for e in epochs] == [1, 2] and {"loss", "val_accuracy"} <= set(epochs[0])
    for words in ("multiclass", "108", "runs/iris/model.liuli", "liuli predict runs/iris/model.liuli iris"):
        assert words in result.stdout, words


def test_metrics_are_those_of_the_held_out_part(here, undrawn):
    facts = told("train", "iris", "--epochs", 5, "--out", "run", "--seed", 3)
    _, test = ll.data.load("iris").split(test=0.2, stratify=True, seed=3)
    probabilities = ll.Model.load("run/model.liuli").predict(test)
    right = probabilities.argmax(1) == test.y
    assert facts["metrics"]["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    wrong = {(c["true"], c["taken_for"]): c["rows"] for c in facts["findings"]["confused"]}
    names = np.array(test.class_names)
    pairs = list(zip(names[test.y[~right]], names[probabilities.argmax(1)[~right]], strict=True))
    assert wrong == {pair: pairs.count(pair) for pair in pairs}
    of_true = probabilities[np.arange(len(test)), test.y]
    assert facts["findings"]["worst"]["row"] == of_true.argmin()


def test_worst_prediction_of_numbers_is_in_the_units_of_the_data(here, undrawn):
    facts = told("train", "diabetes", *QUICK, "--out", "run")
    _, test = ll.data.load("diabetes").split(test=0.2, seed=0)
    error = np.abs(ll.Model.load("run/model.liuli").predict(test) - test.y)
    worst = facts["findings"]["worst"]
    assert worst["row"] == error.argmax() and worst["true"] == test.y[error.argmax(), 0]
    assert facts["metrics"]["mean_absolute_error"] == pytest.approx(error.mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["mixed", "parquet", "npz", "npy", "idx", "images", "digits"])
def test_train_predict_evaluate_inspect(kind, here, undrawn):
    data, rows, task = _data(kind, here)
    trained = told(
        "train", data, *QUICK, "--out", "run", "--network", "conv 2 3 relu, pool 2" if kind == "digits" else "8 relu"
    )
    assert trained["task"] == task and sum(trained["split"].values()) == _train_rows(kind, rows)
    said = told("predict", "run/model.liuli", data, "-o", "out.csv")
    lines = (here / "out.csv").read_text().splitlines()
    assert said["rows"] == rows and len(lines) == rows + 1
    header, *answers = [line.split(",") for line in lines]
    if task != "regression":
        first = [name.startswith("probability") for name in header].index(True)
        sums = [sum(map(float, line[first:])) for line in answers]
        np.testing.assert_allclose(sums, 1, atol=1e-6)
    measured = told("evaluate", "run/model.liuli", data)
    assert measured["rows"] == rows and np.isfinite(measured["metrics"]["loss"])
    seen = told("inspect", "run/model.liuli")
    assert seen["metrics"] == trained["metrics"] and seen["schema"][-1]["kind"] == f"target ({task})"


def _data(kind, folder):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 3
    if kind == "mixed":
        return mixed_csv(folder / "d.csv"), 80, "binary"
    if kind == "parquet":
        import pandas

        frame = pandas.DataFrame({"a": x[:, 0], "when": pandas.date_range("2024-01-01", periods=60), "y": x[:, 1]})
        frame.to_parquet(folder / "d.parquet")
        return "d.parquet", 60, "regression"
    if kind == "npz":
        np.savez(folder / "d.npz", x=x.reshape(60, 3, 1), y=y)
        return "d.npz", 60, "multiclass"
    if kind == "npy":
        np.save(folder / "d.npy", np.column_stack([x, x.sum(1)]))
        return "d.npy", 60, "regression"
    if kind == "idx":
        return idx_folder(folder / "mnist"), 12, "multiclass"
    if kind == "images":
        return image_folder(folder / "sky"), 24, "binary"
    return "digits", 1797, "multiclass"


def _train_rows(kind, rows):
    return 60 if kind == "idx" else rows  # MNIST's files: trained on one part, measured and predicted on the other


def test_predictions_are_the_model_s(here, undrawn):
    told("train", "diabetes", *QUICK, "--out", "run")
    done("predict", "run/model.liuli", "diabetes", "-o", "out.csv")
    written = np.loadtxt("out.csv", skiprows=1)
    expected = ll.Model.load("run/model.liuli").predict(ll.data.load("diabetes"))[:, 0]
    np.testing.assert_allclose(written, expected, rtol=1e-7)


def test_same_command_same_bits(here, undrawn):
    for _ in range(2):
        done("train", "wine", *QUICK, "--out", "a", "--quiet")
        first = (here / "a" / "model.liuli").read_bytes()
    done("train", "wine", *QUICK, "--out", "b", "--quiet")
    assert first == (here / "b" / "model.liuli").read_bytes()
    done("train", "wine", *QUICK, "--out", "c", "--quiet", "--seed", 1)
    assert first != (here / "c" / "model.liuli").read_bytes()


def test_options_reach_the_training(here, undrawn):
    command = (
        "train xor --network '4 tanh' --optimizer sgd --learning-rate 0.5 --batch-size 16 --validation 0 --test 0.5"
    )
    facts = told(*shlex.split(command), *QUICK, "--out", "run")
    model = ll.Model.load("run/model.liuli")
    assert isinstance(model.recipe.optimizer, ll.optimizers.SGD) and model.dials["optimizer/learning_rate"] == 0.5
    assert (
        model.params["dense_1"]["kernel"].shape == (2, 4)
        and model.recipe.outputs[0].loss == ll.losses.BinaryCrossentropy()
    )
    assert facts["split"] == {"train": 100, "validation": 0, "test": 100} and facts["batch_size"] == 16


def test_probes_are_kept_and_reported(here):
    result = done("train", "iris", *QUICK, "--probes", "--out", "run")
    found = Records.load("run/probes.liuli")
    assert found.steps.tolist() == list(range(8)) and "dense_1/kernel" in found.parameters
    assert "run/probes.liuli" in result.stdout and (here / "run/pictures/probes.png").exists()
    facts = json.loads((here / "run/run.json").read_text())
    assert facts["command"] == "liuli train iris --epochs 2 --probes --out run"
    assert 'id="probes"' in (here / "run/report.html").read_text()


def test_patience_stops_and_keeps_the_best_weights(here, undrawn):
    facts = told("train", "iris", "--epochs", 60, "--learning-rate", 0.3, "--patience", 2, "--out", "run")
    epochs = [json.loads(line) for line in (here / "run" / "history.jsonl").read_text().splitlines()]
    losses = [e["val_loss"] for e in epochs]
    assert len(losses) < 60 and len(losses) == 1 + int(np.argmin(losses)) + 2 and "val_loss" in facts["stopped"]
    train, _ = ll.data.load("iris").split(test=0.2, stratify=True, seed=0)
    _, held = train.split(test=0.1, stratify=True, seed=0)
    assert ll.Model.load("run/model.liuli").evaluate(held)["loss"] == pytest.approx(min(losses), rel=1e-5)


def test_target_and_kinds_are_chosen(here, undrawn):
    plain_csv(here / "d.csv")
    facts = told("train", "d.csv", "--target", "a", "--kind", "id=number", *QUICK, "--out", "run")
    names = [row["name"] for row in told("inspect", "run/model.liuli")["schema"]]
    assert facts["task"] == "regression" and names == ["id", "b", "y", "a"]


def test_no_test_part_measures_the_validation_part(here, undrawn):
    facts = told("train", "iris", *QUICK, "--test", 0, "--out", "run")
    assert facts["measured_on"] == "validation" and facts["split"] == {"train": 135, "validation": 15, "test": 0}


def test_a_class_with_a_single_row_is_split_at_random_and_said(here, undrawn):
    csv(here / "d.csv", "a,kind", [*(f"{i},{'xy'[i % 2]}" for i in range(58)), "58,z"])
    result = done("train", "d.csv", *QUICK, "--out", "run")
    assert "The class z has a single row" in result.stderr


def test_a_graph_from_json(here, undrawn):
    from liuli.core.specs import to_json

    net = ll.Sequential([ll.layers.Dense(5, "gelu"), ll.layers.Dense(3, "softmax")])
    (here / "net.json").write_text(to_json(net))
    told("train", "iris", "--network", "net.json", *QUICK, "--out", "run")
    assert ll.Model.load("run/model.liuli").net == net


# ---- what folders may be written into --------------------------------------------------------------------------------


def test_without_out_folders_are_numbered(here, undrawn):
    for number in (1, 2):
        assert told("train", "xor", *QUICK)["folder"] == os.path.join("runs", f"xor-{number}")


def test_the_same_command_overwrites_and_says_so(here, undrawn):
    done("train", "xor", *QUICK, "--out", "run")
    assert "overwritten" in done("train", "xor", *QUICK, "--out", "run").stdout


def test_another_command_does_not(here, undrawn):
    done("train", "xor", *QUICK, "--out", "run", "--quiet")
    before = listing(here)
    result = run("train", "xor", "--epochs", 3, "--out", "run")
    assert result.exit_code == 3 and "--epochs 2" in result.stderr and "--epochs 3" in result.stderr
    assert listing(here) == before


def test_resume_of_a_finished_run_does_nothing(here, undrawn):
    facts = told("train", "xor", *QUICK, "--out", "run")
    before = listing(here)
    again = told("train", "xor", *QUICK, "--out", "run", "--resume")
    assert again["metrics"] == facts["metrics"] and listing(here) == before


def test_resume_of_nothing_trains(here, undrawn):
    assert "training begins" in done("train", "xor", *QUICK, "--out", "run", "--resume").stdout


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_json_is_one_object_and_people_read_the_other_stream(here, undrawn):
    result = done("train", "xor", *QUICK, "--out", "run", "--json")
    assert json.loads(result.stdout)["status"] == "finished" and result.stdout.count("\n") == 1
    assert "binary" in result.stderr and "epoch 2/2" in result.stderr


def test_quiet_says_nothing(here, undrawn):
    result = done("train", "xor", *QUICK, "--out", "run", "--quiet")
    assert result.stdout == "" and result.stderr == ""


def test_forty_columns_are_enough(here, undrawn):
    mixed_csv(here / "d.csv")
    lines = done("train", "d.csv", *QUICK, "--out", "run", env={"COLUMNS": "40"}).stdout.splitlines()
    copied = [line for line in lines if line.startswith(("written", "next"))]
    assert len(copied) == 2 and "liuli predict run/model.liuli d.csv -o predictions.csv" in copied[1]
    assert max(cell_len(line.rstrip()) for line in lines if line not in copied) <= 40


@pytest.mark.parametrize("chosen", [("--language", "zh"), {"LANG": "zh_CN.UTF-8"}])
def test_chinese(chosen, here, undrawn):
    options, env = (chosen, None) if isinstance(chosen, tuple) else ((), chosen)
    out = done("train", "xor", *QUICK, "--out", "run", *options, env=env).stdout
    for word in ("数据", "任务", "二分类", "下一步", "已写入"):
        assert word in out
    assert "written" not in out


def test_failed_training_exits_1_and_says_what_to_try(here, undrawn):
    result = run("train", "sine", "--epochs", 30, "--optimizer", "sgd", "--learning-rate", "1e30", "--out", "run")
    assert result.exit_code == 1 and "--learning-rate" in result.stderr and "Traceback" not in result.stderr
    assert not (here / "run" / "model.liuli").exists()
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "failed"
