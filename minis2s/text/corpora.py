"""Corpora by name, and any two aligned files: find, fetch, verify, read, split.

A named corpus lives in the cache (`MINIS2S_DATA`, by default the user's cache
directory) as NAME/FILE, packed or not. What is there is never downloaded again; what
is read is compared with the sha256 of its unpacked text. Lines end at "\\n" alone:
U+2028 and its like occur inside real sentences, and `str.splitlines` would shift
every pair after them.
"""

import gzip
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from minis2s.config import InputError
from minis2s.text import tasks

OWN_DATA = Path(__file__).parents[2] / "data"

Links = list[tuple[int, int]]


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


@dataclass(frozen=True)
class Card:
    """What there is to know about a corpus before reading it."""

    name: str
    about: str
    licence: str
    languages: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    """Split -> the languages it exists in."""
    url: str = ""
    """Folder that the files come from; empty if nothing is fetched."""
    sha256: dict[str, str] = field(default_factory=dict)
    """File -> hash of its unpacked text."""
    valid: str = "valid"
    """The split that choices are made on."""
    test: str = "test"
    """The split that results are published on."""


_ALL = ("de", "en", "fr", "cs")
_MULTI30K_SHA256 = {
    "test_2016_flickr.cs": "45adb85f688de8407fddcbe1b36dca15d12aab868149b337e2576f2d6d2ff8d8",
    "test_2016_flickr.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "test_2016_flickr.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
    "test_2016_flickr.fr": "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
    "train.cs": "2be68b38c8d586ff4f54eb13cc6e1baaaa053695b3f070d3038303a47f2268da",
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "train.fr": "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    "val.cs": "d53827e469b0a1ca8d57e9e26b2b64c4bc4b33f5479c7b03ae87ae5c882c3e33",
    "val.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "val.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "val.fr": "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    "test_2017_flickr.de": "c3078bc3b36808bf9d20eb2347ed6137016179ef59ec0d2b9b8ecc3fb2880081",
    "test_2017_flickr.en": "ce1450ddc5ab0834502579d77a170849952e15a2938b34cc503bdc25ebb4fb98",
    "test_2017_flickr.fr": "6f3764e31dac41e9455e612958bcfd4e877c5e15cd66df2c2b2be6d9bd83e5b6",
    "test_2017_mscoco.de": "58277df3c75f92f7145a11b910b553d1cf82c439249d4dc237c899609eafac22",
    "test_2017_mscoco.en": "43051fdfa86fd5395182e718a94ca67b1b227b9f7c79596ff0f6b813216981d2",
    "test_2017_mscoco.fr": "39cde3f43f32b0a6bf29ce4917a46329ff32e53070c2fac87506695a740ae0a0",
    "test_2018_flickr.cs": "1db59fe6980c9b3f9bade65122a985e71150214837d76f4768a5a8384c0b2dc7",
    "test_2018_flickr.de": "39fcc8b3331d76fb42d648d019c6898b0d5e58baac87bc2a0bb93f44ec8db207",
    "test_2018_flickr.en": "4e585c2dd525911a6ea7730e9d0b516239af3f1b1ffae6a2130223cfb639f25e",
    "test_2018_flickr.fr": "234b4a887da0da4801a3e2c6f21336231ff7dd46daeb80cfa1b551c8bbb78239",
}
_TATOEBA_SHA256 = {
    "fra.txt": "0bb85dbaa1c896844649094d7eaf2e34bee34e84fe362b26ce7e8f2e12aae104",
}

