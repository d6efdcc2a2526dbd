"""Corpora by name, and any two aligned files: find, fetch, verify, read, split.

A named corpus lives in the cache (`MINIS2S_DATA`, by default the user's cache
directory) as NAME/FILE, packed or not. What is there is never downloaded again; what
is read is compared with the sha256 of its unpacked text.
"""

import gzip
import hashlib
import http.client
import io
import math
import os
import urllib.request
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from minis2s.config import InputError
from minis2s.text import grammar, tasks
from minis2s.text.cards import CARDS, Card, card
from minis2s.text.files import read_bytes, read_lines, write_whole
from minis2s.text.tasks.pair import Links

OWN_DATA = Path(__file__).parents[2] / "data"


@dataclass(frozen=True)
class ParallelText:
    """Aligned sentences: line n of `src` means line n of `tgt`."""

    src: list[str]
    tgt: list[str]
    sha256: str
    """Of both sides, so that a receipt can name what was read."""
    note: str = ""
    """What the reader of a result should know about this text."""

    def __len__(self) -> int:
        return len(self.src)


def cache_dir() -> Path:
    """Where fetched corpora lie: `MINIS2S_DATA`, or the user's cache directory."""
    folder = os.environ.get("MINIS2S_DATA") or platformdirs.user_cache_dir("minis2s")
    return Path(folder).expanduser()


def load(name: str, split: str, src: str = "", tgt: str = "") -> ParallelText:
    """One split of a named corpus, as pairs from language `src` to language `tgt`.

    `valid` and `test` may stand for the corpus's own names of those splits.

    Raises:
        InputError: if the name, the split or a language is unknown, or if a file is
            missing or is not the file that was published.
    """
    about = card(name)
    split = _own_split(about, split)
    if name in tasks.TASKS:
        return _load_task(about, split)
    for flag, language in (("--src", src), ("--tgt", tgt)):
        if language not in about.splits[split]:
            known = ", ".join(about.splits[split])
            raise InputError(
                f"{flag} must be a language of {name} {split} ({known}), "
                f"got {language!r}"
            )
    if src == tgt:
        raise InputError(f"--src and --tgt must differ, got {src!r} twice")
    if name in grammar.GRAMMARS:
        return _load_grammar(about, split, src)
    if name == "tatoeba":
        return _load_tatoeba(split, src, tgt)
    sides = [_read_published(about, f"{split}.{language}") for language in (src, tgt)]
    return ParallelText(*sides, _hash_lines(*sides))


def _own_split(about: Card, split: str) -> str:
    split = {"valid": about.valid, "test": about.test}.get(split, split)
    if split not in about.splits:
        known = ", ".join(about.splits)
        raise InputError(f"{about.name} has no split {split!r}; it has {known}")
    return split


def _load_task(about: Card, split: str) -> ParallelText:
    src, tgt, _ = tasks.make_pairs(about.name, split)
    sha256 = _hash_lines(src, tgt)
    note = (
        ""
        if sha256 == about.sha256[split]
        else (
            f"{about.name} {split} is not the text that its card names: another "
            f"version of NumPy, Babel or num2words wrote it; published numbers do not "
            f"apply"
        )
    )
    return ParallelText(src, tgt, sha256, note)


def load_alignment(name: str, split: str) -> list[tuple[Links, Links]]:
    """For each pair its sure and its possible links (source word, target word).

    Positions count words of `tokenizers.split_words`, or characters in a generated
    task, where a link is sure if it is the only one of its target character. A sure
    link is possible too.

    Raises:
        InputError: if the name or the split is unknown, or has no alignment.
    """
    about = card(name)
    split = _own_split(about, split)
    if name in tasks.TASKS:
        return [(_only(links), links) for links in tasks.make_pairs(name, split)[2]]
    if name in grammar.GRAMMARS:
        examples = grammar.make_examples(name, split)
        return [([*example.sure], [*example.possible]) for example in examples]
    file = OWN_DATA / name / f"{split}.align"
    if about.url or not file.exists():
        raise InputError(f"{name} {split} has no alignment")
    return [_parse_links(line) for line in read_lines(file)]


