"""Cross-entropy over real tokens."""

import math

import pytest
import torch

from minis2s.torch_nn.loss import cross_entropy

LOGITS = torch.randn(2, 3, 7, dtype=torch.float64, generator=torch.manual_seed(3))
TGT_OUT = torch.tensor([[4, 6, 3], [5, 3, 0]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_formula(smoothing):
    """(1 - eps) of the reference, eps spread over the vocabulary, PAD not counted."""
    want = 0.0
    for b, t in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1)):
        log_prob = LOGITS[b, t].float().log_softmax(0)
        want -= (1 - smoothing) * float(log_prob[TGT_OUT[b, t]])
        want -= smoothing / 7 * float(log_prob.sum())
    assert math.isclose(cross_entropy(LOGITS, TGT_OUT, smoothing), want, rel_tol=1e-5)


def test_padding_has_no_gradient():
    """What the model says on padding is never asked."""
    logits = LOGITS.clone().requires_grad_()
    cross_entropy(logits, TGT_OUT, 0.1).backward()
    assert not logits.grad[1, 2].any()
    assert logits.grad[1, 1].any()


def test_parts_add_up_to_the_whole():
    """The sum over a batch is the sum over its parts, whatever their padding."""
    parts = cross_entropy(LOGITS[:1], TGT_OUT[:1]) + cross_entropy(
        LOGITS[1:, :2], TGT_OUT[1:, :2]
    )
    torch.testing.assert_close(parts, cross_entropy(LOGITS, TGT_OUT))
