"""What a decoder returns, and attention between tokens made into that of words."""

import dataclasses

import numpy as np
import pytest

from minis2s.hypothesis import Beam, Hypothesis, merge_attention
from minis2s.text.tokenizers import EOS_ID

TGT_LEN, SRC_LEN = 5, 7
TGT_GROUP, SRC_GROUP = [0, 0, 1, 2, 2], [0, 1, 1, 1, 2, 3, 3]


@pytest.fixture
def weights(rng):
    """Attention of five target tokens over seven source tokens."""
    return rng.dirichlet(np.ones(SRC_LEN), size=TGT_LEN)


def test_merge_is_sum_over_source_and_mean_over_target(weights):
    """As a loop: parts of a source word add up, of a target word average."""
    merged = merge_attention(weights, TGT_GROUP, SRC_GROUP)
    assert merged.shape == (3, 4)
    for t, s in np.ndindex(3, 4):
        rows = [i for i, word in enumerate(TGT_GROUP) if word == t]
        columns = [j for j, word in enumerate(SRC_GROUP) if word == s]
        want = sum(weights[i, j] for i in rows for j in columns) / len(rows)
        np.testing.assert_allclose(merged[t, s], want, rtol=1e-12, atol=1e-12)


def test_merged_rows_still_sum_to_one(weights):
    """Whatever the groups are, a word's attention sums to 1."""
    merged = merge_attention(weights, TGT_GROUP, SRC_GROUP)
    np.testing.assert_allclose(merged.sum(axis=1), 1, rtol=1e-12)


def test_words_of_one_token_change_nothing(weights):
    """Where each token is a word, the attention stays as it is."""
    merged = merge_attention(weights, [*range(TGT_LEN)], [*range(SRC_LEN)])
    np.testing.assert_array_equal(merged, weights)


def test_one_hot_attention_stays_on_its_word():
    """A target token that looks at one source token makes its word look at its word."""
    weights = np.eye(SRC_LEN)[[6, 6, 0, 2, 3]]
    merged = merge_attention(weights, TGT_GROUP, SRC_GROUP)
    assert merged.argmax(axis=1).tolist() == [3, 0, 1]
    np.testing.assert_array_equal(merged.max(axis=1), 1)


def test_merge_takes_single_precision(weights):
    """float32 from a model is summed without losing the unit sum."""
    merged = merge_attention(weights.astype(np.float32), TGT_GROUP, SRC_GROUP)
    np.testing.assert_allclose(merged.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("side", "group", "message"),
    [
        ("tgt", TGT_GROUP[1:], "have one entry for each of 5 tokens, got 4"),
        ("src", [*SRC_GROUP, 3], "have one entry for each of 7 tokens, got 8"),
        ("tgt", SRC_GROUP, "have one entry for each of 5 tokens, got 7"),
        ("tgt", [0, 0, 2, 2, 3], "number the words from 0 without a gap, got"),
        ("src", [1, 1, 2, 2, 3, 3, 4], "number the words from 0 without a gap, got"),
        ("src", [-1, 0, 0, 1, 1, 2, 2], "number the words from 0 without a gap, got"),
    ],
)
def test_groups_must_fit(weights, side, group, message):
    """A group of another length, or with a word that has no token, is refused."""
    groups = {"tgt_group": TGT_GROUP, "src_group": SRC_GROUP, f"{side}_group": group}
    with pytest.raises(ValueError, match=f"^{side}_group: must {message}"):
        merge_attention(weights, **groups)


def test_hypothesis_is_frozen(weights):
    """A hypothesis cannot be changed after the search has made it."""
    found = Hypothesis([5, 3], -0.5, weights[None, None], "general cross-attention")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.score = 0.0


def test_what_has_ended_is_not_continued():
    """Its slot is free: no token may follow EOS, and only the other one lives on."""
    beam = Beam(limit=9, n_beams=2, alpha=1.0, n_best=1)
    grow(beam, [-0.1, -0.4], tokens=[EOS_ID, 5])
    assert beam.live == [-np.inf, -0.4]


def grow(beam, totals, tokens, parents=(0, 0, 0), costs=(0.0, 0.0, 0.0)):
    """One step whose attention is of no interest."""
    beam.grow(totals, list(parents), tokens, [0, 1, 2], list(costs))


