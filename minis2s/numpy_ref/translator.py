"""A trained run, ready to translate with NumPy alone.

Twin: minis2s/torch_nn/translator.py. What both do with text is in
minis2s/translator.py, and how to search in decode.py.
"""

import numpy as np
from jaxtyping import Int

from minis2s.checkpoint import Run
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis
from minis2s.numpy_ref.decode import log_probabilities, translate_n_best
from minis2s.numpy_ref.masks import padding_mask
from minis2s.numpy_ref.models import make_model
from minis2s.text.tokenizers import BOS_ID
from minis2s.translator import TextTranslator


class Translator(TextTranslator):
    """A NumPy model with its tokenizer."""

    @classmethod
    def from_run(cls, run: Run) -> "Translator":
        """The model of a run that has been read already, in float32.

        Raises:
            InputError: if the weights do not fit the model that the run describes.
        """
        model = make_model(run.model, np.random.default_rng(0))
        try:
            model.load(run.weights)
        except ValueError as error:
            raise InputError(f"{run.path} is damaged ({error})") from error
        return cls(model, run.tokenizer, run.max_len)

    def search(
        self,
        src: Int[np.ndarray, "batch src_len"],
        config: DecodeConfig,
        rngs: list[np.random.Generator] | None,
    ) -> list[list[Hypothesis]]:
        """The n_best for each row of padded source ids; a draw has a generator."""
        return translate_n_best(self.model, src, padding_mask(src), config, rngs)

    def force(self, src: Int[np.ndarray, "1 src_len"], tokens: list[int]) -> Hypothesis:
        """The hypothesis with the given tokens: its score and where it looks."""
        tgt_in = np.array([[BOS_ID, *tokens[:-1]]])
        logits, weights, _ = self.model.forward(src, padding_mask(src), tgt_in)
        score = log_probabilities(logits)[0, range(len(tokens)), tokens].mean()
        attention = weights[0]
        return Hypothesis(tokens, float(score), attention, self.model.attention_kind)
