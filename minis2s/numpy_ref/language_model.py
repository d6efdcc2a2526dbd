"""A language model of characters: what comes next, given all that came before?

One recurrent layer reads a text and, at every character, bets on the one that follows.
Here are the model, its loss, its training by truncated backpropagation through time,
and what it is for: to measure how well a text is predicted, and to write one.

A text is a row of ids from 0 to vocab_size - 1, e.g. the places of its characters in
`sorted(set(text))`. There is no padding, no begin and no end: every id is a character.

Left out: words, several layers, dropout.

Sources: Elman 1990, "Finding Structure in Time" (a recurrent network that predicts what
    comes next); Mikolov et al. 2010, "Recurrent neural network based language model";
    Graves 2013, arXiv:1308.0850, section 3 (characters, and sampling from them).

Twin: minis2s/torch_nn/language_model.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from minis2s.config import DecodeConfig, TrainConfig
from minis2s.numpy_ref.checks import check_ids, check_shape
from minis2s.numpy_ref.embedding import Embedding, EmbeddingCache
from minis2s.numpy_ref.functional import LinearCache
from minis2s.numpy_ref.layer import Layer, Linear
from minis2s.numpy_ref.optim import clip_gradient, make_optimizer
from minis2s.numpy_ref.rnn_encoder import CELLS
from minis2s.numpy_ref.sampling import draw_tokens, sampling_probabilities
from minis2s.numpy_ref.softmax import (
    LogSoftmaxCache,
    log_softmax_backward,
    log_softmax_forward,
)

State = tuple[Float[np.ndarray, "batch d_hidden"], ...]
"""What the cell remembers: (h,) of an RNN or a GRU, (h, c) of an LSTM."""

# --- the model ---


class LanguageModelCache(NamedTuple):
    """What LanguageModel.backward needs to know."""

    embedding: EmbeddingCache
    recurrent: Any
    """the cell's own cache"""
    output: LinearCache


class LanguageModel(Layer):
    """Embedding, one recurrent layer, and a score for each possible next character.

    h_t = cell(embedding(x_t), h_{t-1})
    logits_t = W h_t + b,  p(x_{t+1} = v | x_1 ... x_t) = softmax(logits_t)_v

    Args:
        vocab_size: number of characters.
        d_embed: width of a character's vector.
        d_hidden: width of the state.
        cell: "rnn", "lstm" or "gru".
        rng: draws all parameters, in float64; `load` may bring float32.

    Raises:
        ValueError: if there is no such cell.
    """

    def __init__(
        self,
        vocab_size: int,
        d_embed: int,
        d_hidden: int,
        cell: str,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell: must be one of {', '.join(CELLS)}, got {cell!r}")
        self.embedding = Embedding(vocab_size, d_embed, rng)
        self.recurrent = CELLS[cell](d_embed, d_hidden, rng)
        self.output = Linear(d_hidden, vocab_size, rng)

    def forward(
        self, ids: Int[np.ndarray, "batch len"], state: State | None = None
    ) -> tuple[Float[np.ndarray, "batch len vocab_size"], State, LanguageModelCache]:
        """Logits of what follows each character, the last state, and the cache.

        Args:
            ids: the characters, one text in each row.
            state: what was read before them; zeros, a text's beginning, if None.
        """
        embedded, embedding_cache = self.embedding.forward(ids)
        outputs, state, recurrent_cache = self.recurrent.forward(embedded, state)
        logits, output_cache = self.output.forward(outputs)
        cache = LanguageModelCache(embedding_cache, recurrent_cache, output_cache)
        return logits, state, cache

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch len vocab_size"],
        cache: LanguageModelCache,
        grad_state: State | None = None,
    ) -> State:
        """Add to the gradient of every parameter; hand back that of the state before.

        Args:
            grad_logits: gradient of the loss with respect to the logits.
            cache: from `forward`.
            grad_state: likewise for the last state; None, which is zeros, if no
                gradient comes from what is read later.
        """
        grad_outputs = self.output.backward(grad_logits, cache.output)
        grad_embedded, grad_before = self.recurrent.backward(
            grad_outputs, cache.recurrent, grad_state
        )
        self.embedding.backward(grad_embedded, cache.embedding)
        return grad_before


# --- its loss: like cross_entropy, but id 0 is a character, not padding ---


class NextLossCache(NamedTuple):
    """What next_loss_backward needs to know."""

    following: Int[np.ndarray, "batch len"]
    """the characters that came"""
    log_softmax: LogSoftmaxCache


def next_loss_forward(
    logits: Float[np.ndarray, "batch len vocab_size"],
    following: Int[np.ndarray, "batch len"],
) -> tuple[float, NextLossCache]:
    """The mean surprise at the characters that came, in nats per character.

    loss = -1/n sum_t log p(x_{t+1} | x_1 ... x_t), over all n characters of the batch

    Divided by ln 2 it is in bits per character: the length of a perfect code made from
    the model's probabilities. Its exponential is the perplexity: a choice among so many
    equally likely characters would be as hard.

    Args:
        logits: from the model.
        following: for each character it read the one that came next.

    Returns:
        loss, and the cache for next_loss_backward.

    Raises:
        ValueError: if a rank or a shared axis disagrees, or what came is no id of the
            vocabulary.
    """
    check_shape("logits", logits, batch=None, len=None, vocab_size=None)
    batch, length, vocab_size = logits.shape
    check_shape("following", following, batch=batch, len=length)
    check_ids("following", following, vocab_size)
    log_prob, cache = log_softmax_forward(logits)
    taken = np.take_along_axis(log_prob, following[..., None], axis=-1)
    return -float(taken.mean()), NextLossCache(following, cache)


