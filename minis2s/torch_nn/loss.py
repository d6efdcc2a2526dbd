"""Cross-entropy over the real tokens, with label smoothing.

Twin: minis2s/numpy_ref/loss.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s.text.tokenizers import PAD_ID

N_ROWS = 32
"""Rows of logits that are treated together on a CPU: about a megabyte of them."""


def cross_entropy(
    logits: Float[Tensor, "batch tgt_len vocab_size"],
    tgt_out: Int[Tensor, "batch tgt_len"],
    label_smoothing: float = 0.0,
    *,
    fused: bool = True,
) -> Float[Tensor, ""]:
    """Summed over real target tokens, in nats; the caller divides by their number.

    loss = -sum_t [(1 - eps) log p(y_t) + eps / V sum_v log p(v)]

    The division is left to the caller, since a batch may come in parts, and then the
    number of tokens is that of the whole batch.

    Args:
        logits: unnormalised log-probabilities.
        tgt_out: the reference; PAD is not counted.
        label_smoothing: eps, the share spread evenly over the vocabulary.
        fused: on a CPU, loss and gradient in one pass of our own; else, and on a GPU,
            PyTorch's function. The two agree.

    Source: Szegedy et al. 2016, section 7, arXiv:1512.00567.
    """
    rows, targets = logits.flatten(0, 1), tgt_out.flatten()
    if fused and logits.requires_grad and logits.device.type == "cpu":
        return _CrossEntropy.apply(rows, targets, label_smoothing)
    return nn.functional.cross_entropy(
        rows.to(_precise(logits.dtype)),
        targets,
        ignore_index=PAD_ID,
        reduction="sum",
        label_smoothing=label_smoothing,
    )


def _precise(dtype: torch.dtype) -> torch.dtype:
    """The type that losses are computed in: bfloat16 is too coarse."""
    return torch.promote_types(dtype, torch.float32)


class _CrossEntropy(torch.autograd.Function):
    """The loss of `cross_entropy` and its gradient, a few rows at a time.

    dloss / dz_v = p(v) - (1 - eps) [v = y] - eps / V, in a row of logits z

    PyTorch passes several times over arrays of (rows, vocab_size), which no processor's
    cache can hold. A few rows it can, so both are computed while they are there.
    """

    @staticmethod
    def forward(
        ctx,
        logits: Float[Tensor, "rows vocab_size"],
        targets: Int[Tensor, " rows"],
        eps: float,
    ) -> Float[Tensor, ""]:
        """The loss; what `backward` will need is its gradient, already there."""
        grad = torch.empty_like(logits)
        parts = zip(*(x.split(N_ROWS) for x in (logits, targets, grad)), strict=True)
        losses = [_loss_and_gradient(*part, eps) for part in parts]
        ctx.save_for_backward(grad)
        return torch.stack(losses).sum()

    @staticmethod
    def backward(
        ctx, grad_loss: Float[Tensor, ""]
    ) -> tuple[Float[Tensor, "rows vocab_size"], None, None]:
        """The gradient of the logits; targets and eps have none."""
        (grad,) = ctx.saved_tensors
        return grad * grad_loss.to(grad.dtype), None, None


def _loss_and_gradient(
    logits: Float[Tensor, "rows vocab_size"],
    targets: Int[Tensor, " rows"],
    grad: Float[Tensor, "rows vocab_size"],
    eps: float,
) -> Float[Tensor, ""]:
    """Summed loss of some rows; its gradient is written into `grad`."""
    real, rows = targets != PAD_ID, torch.arange(len(targets))
    log_p = torch.log_softmax(logits, dim=-1, dtype=_precise(logits.dtype))
    loss = -(1 - eps) * log_p[rows, targets] - eps * log_p.mean(dim=-1)
    slope = log_p.exp_().sub_(eps / logits.shape[-1])
    slope[rows, targets] -= 1 - eps
    grad.copy_(slope.mul_(real.unsqueeze(-1)))
    return loss.masked_fill(~real, 0.0).sum()
