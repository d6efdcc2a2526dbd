"""What is odd about the pairs of a text, before anything is trained on them.

Each kind of oddity is a list of numbers of pairs. Nothing is dropped here but by
`drop_pairs`, and there only what can hardly teach: the repeated, the copied, the
lopsided and the swapped. The blank are only counted; whoever encodes drops them.

Left out: near duplicates, and fluent pairs that mean different things.
"""

import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from itertools import compress

import numpy as np
from jaxtyping import Bool, Int

from minis2s.config import InputError
from minis2s.text.corpora import ParallelText, select_pairs
from minis2s.text.languages import base_code, seems_foreign
from minis2s.text.profiles import compare_sides
from minis2s.text.tokenizers import split_words

Mask = Bool[np.ndarray, " n_pairs"]
Findings = dict[str, Int[np.ndarray, " n_found"]]
"""Name of an oddity -> numbers of the pairs that have it, from 0, in order."""

DROPPED = ("repeated", "copied", "lopsided", "swapped")
"""What `drop_pairs` drops."""

LARGEST_RATIO = 3
"""How many times as long as the other a side may be ..."""
SLACK = 10
"""... and the characters that it may have beyond that, for the sake of short lines."""

_SENTENCES = {
    "blank": "{has} a blank side",
    "repeated": "{repeats} an earlier pair word for word",
    "ambiguous": "{has} an earlier source and another target, which is no fault",
    "copied": "{is} copied: source and target are equal",
    "lopsided": "{is} lopsided: one side is far longer than the other",
    "swapped": "{seems} swapped: source and target in each other's place",
    "one_language": "{seems} to have both sides in one language",
    "foreign_src": "{seems} to have a source that is not {src}",
    "foreign_tgt": "{seems} to have a target that is not {tgt}",
    "leaked": "{has} a source or a target that is in the validation text too",
}
_SINGULAR = {"is": "is", "has": "has", "seems": "seems", "repeats": "repeats"}
_PLURAL = {"is": "are", "has": "have", "seems": "seem", "repeats": "repeat"}


def find_oddities(text: ParallelText, src: str, tgt: str) -> Findings:
    """Look through a text once.

    A pair is
    - `blank` if one of its sides is, and then nothing else;
    - `repeated` if it stands there before, the space around its lines aside;
    - `ambiguous` if its source stands there before, with another target;
    - `lopsided` if its lengths differ far more than those of the other pairs;
    - `copied` if its sides are equal, and more than one word (which may be a name);
    - `swapped` if source and target stand in each other's place;
    - `one_language` if one side seems to be in the language of the other;
    - `foreign_src` or `foreign_tgt` if that side is hardly in its language.

    Between equal languages, as for headlines, nothing is copied, swapped or
    `one_language`.

    Args:
        text: the pairs.
        src: code of the source language, as `de`.
        tgt: code of the target language.
    """
    sides = [[_plain(line) for line in side] for side in (text.src, text.tgt)]
    there = np.array([bool(s and t) for s, t in zip(*sides, strict=True)], dtype=bool)
    repeated = there & _stands_before(zip(*sides, strict=True), len(text))
    distinct = there & ~repeated  # each pair is judged once
    numbers = np.flatnonzero(distinct)
    src_lines, tgt_lines = (list(compress(side, distinct)) for side in sides)
    found = {
        "ambiguous": _stands_before(src_lines, len(numbers)),
        "lopsided": _lopsided(src_lines, tgt_lines),
        **_in_wrong_language(src_lines, tgt_lines, src, tgt),
    }
    return {
        "blank": np.flatnonzero(~there),
        "repeated": np.flatnonzero(repeated),
        **{name: numbers[mask] for name, mask in found.items()},
    }


def _plain(line: str) -> str:
    return unicodedata.normalize("NFC", line.strip())


def _stands_before(keys: Iterable[Hashable], n: int) -> Mask:
    """Which of n keys are equal to an earlier one.

    Hashes of 64 bits are compared, so that no key is held twice: among a million keys
    the chance of one mistake is 3e-8.
    """
    hashes = np.fromiter(map(hash, keys), np.int64, n)
    _, first = np.unique(hashes, return_index=True)
    again = np.ones(n, dtype=bool)
    again[first] = False
    return again


