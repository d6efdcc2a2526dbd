"""A language model of characters: what comes next, given all that came before?

Twin: minis2s/numpy_ref/language_model.py. One recurrent layer reads a text and, at
every character, bets on the one that follows. A text is a row of ids from 0 to
vocab_size - 1; every id is a character.

Left out: words, several layers, dropout.

Sources: Elman 1990; Mikolov et al. 2010; Graves 2013, arXiv:1308.0850, section 3.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s.config import DecodeConfig, TrainConfig
from minis2s.torch_nn.embedding import Embedding
from minis2s.torch_nn.optim import clip_gradient, make_optimizer
from minis2s.torch_nn.rnn_encoder import CELLS
from minis2s.torch_nn.sampling import draw_tokens, sampling_probabilities

State = tuple[Float[Tensor, "batch d_hidden"], ...]
"""What the cell remembers: (h,) of an RNN or a GRU, (h, c) of an LSTM."""


class LanguageModel(nn.Module):
    """Embedding, one recurrent layer, and a score for each possible next character.

    h_t = cell(embedding(x_t), h_{t-1})
    logits_t = W h_t + b,  p(x_{t+1} = v | x_1 ... x_t) = softmax(logits_t)_v

    Args:
        vocab_size: number of characters.
        d_embed: width of a character's vector.
        d_hidden: width of the state.
        cell: "rnn", "lstm" or "gru".

    Raises:
        ValueError: if there is no such cell.
    """

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, cell: str) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell: must be one of {', '.join(CELLS)}, got {cell!r}")
        self.embedding = Embedding(vocab_size, d_embed)
        self.recurrent = CELLS[cell](d_embed, d_hidden)
        self.output = nn.Linear(d_hidden, vocab_size)

    def forward(
        self,
        ids: Int[Tensor, "batch len"],
        state: State | None = None,
        *,
        fused: bool = True,
    ) -> tuple[Float[Tensor, "batch len vocab_size"], State]:
        """Logits of what follows each character, and the last state.

        Args:
            ids: the characters, one text in each row.
            state: what was read before them; zeros, a text's beginning, if None.
            fused: use the library's kernel instead of a loop over steps.
        """
        outputs, state = self.recurrent(self.embedding(ids), state, fused=fused)
        return self.output(outputs), state


def next_loss(
    logits: Float[Tensor, "batch len vocab_size"], following: Int[Tensor, "batch len"]
) -> Float[Tensor, ""]:
    """The mean surprise at the characters that came, in nats per character.

    loss = -1/n sum_t log p(x_{t+1} | x_1 ... x_t), over all n characters of the batch

    Args:
        logits: from the model.
        following: for each character it read the one that came next.
    """
    return nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())


@dataclass(frozen=True)
class LanguageStep:
    """What one update was like."""

    step: int
    """Updates made so far, this one included."""
    loss: float
    """Nats per character, before the update."""
    grad_norm: float
    """Before clipping."""


def cut_streams(
    ids: Int[Tensor, " n_ids"], batch_size: int, length: int
) -> list[tuple[Int[Tensor, "batch len"], Int[Tensor, "batch len"]]]:
    """Lay one long text out in parallel streams, and cut these into pieces.

    Row b of every piece goes on where row b of the piece before it stopped. The last
    piece may be shorter. Up to batch_size - 1 characters at the end go unread.

    Args:
        ids: the text.
        batch_size: number of streams.
        length: characters of each stream in a piece.

    Returns:
        pieces in order: what is read, and for each character the one that follows.

    Raises:
        ValueError: if a stream or a piece would be empty.
    """
    for name, size in (("batch_size", batch_size), ("length", length)):
        if size < 1:
            raise ValueError(f"{name}: must be at least 1, got {size}")
    stream_len = (len(ids) - 1) // batch_size
    if stream_len < 1:
        raise ValueError(
            f"ids: must hold more than batch_size = {batch_size} characters, got "
            f"{len(ids)}"
        )
    n_read = batch_size * stream_len
    inputs = ids[:n_read].reshape(batch_size, stream_len)
    following = ids[1 : n_read + 1].reshape(batch_size, stream_len)
    return list(
        zip(inputs.split(length, dim=1), following.split(length, dim=1), strict=True)
    )


def train_language_model(
    model: LanguageModel,
    ids: Int[Tensor, " n_ids"],
    *,
    n_steps: int,
    batch_size: int,
    length: int,
    lr: float,
    clip_norm: float = 1.0,
) -> Iterator[LanguageStep]:
    """Adam and truncated backpropagation through time; yields what each step was like.

    Each step reads one piece, and begins with the state in which the piece before it
    ended: its value is carried over, its gradient is not, because of `detach`. When
    the streams end, states are zero and all is read again.

    Args:
        model: changed in place.
        ids: the text, on the model's device.
        n_steps: number of updates.
        batch_size: streams that are read side by side.
        length: characters through which a gradient goes back.
        lr: learning rate, the same at every step.
        clip_norm: largest norm of the whole gradient; 0 leaves it as it is.

    Source: Williams and Peng 1990, there called BPTT(h; h'), with both h and h' our
        `length`.
    """
    pieces = cut_streams(ids, batch_size, length)
    config = TrainConfig(optimizer="adam", lr=lr)
    optimizer = make_optimizer(model.parameters(), config)
    state = None
    for step in range(n_steps):
        inputs, following = pieces[step % len(pieces)]
        if step % len(pieces) == 0:
            state = None
        logits, state = model(inputs, state)
        state = tuple(part.detach() for part in state)
        loss = next_loss(logits, following)
        optimizer.zero_grad()
        loss.backward()
        grad_norm = clip_gradient(model.parameters(), clip_norm)
        optimizer.step()
        yield LanguageStep(step + 1, float(loss.detach()), float(grad_norm))


@torch.inference_mode()
def evaluate_language_model(
    model: LanguageModel, ids: Int[Tensor, " n_ids"], length: int = 1000
) -> float:
    """Nats per character of a text, all of it read with one state.

    Args:
        model: the model.
        ids: the text; its first character is given, not predicted.
        length: characters read at a time; bounds the memory, changes nothing else.

    Raises:
        ValueError: if there is nothing to predict.
    """
    state, total = None, 0.0
    for inputs, following in cut_streams(ids, batch_size=1, length=length):
        logits, state = model(inputs, state)
        total += float(next_loss(logits, following)) * following.numel()
    return total / (len(ids) - 1)


def bits_per_character(nats: float) -> float:
    """The same surprise, counted in questions that a yes or no answers."""
    return nats / math.log(2)


@torch.inference_mode()
def sample(
    model: LanguageModel,
    prompt_ids: Int[Tensor, " n_prompt"],
    n: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> Int[Tensor, " n"]:
    """Go on writing: draw a character, read it, and draw the next.

    Args:
        model: the model.
        prompt_ids: how the text begins, on the model's device.
        n: how many characters to draw.
        rng: draws one number for each.
        temperature: what the logits are divided by; below 1 the likely gets likelier.

    Returns:
        the n characters that follow the prompt.

    Raises:
        ValueError: if the prompt is empty.

    Source: Graves 2013, section 2.
    """
    if not len(prompt_ids):
        raise ValueError("prompt_ids: must hold at least 1 character, got 0")
    config = DecodeConfig(sample=True, temperature=temperature)
    ids, state, drawn = prompt_ids[None], None, [prompt_ids[:0]]
    for uniform in torch.from_numpy(rng.random((n, 1))).to(prompt_ids.device):
        logits, state = model(ids, state)
        probabilities = sampling_probabilities(logits[:, -1], config)
        ids = draw_tokens(probabilities, uniform)[:, None]  # (batch=1, len=1)
        drawn.append(ids[0])
    return torch.cat(drawn)
