"""From a configuration to the model that it describes.

Twin: minis2s/numpy_ref/models.py.
"""

from minis2s.config import ModelConfig, RNNConfig, TransformerConfig
from minis2s.torch_nn.seq2seq import Seq2Seq
from minis2s.torch_nn.transformer import Transformer

MODELS = {RNNConfig.KIND: Seq2Seq, TransformerConfig.KIND: Transformer}
"""Kind of a configuration -> class of the model."""


def make_model(config: ModelConfig) -> Seq2Seq | Transformer:
    """The model of a configuration, drawn from torch's global random state."""
    return MODELS[config.KIND](config)
