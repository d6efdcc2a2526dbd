"""Masks, lengths and reading backwards, against loops and against the torch twin."""

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
