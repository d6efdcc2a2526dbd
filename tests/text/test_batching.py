"""Batches: every pair once, little padding, and an order that needs no memory."""

import numpy as np
import pytest

from minis2s.text.batching import (
    EncodedPairs,
    encode_pairs,
    iterate_batches,
    make_batch,
    pad,
    plan_batches,
)
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    UNK_ID,
    CharTokenizer,
    WordTokenizer,
)


def pairs_of(src_lengths, tgt_lengths):
    """Encoded pairs of these lengths, EOS counted; every token names its pair."""

    def side(lengths):
        start = np.zeros(len(lengths) + 1, dtype=np.int64)
        start[1:] = np.cumsum(lengths)
        ids = np.repeat(np.arange(len(lengths), dtype=np.int32) + 4, lengths)
        ids[start[1:] - 1] = EOS_ID
        return ids, start

    return EncodedPairs(*side(src_lengths), *side(tgt_lengths))


@pytest.fixture
def realistic(rng):
    """Lengths as captions have them: about 13, ragged, the sides alike."""
    base = rng.lognormal(np.log(13), 0.35, 997)
    lengths = [np.maximum(base * rng.normal(1, 0.12, 997), 1) for _ in "st"]
    return pairs_of(*(side.astype(int) + 1 for side in lengths))


# --- the plan ---


def test_no_pairs_give_no_batches():
    """An empty text has no batch, rather than one without a sentence."""
    assert list(iterate_batches(pairs_of([], []), 31, seed=1)) == []


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("batch_tokens", [1, 31, 199, 2048])
def test_every_pair_once_an_epoch(realistic, batch_tokens, seed):
    """Each pair is in exactly one batch, whatever the budget."""
    plan = plan_batches(realistic, batch_tokens, seed, epoch=0)
    assert sorted(i for batch in plan for i in batch) == [*range(len(realistic))]
    assert all(plan)


@pytest.mark.parametrize("batch_tokens", [61, 199, 2048])
def test_budget_is_kept(realistic, batch_tokens):
    """The larger side of a batch, padding included, is within the budget."""
    for batch in iterate_batches(realistic, batch_tokens, seed=1):
        alone = len(batch.src) == 1
        assert alone or max(batch.src.size, batch.tgt_out.size) <= batch_tokens


def test_budget_is_used(realistic):
    """All but one batch are so full that another pair would not have fitted."""
    sizes = [
        (len(batch.src) + 1) * max(batch.src.shape[1], batch.tgt_in.shape[1])
        for batch in iterate_batches(realistic, 199)
    ]
    assert sum(size <= 199 - 7 for size in sizes) <= 1


def test_pair_longer_than_the_budget_is_alone():
    """A pair that no budget allows gets a batch of its own, once."""
    plan = plan_batches(pairs_of([3, 47, 5], [2, 3, 5]), 11, seed=1, epoch=0)
    assert sorted(plan) == [[0, 2], [1]]


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_plan_is_a_pure_function(realistic, epoch):
    """Seed and epoch decide everything; what was planned before does not matter."""
    first = plan_batches(realistic, 199, 5, epoch)
    plan_batches(realistic, 199, 5, epoch + 1)
    np.random.default_rng(0).random(3)
    assert plan_batches(realistic, 199, 5, epoch) == first


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 6}])
def test_epochs_and_seeds_differ(realistic, change):
    """Another epoch or seed orders the batches anew, and fills them anew."""
    one = plan_batches(realistic, 199, **{"seed": 5, "epoch": 0})
    other = plan_batches(realistic, 199, **{"seed": 5, "epoch": 0, **change})
    assert one != other
    together = {frozenset(batch) for batch in one} & {frozenset(b) for b in other}
    assert len(together) < 0.1 * len(one)


def test_without_a_seed_the_order_is_by_length(realistic):
    """For scoring, batches come in order of length, the same in every epoch."""
    plan = plan_batches(realistic, 199, None, epoch=0)
    assert plan_batches(realistic, 199, None, epoch=1) == plan
    widths = [max(map(len, realistic.pair(i))) for batch in plan for i in batch]
    assert widths == sorted(widths)


def test_batches_are_not_in_order_of_length(realistic):
    """In training, long and short batches are mixed."""
    widths = [b.src.shape[1] for b in iterate_batches(realistic, 199, seed=1)]
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 0.4


def share_of_padding(pairs, plan):
    """Share of padding on both sides, were the epoch cut into these batches."""
    batches = [make_batch(pairs, indices) for indices in plan]
    arrays = [array for batch in batches for array in (batch.src, batch.tgt_out)]
    n_padded = sum((array == PAD_ID).sum() for array in arrays)
    return n_padded / sum(array.size for array in arrays)


def test_little_is_padding(realistic):
    """An eighth at most is padding, where batches in order of the text waste a half."""
    in_order = [[*range(i, min(i + 61, 997))] for i in range(0, 997, 61)]
    assert share_of_padding(realistic, plan_batches(realistic, 512, 1, 0)) < 1 / 8
    assert share_of_padding(realistic, in_order) > 1 / 2


# --- a batch ---


@pytest.fixture
def batch():
    """Pairs of 5 and 2, 3 and 7, 2 and 3 tokens."""
    return make_batch(pairs_of([5, 3, 2], [2, 7, 3]), [0, 1, 2])


def test_batch(batch):
    """Sides are padded behind; the decoder reads BOS first and answers EOS last."""
    assert batch.src.tolist() == [[4, 4, 4, 4, 3], [5, 5, 3, 0, 0], [6, 3, 0, 0, 0]]
    assert batch.tgt_out.tolist() == [
        [4, 3, 0, 0, 0, 0, 0],
        [5, 5, 5, 5, 5, 5, 3],
        [6, 6, 3, 0, 0, 0, 0],
    ]
    assert batch.tgt_in.tolist() == [
        [2, 4, 0, 0, 0, 0, 0],
        [2, 5, 5, 5, 5, 5, 5],
        [2, 6, 6, 0, 0, 0, 0],
    ]


