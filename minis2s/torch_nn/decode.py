"""Searching for a translation: greedy, and with a beam.

Twin: minis2s/numpy_ref/decode.py. A model is anything with `encode`, `initial_state`
and `decode_step`. What a sentence is translated to depends on nothing but the
sentence: not on its batch, nor on its place in it. Left out: sampling, n-best lists,
penalties for coverage.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import DecodeConfig
from minis2s.hypothesis import Beam, Hypothesis
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID
from minis2s.torch_nn.masks import mask_lengths


def translate_batch(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[Hypothesis]:
    """The best hypothesis for each sentence, by the search that the config names."""
    search = greedy_search if config.n_beams == 1 else beam_search
    return search(model, src, src_mask, config)


def max_tgt_len(src_mask: Bool[Tensor, "batch src_len"]) -> Int[Tensor, " batch"]:
    """Most tokens of a translation: 2 src_len + 20, EOS counted on both sides."""
    return 2 * mask_lengths(src_mask) + 20


def log_probabilities(
    logits: Float[Tensor, "*rows vocab_size"],
) -> Float[Tensor, "*rows vocab_size"]:
    """Log softmax over what may be said: PAD and BOS have probability zero."""
    logits = logits.float().clone()
    logits[..., [PAD_ID, BOS_ID]] = -torch.inf
    return logits.log_softmax(dim=-1)


def select_rows(tree: Any, rows: Int[Tensor, " chosen"]) -> Any:
    """The named rows of every tensor in nested tuples."""
    if isinstance(tree, Tensor):
        return tree[rows]
    parts = [select_rows(part, rows) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


@torch.inference_mode()
def greedy_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[Hypothesis]:
    """Take the likeliest token, again and again; ties go to the lowest id.

    Sentences that are finished leave the batch.
    """
    memory = model.encode(src, src_mask)
    state = model.initial_state(memory)
    limit = max_tgt_len(src_mask)
    token = torch.full_like(limit, BOS_ID)
    active = torch.arange(len(src), device=src.device)
    paths: list[list[tuple[int, float, Tensor]]] = [[] for _ in src]
    while len(active):
        logits, weights, state = model.decode_step(token, state, memory)
        log_prob, token = log_probabilities(logits).max(dim=-1)
        for i, *taken in zip(
            active.tolist(), token.tolist(), log_prob.tolist(), weights, strict=True
        ):
            paths[i].append(tuple(taken))
        length = len(paths[int(active[0])])
        going = torch.nonzero((token != EOS_ID) & (limit > length)).squeeze(1)
        if len(going) < len(active):
            token, state, memory, active, limit = select_rows(
                (token, state, memory, active, limit), going
            )
    return [
        _hypothesis(model, path, int(src_mask[i].sum()), config.alpha)
        for i, path in enumerate(paths)
    ]


def _hypothesis(
    model: nn.Module, path: list[tuple[int, float, Tensor]], src_len: int, alpha: float
) -> Hypothesis:
    """Gather (token, log-probability, attention) triples into a hypothesis."""
    tokens, log_probs, weights = zip(*path, strict=True)
    attention = torch.stack(weights, dim=2)[..., :src_len].float().cpu().numpy()
    score = float(np.sum(log_probs)) / len(tokens) ** alpha
    return Hypothesis(list(tokens), score, attention, model.attention_kind)


def top_candidates(
    scores: Float[Tensor, "batch n_candidates"], n_best: int
) -> tuple[Float[Tensor, "batch n_best"], Int[Tensor, "batch n_best"]]:
    """The highest scores, best first, and where they stand; ties to the lowest index.

    `torch.topk` leaves the order of ties open, and with it the translation.
    """
    scores, best = scores.clone(), []
    for _ in range(n_best):
        value, index = scores.max(dim=1)
        best.append((value, index))
        scores.scatter_(1, index.unsqueeze(1), -torch.inf)
    values, indices = zip(*best, strict=True)
    return torch.stack(values, dim=1), torch.stack(indices, dim=1)


@torch.inference_mode()
def beam_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[Hypothesis]:
    """Keep the n_beams best beginnings; a finished one keeps its place among them.

    score = sum log p / len^alpha, EOS counted. A sentence is done when no beginning
    is left that could still win: a log-probability only falls, so a beginning cannot
    end above its sum so far over the greatest length it may reach. A translation that
    the length limit cut off is returned only if none ended by itself.

    Source: Graves 2012, arXiv:1211.3711; the length norm after Wu et al. 2016,
        arXiv:1609.08144, section 7, in its simplest form.
    """
    beams = [
        Beam(int(limit), config.n_beams, config.alpha)
        for limit in max_tgt_len(src_mask)
    ]
    active = list(range(len(src)))
    n_beams, device = config.n_beams, src.device
    memory = model.encode(src, src_mask)
    state = model.initial_state(memory)
    rows = torch.arange(len(src), device=device).repeat_interleave(n_beams)
    memory, state = select_rows((memory, state), rows)
    token = torch.full_like(rows, BOS_ID)
    total = torch.full((len(src), n_beams), -torch.inf, device=device)
    total[:, 0] = 0.0  # all beams are alike as yet: one speaks for them
    while active:
        logits, weights, state = model.decode_step(token, state, memory)
        log_prob = log_probabilities(logits).unflatten(0, (len(active), n_beams))
        vocab_size = log_prob.shape[-1]
        totals, index = top_candidates(
            (total.unsqueeze(-1) + log_prob).flatten(1), n_beams
        )
        parent, token = index // vocab_size, index % vocab_size
        weights = weights.unflatten(0, (len(active), n_beams))
        for i, *grown in zip(
            active,
            totals.tolist(),
            parent.tolist(),
            token.tolist(),
            weights,
            strict=True,
        ):
            beams[i].grow(*grown)
        going = [place for place, i in enumerate(active) if not beams[i].done]
        active = [active[place] for place in going]
        places = torch.tensor(going, dtype=torch.long, device=device)
        total = torch.tensor([beams[i].live for i in active], device=device)
        token = token[places].flatten()
        rows = (places.unsqueeze(1) * n_beams + parent[places]).flatten()
        memory, state = select_rows((memory, state), rows)
    return [
        _hypothesis(model, beam.best_path(), int(src_mask[i].sum()), config.alpha)
        for i, beam in enumerate(beams)
    ]
