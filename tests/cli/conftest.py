"""Fixtures of the command line's tests: a folder to be in, and models that were trained once."""

import pytest

from tests.cli.helpers import done, mixed_csv, plain_csv


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def undrawn(monkeypatch):
    """No report and no pictures, which take longer than the rest."""
    from liuli.cli import job

    monkeypatch.setattr(job, "write_report", lambda *arguments: True)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with the data mixed.csv and plain.csv, and runs/mixed and runs/plain trained on them."""
    from liuli.cli import job

    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "write_report", lambda *arguments: True)
        for name, write in {"mixed": mixed_csv, "plain": plain_csv}.items():
            data = write(folder / f"{name}.csv")
            done("train", data, "--epochs", 2, "--network", "8 relu", "--out", folder / "runs" / name, "--quiet")
        done("train", "digits", "--epochs", 1, "--network", "mlp", "--out", folder / "runs" / "digits", "--quiet")
    return folder
