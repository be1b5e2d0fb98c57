"""Bad input of every kind: one clear message, an exit code that says whose fault it is, and no trace on the disk."""

import json
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.helpers import csv, idx_file, image_folder, listing, mixed_csv, plain_csv, run

USAGE, FILE = 2, 3


def _png(path, size=(5, 6)):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 100).save(path)


def _model(here, change):
    """The trained model with its bytes changed."""
    content = (here / "model.liuli").read_bytes()
    (here / "bad.liuli").write_bytes(change(content))


def _old(content):
    """The same file, saying that another version wrote it."""
    changed = content.replace(rb"\"version\": 1", rb"\"version\": 0")
    assert changed != content
    return changed


def _zip(here):
    with zipfile.ZipFile(here / "bad.liuli", "w") as archive:
        archive.writestr("model.json", "{}")


def _images(here, change):
    image_folder(here / "sky", each=3)
    change(here / "sky")


def _idx(here, labels=6):
    rng = np.random.default_rng(0)
    idx_file(here / "a-images-idx3-ubyte", rng.integers(0, 255, size=(6, 4, 4)))
    idx_file(here / "a-labels-idx1-ubyte", np.arange(labels) % 2)


def _cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


DEEP = '{"spec": "networks.Graph", "nodes": ' + "[" * 100_000 + "]" * 100_000 + "}"
UNKNOWN_LAYER = json.dumps({"spec": "networks.Graph", "nodes": [{"spec": "layers.Telepathy", "units": 3}]})

