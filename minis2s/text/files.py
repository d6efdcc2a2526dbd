r"""Files that are read with a clear complaint, and written whole or not at all.

Lines end at "\n" alone: U+2028 and its like occur inside real sentences, and
`str.splitlines` would shift every pair after them.
"""

import gzip
import os
import secrets
import zlib
from pathlib import Path

from minis2s.config import InputError


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends in .gz.

    Raises:
        InputError: if it is missing or cannot be read.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def decode_lines(data: bytes, name: str, first: int = 1) -> list[str]:
    r"""The lines of UTF-8 text; a byte order mark and "\r" before "\n" are dropped.

    Args:
        data: the text.
        name: what a complaint calls it.
        first: number of the first line.

    Raises:
        InputError: if a line is not UTF-8; the message has its number.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    text = []
    for number, line in enumerate(lines, first):
        try:
            text.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {number}: not UTF-8") from None
    return text


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, packed by gzip or not.

    Raises:
        InputError: if the file is missing, unreadable, or not UTF-8.
    """
    return decode_lines(read_bytes(path), str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    What is no regular file, such as /dev/null or a pipe, is written to as it is.

    Raises:
        InputError: if the folder is missing or cannot be written to.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)  # a link stays a link
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})") from error


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
