"""Learning byte-pair merges, against the definition that counts everything anew."""

import pytest

from minis2s import specs
from minis2s.config import InputError
from minis2s.text.bpe import merge_word
from minis2s.text.bpe_learning import (
    count_words,
    learn_bpe,
    mark_words,
    shared_merges,
)
from minis2s.text.corpora import load
from minis2s.text.tokenizers import SentencePieceTokenizer

ALL = 10**6


def random_counts(rng):
    """Words over few letters, so that pairs overlap and tie."""
    letters = list("abc")[: rng.integers(1, 4)]
    sizes = rng.integers(1, 12, size=7)
    words = {"".join(rng.choice(letters, size=n)) for n in sizes}
    return {word: int(rng.integers(1, 4)) for word in sorted(words)}


@pytest.mark.parametrize("n_merges", [0, 3, ALL])
def test_same_merges_as_the_definition_on_random_words(rng, n_merges):
    """Pairs that overlap, tie and repeat are counted as if counted anew."""
    for _ in range(53):
        counts = random_counts(rng)
        learned = learn_bpe(counts, n_merges)
        assert learned == specs.learn_bpe(counts, n_merges)


def test_same_merges_as_the_definition_on_captions():
    """Nor does anything drift over many merges of real sentences."""
    text = load("captions-de-en", "test", "de", "en")
    counts = count_words(text.src[:23] + text.tgt[:23])
    learned = learn_bpe(counts, 127)
    assert len(learned) == 127
    assert learned == specs.learn_bpe(counts, 127)


def test_with_every_merge_every_word_is_one_piece(rng):
    """Merges learned to the end put each word together, and none is learned twice."""
    for _ in range(53):
        counts = random_counts(rng)
        merges = learn_bpe(counts, ALL)
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        assert len(ranks) == len(merges)
        assert [merge_word(word, ranks) for word in counts] == [[w] for w in counts]


def test_order_of_words_does_not_matter(rng):
    """Ties go by length and code point, never by which word came first."""
    counts = random_counts(rng)
    backwards = dict(reversed(counts.items()))
    assert learn_bpe(counts, ALL) == learn_bpe(backwards, ALL)


def test_frequent_then_short_then_first_by_code_point():
    """More often beats shorter, and shorter beats an earlier letter."""
    counts = {"xyz": 5, "ab": 3, "xyzaa": 3, "cd": 3}
    assert learn_bpe(counts, ALL)[:5] == [
        ("x", "y"),
        ("xy", "z"),
        ("a", "a"),
        ("a", "b"),
        ("c", "d"),
    ]


@pytest.mark.parametrize("counts", [{}, {"a": 7}])
def test_nothing_to_join(counts):
    """Words of one character give no merges."""
    assert learn_bpe(counts, 5) == []


def test_merges_cannot_be_fewer_than_none():
    """A negative number is refused."""
    with pytest.raises(InputError, match="n_merges must be 0 or more, got -1"):
        learn_bpe({"ab": 1}, -1)


# --- words ---


@pytest.mark.parametrize("text", ["a▁b", "a b", " a  b ", "a b▁ "])
def test_a_mark_is_a_space(text):
    """A mark that the text holds stands for a space."""
    assert mark_words(text) == ["▁a", "▁b"]


def test_words_are_cut_where_kinds_meet():
    """Letters, digits and other marks part; an accent stays with its letter."""
    words = count_words(["T-Shirt, 2x (x\u0301y) …", "▁ a"])
    assert list(words) == [
        *["▁T", "-", "Shirt", ",", "▁2", "x"],
        *["▁(", "x\u0301y", ")", "▁…", "▁", "▁a"],
    ]


def test_words_are_counted_in_composed_form():
    """The same word in either of Unicode's forms is one word."""
    assert count_words(["u\u0308ber", "über Über"], lower=True) == {"▁über": 3}


# --- beside SentencePiece ---


def test_sentencepiece_learns_nearly_the_same():
    """On one text, at least 98 of 100 learned pieces are SentencePiece's too."""
    text = load("captions-de-en", "test", "de", "en")
    lines = text.src + text.tgt
    tokenizer = SentencePieceTokenizer.learn(lines, 811)
    n_merges = sum(len(piece) > 1 for piece in tokenizer.scores)
    merges = learn_bpe(count_words(lines), n_merges)
    assert shared_merges(merges, tokenizer) > 0.98


def test_share_of_merges():
    """Of two pieces, one is SentencePiece's."""
    tokenizer = SentencePieceTokenizer.learn(["ab"] * 3, 300)
    assert shared_merges([("a", "b"), ("b", "a")], tokenizer) == 0.5


def test_no_merges_have_no_share():
    """A share of nothing is refused."""
    with pytest.raises(
        InputError, match="merges must hold at least one pair, got none"
    ):
        shared_merges([], SentencePieceTokenizer.learn(["ab"], 300))
