"""From a configuration to the model that it describes.

Twin: minis2s/torch_nn/models.py.
"""

import numpy as np

from minis2s.config import ModelConfig, RNNConfig, TransformerConfig
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.numpy_ref.transformer import Transformer

MODELS = {RNNConfig.KIND: Seq2Seq, TransformerConfig.KIND: Transformer}
"""Kind of a configuration -> class of the model."""


def make_model(config: ModelConfig, rng: np.random.Generator) -> Seq2Seq | Transformer:
    """The model of a configuration, with random parameters in float64."""
    return MODELS[config.KIND](config, rng)