# What happens to the folder, the command, the exit code, and words that the message must hold. {model} was trained on
# mixed.csv, {plain} on plain.csv, {digits} on the built-in digits.
TRAIN = {
    "missing file": (None, "nothing.csv", FILE, "nothing.csv", "no file"),
    "misspelled name": (None, "digit", FILE, "'digits'"),
    "unknown ending": (lambda d: (d / "d.xyz").write_text("x"), "d.xyz", FILE, ".csv"),
    "empty file": (lambda d: (d / "d.csv").write_text(""), "d.csv", USAGE, "d.csv"),
    "header only": (lambda d: (d / "d.csv").write_text("a,b\n"), "d.csv", USAGE, "d.csv", "row"),
    "wrong column": (lambda d: plain_csv(d / "d.csv"), "d.csv --target prise", USAGE, "'prise'"),
    "unknown column in kind": (lambda d: plain_csv(d / "d.csv"), "d.csv --kind zip=category", USAGE, "'zip'"),
    "unknown kind": (lambda d: plain_csv(d / "d.csv"), "d.csv --kind a=colour", USAGE, "--kind", "'a=colour'"),
    "kind without a sign": (lambda d: plain_csv(d / "d.csv"), "d.csv --kind a", USAGE, "COLUMN=KIND"),
    "text in a number column": (
        lambda d: csv(d / "d.csv", "a,y", [*(f"{i},{i % 7}.5" for i in range(30)), "oops,1.5"]),
        "d.csv",
        USAGE,
        "line 32",
        "'oops'",
        '--kind "a=category"',
    ),
    "ragged rows": (lambda d: csv(d / "d.csv", "a,b", ["1,2", "3"]), "d.csv", USAGE, "line 3"),
    "two columns of one name": (lambda d: csv(d / "d.csv", "a,a", ["1,2"]), "d.csv", USAGE, "'a'"),
    "not UTF-8": (lambda d: (d / "d.csv").write_bytes(b"a,b\n\xff\xfe,1\n"), "d.csv", USAGE, "UTF-8"),
    "one class": (lambda d: csv(d / "d.csv", "a,kind", [f"{i},x" for i in range(9)]), "d.csv", USAGE, "'kind'"),
    "no targets": (lambda d: csv(d / "d.csv", "a,y", ["1,", "2,"]), "d.csv", USAGE, "'y'"),
    "nothing to learn from": (lambda d: csv(d / "d.csv", "y", ["1.5", "2.5", "3.5"]), "d.csv", USAGE, "no column"),
    "foreign parquet": (lambda d: (d / "d.parquet").write_bytes(b"PAR1 no"), "d.parquet", FILE, "d.parquet"),
    "NaN in arrays": (
        lambda d: np.savez(d / "d.npz", x=np.array([[1.0], [np.nan], [2.0]]), y=[0.1, 0.2, 0.3]),
        "d.npz",
        USAGE,
        "nan",
        "d.npz",
    ),
    "wrong array names": (lambda d: np.savez(d / "d.npz", a=[1], b=[2]), "d.npz", USAGE, "x and y"),
    "different lengths": (
        lambda d: np.savez(d / "d.npz", x=np.zeros((3, 2)), y=[0.5, 1.5]),
        "d.npz",
        USAGE,
        "2 targets",
    ),
    "flat array": (lambda d: np.save(d / "d.npy", np.zeros(3)), "d.npy", USAGE, "(3,)"),
    "pickled objects": (lambda d: np.save(d / "d.npy", np.array([{}, {}])), "d.npy", FILE, "objects"),
    "npz cut short": (
        lambda d: (np.savez(d / "d.npz", x=np.zeros((9, 2)), y=np.zeros(9)), _cut(d / "d.npz", 200)),
        "d.npz",
        FILE,
        "d.npz",
    ),
    "target of arrays": (lambda d: np.save(d / "d.npy", np.eye(4)), "d.npy --target y", USAGE, "--target"),
    "labels for other images": (lambda d: _idx(d, 5), "a-images-idx3-ubyte", USAGE, "6 images"),
    "idx cut short": (lambda d: (_idx(d), _cut(d / "a-images-idx3-ubyte", 40)), "a-images-idx3-ubyte", FILE, "bytes"),
    "one folder of images": (lambda d: _png(d / "sky" / "day" / "1.png"), "sky", USAGE, "two classes"),
    "a class without images": (lambda d: _images(d, lambda s: (s / "dusk").mkdir()), "sky", USAGE, "dusk"),
    "images of two sizes": (lambda d: _images(d, lambda s: _png(s / "day" / "x.png", (9, 9))), "sky", USAGE, "9 x 9"),
    "a broken image": (lambda d: _images(d, lambda s: _cut(s / "day" / "1.png", 30)), "sky", FILE, "1.png"),
    "batch larger than data": (None, "iris --batch-size 1000", USAGE, "1000", "--batch-size"),
    "no batch": (None, "iris --batch-size 0", USAGE, "--batch-size"),
    "negative epochs": (None, "iris --epochs -1", USAGE, "--epochs", "-1"),
    "epochs in words": (None, "iris --epochs many", USAGE, "--epochs"),
    "validation out of range": (None, "iris --validation 1.5", USAGE, "--validation", "1.5"),
    "negative test share": (None, "iris --test -0.1", USAGE, "--test"),
    "test share of no row": (None, "iris --test 0.001", USAGE, "test", "150"),
    "negative patience": (None, "iris --patience -1", USAGE, "--patience"),
    "negative seed": (None, "iris --seed -1", USAGE, "--seed"),
    "no learning rate": (None, "iris --learning-rate 0", USAGE, "--learning-rate"),
    "NaN as learning rate": (None, "iris --learning-rate nan", USAGE, "--learning-rate"),
    "unknown optimizer": (None, "iris --optimizer adm", USAGE, "'adam'", "--optimizer"),
    "unknown layer": (None, "iris --network 'dens 64'", USAGE, "part 1", "'dense'"),
    "unknown activation": (None, "iris --network '8 rellu'", USAGE, "'relu'"),
    "convolution of a table": (None, "iris --network 'conv 4 3'", USAGE, "conv2d_1"),
    "cnn of a table": (None, "iris --network cnn", USAGE, "--network mlp"),
    "kernel larger than images": (None, "digits --network 'pool 9'", USAGE, "8 x 8"),
    "missing network file": (None, "iris --network net.json", FILE, "net.json"),
    "network that is no JSON": (lambda d: (d / "n.json").write_text("{"), "iris --network n.json", FILE, "n.json"),
    "network with an unknown layer": (
        lambda d: (d / "n.json").write_text(UNKNOWN_LAYER),
        "iris --network n.json",
        USAGE,
        "layers.Telepathy",
    ),
    "network that is a layer": (
        lambda d: (d / "n.json").write_text('{"spec": "layers.Flatten"}'),
        "iris --network n.json",
        USAGE,
        "Flatten",
    ),
    "hostile nested JSON": (lambda d: (d / "n.json").write_text(DEEP), "iris --network n.json", FILE, "n.json"),
    "network for other classes": (
        lambda d: (d / "n.json").write_text(_graph(2)),
        "iris --network n.json",
        USAGE,
        "label 2",
        "0 to 1",
    ),
    "file in the place of the folder": (lambda d: (d / "run").write_text("x"), "iris --out run", FILE, "run", "file"),
    "file in the place of a parent": (lambda d: (d / "f").write_text("x"), "iris --out f/run", FILE, "a file"),
    "folder with other files": (lambda d: _png(d / "run" / "cat.png"), "iris --out run", FILE, "cat.png"),
    "damaged run": (
        lambda d: (d / "run").mkdir() or (d / "run" / "run.json").write_text("{"),
        "iris --out run",
        FILE,
        "run.json",
    ),
    "nothing to resume": (None, "iris --resume", FILE, "--out"),
}

