"""A training text that is cut anew in every epoch."""

import numpy as np
import pytest

from minis2s.config import InputError
from minis2s.specs.bpe import cut_probabilities
from minis2s.text import bpe_dropout
from minis2s.text.batching import encode_pairs
from minis2s.text.bpe import BPE
from minis2s.text.bpe_dropout import DroppedPairs, DroppedText
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import EOS_ID, SentencePieceTokenizer

LINES = [
    "Zwei Köche, die kochen.",
    "",
    " Ein  Hund läuft. ",
    "Ein Hund▁",
    "Gro\u0308ße 🙂 犬\tHund\u00a0läuft",
    "   ",
    "ZWEI HUNDE",
]


def learn(lower=False):
    """A tokenizer that has seen some of the lines."""
    lines = ["Zwei Köche kochen.", "Ein Hund läuft.", "zwei hunde laufen."] * 3
    return SentencePieceTokenizer.learn(lines, 310, lower=lower)


def split(encoded):
    """The lines of a flat array, as lists."""
    ids, start = encoded
    return (
        [part.tolist() for part in np.split(ids, start[1:-1])] if len(start) > 1 else []
    )


@pytest.mark.parametrize("lower", [False, True])
def test_without_dropout_ids_are_the_tokenizers(lower, rng):
    """Every line, whatever its spaces and characters, has the ordinary ids and EOS."""
    tokenizer = learn(lower)
    encoded = split(DroppedText(LINES, tokenizer).encode(0.0, rng))
    assert encoded == [[*tokenizer.encode(line), EOS_ID] for line in LINES]


@pytest.mark.parametrize("dropout", [0.3, 1.0])
def test_dropout_changes_no_text(dropout, rng):
    """However a line is cut, its ids spell the same text."""
    tokenizer = learn()
    encoded = split(DroppedText(LINES, tokenizer).encode(dropout, rng))
    assert encoded != [[*tokenizer.encode(line), EOS_ID] for line in LINES]
    assert list(map(tokenizer.decode, encoded)) == [
        tokenizer.decode(tokenizer.encode(line)) for line in LINES
    ]


def test_the_seed_decides_everything():
    """Equal seeds give equal epochs, whatever was encoded before; others differ."""
    text = DroppedText(LINES, learn())
    first, other, again = (
        split(text.encode(0.5, np.random.default_rng((7, epoch))))
        for epoch in (0, 1, 0)
    )
    assert first == again != other


def test_a_rare_word_is_cut_for_each_occurrence():
    """Up to 32 occurrences take one cut each, all drawn apart, as in the paper."""
    tokenizer, rng = learn(), np.random.default_rng(5)
    bpe = BPE.from_sentencepiece(tokenizer)
    cuts = [bpe.encode_word("▁kochen", 0.5, rng) for _ in range(31)]
    text = DroppedText([" ".join(["kochen"] * 31)], tokenizer)
    (ids,) = split(text.encode(0.5, np.random.default_rng(5)))
    assert [tokenizer.pieces[i] for i in ids[:-1]] == [p for cut in cuts for p in cut]


def test_a_frequent_word_has_the_same_chances(monkeypatch, chi_square):
    """Occurrences that share cuts are cut in each way as often as any other word."""
    monkeypatch.setattr(bpe_dropout, "MAX_CUTS", 2)
    tokenizer = SentencePieceTokenizer.learn(["ab"] * 3, 300)
    text = DroppedText(["ab"] * 7, tokenizer)
    exact = cut_probabilities("▁ab", BPE.from_sentencepiece(tokenizer).ranks, 0.3)
    drawn = []
    for epoch in range(1009):
        line = split(text.encode(0.3, np.random.default_rng((11, epoch))))[4]
        drawn.append(list(exact).index(tuple(tokenizer.pieces[i] for i in line[:-1])))
    assert len(exact) == 4
    assert chi_square(np.array(drawn), np.array(list(exact.values()))) < 1


def test_a_frequent_word_shares_its_cuts(monkeypatch, rng):
    """More occurrences than cuts give no more cuts, and use all of them."""
    monkeypatch.setattr(bpe_dropout, "MAX_CUTS", 3)
    encoded = split(DroppedText(["kochen"] * 101, learn()).encode(0.6, rng))
    assert len({tuple(ids) for ids in encoded}) == 3


def test_no_lines_are_no_tokens(rng):
    """A text of nothing is an empty array."""
    ids, start = DroppedText([], learn()).encode(0.1, rng)
    assert (ids.tolist(), start.tolist()) == ([], [0])


def test_dropout_is_a_probability(rng):
    """What lies outside 0 to 1 is refused."""
    with pytest.raises(InputError, match=r"dropout must be from 0 to 1, got 2\.0"):
        DroppedText(LINES, learn()).encode(2.0, rng)


# --- pairs ---

TEXT = ParallelText(
    ["Zwei Hunde laufen.", "", "Ein Koch kocht.", "Hund"],
    ["Hunde laufen zwei.", "Köche", "kochen", "Ein Hund läuft. " * 3],
    "",
)


def make_pairs(dropout=0.5, max_len=19, seed=3):
    """Pairs of which one is blank; the last is close to the longest allowed."""
    tokenizer = learn()
    pairs = encode_pairs(TEXT, tokenizer, max_len)
    dropped = DroppedPairs(
        pairs, TEXT, tokenizer, dropout=dropout, max_len=max_len, seed=seed
    )
    return tokenizer, pairs, dropped


def test_pairs_say_the_same_in_other_pieces():
    """Every epoch spells the same pairs, the blank one left out, mostly otherwise."""
    tokenizer, pairs, dropped = make_pairs()
    assert len(dropped) == len(pairs) == 3
    seen = set()
    for epoch in range(5):
        now = dropped.at(epoch)
        seen.add(now.src.tobytes())
        for i in range(3):
            for side, ordinary in zip(now.pair(i), pairs.pair(i), strict=True):
                assert side[-1] == EOS_ID
                assert tokenizer.decode(side.tolist()) == tokenizer.decode(
                    ordinary.tolist()
                )
    assert len(seen) > 1


def test_an_epochs_pairs_depend_on_seed_and_epoch_alone():
    """Whoever resumes in the middle of an epoch has the very same pairs."""
    first, again, other = make_pairs()[2], make_pairs()[2], make_pairs(seed=4)[2]
    first.at(0)
    np.testing.assert_array_equal(first.at(1).src, again.at(1).src)
    np.testing.assert_array_equal(first.at(1).tgt, again.at(1).tgt)
    assert first.at(1).src.tobytes() != other.at(1).src.tobytes()


def test_a_pair_that_grows_too_long_keeps_its_pieces():
    """No pair has more tokens than allowed, EOS aside, however many merges are out."""
    _, pairs, dropped = make_pairs(dropout=0.99)
    now = dropped.at(0)
    assert max(np.diff(now.tgt_start)) <= 20
    for side, ordinary in zip(now.pair(2), pairs.pair(2), strict=True):
        np.testing.assert_array_equal(side, ordinary)
    assert len(now.pair(0)[0]) > len(pairs.pair(0)[0])
