"""The training loop: what it learns, what it yields, and how it continues."""

import numpy as np
import pytest
import torch

from minis2s.config import RNNConfig, TrainConfig
from minis2s.text.batching import encode_pairs
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import CharTokenizer
from minis2s.torch_nn.averaging import ema_update
from minis2s.torch_nn.seq2seq import Seq2Seq
from minis2s.torch_nn.train import (
    StepRecord,
    TrainState,
    Validation,
    load_weights,
    train,
    validation_loss,
)

CPU = torch.device("cpu")
WORDS = [a + b + c for a in "abcd" for b in "efg" for c in "hij"]
TOKENIZER = CharTokenizer.learn(WORDS, 100, 1)
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")
PAIRS = encode_pairs(TEXT, TOKENIZER, 10)


def make_state(**changes):
    """A tiny translator at the beginning of its training."""
    config = TrainConfig(**{"epochs": 3, "batch_tokens": 40, "lr": 0.01, **changes})
    sizes = RNNConfig(
        vocab_size=len(TOKENIZER.pieces), d_embed=5, d_hidden=7, d_decoder=11
    )
    return TrainState(lambda: Seq2Seq(sizes), config, seed=7, device=CPU)


def validate(model):
    """Teacher-forced loss on the training pairs."""
    return {"loss": validation_loss(model, PAIRS, 64, CPU)}


def run(state, n_records=None):
    """Train, to the end or for some records."""
    records = []
    for record in train(state, PAIRS, validate):
        records.append(record)
        if len(records) == n_records:
            break
    return records


def same(a, b):
    """Whether all arrays are equal, bit for bit."""
    return all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("n_records", range(1, 24, 2))
def test_restored_training_is_the_same(optimizer, n_records):
    """Stopped between any two records, it goes on to the same weights, bit for bit."""
    records = run(whole := make_state(optimizer=optimizer))
    run(stopped := make_state(optimizer=optimizer), n_records)
    arrays, counters = stopped.snapshot()
    resumed = make_state(optimizer=optimizer)
    torch.manual_seed(99)
    resumed.restore(arrays, counters)
    assert run(resumed) == records[n_records:]
    assert same(whole.weights(), resumed.weights())
    assert same(whole.best_weights, resumed.best_weights)
    assert whole.counters.best == resumed.counters.best


@pytest.mark.parametrize(
    "changes", [{"accumulate": 2}, {"ema": 0.9}, {"average": 3}], ids=str
)
@pytest.mark.parametrize("n_records", range(1, 18, 2))
def test_what_is_kept_beside_the_weights_is_restored(changes, n_records):
    """So it is where several batches make one update, or a mean is kept."""
    changes = {"valid_every": 2, **changes}
    records = run(whole := make_state(**changes))
    run(stopped := make_state(**changes), n_records)
    arrays, counters = stopped.snapshot()
    resumed = make_state(**changes)  # seeds the generator that dropout draws on
    resumed.restore(arrays, counters)
    assert run(resumed) == records[n_records:]
    assert same(whole.weights(), resumed.weights())
    assert same(whole.best_weights, resumed.best_weights)


def test_another_seed_is_another_training():
    """The comparison above could fail."""
    run(a := make_state())
    b = make_state()
    b.seed = 8
    run(b)
    assert not same(a.weights(), b.weights())


def test_loss_falls():
    """Forty epochs on 36 words take a third of the loss away, at least."""
    records = run(make_state(epochs=40))
    losses = [record.loss for record in records if isinstance(record, StepRecord)]
    assert losses[-1] < losses[0] * 2 / 3


def test_every_epoch_ends_in_a_validation():
    """By default there is one validation an epoch."""
    found = [r.epoch for r in run(make_state()) if isinstance(r, Validation)]
    assert found == [0, 1, 2]


def test_validation_every_n_steps_and_at_the_end():
    """With valid_every=4, steps 4, 8, ... and the last one are validated."""
    records = run(make_state(valid_every=4, epochs=2))
    last = max(record.step for record in records)
    found = [r.step for r in records if isinstance(r, Validation)]
    want = [step for step in range(1, last + 1) if step % 4 == 0 or step == last]
    assert found == want


def test_patience_ends_it():
    """Two validations without a new best end a training that may not move."""
    records = run(make_state(lr=1e-12, epochs=50, patience=2, valid_every=1))
    assert len([r for r in records if isinstance(r, Validation)]) < 50


def test_best_weights_are_those_of_the_best_validation():
    """Loaded into the model, they give the best loss again."""
    state = make_state(lr=0.3, epochs=6)
    losses = [r.metrics["loss"] for r in run(state) if isinstance(r, Validation)]
    load_weights(state.model, state.best_weights)
    assert validate(state.model.eval())["loss"] == pytest.approx(min(losses), abs=1e-6)


