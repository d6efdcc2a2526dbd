"""Corpora by name: found, fetched, verified, read and split, without the network."""

import gzip
import hashlib
import socket
import threading

import pytest

from minis2s.config import InputError
from minis2s.text import corpora
from minis2s.text.cards import CARDS, Card
from minis2s.text.corpora import (
    cache_dir,
    fetch,
    load_alignment,
)

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing answers there
TINY = {
    "train.de": "eins\nzwei\ndrei\nvier\nfünf\n",
    "train.en": "one\ntwo\nthree\nfour\nfive\n",
    "val.de": "sechs\nsieben\n",
    "val.en": "six\nseven\n",
    "test_odd.de": "acht\nneun\nzehn\n",
}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    """An empty cache, and addresses at which nothing answers."""
    monkeypatch.setenv("MINIS2S_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    for name in ("MULTI30K", "TATOEBA", "TINY"):
        monkeypatch.setenv(f"MINIS2S_URL_{name}", NOWHERE)


@pytest.fixture
def tiny(monkeypatch):
    """A published corpus of a few words; one split lacks English."""
    both = ("de", "en")
    splits = {"train": both, "val": both, "test_odd": ("de",)}
    sha256 = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in TINY.items()}
    known = Card(
        "tiny", "", "", both, splits, NOWHERE, sha256, valid="val", test="test_odd"
    )
    monkeypatch.setitem(CARDS, "tiny", known)


@pytest.fixture
def mirror(monkeypatch, tmp_path, tiny):
    """A folder that the corpus can be fetched from."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, text in TINY.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setenv("MINIS2S_URL_TINY", folder.as_uri())
    return folder


def in_cache():
    """Every file that the cache holds, part files too."""
    return sorted(str(p.relative_to(cache_dir())) for p in cache_dir().rglob("*.*"))


# --- by name ---


@pytest.mark.parametrize("split", ["tset", "valid"])
def test_load_alignment_knows_its_splits(split):
    """A split that a corpus does not have is refused, as `load` does."""
    with pytest.raises(InputError, match=f"captions-de-en has no split '{split}'"):
        load_alignment("captions-de-en", split)


# --- fetching ---


def serve_too_little(connection):
    """Answer one request with fewer bytes than promised."""
    client, _ = connection.accept()
    with client:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")


def test_fetch_notices_a_cut_connection(monkeypatch, tiny):
    """A server that hangs up in the middle is a clear complaint."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv("MINIS2S_URL_TINY", f"http://127.0.0.1:{port}")
        threading.Thread(target=serve_too_little, args=(listening,)).start()
        with pytest.raises(InputError, match=r"could not be fetched.*IncompleteRead"):
            fetch("tiny")
    assert in_cache() == []


@pytest.mark.parametrize("address", ["no-such-scheme://here", "somewhere", "file:///"])
def test_fetch_explains_a_bad_address(monkeypatch, tiny, address):
    """An override that is no address is a clear complaint."""
    monkeypatch.setenv("MINIS2S_URL_TINY", address)
    with pytest.raises(InputError, match=r"could not be fetched .*; place the file by"):
        fetch("tiny")


def test_an_empty_override_is_none(monkeypatch, tiny):
    """With an empty variable the published address is used."""
    monkeypatch.setenv("MINIS2S_URL_TINY", "")
    with pytest.raises(InputError, match=f"^{NOWHERE}train.de.gz could not be"):
        fetch("tiny")


@pytest.mark.parametrize("place", [0, 11, 23, -6])
def test_fetch_refuses_a_damaged_archive(mirror, place):
    """One wrong byte in a packed file is noticed, and nothing is left behind."""
    packed = bytearray(gzip.compress(TINY["train.de"].encode() * 13))
    packed[place] ^= 0x55
    (mirror / "train.de.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"train\.de\.gz sent a damaged file"):
        fetch("tiny")
    assert in_cache() == []


def test_fetch_needs_a_folder(mirror, tmp_path):
    """A cache that cannot be made is a clear complaint."""
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(InputError, match=r"cannot be made .*MINIS2S_DATA may name"):
        fetch("tiny")


def test_a_home_folder_may_be_written_short(monkeypatch):
    """MINIS2S_DATA may begin with ~."""
    monkeypatch.setenv("MINIS2S_DATA", "~/texts")
    assert cache_dir() == corpora.Path.home() / "texts"
