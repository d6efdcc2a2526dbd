"""Corpora by name: found, fetched, verified, read and split, without the network."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import re
import socket
import threading
import zipfile

import numpy as np
import pytest

from minis2s.config import InputError
from minis2s.text import corpora, tasks
from minis2s.text.cards import CARDS, Card
from minis2s.text.corpora import (
    OWN_DATA,
    ParallelText,
    cache_dir,
    fetch,
    load,
    load_alignment,
    read_aligned,
    read_tsv,
    split_pairs,
)
from minis2s.text.tokenizers import split_words

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


def place(name, text, *, packed=False):
    """Put a file into the cache by hand."""
    path = cache_dir() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.with_name(path.name + ".gz" * packed).write_bytes(
        gzip.compress(data) if packed else data
    )


def in_cache():
    """Every file that the cache holds, part files too."""
    return sorted(str(p.relative_to(cache_dir())) for p in cache_dir().rglob("*.*"))


# --- by name ---


@pytest.mark.parametrize("name", ["multi31k", "", "captions"])
def test_unknown_corpus(name):
    """An unknown name is answered with the known ones."""
    with pytest.raises(
        InputError, match=f"unknown corpus '{name}'; there are multi30k"
    ):
        load(name, "train", "de", "en")


@pytest.mark.parametrize("name", ["multi30k", "captions-de-en", "reverse"])
def test_unknown_split(name):
    """An unknown split is answered with the known ones."""
    with pytest.raises(InputError, match=f"{name} has no split 'dev'; it has .*t"):
        load(name, "dev", "de", "en")


@pytest.mark.parametrize(
    ("split", "src", "tgt", "message"),
    [
        ("train", "de", "es", r"--tgt must be a language of multi30k train \(de, en, "),
        ("train", "", "en", r"--src must be .*, got ''"),
        ("test_2017_flickr", "cs", "en", r"--src must be .*\(de, en, fr\), got 'cs'"),
        ("test_2017_mscoco", "en", "cs", r"--tgt must be .*\(de, en, fr\), got 'cs'"),
        ("train", "de", "de", r"--src and --tgt must differ, got 'de' twice"),
    ],
)
def test_languages_are_checked(split, src, tgt, message):
    """A language that the split lacks, or one named twice, is a clear complaint."""
    with pytest.raises(InputError, match=message):
        load("multi30k", split, src, tgt)


def test_generated_task_loads_like_a_corpus():
    """A task is a corpus whose pairs and links are those that it makes."""
    src, tgt, links = tasks.make_pairs("reverse", "valid")
    text = load("reverse", "valid")
    assert (text.src, text.tgt) == (src, tgt)
    assert load_alignment("reverse", "valid") == [(pair, pair) for pair in links]


def test_a_task_of_other_pairs_has_a_note(monkeypatch):
    """Pairs that another version of a library wrote are read, and the note says so."""
    known = dataclasses.replace(CARDS["sort"], sha256={"test": "0" * 64})
    monkeypatch.setitem(CARDS, "sort", known)
    note = load("sort", "test").note
    assert "sort test is not the text that its card names: another version of" in note
    assert "published numbers do not apply" in note


def test_a_name_decides_a_digit_possibly():
    """Sure is the only link of a digit; of a month's name any letter is possible."""
    text = load("dates", "test")
    n = text.src.index("27. Januar 1901")
    sure, possible = load_alignment("dates", "test")[n]
    assert [text.src[n][s] for s, _ in sure] == [*"271901"]
    of_month = {(s, t) for s in range(4, 10) for t in (5, 6)}
    assert set(possible) - set(sure) == of_month


@pytest.mark.parametrize("packed", [False, True])
def test_files_placed_by_hand_are_read(tiny, packed):
    """A file in the cache is read without the network, packed or not."""
    for name in ("val.de", "val.en"):
        place(f"tiny/{name}", TINY[name], packed=packed)
    text = load("tiny", "val", "de", "en")
    assert (text.src, text.tgt) == (["sechs", "sieben"], ["six", "seven"])


def test_valid_and_test_stand_for_the_own_names(tiny):
    """`valid` is the corpus's validation split, whatever that is called."""
    for name in ("val.de", "val.en"):
        place(f"tiny/{name}", TINY[name])
    assert load("tiny", "valid", "en", "de") == load("tiny", "val", "en", "de")
    with pytest.raises(InputError, match="must be a language of tiny test_odd"):
        load("tiny", "test", "de", "en")


