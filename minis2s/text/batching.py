"""From token ids to arrays: encode once, sort by length, pad little.

A batch is filled until its larger side, padding included, would pass a budget of
tokens. Sentences of like length share a batch, so that little of the budget is
padding. The order of the batches is a pure function of (seed, epoch): a training that
resumes needs no stored order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID, Tokenizer


@dataclass(frozen=True)
class Batch:
    """Sentence pairs as arrays, padded at the end with PAD."""

    src: Int[np.ndarray, "batch src_len"]
    """Source ids, ending in EOS."""
    src_mask: Bool[np.ndarray, "batch src_len"]
    """True where `src` is a token."""
    tgt_in: Int[np.ndarray, "batch tgt_len"]
    """What the decoder reads: BOS, then the target."""
    tgt_out: Int[np.ndarray, "batch tgt_len"]
    """What it must answer: the target, then EOS."""

    @property
    def n_tokens(self) -> int:
        """Real target tokens, EOS included."""
        return int((self.tgt_out != PAD_ID).sum())


@dataclass(frozen=True)
class EncodedPairs:
    """Token ids of all pairs in two flat arrays, with the offset where each begins."""

    src: Int[np.ndarray, " n_src_tokens"]
    src_start: Int[np.ndarray, " n_pairs_plus_1"]
    tgt: Int[np.ndarray, " n_tgt_tokens"]
    tgt_start: Int[np.ndarray, " n_pairs_plus_1"]
    n_blank: int = 0
    """Pairs left out because a side was blank."""
    n_long: int = 0
    """Pairs left out because a side was longer than allowed."""
    lines: tuple[int, ...] = ()
    """Where in the text each pair stood, counted from 0."""

    def __len__(self) -> int:
        return len(self.src_start) - 1

    def at(self, epoch: int) -> "EncodedPairs":
        """The pairs of an epoch: always the same here, but see bpe_dropout.py."""
        del epoch
        return self

    def pair(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Source and target ids of pair i; neither has BOS, both end in EOS."""
        src = self.src[self.src_start[i] : self.src_start[i + 1]]
        return src, self.tgt[self.tgt_start[i] : self.tgt_start[i + 1]]


@runtime_checkable
class TrainingPairs(Protocol):
    """What a training learns from: pairs that may be cut otherwise in every epoch."""

    def at(self, epoch: int) -> EncodedPairs:
        """The pairs of an epoch, counted from 0; the same whenever it is asked."""


def encode_pairs(
    text: ParallelText, tokenizer: Tokenizer, max_len: int
) -> EncodedPairs:
    """Encode every pair once; blank and over-long pairs are left out and counted.

    Args:
        text: the sentences.
        tokenizer: what turns each into ids.
        max_len: most tokens that a side may have, EOS not counted.
    """
    sides: tuple[list[list[int]], list[list[int]]] = ([], [])
    lines: list[int] = []
    n_blank = n_long = 0
    for line_number, pair in enumerate(zip(text.src, text.tgt, strict=True)):
        ids = [tokenizer.encode(line) if line.strip() else [] for line in pair]
        if not all(ids):
            n_blank += 1
        elif max(map(len, ids)) > max_len:
            n_long += 1
        else:
            lines.append(line_number)
            for side, tokens in zip(sides, ids, strict=True):
                side.append([*tokens, EOS_ID])
    flat = [_flatten(side) for side in sides]
    return EncodedPairs(
        *flat[0], *flat[1], n_blank=n_blank, n_long=n_long, lines=tuple(lines)
    )


def _flatten(sentences: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    start = np.zeros(len(sentences) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in sentences], out=start[1:])
    return np.array([i for ids in sentences for i in ids], dtype=np.int32), start


def pad(
    sentences: Sequence[Sequence[int] | np.ndarray],
) -> Int[np.ndarray, "batch len"]:
    """Stack sentences of different lengths, PAD behind the shorter ones.

    >>> pad([[5, 6, 7], [8]]).tolist()
    [[5, 6, 7], [8, 0, 0]]
    """
    stacked = np.full((len(sentences), max(map(len, sentences))), PAD_ID, np.int64)
    for row, ids in zip(stacked, sentences, strict=True):
        row[: len(ids)] = ids
    return stacked


def make_batch(pairs: EncodedPairs, indices: Sequence[int]) -> Batch:
    """The named pairs as one batch."""
    chosen = [pairs.pair(i) for i in indices]
    src = pad([s for s, _ in chosen])
    tgt_out = pad([t for _, t in chosen])
    tgt_in = np.roll(tgt_out, 1, axis=1)
    tgt_in[:, 0] = BOS_ID
    tgt_in[tgt_out == PAD_ID] = PAD_ID
    return Batch(src, src != PAD_ID, tgt_in, tgt_out)


def plan_batches(
    pairs: EncodedPairs, batch_tokens: int, seed: int | None, epoch: int
) -> list[list[int]]:
    """Which pairs form which batch of an epoch, in order; no pair, no batch.

    Args:
        pairs: the training pairs.
        batch_tokens: most padded tokens on the larger side of a batch; a single
            longer pair gets a batch of its own.
        seed: with the epoch decides everything; None keeps plain order of length.
        epoch: counted from 0.
    """
    width = np.maximum(np.diff(pairs.src_start), np.diff(pairs.tgt_start))
    rng = None if seed is None else np.random.default_rng((seed, epoch))
    # Less than one token of noise: pairs of one width mix anew in every epoch.
    noise = 0 if rng is None else rng.random(len(pairs))
    batches: list[list[int]] = []
    for i in np.argsort(width + noise, kind="stable"):
        # In ascending order, so pair i is the widest of its batch.
        if not batches or (len(batches[-1]) + 1) * width[i] > batch_tokens:
            batches.append([])
        batches[-1].append(int(i))
    if rng is not None:
        rng.shuffle(batches)
    return batches


def iterate_batches(
    pairs: EncodedPairs, batch_tokens: int, seed: int | None = None, epoch: int = 0
) -> Iterator[Batch]:
    """The batches of one epoch; see `plan_batches`."""
    for indices in plan_batches(pairs, batch_tokens, seed, epoch):
        yield make_batch(pairs, indices)