def next_loss_backward(
    grad_loss: float, cache: NextLossCache
) -> Float[np.ndarray, "batch len vocab_size"]:
    """Gradient of the loss: only the log-probability of what came is read.

    Args:
        grad_loss: gradient of what is minimised with respect to the loss; usually 1.
        cache: from next_loss_forward.

    Returns:
        grad_logits.
    """
    following, log_softmax_cache = cache
    grad_log_prob = np.zeros_like(log_softmax_cache.log_prob)
    share = -grad_loss / following.size
    np.put_along_axis(grad_log_prob, following[..., None], share, axis=-1)
    return log_softmax_backward(grad_log_prob, log_softmax_cache)


# --- training ---


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
    ids: Int[np.ndarray, " n_ids"], batch_size: int, length: int
) -> list[tuple[Int[np.ndarray, "batch len"], Int[np.ndarray, "batch len"]]]:
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

    >>> for inputs, following in cut_streams(np.arange(11), batch_size=2, length=3):
    ...     print(inputs.tolist(), following.tolist())
    [[0, 1, 2], [5, 6, 7]] [[1, 2, 3], [6, 7, 8]]
    [[3, 4], [8, 9]] [[4, 5], [9, 10]]
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
    return [
        (inputs[:, start : start + length], following[:, start : start + length])
        for start in range(0, stream_len, length)
    ]


def train_language_model(
    model: LanguageModel,
    ids: Int[np.ndarray, " n_ids"],
    *,
    n_steps: int,
    batch_size: int,
    length: int,
    lr: float,
    clip_norm: float = 1.0,
) -> Iterator[LanguageStep]:
    """Adam and truncated backpropagation through time; yields what each step was like.

    To learn from a whole text at once one would have to keep the states of all of it.
    So each step reads one piece, beginning with the state in which the piece before it
    ended. The value of that state is carried over, and with it all that the model
    remembers. The gradient is not: it stops where the piece begins, as if that state
    were a constant. So no gradient asks the model to remember what only a later piece
    will need, though what it remembers anyway is still there. When the streams end,
    states are zero and all is read again.

    Args:
        model: changed in place.
        ids: the text.
        n_steps: number of updates.
        batch_size: streams that are read side by side.
        length: characters through which a gradient goes back.
        lr: learning rate, the same at every step.
        clip_norm: largest norm of the whole gradient; 0 leaves it as it is.

    Source: Williams and Peng 1990, "An Efficient Gradient-Based Algorithm for On-Line
        Training of Recurrent Network Trajectories", there called BPTT(h; h'), with
        both h and h' our `length`.
    """
    pieces = cut_streams(ids, batch_size, length)
    config = TrainConfig(optimizer="adam", lr=lr)
    optimizer = make_optimizer(dict(model.named_parameters()), config)
    state = None
    for step in range(n_steps):
        inputs, following = pieces[step % len(pieces)]
        if step % len(pieces) == 0:
            state = None
        logits, state, cache = model.forward(inputs, state)
        loss, loss_cache = next_loss_forward(logits, following)
        model.zero_gradients()
        model.backward(next_loss_backward(1.0, loss_cache), cache)  # and no grad_state
        gradients = dict(model.named_gradients())
        grad_norm = clip_gradient(gradients, clip_norm)
        optimizer.step(gradients, lr)
        yield LanguageStep(step + 1, loss, grad_norm)


# --- what it is for ---


def evaluate_language_model(
    model: LanguageModel, ids: Int[np.ndarray, " n_ids"], length: int = 1000
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
        logits, state, _ = model.forward(inputs, state)
        total += next_loss_forward(logits, following)[0] * following.size
    return total / (len(ids) - 1)


def bits_per_character(nats: float) -> float:
    """The same surprise, counted in questions that a yes or no answers.

    >>> bits_per_character(math.log(8))  # eight equally likely characters
    3.0
    """
    return nats / math.log(2)


def sample(
    model: LanguageModel,
    prompt_ids: Int[np.ndarray, " n_prompt"],
    n: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> Int[np.ndarray, " n"]:
    """Go on writing: draw a character, read it, and draw the next.

    Args:
        model: the model.
        prompt_ids: how the text begins.
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
    ids, state, drawn = prompt_ids[None], None, []
    for uniform in rng.random((n, 1)):
        logits, state, _ = model.forward(ids, state)
        probabilities = sampling_probabilities(logits[:, -1], config)
        ids = draw_tokens(probabilities, uniform)[:, None]  # (batch=1, len=1)
        drawn.append(ids[0, 0])
    return np.array(drawn, dtype=np.int64)