def test_missing_file_says_how_to_get_it(tiny):
    """The message names the command, the place and both forms of the file."""
    place("tiny/train.de", TINY["train.de"])
    want = re.escape(
        f"tiny/train.en is not in {cache_dir()}; `minis2s data fetch tiny` brings it, "
        f"or place train.en or train.en.gz there by hand"
    )
    with pytest.raises(InputError, match=want):
        load("tiny", "train", "de", "en")


@pytest.mark.parametrize("packed", [False, True])
def test_another_file_is_refused(tiny, packed):
    """A file in the cache that is not the published one is refused."""
    place("tiny/train.de", TINY["train.de"] + "sechs\n", packed=packed)
    message = r"train\.de(\.gz)? \(remove it to fetch it anew\) is not the published ti"
    with pytest.raises(InputError, match=message):
        load("tiny", "train", "de", "en")


def test_a_clone_without_its_data_says_so(monkeypatch, tmp_path):
    """Text of our own that is missing is named with its path."""
    monkeypatch.setattr(corpora, "OWN_DATA", tmp_path)
    with pytest.raises(InputError, match=r"test\.de is missing from this clone"):
        load("captions-de-en", "test", "de", "en")


@pytest.mark.parametrize("name", ["multi30k", "tatoeba"])
def test_fetched_corpora_have_no_alignment(name):
    """Only our own text is aligned."""
    with pytest.raises(InputError, match=f"{name} test.* has no alignment"):
        load_alignment(name, "test")


@pytest.mark.parametrize("name", CARDS)
def test_cards_choose_among_their_splits(name):
    """A card's test split exists, and so does the one that choices are made on."""
    known = CARDS[name]
    assert known.test in known.splits
    assert known.valid in known.splits or name == "captions-de-en"


def test_every_file_of_multi30k_has_a_checksum():
    """Each split in each of its languages has a sha256 of its own."""
    known = CARDS["multi30k"]
    files = {f"{s}.{code}" for s, codes in known.splits.items() for code in codes}
    assert set(known.sha256) == files
    assert len(set(known.sha256.values())) == len(files) == 22


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


def test_cache_without_the_variable(monkeypatch):
    """Without MINIS2S_DATA the cache is in the user's cache directory."""
    monkeypatch.delenv("MINIS2S_DATA")
    assert cache_dir().name == "minis2s"


@pytest.mark.parametrize("kind", ["http", "file"])
def test_fetch_brings_every_file(mirror, monkeypatch, kind):
    """Every file is fetched, unpacked and verified, over http or from a folder."""
    if kind == "http":
        monkeypatch.setenv("MINIS2S_URL_TINY", serve(mirror))
    paths = fetch("tiny")
    assert {path.name: path.read_text() for path in paths} == TINY
    assert in_cache() == sorted(f"tiny/{name}" for name in TINY)


def serve(folder):
    """Address of a loopback server for one folder; it ends with the test run."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that writes no log, and turns away whom it does not know."""

    def do_GET(self):
        """Answer minis2s alone."""
        if self.headers["User-Agent"] != "minis2s":
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *args):
        """Nothing."""


def test_fetch_downloads_once(mirror, monkeypatch):
    """What is there is not downloaded again: the address need not answer."""
    first = fetch("tiny")
    monkeypatch.setenv("MINIS2S_URL_TINY", NOWHERE)
    assert fetch("tiny") == first


@pytest.mark.parametrize("packed", [False, True])
def test_fetch_takes_files_placed_by_hand(monkeypatch, mirror, packed):
    """A file placed by hand, packed or not, is left alone."""
    (mirror / "train.de.gz").unlink()
    place("tiny/train.de", TINY["train.de"], packed=packed)
    assert fetch("tiny")[0].name == "train.de" + ".gz" * packed


def test_fetch_says_how_to_place_files_by_hand(tiny):
    """Where nothing answers, the message names the place and the variable."""
    want = re.escape(
        f"; place the file by hand as {cache_dir() / 'tiny' / 'train.de'}, or set "
        f"MINIS2S_URL_TINY to a folder that has it"
    )
    with pytest.raises(InputError, match=f"train.de.gz could not be fetched .*{want}"):
        fetch("tiny")
    assert in_cache() == []


def test_fetch_refuses_another_file(mirror):
    """A file with another checksum is refused, and nothing of it stays."""
    (mirror / "train.en.gz").write_bytes(gzip.compress(b"anything else\n"))
    with pytest.raises(InputError, match=r"train\.en\.gz is not the published tiny"):
        fetch("tiny")
    assert in_cache() == ["tiny/train.de"]