def _only(links: Links) -> Links:
    """Those whose target has no other link: of a whole name any letter may do."""
    count = Counter(t for _, t in links)
    return [(s, t) for s, t in links if count[t] == 1]


def _parse_links(line: str) -> tuple[Links, Links]:
    sure, possible = [], []
    for link in line.split():
        s, t = map(int, link.replace("?", "-").split("-"))
        possible.append((s, t))
        if "?" not in link:
            sure.append((s, t))
    return sure, possible


def fetch(name: str) -> list[Path]:
    """Download the files of a corpus that the cache does not hold yet.

    Each is verified before it takes its place. `MINIS2S_URL_<NAME>` overrides the
    address of the folder.

    Returns:
        every file of the corpus, fetched now or before.

    Raises:
        InputError: if there is nothing to fetch, or an address does not answer, or
            what it sent is not the published file.
    """
    about = card(name)
    if not about.url:
        raise InputError(f"{name} needs no fetching; `minis2s data show {name}`")
    folder = os.environ.get(f"MINIS2S_URL_{name.upper()}") or about.url
    folder = folder.rstrip("/") + "/"
    packed = "fra-eng.zip" if name == "tatoeba" else None
    return [
        _fetch_file(about, file, folder + (packed or f"{file}.gz"))
        for file in about.sha256
    ]


def _fetch_file(about: Card, file: str, url: str) -> Path:
    there = _find(about, file)
    if there:
        return there
    try:
        with urllib.request.urlopen(_request(url), timeout=60) as answer:
            data = answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InputError(
            f"{url} could not be fetched ({error}); place the file by hand as "
            f"{cache_dir() / about.name / file}, or set "
            f"MINIS2S_URL_{about.name.upper()} to a folder that has it"
        ) from error
    text = _unpack(data, url, file)
    if about.name != "tatoeba":  # its archive is renewed every week
        _verify(about, file, text, url)
    target = cache_dir() / about.name / file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{target.parent} cannot be made ({error.strerror}); MINIS2S_DATA may "
            f"name another folder"
        ) from error
    write_whole(target, text)
    return target


def _request(url: str) -> urllib.request.Request:
    # Without a name of its own, urllib is turned away by some servers.
    return urllib.request.Request(url, headers={"User-Agent": "minis2s"})