USE = {
    "missing model": (None, "predict none.liuli iris", FILE, "none.liuli"),
    "folder as model": (lambda d: (d / "m").mkdir(), "predict m iris", FILE, "m"),
    "empty model": (lambda d: _model(d, lambda b: b""), "predict bad.liuli mixed.csv", FILE, "bad.liuli"),
    "truncated model": (lambda d: _model(d, lambda b: b[:-50]), "predict bad.liuli mixed.csv", FILE, "bad.liuli"),
    "corrupted model": (
        lambda d: _model(d, lambda b: b[:20] + b"\xff" * 40 + b[60:]),
        "inspect bad.liuli",
        FILE,
        "bad.liuli",
    ),
    "old version": (lambda d: _model(d, _old), "predict bad.liuli mixed.csv", FILE, "version"),
    "zip as model": (_zip, "inspect bad.liuli", FILE, "bad.liuli"),
    "foreign safetensors": (
        lambda d: save_file({"a": np.zeros(2)}, d / "bad.liuli"),
        "inspect bad.liuli",
        FILE,
        "did not write",
    ),
    "checkpoint as model": (None, "inspect {runs}/plain/checkpoint.liuli", FILE, "checkpoint"),
    "missing column": (
        lambda d: csv(d / "d.csv", "size,city", ["1,Bern"]),
        "predict model.liuli d.csv",
        USAGE,
        "'built'",
    ),
    "text in a number column": (
        lambda d: csv(d / "d.csv", "size,city,built,garden", ["big,Bern,2020-01-01,yes"]),
        "predict model.liuli d.csv",
        USAGE,
        "'size'",
        "'big'",
    ),
    "other data": (None, "predict model.liuli digits", USAGE, "(rows, 4)"),
    "image of another size": (
        lambda d: _png(d / "new" / "a.png", (5, 6)),
        "predict {runs}/digits/model.liuli new",
        USAGE,
        "6 x 5",
    ),
    "arrays of another width": (
        lambda d: np.save(d / "d.npy", np.zeros((3, 9))),
        "predict {runs}/digits/model.liuli d.npy",
        USAGE,
        "64",
    ),
    "damaged array": (
        lambda d: (d / "d.npy").write_bytes(b"\x93NUMPY"),
        "predict {runs}/digits/model.liuli d.npy",
        FILE,
        "d.npy",
    ),
    "over its own input": (None, "predict model.liuli mixed.csv -o mixed.csv", FILE, "mixed.csv", "inputs"),
    "into a folder": (lambda d: (d / "o").mkdir(), "predict model.liuli mixed.csv -o o", FILE, "a folder"),
    "into a file's folder": (None, "predict model.liuli mixed.csv -o mixed.csv/out.csv", FILE, "mixed.csv"),
    "no target to evaluate": (
        lambda d: mixed_csv(d / "d.csv", 5, target=False),
        "evaluate model.liuli d.csv",
        USAGE,
        "'kind'",
    ),
    "class out of range": (
        lambda d: csv(d / "d.csv", "size,city,built,garden,kind", ["1,Bern,2020-01-01,yes,huge"]),
        "evaluate model.liuli d.csv",
        USAGE,
        "'huge'",
    ),
    "evaluate nothing": (None, "evaluate model.liuli none.csv", FILE, "none.csv"),
}


def _graph(units):
    import liuli as ll
    from liuli.core.specs import to_json

    return to_json(ll.Sequential([ll.layers.Dense(units, "softmax")]))


def _refused(here, command, code, words):
    import shlex

    before = listing(here)
    result = run(*shlex.split(command))
    message = result.stderr
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output and result.stdout == ""
    for word in words:
        assert word in message, message
    if "Usage:" not in message:
        assert message.count("Error: ") == message.count("Try: ") == 1 and "expected" in message
    assert listing(here) == before


@pytest.mark.parametrize("kind", TRAIN)
def test_training_is_refused(kind, here):
    prepare, command, code, *words = TRAIN[kind]
    if prepare:
        prepare(here)
    _refused(here, f"train {command} --quiet", code, words)


@pytest.mark.parametrize("kind", USE)
def test_use_is_refused(kind, here, trained):
    prepare, command, code, *words = USE[kind]
    (here / "model.liuli").write_bytes((trained / "runs/mixed/model.liuli").read_bytes())
    (here / "mixed.csv").write_bytes((trained / "mixed.csv").read_bytes())
    if prepare:
        prepare(here)
    _refused(here, command.format(runs=trained / "runs"), code, words)
