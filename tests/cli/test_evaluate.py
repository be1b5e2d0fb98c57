"""``liuli evaluate``: loss and metrics on data with targets."""

import pytest

import liuli as ll
from tests.cli.helpers import csv, done, told


def test_metrics_are_the_model_s(trained):
    said = told("evaluate", trained / "runs/plain/model.liuli", trained / "plain.csv")
    table = ll.data.read(trained / "plain.csv")
    expected = ll.Model.load(trained / "runs/plain/model.liuli").evaluate(table)
    assert said["rows"] == 60 and said["metrics"] == pytest.approx(expected, rel=1e-6)


def test_rows_without_a_target_are_left_out_and_said(trained, here):
    csv(here / "some.csv", "a,b,y", ["1,2,99", "0,1,", "1,1,101"])
    result = done("evaluate", trained / "runs/plain/model.liuli", "some.csv")
    assert "Rows without a target, left out: 1" in result.stderr and result.stdout.split()[:2] == ["rows", "2"]


def test_a_single_class_can_be_measured(trained, here):
    csv(here / "big.csv", "size,city,built,garden,kind", ["70,Bern,2020-01-01,yes,big", "65,Chur,,no,big"])
    said = told("evaluate", trained / "runs/mixed/model.liuli", "big.csv")
    assert said["rows"] == 2 and said["metrics"]["accuracy"] in (0, 0.5, 1)
    assert [(f["name"], f["count"]) for f in said["filled_in"]] == [("built", 1)]