def test_validation_does_not_draw_on_dropout():
    """Validating leaves the random state, and so the training, as it was."""
    run(often := make_state(valid_every=1))
    run(seldom := make_state(valid_every=1000))
    assert same(often.weights(), seldom.weights())


@pytest.mark.parametrize("change", ["name", "shape"])
def test_foreign_weights_are_refused(change):
    """Weights of another model are not loaded in part."""
    state = make_state()
    weights = state.weights()
    name = "decoder.output.bias"
    value = weights.pop(name)
    weights["decoder.other" if change == "name" else name] = value[1:]
    with pytest.raises(ValueError, match="weights: "):
        load_weights(state.model, weights)


def test_bfloat16_keeps_float32_weights():
    """Mixed precision computes in bfloat16 and stores float32."""
    state = make_state(precision="bfloat16", epochs=1)
    run(state)
    assert {value.dtype for value in state.weights().values()} == {np.dtype("float32")}


def test_accumulated_batches_are_one_batch():
    """All batches of an epoch in one update do what one batch of them all does."""
    changes = {"accumulate": 1000}, {"batch_tokens": 10_000}
    parts, whole = (make_state(label_smoothing=0.1, **change) for change in changes)
    for state in (parts, whole):
        state.model.double()
        for layer in state.model.modules():
            layer.p = 0.0  # no dropout
    losses = [[r.loss for r in run(state) if isinstance(r, StepRecord)]
              for state in (parts, whole)]  # fmt: skip
    assert [len(found) for found in losses] == [3, 3]
    np.testing.assert_allclose(*losses, rtol=1e-9)
    for name, value in whole.weights().items():
        np.testing.assert_allclose(parts.weights()[name], value, 1e-9, 1e-12)


def test_the_mean_is_validated_and_kept_as_the_best():
    """Validation sees the mean of all weights so far; training goes on without it."""
    state = make_state(ema=0.9, lr=0.3, warmup_steps=0)
    mean = {name: value.clone() for name, value in state.ema.items()}
    seen = []

    def look(model):
        seen.append({n: p.detach().numpy().copy() for n, p in model.named_parameters()})
        return {"loss": -float(len(seen))}

    for record in train(state, PAIRS, look):
        if isinstance(record, StepRecord):
            weights = dict(state.model.named_parameters())
            ema_update(mean, weights, 0.9, record.step)
        else:
            assert same(seen[-1], {name: m.numpy() for name, m in mean.items()})
            assert same(state.best_weights, seen[-1])
    assert not same(state.weights(), state.best_weights)


def test_the_mean_does_not_disturb_the_training():
    """With a mean or without, the weights take the same way."""
    run(with_mean := make_state(ema=0.9))
    run(without := make_state())
    assert same(with_mean.weights(), without.weights())
    assert not without.ema


# --- the mean of the last validations ---


@pytest.mark.parametrize(("last", "kept"), [(0.5, True), (1.0, False), (2.0, False)])
def test_the_mean_is_kept_if_it_beats_each_one(last, kept):
    """After five validations the last three are averaged, scored, and kept or not."""
    seen, losses = [], iter([9.0, 2.0, 1.0, 4.0, 5.0, last])

    def look(model):
        seen.append({n: p.detach().numpy().copy() for n, p in model.named_parameters()})
        return {"loss": next(losses)}

    state = make_state(epochs=5, average=3)
    records = [*train(state, PAIRS, look)]
    assert (records[-1].n_averaged, records[-1].is_best) == (3, kept)
    mean = {name: np.mean([w[name] for w in seen[2:5]], axis=0) for name in seen[0]}
    assert same(seen[5], mean)
    assert same(state.best_weights, mean if kept else seen[2])
    assert same(state.weights(), seen[4])


def test_after_patience_the_mean_ends_the_training():
    """The best mean does not renew patience, also not for one who resumes."""
    changes = {"patience": 1, "average": 2, "epochs": 9}
    losses = iter([2.0, 3.0, 1.0])
    state = make_state(**changes)
    records = [*train(state, PAIRS, lambda model: {"loss": next(losses)})]
    assert (records[-1].n_averaged, records[-1].is_best) == (2, True)
    assert records[-1].epoch == records[-2].epoch == 1
    resumed = make_state(**changes)
    resumed.restore(*state.snapshot())
    assert run(resumed) == []


def test_one_validation_has_no_mean():
    """A mean of one would be scored for nothing."""
    records = run(make_state(epochs=1, average=5))
    assert len([r for r in records if isinstance(r, Validation)]) == 1