@pytest.mark.parametrize(("n_best", "done"), [(1, True), (2, False)])
def test_a_beam_is_done_with_as_many_as_are_wanted(n_best, done):
    """One that has ended above all hope is enough for one, but not for two."""
    beam = Beam(limit=9, n_beams=2, alpha=0.0, n_best=n_best)
    grow(beam, [-0.1, -0.4], tokens=[EOS_ID, 5])
    assert beam.done == done


@pytest.mark.parametrize(("second", "done"), [(-0.5, False), (-0.4, True)])
def test_a_beam_goes_on_while_the_last_of_n_could_be_beaten(second, done):
    """Two have ended; what lives, at -0.4, may still come above the second."""
    beam = Beam(limit=9, n_beams=3, alpha=0.0, n_best=2)
    grow(beam, [-0.1, -0.2, -0.4], tokens=[EOS_ID, 4, 5])
    grow(beam, [-0.4, second], tokens=[5, EOS_ID], parents=(2, 1))
    assert beam.done == done


def test_a_beam_without_life_is_done():
    """Where all have ended there is nothing to wait for, however many are wanted."""
    beam = Beam(limit=1, n_beams=3, alpha=0.0, n_best=3)
    grow(beam, [-0.1, -0.2, -np.inf], tokens=[EOS_ID, 4, 5])
    assert beam.done


def test_the_length_counts_where_hope_does():
    """Over the longest length, -0.9 may still become -0.1, which beats -0.5."""
    beam = Beam(limit=9, n_beams=2, alpha=1.0, n_best=1)
    grow(beam, [-0.5, -0.9], tokens=[EOS_ID, 5])
    assert not beam.done


def test_paths_come_best_first_and_of_equals_the_first():
    """Sorted by score; of two equal ones that which ended first."""
    beam = Beam(limit=9, n_beams=3, alpha=0.0, n_best=3)
    grow(beam, [-0.1, -0.2, -0.3], tokens=[4, EOS_ID, 5])
    grow(beam, [-0.1, -0.2], tokens=[EOS_ID, EOS_ID], parents=(0, 2))
    assert [(score, tokens) for score, tokens, _ in beam.best_paths()] == [
        (-0.1, [4, EOS_ID]),
        (-0.2, [EOS_ID]),
        (-0.2, [5, EOS_ID]),
    ]


def test_a_path_is_read_along_its_parents():
    """Tokens and attention of each step are those of the parent's slot."""
    beam = Beam(limit=9, n_beams=2, alpha=0.0, n_best=1)
    grow(beam, [-0.1, -0.2], tokens=[4, 5])
    grow(beam, [-0.3, -0.4], tokens=[6, 7], parents=(1, 0))
    grow(beam, [-0.5], tokens=[EOS_ID], parents=(0,))
    assert beam.best_paths() == [(-0.5, [5, 6, EOS_ID], [0, 1, 0])]


def test_the_cost_is_the_parents_and_comes_after_the_norm():
    """Its own sum over its length, and then what its parent's slot has to pay."""
    beam = Beam(limit=9, n_beams=2, alpha=1.0, n_best=2)
    grow(beam, [-0.1, -0.2], tokens=[4, 5])
    tokens = [EOS_ID, EOS_ID]
    grow(beam, [-0.4, -0.6], tokens, parents=(1, 0), costs=(-0.01, -7.0))
    assert [(score, path[0]) for score, path, _ in beam.best_paths()] == [
        (pytest.approx(-0.31), 4),
        (pytest.approx(-7.2), 5),
    ]


@pytest.mark.parametrize(
    ("last", "want"), [(EOS_ID, [[5, EOS_ID]]), (6, [[4, 6], [5, 6]])]
)
def test_what_was_cut_off_counts_if_nothing_ended(last, want):
    """A translation that came to its end goes before all that did not."""
    beam = Beam(limit=2, n_beams=2, alpha=0.0, n_best=2)
    grow(beam, [-0.1, -0.2], tokens=[4, 5])
    grow(beam, [-0.3, -0.4], tokens=[6, last], parents=(0, 1))
    assert beam.done
    assert [tokens for _, tokens, _ in beam.best_paths()] == want