CARDS = {
    "multi30k": Card(
        "multi30k",
        "picture captions in four languages, 29,000 aligned for training",
        "no licence file; for non-commercial research and education: fetch, do not "
        "redistribute",
        _ALL,
        {
            "train": _ALL,
            "val": _ALL,
            "test_2016_flickr": _ALL,
            "test_2017_flickr": ("de", "en", "fr"),
            "test_2017_mscoco": ("de", "en", "fr"),
            "test_2018_flickr": _ALL,
        },
        url="https://raw.githubusercontent.com/multi30k/dataset/"
        "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
        sha256=_MULTI30K_SHA256,
        valid="val",
        test="test_2016_flickr",
    ),
    "tatoeba": Card(
        "tatoeba",
        "167,130 short English-French sentence pairs written by volunteers",
        "CC BY 2.0, attribution: tatoeba.org and www.manythings.org/anki",
        ("en", "fr"),
        {split: ("en", "fr") for split in ("train", "valid", "test")},
        url="https://www.manythings.org/anki/",
        sha256=_TATOEBA_SHA256,
    ),
    "captions-de-en": Card(
        "captions-de-en",
        "60 German captions of our own, translated and aligned by hand",
        "CC0 1.0",
        ("de", "en"),
        {"test": ("de", "en")},
    ),
    **{
        name: Card(name, f"generated: {task.about}", "CC0 1.0", (),
                   dict.fromkeys(tasks.SPLIT_SIZES, ()))
        for name, task in tasks.TASKS.items()
    },
}


def cache_dir() -> Path:
    """Where fetched corpora lie: `MINIS2S_DATA`, or the user's cache directory."""
    return Path(os.environ.get("MINIS2S_DATA") or platformdirs.user_cache_dir("minis2s"))


def card(name: str) -> Card:
    """What is known of a corpus.

    Raises:
        InputError: if no corpus has this name.
    """
    if name not in CARDS:
        raise InputError(f"unknown corpus {name!r}; there are {', '.join(CARDS)}")
    return CARDS[name]


def load(name: str, split: str, src: str = "", tgt: str = "") -> ParallelText:
    """One split of a named corpus, as pairs from language `src` to language `tgt`.

    `valid` and `test` may stand for the corpus's own names of those splits.

    Raises:
        InputError: if the name, the split or a language is unknown, or if a file is
            missing or is not the file that was published.
    """
    about = card(name)
    split = {"valid": about.valid, "test": about.test}.get(split, split)
    if split not in about.splits:
        known = ", ".join(about.splits)
        raise InputError(f"{name} has no split {split!r}; it has {known}")
    if name in tasks.TASKS:
        src_lines, tgt_lines, _ = tasks.make_pairs(name, split)
        return ParallelText(src_lines, tgt_lines, _hash_lines(src_lines, tgt_lines))
    for flag, language in (("--src", src), ("--tgt", tgt)):
        if language not in about.splits[split]:
            known = ", ".join(about.splits[split])
            raise InputError(
                f"{flag} must be a language of {name} {split} ({known}), "
                f"got {language!r}"
            )
    if src == tgt:
        raise InputError(f"--src and --tgt must differ, got {src!r} twice")
    if name == "tatoeba":
        return _load_tatoeba(split, src, tgt)
    sides = [_read_published(about, f"{split}.{language}") for language in (src, tgt)]
    return ParallelText(*sides, _hash_lines(*sides))


def load_alignment(name: str, split: str) -> list[tuple[Links, Links]]:
    """For each pair its sure and its possible links (source word, target word).

    Positions count words of `tokenizers.split_words`, or characters in a generated
    task. A sure link is possible too.

    Raises:
        InputError: if the corpus has no alignment.
    """
    about = card(name)
    if name in tasks.TASKS:
        return [(links, links) for links in tasks.make_pairs(name, split)[2]]
    file = OWN_DATA / name / f"{split}.align"
    if about.url or not file.exists():
        raise InputError(f"{name} {split} has no alignment")
    return [_parse_links(line) for line in read_lines(file)]


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
    folder = os.environ.get(f"MINIS2S_URL_{name.upper()}", about.url).rstrip("/") + "/"
    packed = "fra-eng.zip" if name == "tatoeba" else None
    return [_fetch_file(about, file, folder + (packed or f"{file}.gz"))
            for file in about.sha256]


def _fetch_file(about: Card, file: str, url: str) -> Path:
    there = _find(about, file)
    if there:
        return there
    try:
        with urllib.request.urlopen(_request(url), timeout=60) as answer:
            data = answer.read()
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise InputError(
            f"{url} could not be fetched ({error}); place the file by hand as "
            f"{cache_dir() / about.name / file}, or set "
            f"MINIS2S_URL_{about.name.upper()} to a folder that has it"
        ) from error
    text = _unpack(data, url, file)
    if about.name != "tatoeba":  # its archive is renewed every week
        _verify(about, file, text, Path(url))
    target = cache_dir() / about.name / file
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, text)
    return target