def _lopsided(src: Sequence[str], tgt: Sequence[str]) -> Mask:
    """Whose lengths in characters are far from the text's typical ratio.

    The typical ratio is the median: a Chinese line is a third of its English one.
    The side in the terser language is stretched by it before the two are compared.
    """
    lengths = [
        np.fromiter(map(len, side), np.float64, len(side)) for side in (src, tgt)
    ]
    ratio = np.median(lengths[1] / lengths[0]) if len(src) else 1.0
    a, b = lengths[0] * max(ratio, 1), lengths[1] * max(1 / ratio, 1)
    return np.maximum(a, b) > LARGEST_RATIO * np.minimum(a, b) + SLACK


def _in_wrong_language(
    src_lines: Sequence[str], tgt_lines: Sequence[str], src: str, tgt: str
) -> dict[str, Mask]:
    """The oddities of language; what one of them explains is not foreign as well."""
    found = {}
    if base_code(src) != base_code(tgt):
        copied = _copied(src_lines, tgt_lines)
        swapped, one_language = compare_sides(src_lines, tgt_lines)
        found["copied"] = copied
        found["swapped"] = swapped & ~copied
        found["one_language"] = one_language & ~copied
    explained = np.any([*found.values(), np.zeros(len(src_lines), bool)], axis=0)
    found["foreign_src"] = _foreign(src_lines, src, explained)
    found["foreign_tgt"] = _foreign(tgt_lines, tgt, explained)
    return found


def _copied(src: Sequence[str], tgt: Sequence[str]) -> Mask:
    equal = (s == t and len(split_words(s)) > 1 for s, t in zip(src, tgt, strict=True))
    return np.fromiter(equal, bool, len(src))


def _foreign(lines: Sequence[str], language: str, explained: Mask) -> Mask:
    foreign = (
        not done and seems_foreign(line, language)
        for line, done in zip(lines, explained, strict=True)
    )
    return np.fromiter(foreign, bool, len(lines))


def find_leaks(train: ParallelText, valid: ParallelText) -> Int[np.ndarray, " n_found"]:
    """Numbers of the training pairs with a line that the validation text has, too.

    Lines are compared within a side, the space around them aside; blank ones are not.
    """
    leaked = np.zeros(len(train), dtype=bool)
    for lines, held_out in ((train.src, valid.src), (train.tgt, valid.tgt)):
        known = {_plain(line) for line in held_out} - {""}
        leaked |= np.array([_plain(line) in known for line in lines], dtype=bool)
    return np.flatnonzero(leaked)


def describe(
    found: Findings, n_pairs: int, src: str, tgt: str, unit: str = "line"
) -> list[str]:
    """One sentence for each oddity that was found.

    Args:
        found: as from `find_oddities`.
        n_pairs: pairs of the text.
        src: code of the source language.
        tgt: code of the target language.
        unit: what a number counts, "line" of a file or "pair" of a text.

    >>> describe({"copied": np.array([4, 11])}, 30, "de", "en")
    ['2 of 30 pairs are copied: source and target are equal (first: line 5)']
    """
    sentences = []
    for name, numbers in found.items():
        if len(numbers):
            verbs = _SINGULAR if len(numbers) == 1 else _PLURAL
            said = _SENTENCES[name].format(**verbs, src=src, tgt=tgt)
            where = f"(first: {unit} {numbers[0] + 1})"
            sentences.append(f"{len(numbers)} of {n_pairs} pairs {said} {where}")
    return sentences


def drop_pairs(
    text: ParallelText, found: Findings
) -> tuple[ParallelText, dict[str, int]]:
    """The text without what `DROPPED` names, and how many pairs each name took.

    A pair that is odd twice is counted once, under the first of its names.

    Raises:
        InputError: if no pair is left.
    """
    kept = np.ones(len(text), dtype=bool)
    n_dropped = {}
    for name in DROPPED:
        numbers = found.get(name, np.zeros(0, dtype=np.int64))
        n_dropped[name] = int(kept[numbers].sum())
        kept[numbers] = False
    if not kept.any():
        raise InputError("no pair is left after dropping the odd ones")
    return select_pairs(text, np.flatnonzero(kept).tolist()), n_dropped
