"""From probabilities to a translation: greedy, at random, and with a beam.

A model is anything with `encode`, `initial_state`, `decode_step` and `attention_kind`.
The translation of a sentence depends on that sentence alone, not on the others of its
batch, nor on its place among them. If it is drawn, it also depends on the sentence's
own random numbers.

Left out: beams that are made to differ, and words that must or must not be said.

Twin: minis2s/numpy_ref/decode.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import NOT_A_NUMBER, Beam, Hypothesis
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID
from minis2s.torch_nn.coverage import cover
from minis2s.torch_nn.masks import mask_lengths
from minis2s.torch_nn.sampling import draw_tokens, sampling_probabilities


def translate_batch(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
    rngs: Sequence[np.random.Generator] | None = None,
) -> list[Hypothesis]:
    """The best hypothesis for each sentence, by the search that the config names.

    Raises:
        ValueError: if the config wants tokens drawn and there are no generators.
    """
    lists = translate_n_best(model, src, src_mask, config, rngs)
    return [best for best, *_ in lists]


def translate_n_best(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
    rngs: Sequence[np.random.Generator] | None = None,
) -> list[list[Hypothesis]]:
    """The config's n_best hypotheses for each sentence, best first.

    Their tokens differ. There are fewer where fewer have ended, but never none.

    Raises:
        ValueError: if the config wants tokens drawn and there are no generators.
    """
    if config.n_beams > 1:
        return n_best_search(model, src, src_mask, config)
    if not config.sample:
        found = greedy_search(model, src, src_mask, config)
    elif rngs is None:
        raise ValueError("rngs: must be Generators if config.sample, got None")
    else:
        found = sample_search(model, src, src_mask, config, rngs)
    return [[hypothesis] for hypothesis in found]


def max_tgt_len(src_mask: Bool[Tensor, "batch src_len"]) -> Int[Tensor, " batch"]:
    """Most tokens of a translation: 2 src_len + 20, EOS counted on both sides."""
    return 2 * mask_lengths(src_mask) + 20


def log_probabilities(
    logits: Float[Tensor, "*rows vocab_size"],
) -> Float[Tensor, "*rows vocab_size"]:
    """Log softmax over what may be said: PAD and BOS have probability zero.

    Raises:
        InputError: if the model answers with NaN or infinity.
    """
    logits = logits.float().clone()
    logits[..., [PAD_ID, BOS_ID]] = -torch.inf
    log_prob = logits.log_softmax(dim=-1)
    if log_prob.isnan().any():
        raise InputError(NOT_A_NUMBER)
    return log_prob


def select_rows(tree: Any, rows: Int[Tensor, " chosen"]) -> Any:
    """The named rows of every tensor in nested tuples."""
    if isinstance(tree, Tensor):
        return tree[rows]
    parts = [select_rows(part, rows) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


# --- one hypothesis: the likeliest token, or one drawn at random ---


def greedy_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[Hypothesis]:
    """Take the likeliest token, again and again; ties go to the lowest id."""

    def likeliest(log_prob: Tensor, rows: Tensor, t: int) -> Tensor:
        return log_prob.argmax(dim=-1)

    return _grow(model, src, src_mask, config, likeliest)


def sample_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
    rngs: Sequence[np.random.Generator],
) -> list[Hypothesis]:
    """Draw each token from its sampling_probabilities, until EOS is drawn.

    Each sentence has a generator of its own, so what is drawn for it does not depend
    on its batch either. Given the same generators, both wings read the same numbers and
    draw the same tokens, with a rare exception: both compute in float32, so their
    cumulative probabilities differ by about 1e-7, and a number may fall in between.

    The score is the model's own: temperature 1, and nothing left out.

    Raises:
        ValueError: if there is not one generator for each sentence.
    """
    if len(rngs) != len(src):
        raise ValueError(f"rngs: must be {len(src)}, one a sentence, got {len(rngs)}")
    longest = max(max_tgt_len(src_mask).tolist(), default=0)
    uniform = np.array([rng.random(longest) for rng in rngs]).reshape(len(src), longest)
    uniform = torch.from_numpy(uniform).to(src.device)

    def drawn(log_prob: Tensor, rows: Tensor, t: int) -> Tensor:
        return draw_tokens(sampling_probabilities(log_prob, config), uniform[rows, t])

    return _grow(model, src, src_mask, config, drawn)


@torch.inference_mode()
def _grow(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
    choose: Callable[[Tensor, Tensor, int], Tensor],
) -> list[Hypothesis]:
    """One token after another, until EOS or the length limit.

    Sentences that are finished leave the batch.

    Args:
        model: what the logits come from.
        src: source tokens.
        src_mask: True where `src` is a token.
        config: the length norm, and the price of what is not looked at.
        choose: from log-probabilities, which sentences they are of, and how many
            tokens these have already, to the next token of each.
    """
    memory = model.encode(src, src_mask)
    state = model.initial_state(memory)
    limit = max_tgt_len(src_mask)
    token = torch.full_like(limit, BOS_ID)
    active = torch.arange(len(src), device=src.device)
    paths: list[list[tuple[int, float, Tensor]]] = [[] for _ in src]
    length = 0
    while len(active):
        logits, weights, state = model.decode_step(token, state, memory)
        log_prob = log_probabilities(logits)  # (active, vocab_size)
        token = choose(log_prob, active, length)
        log_prob = log_prob.gather(-1, token.unsqueeze(-1)).squeeze(-1)
        for i, *taken in zip(
            active.tolist(), token.tolist(), log_prob.tolist(), weights, strict=True
        ):
            paths[i].append(tuple(taken))
        length += 1
        going = torch.nonzero((token != EOS_ID) & (limit > length)).squeeze(1)
        if len(going) < len(active):
            token, state, memory, active, limit = select_rows(
                (token, state, memory, active, limit), going
            )
    found = []
    for path, mask in zip(paths, src_mask, strict=True):
        tokens, log_probs, weights = map(list, zip(*path, strict=True))
        score = float(np.sum(log_probs)) / len(tokens) ** config.alpha
        score += _cost(weights, mask, config.coverage)
        found.append(_hypothesis(model, score, tokens, weights, int(mask.sum())))
    return found


def _cost(
    weights: list[Tensor], src_mask: Bool[Tensor, " src_len"], coverage: float
) -> float:
    """The penalty of one translation, whose attention is known step by step."""
    if not coverage:
        return 0.0
    looked = torch.stack(weights).sum(dim=0)
    return cover((~src_mask).float()[None], looked[None], coverage)[1].item()


def _hypothesis(
    model: nn.Module,
    score: float,
    tokens: list[int],
    weights: list[Tensor],
    src_len: int,
) -> Hypothesis:
    """A hypothesis; its attention is stacked, and stripped of the padding."""
    attention = torch.stack(weights, dim=2)[..., :src_len].float().cpu().numpy()
    return Hypothesis(tokens, score, attention, model.attention_kind)


# --- several hypotheses: a beam ---


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


def _best_continuations(
    total: Float[Tensor, "active n_beams"],
    log_prob: Float[Tensor, "active n_beams vocab_size"],
) -> tuple[
    Float[Tensor, "active n_beams"],
    Int[Tensor, "active n_beams"],
    Int[Tensor, "active n_beams"],
]:
    """The n_beams best of all beams with one more token: sums, parents and tokens."""
    _, n_beams, vocab_size = log_prob.shape
    candidates = (total.unsqueeze(-1) + log_prob).flatten(1)
    totals, index = top_candidates(candidates, n_beams)
    return totals, index // vocab_size, index % vocab_size


def beam_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[Hypothesis]:
    """The first of those that n_best_search finds for each sentence."""
    return [best for best, *_ in n_best_search(model, src, src_mask, config)]


@torch.inference_mode()
def n_best_search(
    model: nn.Module,
    src: Int[Tensor, "batch src_len"],
    src_mask: Bool[Tensor, "batch src_len"],
    config: DecodeConfig,
) -> list[list[Hypothesis]]:
    """Keep the n_beams best beginnings; a finished one keeps its place among them.

    score = sum log p / len^alpha + cp, EOS counted; cp is coverage_penalty

    A sentence is done when no beginning is left that could still come among its n_best.
    The sum only falls, and cp is at most 0, so no beginning can score above its sum so
    far, divided by the greatest length^alpha that it may reach. A translation that the
    length limit cut off is returned only if none ended by itself.

    Source: Graves 2012, arXiv:1211.3711; the score after Wu et al. 2016, eq. 14,
        arXiv:1609.08144, with the length norm in its simplest form.
    """
    beams = [
        Beam(limit, config.n_beams, config.alpha, config.n_best)
        for limit in max_tgt_len(src_mask).tolist()
    ]
    active = list(beams)
    n_beams, device = config.n_beams, src.device
    memory = model.encode(src, src_mask)
    state = model.initial_state(memory)
    rows = torch.arange(len(src), device=device).repeat_interleave(n_beams)
    covered = (~src_mask).float()  # padding needs no look
    memory, state, covered = select_rows((memory, state, covered), rows)
    token = torch.full_like(rows, BOS_ID)
    total = torch.full((len(src), n_beams), -torch.inf, device=device)
    total[:, 0] = 0.0  # at first all beams are alike: one stands for them
    while active:
        logits, weights, state = model.decode_step(token, state, memory)
        covered, cost = cover(covered, weights, config.coverage)
        cost = cost.unflatten(0, (len(active), n_beams))
        log_prob = log_probabilities(logits).unflatten(0, (len(active), n_beams))
        totals, parent, token = _best_continuations(total, log_prob)
        weights = weights.unflatten(0, (len(active), n_beams))
        best = totals.tolist(), parent.tolist(), token.tolist(), weights, cost.tolist()
        for beam, *grown in zip(active, *best, strict=True):
            beam.grow(*grown)
        going = [place for place, beam in enumerate(active) if not beam.done]
        active = [active[place] for place in going]
        places = torch.tensor(going, dtype=torch.long, device=device)
        total = torch.tensor([beam.live for beam in active], device=device)
        token = token[places].flatten()
        rows = (places.unsqueeze(1) * n_beams + parent[places]).flatten()
        memory, state, covered = select_rows((memory, state, covered), rows)
    return [
        [_hypothesis(model, *found, src_len) for found in beam.best_paths()]
        for beam, src_len in zip(beams, mask_lengths(src_mask).tolist(), strict=True)
    ]


# --- the same without a memory of the prefix ---


class Uncached(nn.Module):
    """A model that is asked to begin anew at every step, for comparison.

    `decode_step` of a model reads one token, since its state holds what it made of
    those before. Here the state is those tokens themselves, and `forward` reads them
    all again, the source too. Every search finds the same, to rounding: what changes is
    the cost. To say n tokens, 1 + 2 + ... + n are read instead of n.

    Args:
        model: a translator of any family: has `forward` and `attention_kind`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def attention_kind(self) -> str:
        """Name of the attention that the maps show."""
        return self.model.attention_kind

    def encode(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
    ) -> tuple[Tensor, Tensor]:
        """The memory is the source as it is: nothing is computed ahead."""
        return src, src_mask

    def initial_state(self, memory: tuple[Tensor, Tensor]) -> Int[Tensor, "batch 0"]:
        """No token has been read."""
        return memory[0][:, :0]

    def decode_step(
        self,
        token: Int[Tensor, " batch"],
        state: Int[Tensor, "batch t"],
        memory: tuple[Tensor, Tensor],
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        Int[Tensor, "batch t_plus_1"],
    ]:
        """Teacher forcing on the whole prefix, of which the last position counts."""
        tgt_in = torch.cat([state, token.unsqueeze(1)], dim=1)
        logits, weights = self.model(*memory, tgt_in)
        return logits[:, -1], weights[..., -1, :], tgt_in
