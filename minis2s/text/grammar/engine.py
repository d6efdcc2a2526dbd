"""A synchronous grammar: both sides of a pair grow from one derivation.

A rule makes its choices once and says them in two languages. Each word remembers the
nodes of the derivation that it was grown from, so two words translate each other if
they share a node, and no alignment has to be guessed. A node that several words share
gives n-to-m links: both parts of a separable verb, both words of a compound.

Source: Aho and Ullman 1969, "Syntax directed translations and the pushdown assembler".
    Theirs are context-free rules in pairs; here a rule is a function, so that
    agreement needs no copy of a rule for each person, number, gender and case.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from minis2s.text.tokenizers import split_words

Option = TypeVar("Option")
First = TypeVar("First")
Second = TypeVar("Second")
Links = list[tuple[int, int]]


class Word(NamedTuple):
    """A word of one side and the nodes that it was grown from."""

    text: str
    sure: tuple[str, ...] = ()
    """Nodes that this word says on its own."""
    possible: tuple[str, ...] = ()
    """Nodes that it only helps to say."""


Words = tuple[Word, ...]


@cache
def tag(notation: str) -> Words:
    """Words with their nodes: sure ones after a colon, possible ones after "?".

    >>> tag("am:at?the Abend:evening")[0]
    Word(text='am', sure=('at',), possible=('the',))
    >>> tag("Sandburg:sand+castle")[0].sure
    ('sand', 'castle')
    """
    return tuple(_tag_one(item) for item in notation.split())


def _tag_one(item: str) -> Word:
    head, _, possible = item.partition("?")
    text, _, sure = head.partition(":")
    return Word(
        text, *(tuple(part.split("+")) if part else () for part in (sure, possible))
    )


def table_rows(table: str) -> list[list[str]]:
    """The lines of a table of words, cut at the bars."""
    return [
        [cell.strip() for cell in line.split("|")]
        for line in table.strip().splitlines()
    ]


def within(scope: str, words: Iterable[Word]) -> Words:
    """The same words as part of a larger phrase, where their nodes have longer names.

    >>> within("subject", tag("Hund:noun"))
    (Word(text='Hund', sure=('subject.noun',), possible=()),)
    """
    return tuple(
        Word(
            text,
            tuple([f"{scope}.{node}" for node in sure]),
            tuple([f"{scope}.{node}" for node in possible]),
        )
        for text, sure, possible in words
    )


def mark(text: str) -> Words:
    """A punctuation mark that both sides have."""
    return (Word(text, (f"mark {text}",)),)


def spell(words: Words, language: str) -> str:
    """The sentence: spaces as the language has them, a capital at its beginning.

    >>> spell(tag("ein Hund schläft , weil es regnet ."), "de")
    'Ein Hund schläft, weil es regnet.'
    """
    if language == "zh":
        return "".join(word.text for word in words)
    text = ""
    for word in words:
        text += word.text if word.text in ",.?" else f" {word.text}"
    text = text.strip()
    return text[:1].upper() + text[1:]


def align(src: Words, tgt: Words) -> tuple[Links, Links]:
    """Sure and possible links between the words of `split_words`, 0-based, sorted.

    A link is sure if both words say a node, possible if one says what the other helps
    to say. A sure link is possible too.

    >>> align(tag("ruft:verb an:verb"), tag("calls:verb"))[0]
    [(0, 0), (1, 0)]
    """
    sure, possible = [], []
    tgt_tokens = _tokens(tgt)
    for s, (said, helped) in enumerate(_tokens(src)):
        for t, (other_said, other_helped) in enumerate(tgt_tokens):
            if said & other_said:
                sure.append((s, t))
            if said & other_said or said & other_helped or helped & other_said:
                possible.append((s, t))
    return sure, possible


def _tokens(words: Words) -> list[tuple[set[str], set[str]]]:
    """What each token says and helps to say; a Chinese word has a token a character."""
    return [
        (set(word.sure), set(word.possible))
        for word in words
        for _ in split_words(word.text)
    ]


@dataclass
class Derivation:
    """One walk through a grammar: it makes the choices, and notes what it combines."""

    rng: np.random.Generator
    combined: list[tuple[str, str, str]] = field(default_factory=list)
    """(kind, first, second) of every combination that can be held out."""

    def one_of(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as another."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return int(self.rng.integers(100)) < percent

    def combine(self, kind: str, first: str, second: str) -> None:
        """Note that two words meet in this sentence."""
        self.combined.append((kind, first, second))


Rule = Callable[[Derivation], tuple[Words, Words]]


@dataclass(frozen=True)
class Grammar:
    """Rules for two languages, and the combinations that training never shows."""

    about: str
    languages: tuple[str, str]
    rules: Mapping[str, Rule]
    shares: Mapping[str, int]
    """How much more often a rule is drawn than those that are not named."""
    held_out: Mapping[str, frozenset[tuple[str, str]]]
    """Kind of combination -> the pairs of words that are held out."""

    def derive(self, rng: np.random.Generator) -> "Derived":
        """One sentence pair, by a rule that is drawn."""
        names = [n for n in self.rules for _ in range(self.shares.get(n, 1))]
        derivation = Derivation(rng)
        name = derivation.one_of(names)
        src, tgt = self.rules[name](derivation)
        found = {
            kind for kind, *pair in derivation.combined if self._is_out(kind, pair)
        }
        held_out = tuple(kind for kind in self.held_out if kind in found)
        return Derived(src, tgt, self.languages, name, held_out)

    def _is_out(self, kind: str, pair: list[str]) -> bool:
        return tuple(pair) in self.held_out[kind]


@dataclass(frozen=True)
class Example:
    """A sentence pair with its alignment, and where it comes from."""

    src: str
    tgt: str
    sure: Links
    possible: Links
    """The sure links among them."""
    rule: str
    held_out: tuple[str, ...]
    """Kinds of held-out combinations that it holds."""


@dataclass(frozen=True)
class Derived:
    """What a rule made: words that still know their nodes."""

    src: Words
    tgt: Words
    languages: tuple[str, str]
    rule: str
    held_out: tuple[str, ...]

    def sentences(self) -> tuple[str, str]:
        """Both sides as text."""
        return spell(self.src, self.languages[0]), spell(self.tgt, self.languages[1])

    def example(self) -> Example:
        """The pair with its links."""
        links = align(self.src, self.tgt)
        return Example(*self.sentences(), *links, self.rule, self.held_out)


def every_nth(
    n: int,
    firsts: Sequence[First],
    seconds: Sequence[Second],
    fit: Callable[[First, Second], bool],
) -> frozenset[tuple[str, str]]:
    """Pairs (i, j) of fitting words with i + j divisible by n, as texts.

    Each word misses about one partner in n, another word another partner, so that
    training shows every word, and never all of its combinations.
    """
    return frozenset(
        (str(first), str(second))
        for i, first in enumerate(firsts)
        for j, second in enumerate(seconds)
        if (i + j) % n == 0 and fit(first, second)
    )
