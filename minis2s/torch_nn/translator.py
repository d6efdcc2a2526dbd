"""A trained run, ready to translate: text in, hypotheses out.

Left out: everything about searching, which is decode.py's.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from minis2s.checkpoint import Run, load_run
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis, merge_attention
from minis2s.text.batching import pad
from minis2s.text.tokenizers import (
    BOS_ID,
    EOS_ID,
    Tokenizer,
    label_pieces,
    word_groups,
)
from minis2s.torch_nn.decode import log_probabilities, translate_batch
from minis2s.torch_nn.masks import padding_mask
from minis2s.torch_nn.seq2seq import Seq2Seq
from minis2s.torch_nn.train import load_weights

logger = logging.getLogger(__name__)


class Translator:
    """A model with its tokenizer.

    Args:
        model: what translates ids.
        tokenizer: what makes ids of text.
        max_len: longer sentences are cut to so many tokens, with a note.
    """

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, max_len: int) -> None:
        self.model, self.tokenizer, self.max_len = model, tokenizer, max_len

    @classmethod
    def load(cls, path: Path | str, device: torch.device | str = "cpu") -> "Translator":
        """The model of a finished run.

        Raises:
            InputError: if the folder is no run, was not finished, or was altered.
        """
        return cls.from_run(load_run(Path(path)), device)

    @classmethod
    def from_run(cls, run: Run, device: torch.device | str = "cpu") -> "Translator":
        """The model of a run that has been read already."""
        model = Seq2Seq(run.model).to(device)
        try:
            load_weights(model, run.weights)
        except ValueError as error:
            raise InputError(f"{run.path} is damaged ({error})") from error
        return cls(model.eval(), run.tokenizer, run.max_len)

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return next(self.model.parameters()).device

    def encode(self, line: str) -> list[int]:
        """Source ids of a sentence, EOS included, cut if it is too long."""
        ids = self.tokenizer.encode(line)
        if len(ids) > self.max_len:
            logger.warning(
                "a line of %d tokens was cut to %d: %s...",
                len(ids),
                self.max_len,
                line[:40],
            )
        return [*ids[: self.max_len], EOS_ID]

    def text(self, hypothesis: Hypothesis) -> str:
        """The sentence that a hypothesis spells, on one line."""
        return " ".join(self.tokenizer.decode(hypothesis.tokens).splitlines())

    def translate(
        self, lines: Sequence[str], config: DecodeConfig | None = None
    ) -> list[Hypothesis | None]:
        """The best hypothesis for each line, in order; None for a blank line."""
        config = config or DecodeConfig()
        ids = {i: self.encode(line) for i, line in enumerate(lines) if line.strip()}
        found: list[Hypothesis | None] = [None] * len(lines)
        for batch in _by_length(ids, config.batch_size):
            src = torch.from_numpy(pad([ids[i] for i in batch])).to(self.device)
            hypotheses = translate_batch(self.model, src, padding_mask(src), config)
            for i, hypothesis in zip(batch, hypotheses, strict=True):
                found[i] = hypothesis
        return found

    def translate_text(
        self, lines: Iterable[str], config: DecodeConfig | None = None
    ) -> list[str]:
        """One line of text for each line; a blank one for a blank one."""
        found = self.translate(list(lines), config)
        return [self.text(hypothesis) if hypothesis else "" for hypothesis in found]

    @torch.inference_mode()
    def attend(self, line: str, target: str) -> Hypothesis:
        """Where the model looks while it is made to say `target`.

        The score is the mean log-probability that the model gives to it.
        """
        src = torch.tensor([self.encode(line)], device=self.device)
        tokens = [*self.tokenizer.encode(target), EOS_ID]
        tgt_in = torch.tensor([[BOS_ID, *tokens[:-1]]], device=self.device)
        logits, weights = self.model(src, padding_mask(src), tgt_in)
        taken = torch.tensor([tokens], device=self.device).unsqueeze(-1)
        score = log_probabilities(logits).gather(-1, taken).mean()
        attention = weights[:, None].float().cpu().numpy()
        return Hypothesis(tokens, float(score), attention, self.model.attention_kind)

    def labelled_attention(
        self,
        line: str,
        hypothesis: Hypothesis,
        *,
        words: bool | None = None,
        layer: int = 0,
        head: int = 0,
    ) -> tuple[Float[np.ndarray, "n_tgt n_src"], list[str], list[str]]:
        """One head's attention with the labels of its columns and rows.

        Args:
            line: the source sentence.
            hypothesis: what it was translated to.
            words: join tokens to words, or one label a token; by default words,
                but the single tokens of a character model.
            layer: counted from 0.
            head: counted from 0.

        Returns:
            weights, source labels, target labels.
        """
        weights = hypothesis.attention[layer, head]
        sides = (self.encode(line), hypothesis.tokens)
        if words is None:
            words = self.tokenizer.kind != "char"
        if not words:
            src, tgt = (label_pieces(self.tokenizer, ids) for ids in sides)
            return weights, src, tgt
        (src, src_group), (tgt, tgt_group) = (
            word_groups(self.tokenizer, ids) for ids in sides
        )
        return merge_attention(weights, tgt_group, src_group), src, tgt


def _by_length(ids: dict[int, list[int]], batch_size: int) -> Iterator[list[int]]:
    """Numbers of sentences in batches of like length, longest first.

    The longest come first so that a lack of memory shows at once.
    """
    order = sorted(ids, key=lambda i: -len(ids[i]))
    for first in range(0, len(order), batch_size):
        yield order[first : first + batch_size]
