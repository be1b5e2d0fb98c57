import numpy as np
import pytest

from liuli.core.errors import DataError, FileError
from liuli.data import read_images

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Two classes, three images of 4 x 6 (height x width) pixels in each."""
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(3):
            pixels = generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_pixels_and_classes(folder):
    made = read_images(folder)
    assert (made.x.shape, made.x.dtype, made.task) == ((6, 4, 6, 3), np.uint8, "binary")
    assert (made.class_names, made.y[:, 0].tolist()) == (("cat", "dog"), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(made.x[4], np.asarray(Image.open(folder / "dog" / "1.png")))
    assert made.about == "6 images of 4 x 6 pixels in 2 folders, one for each class."


def test_grey_where_all_are_grey(folder):
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert read_images(folder).x.shape == (6, 4, 6, 1)
    Image.new("RGB", (6, 4), (255, 0, 0)).save(folder / "cat" / "0.png")
    mixed = read_images(folder).x
    assert mixed.shape == (6, 4, 6, 3)
    assert (mixed[1, ..., 0] == mixed[1, ..., 2]).all() and mixed[0, 0, 0].tolist() == [255, 0, 0]


def test_sizes_must_agree_or_be_made_to(folder):
    Image.new("RGB", (5, 7)).save(folder / "dog" / "1.png")
    with pytest.raises(DataError, match=r"1\.png: got 7 x 5 pixels; expected 4 x 6.*size=\(4, 6\)"):
        read_images(folder)
    assert read_images(folder, size=(3, 2)).x.shape == (6, 3, 2, 3)


def test_other_files_are_passed_over(folder):
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "cat" / ".hidden.png").write_text("no image")
    (folder / ".cache").mkdir()
    assert len(read_images(folder)) == 6


def test_images_are_turned_as_the_camera_was(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    for path in folder.rglob("*.png"):
        Image.new("RGB", (6, 4)).save(path.with_suffix(".jpg"), exif=exif)
        path.unlink()
    assert read_images(folder).x.shape == (6, 6, 4, 3)


@pytest.mark.parametrize("damage", ["text", "cut", "empty"])
def test_a_broken_image_is_named(folder, damage):
    path = folder / "dog" / "2.png"
    content = path.read_bytes()
    path.write_bytes({"text": b"no image", "cut": content[: len(content) // 2], "empty": b""}[damage])
    with pytest.raises(FileError, match=r"2\.png: got no image"):
        read_images(folder)


def test_an_image_too_large_for_memory_is_refused(folder, monkeypatch):
    Image.new("1", (100, 100)).save(folder / "cat" / "0.png")
    for limit in (9_000, 4_000):  # Pillow warns of the first, and refuses the second
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(FileError, match=rf"0\.png: got more than {limit} pixels"):
            read_images(folder)


def test_what_is_no_folder_of_classes_is_said(tmp_path):
    with pytest.raises(FileError, match="gone: got No such file"):
        read_images(tmp_path / "gone")
    with pytest.raises(DataError, match="got 0 folders of images"):
        read_images(tmp_path)
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="1 images that are in no folder"):
        read_images(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "one" / "a.png")
    with pytest.raises(DataError, match="two: got no images"):
        read_images(tmp_path)
