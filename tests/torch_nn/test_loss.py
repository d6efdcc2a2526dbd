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


@pytest.mark.parametrize("n_rows", [3, 31, 32, 97])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_fused_equals_pytorch(n_rows, smoothing):
    """Our one pass gives PyTorch's loss and gradient, however the rows are cut."""
    generator = torch.manual_seed(n_rows)
    logits = 30 * torch.randn(1, n_rows, 13, dtype=torch.float64, generator=generator)
    tgt_out = torch.randint(0, 13, (1, n_rows), generator=generator)
    found = []
    for fused in (True, False):
        leaf = logits.clone().requires_grad_()
        loss = cross_entropy(leaf, tgt_out, smoothing, fused=fused)
        (0.7 * loss).backward()
        found.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_bfloat16_logits_are_summed_in_float32():
    """Losses of bfloat16 logits are not rounded to bfloat16, and gradients are."""
    logits = LOGITS.to(torch.bfloat16).requires_grad_()
    loss = cross_entropy(logits, TGT_OUT, 0.1)
    loss.backward()
    exact = LOGITS.to(torch.bfloat16).double().requires_grad_()
    cross_entropy(exact, TGT_OUT, 0.1).backward()
    assert loss.dtype == torch.float32
    assert logits.grad.dtype == torch.bfloat16
    torch.testing.assert_close(logits.grad.double(), exact.grad, rtol=1e-2, atol=1e-3)
