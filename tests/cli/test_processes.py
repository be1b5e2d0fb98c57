"""What only whole processes show: signals, exact resume, full disks, closed pipes, start-up."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.helpers import environment, finish, listing, run, start, wait_for

TRAIN = ["train", "spirals", "--epochs", "400", "--patience", "300", "--network"]
NETWORK = "16 tanh, dropout 0.1, 16 tanh"
OFTEN = "import liuli.training.checkpoint as checkpoint; checkpoint._PAUSE = 0.0"  # a checkpoint after every epoch
UNDRAWN = "import liuli.cli.job as job; job.write_report = lambda *arguments: True"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


def _train(folder, *more, before=f"{OFTEN}\n{UNDRAWN}", **options):
    return start(*TRAIN, NETWORK, "--out", folder, *more, before=before, **options)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The bytes of the model of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    code, _, err = finish(_train(folder))
    assert code == 0, err
    return (folder / "model.liuli").read_bytes()


def test_killed_and_resumed_ends_in_the_same_bits(tmp_path, unbroken):
    folder = tmp_path / "run"
    process = _train(folder)
    wait_for((folder / "checkpoint.liuli").exists, process)
    time.sleep(0.1)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    assert not (folder / "model.liuli").exists()
    code, out, err = finish(_train(folder, "--resume"))
    assert code == 0 and "going on from its checkpoint" in " ".join(out.split()), err
    assert (folder / "model.liuli").read_bytes() == unbroken


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, unbroken):
    folder = tmp_path / "run"
    process = _train(folder, "--json")
    wait_for((folder / "checkpoint.liuli").exists, process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130 and "Traceback" not in err
    assert json.loads(out)["status"] == "interrupted" and (folder / "model.liuli").exists()
    command = shlex.split(err.strip().splitlines()[-1])
    assert command[:2] == ["liuli", "train"] and command[-1] == "--resume"
    code, _, err = finish(start(*command[1:], before=UNDRAWN))
    assert code == 0, err
    assert (folder / "model.liuli").read_bytes() == unbroken


def test_ctrl_c_before_training_leaves_nothing(tmp_path):
    wait = "lambda settings: print('reading', flush=True) or time.sleep(60)"
    slow = f"import time, liuli.cli.job as job; job.open_parts = {wait}"
    process = start("train", "iris", "--out", tmp_path / "run", before=slow)
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130 and err == "Interrupted.\n" and listing(tmp_path) == {}


def test_a_closed_pipe_is_quiet(trained):
    with start("predict", trained / "runs/digits/model.liuli", "digits", "-o", "-") as process:
        assert process.stdout.readline().startswith("prediction,")
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait(60) == -signal.SIGPIPE


def test_a_full_disk_leaves_nothing(tmp_path):
    """No file may grow beyond 2000 bytes: run.json fits, a checkpoint does not."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    process = _train(tmp_path / "run", before=f"{limit}\n{UNDRAWN}", env=environment(LIULI_CACHE="off"))
    code, _, err = finish(process)
    assert code == 3 and "Traceback" not in err and "checkpoint.liuli" in err and "Try: " in err
    assert listing(tmp_path) == {}


def test_a_full_file_system_leaves_what_was_there(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs rights that this user does not have")
    try:
        code, _, err = finish(_train(tmp_path / "run"))
        assert code == 3 and "No space left" in err and "Traceback" not in err
        assert listing(tmp_path) == {}
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write into every folder")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        code, _, err = finish(_train(tmp_path / "run"))
        assert code == 3 and "Permission denied" in err
    finally:
        tmp_path.chmod(0o700)


def test_a_fault_is_confessed_without_a_traceback(tmp_path):
    fault = "import liuli.cli.job as job; job.open_parts = lambda settings: 1 / 0"
    for debug, shown in {"0": False, "1": True}.items():
        process = start("train", "iris", "--out", tmp_path / "run", before=fault, env=environment(LIULI_DEBUG=debug))
        code, _, err = finish(process)
        assert code == 1 and "ZeroDivisionError" in err and "report" in err and ("Traceback" in err) is shown


def test_help_has_examples_and_exit_codes():
    code, out, err = finish(start("--help"))
    of_commands = [run(command, "--help") for command in ("train", "predict", "evaluate", "inspect")]
    for told in ((code, out, err), *((made.exit_code, made.stdout, made.stderr) for made in of_commands)):
        assert told[0] == 0 and told[2] == "" and "Examples:" in told[1] and "  liuli " in told[1]
        assert "xit codes:" in told[1]


def test_version_and_usage():
    version, bare = run("--version"), run("train")
    assert version.exit_code == 0 and version.stdout.startswith("liuli ")
    assert bare.exit_code in (0, 2) and "Usage:" in bare.output
    code, _, err = finish(start("tarin", "iris"))
    assert code == 2 and "tarin" in err
