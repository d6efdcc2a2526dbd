"""Rung six of the ladder: NumPy alone learns something."""

import time

import numpy as np

from minis2s import metrics
from minis2s.config import (
    RNNConfig,
    TokenizerConfig,
    TrainConfig,
    TransformerConfig,
    preset,
)
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.numpy_ref.train import TrainState, train, validation_loss
from minis2s.numpy_ref.transformer import Transformer
from minis2s.numpy_ref.translator import Translator
from minis2s.text.batching import encode_pairs
from minis2s.text.corpora import load
from minis2s.text.tokenizers import learn_tokenizer


def learn_to_reverse(model_kind, config_kind, sizes, config, seed=1):
    """Train in float32, then translate what was never seen: % exactly right."""
    train_text, valid_text, test_text = (
        load("reverse", split) for split in ("train", "valid", "test")
    )
    tokenizer = learn_tokenizer(TokenizerConfig(kind="char"), train_text.src)
    model_config = config_kind(vocab_size=len(tokenizer.pieces), **sizes)
    pairs, valid_pairs = (
        encode_pairs(text, tokenizer, config.max_len)
        for text in (train_text, valid_text)
    )

    def make_model(rng):
        model = model_kind(model_config, rng)
        weights = dict(model.named_parameters())
        model.load({name: w.astype(np.float32) for name, w in weights.items()})
        return model

    def validate(model):
        return {"loss": validation_loss(model, valid_pairs, config.batch_tokens)}

    state = TrainState(make_model, config, seed=seed)
    for _ in train(state, pairs, validate):
        pass
    outputs = Translator(state.model, tokenizer, 100).translate_text(test_text.src)
    return metrics.exact_match(outputs, test_text.tgt)


def test_numpy_alone_learns_to_reverse():
    """The toy of `make demo`: 99 % of unseen strings exactly right, under 90 s."""
    started = time.perf_counter()
    settings = preset("rnn", "tiny")
    config = TrainConfig(**settings["train"])
    exact = learn_to_reverse(Seq2Seq, RNNConfig, settings["model"], config)
    assert exact >= 99.0
    assert time.perf_counter() - started < 90


def test_numpy_alone_teaches_a_transformer_to_reverse():
    """Without recurrence, too: 99 % of unseen strings exactly right, under 90 s."""
    started = time.perf_counter()
    sizes = {"d_model": 64, "n_heads": 4, "d_ff": 128, "n_layers": 2, "dropout": 0.0}
    config = TrainConfig(epochs=6, lr=0.005, warmup_steps=100, batch_tokens=512)
    exact = learn_to_reverse(Transformer, TransformerConfig, sizes, config)
    assert exact >= 99.0
    assert time.perf_counter() - started < 90
