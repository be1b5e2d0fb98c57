"""The benchmark suite: its figures, its table, picture and JSON, what it leaves out, and that networks are the same."""

import io
import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from rich.console import Console

from benchmarks import race, report
from benchmarks.__main__ import every, main
from benchmarks.counts import forward
from benchmarks.results import Measured, Outcome
from benchmarks.sides import SIDES, Side
from benchmarks.workloads import WORKLOADS

ROUNDS = {"liuli": [0.010, 0.012, 0.011], "torch-tuned": [0.030, 0.018, 0.022], "peak": [0.002, 0.001, 0.004]}


def outcome():
    measured = [Measured(side, SIDES[side].label, (1.0, 10), steps, 10**8) for side, steps in ROUNDS.items()]
    measured.append(Measured("keras", "Keras on JAX", left_out="keras is not installed"))
    return Outcome("toy", "a toy", "train", 32, 10**6, 2 * 10**6, measured)


def test_ratios_are_medians_of_paired_rounds():
    ours, tuned, peak = (np.array(steps) for steps in ROUNDS.values())
    made = outcome()
    assert made.ratios() == pytest.approx({"PyTorch, tuned": np.median(tuned / ours)})
    assert made.share(made.measured[1]) == pytest.approx(0.5 / np.median(tuned / peak))
    assert made.measured[1].quartiles == pytest.approx(np.quantile(tuned, [0.25, 0.75]))
    assert made.measured[0].compiling == pytest.approx(1.0 - 10 * np.median(ours))


def test_the_table_has_a_row_for_each_side():
    console = Console(file=io.StringIO(), width=120)
    console.print(report.table(outcome()))
    text = console.file.getvalue()
    assert "PyTorch, tuned" in text and "left out: Keras on JAX (keras is not installed)" in text
    assert "matrix product" not in text


def test_where_ours_is_slower_is_said():
    made = outcome()
    made.measured[1].steps = [seconds / 2 for seconds in ROUNDS["liuli"]]
    assert report.slower([outcome()]) == []
    assert report.slower([made]) == ["toy: PyTorch, tuned takes 0.50 of our time"]


@pytest.mark.slow
def test_sides_take_turns_and_results_are_written(tmp_path):
    pytest.importorskip("sklearn")
    main(["logistic", "--quick", "--rounds", "2", "--peers", "sklearn", "--out", str(tmp_path)])
    made = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert made["rounds"] == 2 and made["threads"] == race.threads() and made["versions"]["jax"]
    (result,) = made["results"]
    sides = {row["side"]: row for row in result["sides"]}
    assert list(sides) == ["liuli", "sklearn", "peak"]
    ours, theirs = (sides[name]["step_seconds"]["rounds"] for name in ("liuli", "sklearn"))
    assert sides["sklearn"]["time_to_ours"] == pytest.approx(np.median(np.divide(theirs, ours)))
    assert all(row["memory_bytes"] > 10**7 for row in sides.values())
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_side_without_its_library_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(SIDES, "keras", Side("Keras", "benchmarks.sides.keras", ("no_such_package",)))
    assert prepared("keras", "mlp", tmp_path) == "no_such_package is not installed"


def test_a_side_that_fails_is_left_out_with_its_last_words(tmp_path):
    assert prepared("sklearn", "nothing", tmp_path) == "KeyError: 'nothing'"


def prepared(side, name, folder):
    worker = race.Worker(side, replace(WORKLOADS["mlp"], name=name), race.Rules(quick=True), folder)
    worker.prepare()
    worker.turn()
    worker.end()
    assert not worker.measured.there
    return worker.measured.left_out


@pytest.mark.parametrize("words", [["nothing"], ["xor", "--peers", "nothing"]])
def test_unknown_names_are_refused(words):
    with pytest.raises(SystemExit, match="called 'nothing'; there are: "):
        main(words)


def test_every_side_of_every_workload_is_known():
    assert all(set(workload.peers) <= set(SIDES) for workload in WORKLOADS.values())
    assert {*every(gpu=False, quick=True), *every(gpu=True, quick=True)} == set(WORKLOADS)


NETWORKS = {each.network: each for each in WORKLOADS.values() if each.network and not each.gpu}


@pytest.mark.oracle
@pytest.mark.parametrize("network", NETWORKS)
def test_the_network_is_pytorchs(network):
    """Ours has as many numbers in matrices and kernels as PyTorch's; how many biases a cell has is a convention."""
    pytest.importorskip("torch")
    from benchmarks.networks import ours, torch

    workload = NETWORKS[network]
    net, x = getattr(ours, network)(**workload.sizes), workload.data(1)[0]
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    params = jax.tree.leaves(jax.eval_shape(lambda key: net.init(key, shape)[0], jax.random.key(0)))
    theirs = getattr(torch, network)(**workload.sizes).parameters()
    assert sum(p.size for p in params if p.ndim > 1) == sum(p.numel() for p in theirs if p.ndim > 1)


@pytest.mark.oracle
@pytest.mark.parametrize("network", ["mlp", "cnn", "residual", "separable"])
def test_operations_are_those_that_pytorch_counts(network):
    pytest.importorskip("torch")
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from benchmarks.networks import torch as networks
    from benchmarks.sides.torch import tensors

    workload = NETWORKS[network]
    x, _ = tensors(workload.data(2))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        getattr(networks, network)(**workload.sizes)(x)
    assert counter.get_total_flops() == 2 * 2 * forward(network, workload.sizes)
