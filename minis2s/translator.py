"""Text in, hypotheses out, whichever wing computes them.

A translator is a model with its tokenizer. All that concerns text is here. To make a
model of a run, to search and to score is left to each wing: `torch_nn/translator.py`
and `numpy_ref/translator.py` fill in `from_run`, `search` and `force`.
"""

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from minis2s.checkpoint import Run, load_run
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis, merge_attention
from minis2s.text.batching import pad
from minis2s.text.tokenizers import EOS_ID, Tokenizer, label_pieces, word_groups

logger = logging.getLogger(__name__)


class TextTranslator:
    """What the translators of both wings share.

    Args:
        model: what translates ids.
        tokenizer: what makes ids of text.
        max_len: most tokens of a sentence; longer ones are cut, with a warning.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, max_len: int) -> None:
        self.model, self.tokenizer, self.max_len = model, tokenizer, max_len

    @classmethod
    def load(cls, path: Path | str, **where: Any) -> "TextTranslator":
        """The model of a finished run; `where` is handed to `from_run`.

        Raises:
            InputError: if the folder is no run, was not finished, or was altered.
        """
        return cls.from_run(load_run(Path(path)), **where)

    @classmethod
    def from_run(cls, run: Run) -> "TextTranslator":
        """The model of a run that has been read already."""
        raise NotImplementedError

    def search(
        self,
        src: Int[np.ndarray, "batch src_len"],
        config: DecodeConfig,
        rngs: list[np.random.Generator] | None,
    ) -> list[list[Hypothesis]]:
        """The n_best for each row of padded source ids; a draw has a generator."""
        raise NotImplementedError

    def force(self, src: Int[np.ndarray, "1 src_len"], tokens: list[int]) -> Hypothesis:
        """The hypothesis with the given tokens: its score and where it looks."""
        raise NotImplementedError

    def encode(self, line: str, *, note: bool = True) -> list[int]:
        """Source ids of a sentence, EOS included, cut if it is too long.

        Args:
            line: the sentence.
            note: whether a cut is worth a warning; not if there was one before.
        """
        ids = self.tokenizer.encode(line)
        if note and len(ids) > self.max_len:
            logger.warning(
                "a line of %d tokens was cut to %d: %s...",
                len(ids),
                self.max_len,
                line[:40],
            )
        return [*ids[: self.max_len], EOS_ID]

    def text(self, hypothesis: Hypothesis) -> str:
        """The sentence that a hypothesis spells, on one line.

        Control characters, which bytes drawn at random may spell, are left out.
        """
        line = " ".join(self.tokenizer.decode(hypothesis.tokens).splitlines())
        return "".join(c for c in line if unicodedata.category(c) != "Cc")

    def translate(
        self,
        lines: Sequence[str],
        config: DecodeConfig | None = None,
        *,
        seed: int = 0,
        first: int = 0,
    ) -> list[Hypothesis | None]:
        """The best hypothesis for each line, in order; None for a blank line.

        The arguments are those of `translate_n_best`.
        """
        lists = self.translate_n_best(lines, config, seed=seed, first=first)
        return [best[0] if best else None for best in lists]

    def translate_n_best(
        self,
        lines: Sequence[str],
        config: DecodeConfig | None = None,
        *,
        seed: int = 0,
        first: int = 0,
    ) -> list[list[Hypothesis]]:
        """The config's n_best hypotheses for each line, best first; none for a blank.

        No two have the same tokens, but some may spell the same text.

        Args:
            lines: the source sentences.
            config: how to search, or to draw; greedily if None.
            seed: decides what is drawn for a line, with the line's number; a search
                does not look at either.
            first: number of the first line, if these are a part of a longer text.
        """
        config = config or DecodeConfig()
        ids = {i: self.encode(line) for i, line in enumerate(lines) if line.strip()}
        found: list[list[Hypothesis]] = [[] for _ in lines]
        for batch in _by_length(ids, config.batch_size):
            rngs = [np.random.default_rng((seed, first + i)) for i in batch]
            lists = self.search(pad([ids[i] for i in batch]), config, rngs)
            for i, best in zip(batch, lists, strict=True):
                found[i] = best
        return found

    def translate_text(
        self,
        lines: Iterable[str],
        config: DecodeConfig | None = None,
        *,
        seed: int = 0,
        first: int = 0,
    ) -> list[str]:
        """One line of text for each line; a blank one for a blank one."""
        found = self.translate(list(lines), config, seed=seed, first=first)
        return [self.text(hypothesis) if hypothesis else "" for hypothesis in found]

    def attend(self, line: str, target: str) -> Hypothesis:
        """Where the model looks while it is made to say `target`.

        The score is the mean log-probability that the model gives to it.
        """
        tokens = [*self.tokenizer.encode(target), EOS_ID]
        return self.force(np.array([self.encode(line)]), tokens)

    def labelled_attention(
        self,
        line: str,
        hypothesis: Hypothesis,
        *,
        words: bool | None = None,
        layer: int | None = None,
        head: int | None = None,
    ) -> tuple[Float[np.ndarray, "n_tgt n_src"], list[str], list[str]]:
        """One attention map with the labels of its columns and rows.

        Args:
            line: the source sentence.
            hypothesis: what it was translated to.
            words: join tokens to words, or one label a token; by default words,
                but the single tokens of a character model.
            layer: counted from 0; None is the last.
            head: counted from 0; None is the mean of all heads.

        Returns:
            weights, source labels, target labels.

        Raises:
            InputError: if the model has no such layer or head, or no attention.
        """
        weights = _choose_map(hypothesis.attention, layer, head)
        sides = (self.encode(line, note=False), hypothesis.tokens)
        if words is None:
            words = self.tokenizer.kind != "char"
        if not words:
            src, tgt = (label_pieces(self.tokenizer, ids) for ids in sides)
            return weights, src, tgt
        (src, src_group), (tgt, tgt_group) = (
            word_groups(self.tokenizer, ids) for ids in sides
        )
        return merge_attention(weights, tgt_group, src_group), src, tgt

    def alignments(self, line: str, hypothesis: Hypothesis) -> list[tuple[int, int]]:
        """Links (source word, target word), both counted from 0, EOS left out.

        Each target word is linked to the source word that it looked at most, which
        `labelled_attention` shows. Words and punctuation marks are those that
        `split_words` finds.

        Args:
            line: the source sentence.
            hypothesis: what it was translated to.

        Raises:
            InputError: if the model has no attention.
        """
        from minis2s.metrics import attention_links  # a search needs no sacreBLEU

        weights, _, _ = self.labelled_attention(line, hypothesis, words=True)
        n_tgt = len(weights) - (hypothesis.tokens[-1] == EOS_ID)
        weights = weights[:n_tgt, :-1]
        return attention_links(weights) if weights.size else []


def _choose_map(
    attention: Float[np.ndarray, "n_layers n_heads tgt_len src_len"],
    layer: int | None,
    head: int | None,
) -> Float[np.ndarray, "tgt_len src_len"]:
    """The last layer unless another is asked for, and the mean of its heads."""
    n_layers, n_heads = attention.shape[:2]
    if not n_layers:
        raise InputError("this model has no attention: there is nothing to look at")
    for name, asked, there in (("layer", layer, n_layers), ("head", head, n_heads)):
        if asked is not None and not 0 <= asked < there:
            want = f"from 0 to {there - 1}" if there > 1 else "0"
            raise InputError(f"{name} must be {want}, got {asked}")
    heads = attention[n_layers - 1 if layer is None else layer]
    return heads.mean(axis=0) if head is None else heads[head]


def _by_length(ids: dict[int, list[int]], batch_size: int) -> Iterator[list[int]]:
    """Numbers of sentences in batches of like length, longest first.

    The longest come first, so that a lack of memory shows at once.
    """
    order = sorted(ids, key=lambda i: -len(ids[i]))
    for first in range(0, len(order), batch_size):
        yield order[first : first + batch_size]
