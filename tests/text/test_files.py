"""Files are read with a clear complaint, and written whole or not at all."""

import gzip
import os
import stat

import pytest

from minis2s.config import InputError
from minis2s.text import files
from minis2s.text.files import decode_lines, read_bytes, read_lines, write_whole

TEXT = "Ein Hund\nläuft.\n".encode()

# --- reading ---


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_a_newline_ends_a_line(odd):
    r"""Separators that str.splitlines knows stay inside the line; "\n" ends it."""
    assert decode_lines(f"a{odd}b\nc\n".encode(), "x") == [f"a{odd}b", "c"]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", []),
        (b" a \n", [" a "]),
    ],
)
def test_decode_lines(data, lines):
    r"""The last "\n" ends a line; "\r" before it and a leading mark are dropped."""
    assert decode_lines(data, "x") == lines


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"a\nb\nK\xf6che\n", 3),  # Latin-1
        ("Köche\n".encode("utf-16"), 1),
        (b"a\n\xed\xa0\x80\n", 2),  # half of a surrogate pair
        (b"a\nb\xc3", 2),  # cut in the middle of a character
    ],
)
def test_not_utf8_is_named_by_its_line(data, number):
    """Text in another encoding is refused, with the line's number."""
    with pytest.raises(InputError, match=f"^own.txt, line {number}: not UTF-8$"):
        decode_lines(data, "own.txt")


@pytest.mark.parametrize("packed", [False, True])
def test_read_lines(tmp_path, packed):
    """A file is read alike whether gzip packed it or not."""
    path = tmp_path / ("a.de.gz" if packed else "a.de")
    path.write_bytes(gzip.compress(TEXT) if packed else TEXT)
    assert read_lines(path) == ["Ein Hund", "läuft."]


def test_missing_file(tmp_path):
    """A file that is not there is named."""
    with pytest.raises(InputError, match=r"a\.de does not exist$"):
        read_lines(tmp_path / "a.de")


def test_unreadable_file(tmp_path):
    """A folder in the place of a file is said."""
    with pytest.raises(InputError, match=r"is a folder, not a file$"):
        read_lines(tmp_path)


def test_encoding_error_in_a_file_names_the_file(tmp_path):
    """The complaint about a line begins with the file's path."""
    (tmp_path / "a.de").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match=r"a\.de, line 1: not UTF-8"):
        read_lines(tmp_path / "a.de")


@pytest.mark.parametrize("n_bytes", [1, 11, 23, -1])
def test_cut_gzip_is_a_clear_complaint(tmp_path, n_bytes):
    """A packed file that was cut is named, wherever it was cut."""
    (tmp_path / "a.de.gz").write_bytes(gzip.compress(TEXT)[:n_bytes])
    with pytest.raises(InputError, match=r"a\.de\.gz cannot be read"):
        read_bytes(tmp_path / "a.de.gz")


def test_text_that_is_only_called_packed_is_a_clear_complaint(tmp_path):
    """Plain text under a name with .gz is refused."""
    (tmp_path / "a.de.gz").write_bytes(TEXT)
    with pytest.raises(InputError, match=r"cannot be read \(Not a gzipped file"):
        read_bytes(tmp_path / "a.de.gz")


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
