"""Rung 3: both wings, from the same weights, train alike."""

import dataclasses

import numpy as np
import pytest
import torch

from minis2s.config import RNNConfig, TrainConfig
from minis2s.numpy_ref import train as numpy_train
from minis2s.numpy_ref.seq2seq import Seq2Seq as NumpySeq2Seq
from minis2s.text.batching import encode_pairs
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import CharTokenizer
from minis2s.torch_nn import train as torch_train
from minis2s.torch_nn.seq2seq import Seq2Seq

PARITY = {"rtol": 1e-9, "atol": 1e-12}
CPU = torch.device("cpu")
WORDS = [a + b + c for a in "abcd" for b in "ef" for c in ("g", "hij")]
TOKENIZER = CharTokenizer.learn(WORDS, 100, 1)
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")
PAIRS = encode_pairs(TEXT, TOKENIZER, 10)
SIZES = RNNConfig(
    vocab_size=len(TOKENIZER.pieces), d_embed=5, d_hidden=7, d_decoder=11, dropout=0.0
)


@pytest.mark.parametrize("name", ["StepRecord", "Validation", "Counters"])
def test_records_have_the_same_fields(name):
    """Names, order and types, so that whoever reads one reads the other."""
    ours, theirs = (
        [(field.name, field.type) for field in dataclasses.fields(getattr(wing, name))]
        for wing in (numpy_train, torch_train)
    )
    assert ours == theirs


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd"},
        {"optimizer": "momentum"},
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"accumulate": 2},
        {"ema": 0.5},
        {"average": 3},
    ],
    ids=str,
)
def test_both_wings_train_alike(changes):
    """Every record of two epochs, and both sets of weights in the end, in float64."""
    config = TrainConfig(
        epochs=2, batch_tokens=30, weight_decay=0.01, lr=0.03, warmup_steps=3,
        label_smoothing=0.1, clip_norm=0.5, valid_every=3, **changes,
    )  # fmt: skip
    theirs = torch_train.TrainState(
        lambda: Seq2Seq(SIZES).double(), config, seed=7, device=CPU
    )

    def make_model(rng):
        model = NumpySeq2Seq(SIZES, rng)
        model.load(theirs.weights())
        return model

    ours = numpy_train.TrainState(make_model, config, seed=7)
    for a, b in zip(
        numpy_train.train(ours, PAIRS, numpy_loss),
        torch_train.train(theirs, PAIRS, torch_loss),
        strict=True,
    ):
        assert_same_record(flat(a), flat(b))
    assert_same_record(ours.weights(), theirs.weights())
    assert_same_record(ours.best_weights, theirs.best_weights)


def numpy_loss(model):
    """Validation of the NumPy wing."""
    return {"loss": numpy_train.validation_loss(model, PAIRS, 30)}


def torch_loss(model):
    """Validation of the torch wing."""
    return {"loss": torch_train.validation_loss(model, PAIRS, 30, CPU)}


def flat(record):
    """The fields of a record by name, and the metrics of a validation among them."""
    fields = dataclasses.asdict(record)
    metrics = fields.pop("metrics", {})
    return fields | metrics


def assert_same_record(ours, theirs):
    """The same names, and the same numbers to nine digits."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], **PARITY, err_msg=name)
