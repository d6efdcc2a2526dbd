"""Whether a line can be in the language that it is said to be in.

Two plain tests, which need no model. A language with a script of its own leaves
letters of that script in every sentence. A language in Latin letters shows by its
commonest small words: a line that has more of another language's is taken for foreign.
A language that neither test knows is never doubted.

Left out: languages that are not listed here, and lines of several languages. What the
two sides of a text tell about each other is in `quality.py`.
"""

import re
from collections import Counter

from minis2s.text.tokenizers import split_words

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_LETTERS = {
    "A-Za-z\u00c0-\u024f\u1e00-\u1eff": "ca cs da de en es et fi fr hr hu id it lt lv "
    "nl no pl pt ro sk sl sv tr vi",
    "\u0400-\u052f": "be bg mk ru uk",
    "\u0370-\u03ff\u1f00-\u1fff": "el",
    "\u0600-\u06ff\u0750-\u077f": "ar fa ur",
    "\u0590-\u05ff": "he yi",
    "\u0900-\u097f": "hi mr ne",
    "\u0e00-\u0e7f": "th",
    "\u1100-\u11ff\uac00-\ud7af": "ko",
    f"\u3040-\u30ff{_HAN}": "ja",
    _HAN: "yue zh",
}
"""Ranges of letters -> the languages that are written with these alone."""

_SCRIPTS = {
    language: re.compile(f"[{letters}]")
    for letters, languages in _LETTERS.items()
    for language in languages.split()
}

SMALL_WORDS = {
    "cs": "a do i je její jeho jsou již k ke když která které který na nad nebo o po "
    "pod při s se to u už v ve z za ze že",
    "de": "an auf das dem den der des die ein eine einem einen einer er es ich im in "
    "ist mit nicht sich sind und von wir zu",
    "en": "a an and are at by can do for from has have he his i in is it no not of on "
    "that the this to was with you",
    "es": "al con de del el en está están hay la las lo los mi muy no para pero por "
    "que se su un una y",
    "fr": "a au avec ce dans de des du elle en est et il je la le les ne nous par pas "
    "pour que qui sur un une vous y",
    "it": "a anche che con da del della di e gli i il in la mentre nel non per più "
    "questo si sono un una è",
    "nl": "aan de dat een en het in is met naar niet ook op van voor wordt zijn",
    "pl": "dla do i jego jest na nie o oraz po przed przez się są to tym w z że",
    "pt": "a ao com da de do dos e em enquanto eu isso muito na no não o os que se são "
    "um uma você",
    "sv": "att av de den det ett en för i inte jag med och på som till är",
}
"""Some of the commonest words of some languages; several have a word in common."""

_SPEAKERS: dict[str, list[str]] = {}
for _language, _words in SMALL_WORDS.items():
    for _word in _words.split():
        _SPEAKERS.setdefault(_word, []).append(_language)
_WORDS = frozenset(_SPEAKERS)


def base_code(language: str) -> str:
    """The code of a language without region or script: `zh-Hant` is `zh`."""
    return language.partition("-")[0].lower()


def seems_foreign(line: str, language: str) -> bool:
    """Whether a line is hardly in the language of this code.

    By script: it has at least two words, and no letter of the language's. By small
    words: of another language it has two, and two more for each of its own.

    >>> seems_foreign("Zwei Hunde laufen mit einem Ball.", "en")
    True
    >>> seems_foreign("两只狗", "en"), seems_foreign("Berlin", "zh")
    (True, False)

    Args:
        line: one sentence.
        language: its code, as `de`.
    """
    language = base_code(language)
    script = _SCRIPTS.get(language)
    if script and not script.search(line):
        return sum(word.isalpha() for word in split_words(line)) > 1
    return language in SMALL_WORDS and _has_foreign_words(line, language)


def _has_foreign_words(line: str, language: str) -> bool:
    words = _WORDS.intersection(line.lower().split())
    hits = Counter(name for word in words for name in _SPEAKERS[word])
    return max(hits.values(), default=0) >= 2 + 2 * hits[language]
