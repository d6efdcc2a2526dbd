"""Slow, obvious loop specifications: what the fast code is meant to compute.

Each function is the definition, one number at a time, without any tricks.
The tests compare both wings with these, and a learner who is lost in axes can always
come back here. Everything returns float64.

Left out: speed, and every check of what is passed in.
"""

from minis2s.specs.attention import (
    additive_attention,
    blend,
    dot_attention,
    general_attention,
    multi_head_attention,
    softmax,
)
from minis2s.specs.bpe import cut_probabilities, join_pair, learn_bpe
from minis2s.specs.decode import (
    coverage_penalty,
    draw_token,
    exhaustive_search,
    sampling_probabilities,
)
from minis2s.specs.embedding import embedding, sinusoidal_positions
from minis2s.specs.functional import layer_norm, linear, log_softmax, relu
from minis2s.specs.loss import cross_entropy
from minis2s.specs.recurrence import (
    bidirectional,
    gru,
    gru_step,
    gru_step_paper,
    lstm,
    lstm_step,
    rnn,
    rnn_step,
)
from minis2s.specs.seq2seq import input_feeding, input_feeding_step
from minis2s.specs.transformer import (
    decoder_layer,
    encoder_layer,
    feed_forward,
    residual,
)

__all__ = [
    "additive_attention",
    "bidirectional",
    "blend",
    "coverage_penalty",
    "cross_entropy",
    "cut_probabilities",
    "decoder_layer",
    "dot_attention",
    "draw_token",
    "embedding",
    "encoder_layer",
    "exhaustive_search",
    "feed_forward",
    "general_attention",
    "gru",
    "gru_step",
    "gru_step_paper",
    "input_feeding",
    "input_feeding_step",
    "join_pair",
    "layer_norm",
    "learn_bpe",
    "linear",
    "log_softmax",
    "lstm",
    "lstm_step",
    "multi_head_attention",
    "relu",
    "residual",
    "rnn",
    "rnn_step",
    "sampling_probabilities",
    "sinusoidal_positions",
    "softmax",
]
