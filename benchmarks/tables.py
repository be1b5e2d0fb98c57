"""Tables through the command line, as they come, against scikit-learn's pipeline around a network of the same shape.

Both sides see the same five folds of the same CSV files: ``liuli train`` with its defaults (two layers of 64, a tenth
held out for early stopping), and imputers, scaler and one-hot encoder before MLPRegressor or MLPClassifier, once with
their defaults and once with early stopping. Targets of regression are scaled for scikit-learn too, which helps it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from rich.console import Console
from rich.table import Table
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDS, HIDDEN, TARGET = 5, (64, 64), "target"
STOPPING = {"early_stopping": True, "max_iter": 1000}


def main() -> None:
    sets = {
        "diabetes (R2)": diabetes(),
        "breast cancer, mixed (accuracy)": mixed(load_breast_cancer()),
        "wine, mixed (accuracy)": mixed(load_wine()),
    }
    table = Table("data", "liuli", "sklearn", "sklearn, early stopping", "ratio to the better")
    for name, frame in sets.items():
        scores = np.array([fold_scores(train, test) for train, test in folds(frame)])  # (folds, sides)
        ours, plain, stopped = scores.mean(axis=0)
        spread = scores[:, 0].std() / np.sqrt(FOLDS)
        ratio = ours / max(plain, stopped)
        table.add_row(name, f"{ours:.4f} +- {spread:.4f}", f"{plain:.4f}", f"{stopped:.4f}", f"{ratio:.3f}")
    Console().print(table)


def diabetes() -> pandas.DataFrame:
    """442 patients, ten numbers each, as measured."""
    bunch: Any = load_diabetes(as_frame=True, scaled=False)
    return bunch.data.assign(**{TARGET: bunch.target})


def mixed(bunch: Any) -> pandas.DataFrame:
    """Real measurements, every third column in four steps with names, a tenth of all cells missing."""
    frame = pandas.DataFrame(bunch.data, columns=bunch.feature_names)
    for column in frame.columns[::3]:
        frame[column] = pandas.qcut(frame[column], 4, labels=["low", "fair", "high", "top"]).astype(object)
    frame = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1)
    return frame.assign(**{TARGET: bunch.target_names[bunch.target]})


def folds(frame: pandas.DataFrame) -> list[tuple[pandas.DataFrame, pandas.DataFrame]]:
    kind = KFold if _is_regression(frame) else StratifiedKFold
    parts = kind(FOLDS, shuffle=True, random_state=0).split(frame, frame[TARGET])
    return [(frame.iloc[train], frame.iloc[test]) for train, test in parts]


def fold_scores(train: pandas.DataFrame, test: pandas.DataFrame) -> tuple[float, float, float]:
    """R2 or accuracy on ``test`` of liuli, of scikit-learn, and of scikit-learn with early stopping."""
    return liuli_score(train, test), sklearn_score(train, test), sklearn_score(train, test, **STOPPING)


def liuli_score(train: pandas.DataFrame, test: pandas.DataFrame) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train.to_csv(folder / "train.csv", index=False)
        test.to_csv(folder / "test.csv", index=False)
        liuli("train", folder / "train.csv", "--target", TARGET, "--test", 0, "--out", folder / "run", "--quiet")
        said = liuli("evaluate", folder / "run" / "model.liuli", folder / "test.csv", "--json")
        metrics = json.loads(said)["metrics"]
        return metrics["r2_score" if _is_regression(train) else "accuracy"]


def liuli(*words: Any) -> str:
    """The standard output of the command."""
    command = [sys.executable, "-c", "from liuli.cli import main; main()", *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stderr)
    return ran.stdout


def sklearn_score(train: pandas.DataFrame, test: pandas.DataFrame, **settings: Any) -> float:
    x = train.drop(columns=TARGET)
    numbers = x.select_dtypes("number").columns
    before = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), list(numbers)),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")
            ),
            [column for column in x.columns if column not in numbers],
        ),
    )
    kind = MLPRegressor if _is_regression(train) else MLPClassifier
    estimator: Any = make_pipeline(before, kind(hidden_layer_sizes=HIDDEN, random_state=0, **settings))
    if _is_regression(train):
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(x, train[TARGET]).score(test.drop(columns=TARGET), test[TARGET])


def _is_regression(frame: pandas.DataFrame) -> bool:
    return pandas.api.types.is_numeric_dtype(frame[TARGET])
