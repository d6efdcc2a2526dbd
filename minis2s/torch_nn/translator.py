"""A trained run, ready to translate with PyTorch.

Twin: minis2s/numpy_ref/translator.py. What both do with text is in
minis2s/translator.py, and how to search in decode.py.
"""

import numpy as np
import torch
from jaxtyping import Int

from minis2s.checkpoint import Run
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis
from minis2s.text.tokenizers import BOS_ID
from minis2s.torch_nn.decode import log_probabilities, translate_n_best
from minis2s.torch_nn.masks import padding_mask
from minis2s.torch_nn.models import make_model
from minis2s.torch_nn.train import load_weights
from minis2s.translator import TextTranslator


class Translator(TextTranslator):
    """A torch model with its tokenizer."""

    @classmethod
    def from_run(cls, run: Run, device: torch.device | str = "cpu") -> "Translator":
        """The model of a run that has been read already.

        Raises:
            InputError: if the weights do not fit the model that the run describes.
        """
        model = make_model(run.model).to(device)
        try:
            load_weights(model, run.weights)
        except ValueError as error:
            raise InputError(f"{run.path} is damaged ({error})") from error
        return cls(model.eval(), run.tokenizer, run.max_len)

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return next(self.model.parameters()).device

    def search(
        self,
        src: Int[np.ndarray, "batch src_len"],
        config: DecodeConfig,
        rngs: list[np.random.Generator] | None,
    ) -> list[list[Hypothesis]]:
        """The n_best for each row of padded source ids; a draw has a generator."""
        ids = torch.from_numpy(src).to(self.device)
        return translate_n_best(self.model, ids, padding_mask(ids), config, rngs)

    @torch.inference_mode()
    def force(self, src: Int[np.ndarray, "1 src_len"], tokens: list[int]) -> Hypothesis:
        """The hypothesis with the given tokens: its score and where it looks."""
        ids = torch.from_numpy(src).to(self.device)
        tgt_in = torch.tensor([[BOS_ID, *tokens[:-1]]], device=self.device)
        logits, weights = self.model(ids, padding_mask(ids), tgt_in)
        taken = torch.tensor([tokens], device=self.device).unsqueeze(-1)
        score = log_probabilities(logits).gather(-1, taken).mean()
        attention = weights[0].float().cpu().numpy()
        return Hypothesis(tokens, float(score), attention, self.model.attention_kind)