@pytest.mark.parametrize("name", ["captions-de-en", "reverse"])
def test_fetch_needs_something_to_fetch(name):
    """What the clone holds or can make is not fetched."""
    with pytest.raises(InputError, match=f"{name} needs no fetching"):
        fetch(name)


# --- Tatoeba ---


def tatoeba_rows(n_pairs):
    """Distinct pairs in the manner of the archive, with its third column."""
    return [f"Go {i}!\tVa {i} !\tCC-BY 2.0 #{i}" for i in range(n_pairs)]


def place_tatoeba(n_pairs):
    """An edition of Tatoeba of our own in the cache."""
    place("tatoeba/fra.txt", "".join(f"{row}\n" for row in tatoeba_rows(n_pairs)))


def test_fetch_unpacks_the_zip_of_tatoeba(monkeypatch, tmp_path):
    """Tatoeba comes as fra.txt in a zip, of whatever week."""
    with zipfile.ZipFile(tmp_path / "fra-eng.zip", "w") as archive:
        archive.writestr("_about.txt", "about")
        archive.writestr("fra.txt", "Go.\tVa !\n")
    monkeypatch.setenv("MINIS2S_URL_TATOEBA", tmp_path.as_uri())
    (path,) = fetch("tatoeba")
    assert path == cache_dir() / "tatoeba" / "fra.txt"
    assert path.read_text() == "Go.\tVa !\n"


@pytest.mark.parametrize("content", ["no zip", "no member"])
def test_fetch_refuses_a_zip_without_the_text(monkeypatch, tmp_path, content):
    """What is no zip, or lacks fra.txt, is refused."""
    (tmp_path / "fra-eng.zip").write_bytes(b"<html>")
    if content == "no member":
        with zipfile.ZipFile(tmp_path / "fra-eng.zip", "w") as archive:
            archive.writestr("deu.txt", "Go.\tGeh.\n")
    monkeypatch.setenv("MINIS2S_URL_TATOEBA", tmp_path.as_uri())
    with pytest.raises(InputError, match=r"fra-eng\.zip sent a damaged file"):
        fetch("tatoeba")
    assert in_cache() == []


def test_another_tatoeba_is_accepted_with_a_note():
    """A newer edition is read, and its note says what that means."""
    place_tatoeba(199)
    note = load("tatoeba", "test", "en", "fr").note
    assert "another edition than the one of 2019-04-07" in note
    assert "published numbers do not apply" in note


def test_the_published_tatoeba_has_no_note(monkeypatch):
    """The edition that numbers are published on needs no note."""
    place_tatoeba(199)
    data = (cache_dir() / "tatoeba" / "fra.txt").read_bytes()
    sha256 = {"fra.txt": hashlib.sha256(data).hexdigest()}
    known = dataclasses.replace(CARDS["tatoeba"], sha256=sha256)
    monkeypatch.setitem(CARDS, "tatoeba", known)
    assert load("tatoeba", "test", "en", "fr").note == ""


def test_missing_tatoeba_says_how_to_get_it():
    """The message names the command and the file."""
    with pytest.raises(InputError, match="data fetch tatoeba` brings it, or place fra"):
        load("tatoeba", "train", "en", "fr")


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_tatoeba_reads_both_ways(split):
    """French to English holds the same pairs as English to French."""
    place_tatoeba(997)
    there, back = load("tatoeba", split, "en", "fr"), load("tatoeba", split, "fr", "en")
    assert (there.src, there.tgt) == (back.tgt, back.src)
    assert all(s.startswith("Go") for s in there.src)
    assert there.sha256 != back.sha256


def test_tatoeba_splits_share_no_sentence():
    """No sentence of either side stands in two splits, and all pairs are used."""
    place_tatoeba(997)
    parts = [load("tatoeba", split, "en", "fr") for split in ("test", "valid", "train")]
    assert sum(map(len, parts)) == 997
    assert all(len(part) for part in parts)
    for side in ("src", "tgt"):
        one, two, three = (set(getattr(part, side)) for part in parts)
        assert not one & two | one & three | two & three


# --- splitting ---

SHARES = {"test": 0.2, "valid": 0.3, "train": 0.5}


def repetitive_text(rng, n_pairs):
    """Pairs of which many share a source or a target sentence, or its spaces."""
    src = [f"s{i}" + " " * rng.integers(2) for i in rng.integers(31, size=n_pairs)]
    tgt = [" " * rng.integers(2) + f"t{i}" for i in rng.integers(37, size=n_pairs)]
    return ParallelText(src, tgt, "")


