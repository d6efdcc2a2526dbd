"""Files are read with a clear complaint, and written whole or not at all."""

import gzip
import os
import stat

import pytest

from minis2s.config import InputError
from minis2s.text import files
from minis2s.text.files import read_bytes, write_whole

TEXT = "Ein Hund\nläuft.\n".encode()

# --- reading ---


@pytest.mark.parametrize("place", [11, 23, -6])
def test_altered_gzip_is_a_clear_complaint(tmp_path, place):
    """A packed file with one wrong byte is named, wherever the byte is."""
    packed = bytearray(gzip.compress(TEXT * 13))
    packed[place] ^= 0x55
    (tmp_path / "a.de.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"a\.de\.gz cannot be read"):
        read_bytes(tmp_path / "a.de.gz")


# --- writing ---


def left_in(folder):
    """Names of all files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, step):
    """Whatever step fails, the old file stays and no part of the new one is left."""
    (tmp_path / "a").write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    owner = os if step == "fsync" else files.Path
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(InputError, match=r"a cannot be written \(No space left"):
        write_whole(tmp_path / "a", b"new")
    monkeypatch.undo()
    assert left_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_write_whole_respects_the_umask(tmp_path, umask):
    """Who keeps files private gets private files."""
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_write_whole_writes_through_a_link(tmp_path):
    """A link stays a link; the file it leads to is replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_write_whole_never_replaces_a_device(tmp_path):
    """A pipe or a device is written to, not replaced by a file."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"x")
    assert os.read(reader, 7) == b"x"
    os.close(reader)
    assert left_in(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["missing/a", "."])
def test_write_whole_needs_a_place(tmp_path, name):
    """A missing folder, or a folder in the file's place, is a clear complaint."""
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / name, b"x")


def test_write_whole_overwrites(tmp_path):
    """What was there is replaced, and nothing else is left in the folder."""
    for data in (b"first", b"", b"second"):
        write_whole(tmp_path / "a", data)
        assert (tmp_path / "a").read_bytes() == data
    assert left_in(tmp_path) == ["a"]