def _unpack(data: bytes, url: str, file: str) -> bytes:
    try:
        if url.endswith(".zip"):
            return zipfile.ZipFile(io.BytesIO(data)).read(file)
        return gzip.decompress(data)
    except (OSError, EOFError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{url} sent a damaged file ({error})") from error


def _find(about: Card, file: str) -> Path | None:
    folder = cache_dir() / about.name if about.url else OWN_DATA / about.name
    places = (folder / file, folder / f"{file}.gz")
    return next((place for place in places if place.is_file()), None)


def _locate(about: Card, file: str) -> Path:
    path = _find(about, file)
    if path:
        return path
    if not about.url:
        raise InputError(f"{OWN_DATA / about.name / file} is missing from this clone")
    raise InputError(
        f"{about.name}/{file} is not in {cache_dir()}; `minis2s data fetch "
        f"{about.name}` brings it, or place {file} or {file}.gz there by hand"
    )


def _read_published(about: Card, file: str) -> list[str]:
    path = _locate(about, file)
    if about.sha256:
        _verify(about, file, read_bytes(path), f"{path} (remove it to fetch it anew)")
    return read_lines(path)


def _verify(about: Card, file: str, data: bytes, origin: str) -> None:
    got, want = hashlib.sha256(data).hexdigest(), about.sha256[file]
    if got != want:
        raise InputError(
            f"{origin} is not the published {about.name} file: its sha256 is "
            f"{got[:12]}..., expected {want[:12]}..."
        )


def read_aligned(src_file: Path, tgt_file: Path) -> ParallelText:
    """Two files whose lines mean the same.

    Raises:
        InputError: if a file cannot be read or is empty, or the counts differ.
    """
    src, tgt = read_lines(src_file), read_lines(tgt_file)
    if len(src) != len(tgt):
        raise InputError(
            f"{src_file} has {len(src)} lines and {tgt_file} has {len(tgt)}; line n "
            f"of one must mean line n of the other"
        )
    return _not_empty(src, tgt, src_file)


def read_tsv(path: Path) -> ParallelText:
    """One file with a tab between source and target; further columns are ignored.

    Raises:
        InputError: if the file cannot be read or is empty, or a line has no tab.
    """
    src, tgt = [], []
    for number, line in enumerate(read_lines(path), 1):
        columns = line.split("\t")
        if len(columns) < 2:
            raise InputError(f"{path}, line {number}: no tab between source and target")
        src.append(columns[0])
        tgt.append(columns[1])
    return _not_empty(src, tgt, path)


def _not_empty(src: list[str], tgt: list[str], path: Path) -> ParallelText:
    if not any(s.strip() and t.strip() for s, t in zip(src, tgt, strict=True)):
        raise InputError(f"{path} holds no pair of sentences")
    return ParallelText(src, tgt, _hash_lines(src, tgt))


def _hash_lines(src: list[str], tgt: list[str]) -> str:
    text = "".join(f"{s}\t{t}\n" for s, t in zip(src, tgt, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()


def select_pairs(pairs: ParallelText, numbers: Iterable[int]) -> ParallelText:
    """The pairs of these numbers, counted from 0, as a text of their own."""
    numbers = list(numbers)
    src, tgt = ([side[i] for i in numbers] for side in (pairs.src, pairs.tgt))
    return ParallelText(src, tgt, _hash_lines(src, tgt), pairs.note)


def split_pairs(
    pairs: ParallelText, shares: dict[str, float]
) -> dict[str, ParallelText]:
    """Cut one text into splits such that no sentence stands in two of them.

    The hash of a source sentence decides, so when the text grows no pair ever moves
    to another split. A pair whose target sentence is also in an earlier split is left
    out; growth can bring such a sentence, and so can take a pair out of any split but
    the first. Sentences are the same if only the space around them differs.

    Args:
        pairs: the text.
        shares: share of each split, in order of precedence; they sum to 1.

    Raises:
        ValueError: if the shares do not sum to 1.
    """
    if not math.isclose(sum(shares.values()), 1):
        raise ValueError(f"shares must sum to 1, got {sum(shares.values())}")
    bounds, total = [], 0.0
    for split, share in shares.items():
        total += share
        bounds.append((split, total))
    parts: dict[str, list[tuple[str, str]]] = {split: [] for split in shares}
    for s, t in zip(pairs.src, pairs.tgt, strict=True):
        digest = hashlib.sha256(s.strip().encode()).digest()
        point = int.from_bytes(digest[:8], "big") / 2**64
        split = next((name for name, bound in bounds if point < bound), bounds[-1][0])
        parts[split].append((s, t))
    taken: set[str] = set()
    result = {}
    for split, rows in parts.items():
        kept = [(s, t) for s, t in rows if t.strip() not in taken]
        taken |= {t.strip() for _, t in kept}
        src, tgt = [s for s, _ in kept], [t for _, t in kept]
        result[split] = ParallelText(src, tgt, _hash_lines(src, tgt), pairs.note)
    return result


def _load_grammar(about: Card, split: str, src: str) -> ParallelText:
    examples = grammar.make_examples(about.name, split)
    sides = [example.src for example in examples], [example.tgt for example in examples]
    if src != about.languages[0]:
        sides = sides[::-1]
    return ParallelText(*sides, _hash_lines(*sides))


def _load_tatoeba(split: str, src: str, tgt: str) -> ParallelText:
    about = CARDS["tatoeba"]
    path = _locate(about, "fra.txt")
    pairs = read_tsv(path)  # English first, in every edition
    known = hashlib.sha256(read_bytes(path)).hexdigest() == about.sha256["fra.txt"]
    note = (
        ""
        if known
        else (
            f"{path} is another edition than the one of 2019-04-07; published numbers "
            f"do not apply"
        )
    )
    part = split_pairs(pairs, {"test": 0.02, "valid": 0.02, "train": 0.96})[split]
    sides = (part.src, part.tgt) if src == "en" else (part.tgt, part.src)
    return ParallelText(*sides, _hash_lines(*sides), note)