def home(text):
    """Pair -> the split that it is in."""
    parts = split_pairs(text, SHARES)
    return {
        pair: split
        for split, part in parts.items()
        for pair in zip(part.src, part.tgt, strict=True)
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_sentence_stands_in_two_splits(seed):
    """Neither a source nor a target sentence is in two splits, spaces aside."""
    text = repetitive_text(np.random.default_rng(seed), 97)
    parts = split_pairs(text, SHARES).values()
    for side in ("src", "tgt"):
        one, two, three = ({s.strip() for s in getattr(p, side)} for p in parts)
        assert not one & two | one & three | two & three


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_moves_when_the_text_grows(seed):
    """A pair of the grown text is where it was before, or left out; none comes back."""
    text = repetitive_text(np.random.default_rng(seed), 97)
    half = ParallelText(text.src[:41], text.tgt[:41], "")
    before, after = home(half), home(text)
    for pair in set(zip(half.src, half.tgt, strict=True)):
        assert after.get(pair) in (before.get(pair), None)


def test_growth_never_takes_a_pair_out_of_the_first_split():
    """What was tested once is always tested, however the text grows."""
    text = repetitive_text(np.random.default_rng(0), 97)
    half = home(ParallelText(text.src[:41], text.tgt[:41], ""))
    after = home(text)
    assert all(after[pair] == "test" for pair, split in half.items() if split == "test")


def test_growth_can_take_a_pair_out_of_training():
    """A pair leaves training when its target sentence comes to the test split."""
    sources = [f"s{i}" for i in range(97)]
    split = {src: part for (src, _), part in home(distinct(sources)).items()}
    first = next(s for s in sources if split[s] == "train")
    second = next(s for s in sources if split[s] == "test")
    assert home(ParallelText([first], ["t"], "")) == {(first, "t"): "train"}
    grown = ParallelText([first, second], ["t", "t"], "")
    assert home(grown) == {(second, "t"): "test"}


def distinct(sources):
    """A text in which no target sentence occurs twice."""
    return ParallelText(sources, [f"t{i}" for i in range(len(sources))], "")


def test_shares_are_about_as_asked():
    """Each split gets its share, nothing is lost, and order is kept."""
    text = distinct([f"s{i}" for i in range(1999)])
    parts = split_pairs(text, SHARES)
    assert [*parts] == [*SHARES]
    assert sum(map(len, parts.values())) == 1999
    for split, share in SHARES.items():
        assert abs(len(parts[split]) / 1999 - share) < 0.04
        assert parts[split].src == [s for s in text.src if s in set(parts[split].src)]


def test_parts_keep_the_note():
    """What a reader should know of the whole holds for its parts."""
    text = ParallelText(["a"], ["b"], "", note="another edition")
    assert {part.note for part in split_pairs(text, SHARES).values()} == {text.note}


def test_shares_must_sum_to_one():
    """Shares that leave something over are refused."""
    with pytest.raises(ValueError, match=r"shares must sum to 1, got 0\.7"):
        split_pairs(ParallelText(["a"], ["b"], ""), {"valid": 0.2, "train": 0.5})


# --- own files ---


def write(folder, **texts):
    """Files of these texts; returns their paths."""
    paths = [folder / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_bytes(text.encode())
    return paths


def test_read_aligned(tmp_path):
    """Line n of one file goes with line n of the other, blank or not."""
    text = read_aligned(*write(tmp_path, de="ein\n\nzwei\n", en="one\n\ntwo\n"))
    assert (text.src, text.tgt) == (["ein", "", "zwei"], ["one", "", "two"])
    assert len(text) == 3


def test_line_separators_inside_a_sentence_shift_no_pair(tmp_path):
    r"""Only "\n" ends a line, so odd separators on one side keep the sides aligned."""
    odd = "a\u2028b\u0085c\x0bd\x0ce\n"
    text = read_aligned(*write(tmp_path, de=odd + "zwei\n", en="one\ntwo\n"))
    assert text.src == [odd[:-1], "zwei"]


def test_read_aligned_needs_equal_counts(tmp_path):
    """Files of 3 and 2 lines are refused, with both counts."""
    paths = write(tmp_path, de="a\nb\nc\n", en="a\nb\n")
    with pytest.raises(InputError, match=r"de has 3 lines and .*en has 2; line n of"):
        read_aligned(*paths)


@pytest.mark.parametrize(("de", "en"), [("", ""), ("\n", "\n"), ("a\n \n", " \nb\n")])
def test_text_without_a_pair_is_refused(tmp_path, de, en):
    """Empty files, and files in which no pair has both sides, are refused."""
    with pytest.raises(InputError, match="de holds no pair of sentences"):
        read_aligned(*write(tmp_path, de=de, en=en))


def test_read_tsv(tmp_path):
    """Source, tab, target; a third column is ignored, a blank side is kept."""
    (path,) = write(tmp_path, tsv="a b\tc d\ne\tf\tCC-BY\n\tg\n")
    text = read_tsv(path)
    assert (text.src, text.tgt) == (["a b", "e", ""], ["c d", "f", "g"])


def test_read_tsv_needs_a_tab(tmp_path):
    """A line without a tab is named by its number."""
    (path,) = write(tmp_path, tsv="a\tb\nc d\n")
    with pytest.raises(InputError, match="tsv, line 2: no tab between source and"):
        read_tsv(path)


def test_empty_tsv_is_refused(tmp_path):
    """A table without a line holds no pair."""
    with pytest.raises(InputError, match="tsv holds no pair of sentences"):
        read_tsv(*write(tmp_path, tsv=""))


def test_sha256_names_the_text(tmp_path):
    """Equal pairs have equal hashes from either kind of file; other pairs have not."""
    de, en, tsv = write(tmp_path, de="a\nb\n", en="c\nd\n", tsv="a\tc\nb\td\n")
    assert read_aligned(de, en).sha256 == read_tsv(tsv).sha256
    assert read_aligned(en, de).sha256 != read_tsv(tsv).sha256


# --- our captions ---

CAPTIONS = OWN_DATA / "captions-de-en"


@pytest.fixture(scope="module")
def captions():
    """Words of both sides, sure links and possible links, sentence by sentence."""
    text = load("captions-de-en", "test", "de", "en")
    links = load_alignment("captions-de-en", "test")
    return [
        (split_words(s), split_words(t), *pair)
        for s, t, pair in zip(text.src, text.tgt, links, strict=True)
    ]


@pytest.mark.parametrize("split", ["test"])
def test_captions_are_sixty_pairs(split):
    """The captions load both ways, sixty pairs, the first of them as in the README."""
    text = load("captions-de-en", split, "de", "en")
    assert len(text) == len(text.src) == len(text.tgt) == 60
    assert text.src[0] == "Ein alter Mann füttert die Vögel."
    assert load("captions-de-en", split, "en", "de").src == text.tgt


@pytest.mark.parametrize("file", ["test.de", "test.en", "test.align"])
def test_captions_are_the_ones_of_their_readme(file):
    """Each file has the sha256 that its README gives."""
    sha256 = hashlib.sha256((CAPTIONS / file).read_bytes()).hexdigest()
    readme = (CAPTIONS / "README.md").read_text(encoding="utf-8")
    assert f"| `{file}` |" in readme
    assert re.search(rf"^\| `{file}` \|.*\| `{sha256}` \|$", readme, re.MULTILINE)


def test_alignment_stays_inside_the_sentences(captions):
    """Every link names a word of each side, as split_words counts them."""
    for src, tgt, _, possible in captions:
        assert all(s < len(src) and t < len(tgt) for s, t in possible)


def test_sure_links_are_possible_too(captions):
    """The sure links are part of the possible ones; no link stands twice."""
    for _, _, sure, possible in captions:
        assert set(sure) <= set(possible)
        assert len(possible) == len(set(possible))


def test_counts_of_links(captions):
    """There are as many links as the README counts."""
    n_sure = sum(len(sure) for _, _, sure, _ in captions)
    n_possible = sum(len(possible) for _, _, _, possible in captions)
    assert (n_sure, n_possible - n_sure) == (779, 94)


def test_every_full_stop_is_aligned(captions):
    """Each sentence's last full stop is surely aligned to the other side's."""
    for src, tgt, sure, _ in captions:
        assert src[-1] == tgt[-1] == "."
        assert (len(src) - 1, len(tgt) - 1) in sure


def test_possible_link_is_written_with_a_question_mark():
    """Line 2 of the captions: 10?10 is possible, 10-11 is sure."""
    sure, possible = load_alignment("captions-de-en", "test")[1]
    assert (10, 10) in possible
    assert (10, 10) not in sure
    assert (10, 11) in sure