def test_mask_is_true_on_tokens(batch):
    """The mask is True on each real source token, EOS too, and False on padding."""
    assert batch.src_mask.dtype == bool
    assert batch.src_mask.sum(axis=1).tolist() == [5, 3, 2]
    np.testing.assert_array_equal(batch.src_mask, batch.src != PAD_ID)


def test_tgt_in_is_tgt_out_shifted(batch):
    """What is read at step t+1 is what was to be answered at step t."""
    answered = batch.tgt_out[:, 1:] != PAD_ID
    np.testing.assert_array_equal(
        batch.tgt_in[:, 1:][answered], batch.tgt_out[:, :-1][answered]
    )
    assert (batch.tgt_in[:, 0] == BOS_ID).all()


def test_both_target_arrays_have_the_same_padding(batch):
    """Where nothing is to be answered nothing is read."""
    np.testing.assert_array_equal(batch.tgt_in == PAD_ID, batch.tgt_out == PAD_ID)


def test_n_tokens_counts_real_target_tokens(batch):
    """EOS counts, padding and the source do not."""
    assert batch.n_tokens == 2 + 7 + 3


def test_order_of_indices_is_kept():
    """Row n of a batch is the n-th index that was asked for."""
    batch = make_batch(pairs_of([2, 2, 2], [2, 2, 2]), [2, 0])
    assert batch.src[:, 0].tolist() == [6, 4]


@pytest.mark.parametrize(
    ("sentences", "padded"),
    [
        ([[7]], [[7]]),
        ([[7], []], [[7], [0]]),
        ([[4, 5], [6, 7, 8]], [[4, 5, 0], [6, 7, 8]]),
        ([[], []], [[], []]),
    ],
)
def test_pad(sentences, padded):
    """Shorter sentences are filled behind with PAD."""
    assert pad(sentences).tolist() == padded


# --- encoding ---


def text_of(*pairs):
    """A text of these pairs."""
    return ParallelText([s for s, _ in pairs], [t for _, t in pairs], "")


@pytest.fixture
def tokenizer():
    """Characters a to e and the space."""
    return CharTokenizer.learn(["a b c d e"], 13, min_count=1)


def test_pairs_end_in_eos_and_begin_without_bos(tokenizer):
    """Each side is its ids and EOS; BOS is no part of it."""
    pairs = encode_pairs(text_of(("ab", "c"), ("d", "eed")), tokenizer, max_len=7)
    for i, (s, t) in enumerate((("ab", "c"), ("d", "eed"))):
        src, tgt = pairs.pair(i)
        assert src.tolist() == [*tokenizer.encode(s), EOS_ID]
        assert tgt.tolist() == [*tokenizer.encode(t), EOS_ID]


@pytest.mark.parametrize("blank", [("", "a"), ("a", ""), (" ", "a"), ("a", "\t\u00a0")])
def test_blank_pairs_are_counted(tokenizer, blank):
    """A pair with a blank side is left out and counted."""
    pairs = encode_pairs(text_of(("a", "b"), blank, ("c", "d")), tokenizer, max_len=7)
    assert (len(pairs), pairs.n_blank, pairs.n_long) == (2, 1, 0)
    assert pairs.pair(1)[0].tolist() == [*tokenizer.encode("c"), EOS_ID]


@pytest.mark.parametrize("long", [("aaaaaa", "a"), ("a", "aaaaaa")])
def test_long_pairs_are_counted(tokenizer, long):
    """A pair with a side of more than max_len tokens is left out and counted."""
    pairs = encode_pairs(text_of(("aaaaa", "bbbbb"), long), tokenizer, max_len=5)
    assert (len(pairs), pairs.n_blank, pairs.n_long) == (1, 0, 1)


def test_side_without_tokens_is_blank():
    """A line in which the tokenizer finds no word is as good as blank."""
    tokenizer = WordTokenizer.learn(["ein"], 7, min_count=1)
    pairs = encode_pairs(text_of(("\u2028 ", "ein"), ("ein", "zwei")), tokenizer, 7)
    assert (len(pairs), pairs.n_blank) == (1, 1)
    assert pairs.pair(0)[1].tolist() == [UNK_ID, EOS_ID]


def test_nothing_left(tokenizer):
    """A text of blank and long pairs alone gives no pair, and both counts."""
    pairs = encode_pairs(text_of(("", "a"), ("aaa", "a")), tokenizer, max_len=2)
    assert (len(pairs), pairs.n_blank, pairs.n_long) == (0, 1, 1)
    assert plan_batches(pairs, 31, None, epoch=0) == []


def test_encoding_keeps_the_order(tokenizer):
    """Pair i of what is kept is the i-th pair of the text that is kept."""
    text = text_of(*((c, d) for c, d in zip("abcde", "bcdea", strict=True)))
    pairs = encode_pairs(text, tokenizer, max_len=1)
    got = [tokenizer.decode(pairs.pair(i)[0].tolist()) for i in range(len(pairs))]
    assert got == text.src


def test_pairs_know_their_lines():
    """A pair names the line of the text that it stood on, blank lines counted."""
    text = ParallelText(["ab", " ", "abcdefgh", "a"], ["b", "b", "b", "ab"], "")
    pairs = encode_pairs(
        text, CharTokenizer(["<pad>", "<unk>", "<s>", "</s>", "a", "b"]), 5
    )
    assert pairs.lines == (0, 3)
    assert pairs.at(7) is pairs
