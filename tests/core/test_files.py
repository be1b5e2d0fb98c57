"""Files are written whole or not at all, whatever goes wrong on the way."""

import errno
import os
import stat
from pathlib import Path

import pytest

from liuli.core.errors import FileError
from liuli.core.files import replacing, told, write_whole


def fails(number):
    def failing(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return failing


@pytest.fixture
def file(tmp_path):
    """A file with old content, alone in its folder."""
    path = tmp_path / "model.liuli"
    path.write_bytes(b"old")
    return path


def untouched(file):
    return file.read_bytes() == b"old" and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("content", "want"), [(b"\x00new", b"\x00new"), ("琉璃", "琉璃".encode()), (b"", b"")])
def test_new_content_takes_the_place_of_the_old(file, content, want):
    assert write_whole(file, content) == file
    assert file.read_bytes() == want
    assert list(file.parent.iterdir()) == [file]


def test_folders_are_made(tmp_path):
    path = write_whole(tmp_path / "a" / "b" / "c.txt", "x")
    assert path.read_text() == "x"


def test_a_path_may_be_text(tmp_path):
    assert write_whole(str(tmp_path / "c.txt"), "x").read_text() == "x"


def test_others_may_read_it_as_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "whole", b"x")
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "os.chmod", "pathlib.Path.write_bytes"])
def test_a_full_disk_leaves_the_old_file(file, monkeypatch, where):
    with monkeypatch.context() as patch:
        patch.setattr(where, fails(errno.ENOSPC))
        with pytest.raises(FileError) as raised:
            write_whole(file, b"new")
    assert "No space left" in str(raised.value)
    assert "free some space" in raised.value.fix
    assert raised.value.where == str(file)
    assert untouched(file)


@pytest.mark.parametrize("where", ["os.replace", "tempfile.mkstemp"])
def test_a_folder_that_may_not_be_written(file, monkeypatch, where):
    with monkeypatch.context() as patch:
        patch.setattr(where, fails(errno.EACCES))
        with pytest.raises(FileError, match="a folder that you may write to"):
            write_whole(file, b"new")
    assert untouched(file)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(file):
    file.parent.chmod(0o500)
    try:
        with pytest.raises(FileError, match="a folder that you may write to"):
            write_whole(file, b"new")
        assert untouched(file)
    finally:
        file.parent.chmod(0o700)


def test_a_folder_that_cannot_be_synced_does_no_harm(file, monkeypatch):
    sync, calls = os.fsync, []

    def only_files(handle):
        calls.append(handle)
        return sync(handle) if len(calls) == 1 else fails(errno.EINVAL)()

    monkeypatch.setattr(os, "fsync", only_files)
    write_whole(file, b"new")
    assert (file.read_bytes(), len(calls)) == (b"new", 2)


def test_content_is_on_the_disk_before_its_name_is(file, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (done.append(name), real(*a))[1])
    write_whole(file, b"new")
    assert done == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
def test_an_interruption_leaves_the_old_file(file, error):
    with pytest.raises(error), replacing(file) as temporary:
        temporary.write_bytes(b"half of the n")
        raise error
    assert untouched(file)


def test_a_reader_meets_the_old_file_until_the_end(file):
    with replacing(file) as temporary:
        assert temporary.parent == file.parent
        assert temporary.suffix == file.suffix
        temporary.write_bytes(b"new")
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileError):
        write_whole(tmp_path / "taken", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_a_file_where_a_folder_is_needed(file):
    with pytest.raises(FileError):
        write_whole(file / "below", b"x")
    assert untouched(file)


def test_errors_of_the_system_say_what_to_try(tmp_path):
    with pytest.raises(FileError) as raised, told(tmp_path / "missing", "read"):
        Path(tmp_path / "missing").read_bytes()
    assert "expected to read this file. Try: check the spelling of the path" in str(raised.value)
