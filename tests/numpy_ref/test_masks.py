"""Masks, lengths and reading backwards, against loops and against the torch twin.

PyTorch itself draws the causal mask of rung 4.
"""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import masks
from minis2s.text.tokenizers import EOS_ID, PAD_ID
from minis2s.torch_nn import masks as torch_masks

LENGTHS, LENGTH = [7, 1, 4, 0], 7


@pytest.fixture
def ids(rng):
    """Sentences of 7, 1, 4 and 0 tokens, each ending in EOS, padded behind."""
    ids = rng.integers(4, 23, size=(len(LENGTHS), LENGTH))
    for row, length in zip(ids, LENGTHS, strict=True):
        row[max(length - 1, 0) : length] = EOS_ID
        row[length:] = PAD_ID
    return ids


def test_a_mask_is_true_at_tokens(ids):
    """One comparison for each position."""
    mask = masks.padding_mask(ids)
    for b, s in np.ndindex(ids.shape):
        assert mask[b, s] == (s < LENGTHS[b])


def test_lengths_are_those_of_the_sentences(ids):
    """A sentence is as long as it has tokens, even none."""
    assert masks.mask_lengths(masks.padding_mask(ids)).tolist() == LENGTHS


def test_reversal_turns_tokens_and_leaves_padding(ids):
    """Read through the index, each sentence is its own tokens backwards."""
    index = masks.reversal_index(masks.padding_mask(ids))
    turned = np.take_along_axis(ids, index, axis=1)
    for row, before, length in zip(turned, ids, LENGTHS, strict=True):
        assert row[:length].tolist() == before[:length].tolist()[::-1]
        assert (row[length:] == PAD_ID).all()


def test_reversing_twice_is_the_identity(ids):
    """The index that reverses a sentence also restores it."""
    index = masks.reversal_index(masks.padding_mask(ids))
    twice = np.take_along_axis(index, index, axis=1)
    np.testing.assert_array_equal(twice, np.tile(np.arange(LENGTH), (len(ids), 1)))


@pytest.mark.parametrize("name", ["mask_lengths", "reversal_index"])
def test_both_wings_agree(ids, name):
    """Rung 3: the twins give the same integers."""
    mask = masks.padding_mask(ids)
    twin = getattr(torch_masks, name)(torch_masks.padding_mask(torch.from_numpy(ids)))
    np.testing.assert_array_equal(getattr(masks, name)(mask), twin.numpy())


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_causal_mask_hides_the_future_only(length):
    """Row t sees column s if s is not later; the first position sees itself."""
    mask = masks.causal_mask(length)
    assert mask.shape == (length, length)
    for t, s in np.ndindex(mask.shape):
        assert mask[t, s] == (s <= t)


def test_a_causal_mask_may_have_no_positions():
    """Nothing has been said yet: an empty mask, of bool."""
    mask = masks.causal_mask(0)
    assert (mask.shape, mask.dtype) == ((0, 0), np.bool_)


@pytest.mark.parametrize("length", [0, 1, 7])
def test_both_causal_masks_agree(length):
    """Rung 3: the twins hide the same."""
    twin = torch_masks.causal_mask(length)
    np.testing.assert_array_equal(masks.causal_mask(length), twin.numpy())


def test_pytorchs_causal_mask_adds_minus_infinity_where_ours_hides():
    """Rung 4: its additive mask is 0 where ours is True, and -inf elsewhere."""
    theirs = torch.nn.Transformer.generate_square_subsequent_mask(7)
    assert torch.equal(theirs == 0.0, torch_masks.causal_mask(7, device="cpu"))
    assert torch.isneginf(theirs[~torch_masks.causal_mask(7)]).all()