def _request(url: str) -> urllib.request.Request:
    # Without a name of its own, urllib is turned away by some servers.
    return urllib.request.Request(url, headers={"User-Agent": "minis2s"})


def _unpack(data: bytes, url: str, file: str) -> bytes:
    import io
    import zipfile

    try:
        if url.endswith(".zip"):
            return zipfile.ZipFile(io.BytesIO(data)).read(file)
        return gzip.decompress(data)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{url} sent a damaged file ({error})") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as part:
        try:
            part.write(data)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    Path(part.name).chmod(0o644)
    Path(part.name).replace(path)


def _find(about: Card, file: str) -> Path | None:
    folder = cache_dir() / about.name if about.url else OWN_DATA / about.name
    places = (folder / file, folder / f"{file}.gz")
    return next((place for place in places if place.is_file()), None)


def _read_published(about: Card, file: str) -> list[str]:
    path = _find(about, file)
    if path is None and not about.url:
        raise InputError(f"{OWN_DATA / about.name / file} is missing from this clone")
    if path is None:
        raise InputError(
            f"{about.name}/{file} is not in {cache_dir()}; `minis2s data fetch "
            f"{about.name}` brings it, or place {file} or {file}.gz there by hand"
        )
    if about.sha256:
        _verify(about, file, _read_bytes(path), path)
    return read_lines(path)


def _verify(about: Card, file: str, data: bytes, path: Path) -> None:
    got, want = hashlib.sha256(data).hexdigest(), about.sha256[file]
    if got != want:
        raise InputError(
            f"{path} is not the published {about.name} file (sha256 {got[:12]}..., "
            f"expected {want[:12]}...)"
        )


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def decode_lines(data: bytes, name: str) -> list[str]:
    """The lines of UTF-8 text; a byte order mark and "\\r" before "\\n" are dropped.

    Raises:
        InputError: if a line is not UTF-8; the message has its number.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    text = []
    for number, line in enumerate(lines, 1):
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
    return decode_lines(_read_bytes(path), str(path))


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
    if not any(s.strip() and t.strip() for s, t in zip(src, tgt)):
        raise InputError(f"{path} holds no pair of sentences")
    return ParallelText(src, tgt, _hash_lines(src, tgt))


def _hash_lines(src: list[str], tgt: list[str]) -> str:
    text = "".join(f"{s}\t{t}\n" for s, t in zip(src, tgt))
    return hashlib.sha256(text.encode()).hexdigest()


def split_pairs(pairs: ParallelText, shares: dict[str, float]
                ) -> dict[str, ParallelText]:
    """Cut one text into splits such that no sentence stands in two of them.

    The hash of a source sentence decides, so a pair stays where it is when the text
    grows. A pair whose target sentence is already in an earlier split is left out.

    Args:
        pairs: the text.
        shares: share of each split, in order of precedence; they sum to 1.
    """
    bounds, total = [], 0.0
    for split, share in shares.items():
        total += share
        bounds.append((split, total))
    parts: dict[str, list[tuple[str, str]]] = {split: [] for split in shares}
    for s, t in zip(pairs.src, pairs.tgt):
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


def _load_tatoeba(split: str, src: str, tgt: str) -> ParallelText:
    about = CARDS["tatoeba"]
    path = _find(about, "fra.txt")
    if path is None:
        _read_published(about, "fra.txt")  # raises, saying how to get it
    pairs = read_tsv(path)  # English first, in every edition
    known = hashlib.sha256(_read_bytes(path)).hexdigest() == about.sha256["fra.txt"]
    note = "" if known else (
        f"{path} is another edition than the one of 2019-04-07; published numbers "
        f"do not apply"
    )
    part = split_pairs(pairs, {"test": 0.02, "valid": 0.02, "train": 0.96})[split]
    sides = (part.src, part.tgt) if src == "en" else (part.tgt, part.src)
    return ParallelText(*sides, _hash_lines(*sides), note)
