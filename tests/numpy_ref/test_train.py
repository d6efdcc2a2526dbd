"""The training loop: what it learns, what it yields, and how it continues.

The model is the least that can be trained: it averages the source, adds the last
target token, and names the next one.
"""

import numpy as np
import pytest

from minis2s.config import InputError, TrainConfig
from minis2s.numpy_ref.averaging import ema_update
from minis2s.numpy_ref.functional import tanh_backward, tanh_forward
from minis2s.numpy_ref.gradcheck import check_gradient
from minis2s.numpy_ref.layer import Dropout, Layer, Linear
from minis2s.numpy_ref.loss import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_forward,
)
from minis2s.numpy_ref.train import (
    StepRecord,
    TrainState,
    Validation,
    train,
    update,
    validation_loss,
)
from minis2s.text.batching import encode_pairs, make_batch, plan_batches
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import CharTokenizer

WORDS = [a + b + c for a in "abcd" for b in "efg" for c in "hij"]
TOKENIZER = CharTokenizer.learn(WORDS, 100, 1)
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")
PAIRS = encode_pairs(TEXT, TOKENIZER, 10)
VOCAB_SIZE, D_HIDDEN = len(TOKENIZER.pieces), 13


class TinyModel(Layer):
    """logits_t = output(dropout(tanh(read(mean of src) + last(tgt_in_t))))."""

    def __init__(self, rng, rate=0.2):
        shape = (VOCAB_SIZE, D_HIDDEN)
        super().__init__(read=rng.normal(size=shape), last=rng.normal(size=shape))
        self.dropout = Dropout(rate)
        self.output = Linear(D_HIDDEN, VOCAB_SIZE, rng)

    def forward(self, src, src_mask, tgt_in, *, rng):
        """Logits, an even attention, and the cache."""
        weights = src_mask / src_mask.sum(axis=1, keepdims=True)
        bag = np.einsum("bs,bsv->bv", weights, np.eye(VOCAB_SIZE)[src])
        before = (bag @ self.params["read"])[:, None] + self.params["last"][tgt_in]
        hidden, _ = tanh_forward(before)
        kept, dropout_cache = self.dropout.forward(hidden, rng)
        logits, output_cache = self.output.forward(kept)
        return logits, weights, (bag, tgt_in, hidden, dropout_cache, output_cache)

    def backward(self, grad_logits, cache):
        """Add up the gradients of all four parameters."""
        bag, tgt_in, hidden, dropout_cache, output_cache = cache
        grad_kept = self.output.backward(grad_logits, output_cache)
        grad_hidden = self.dropout.backward(grad_kept, dropout_cache)
        grad_before = tanh_backward(grad_hidden, hidden)
        grad_last = np.zeros_like(self.params["last"])
        np.add.at(grad_last, tgt_in, grad_before)
        self.add_gradients(bag.T @ grad_before.sum(axis=1), grad_last)


def make_state(**changes):
    """A tiny model at the beginning of its training."""
    config = TrainConfig(**{"epochs": 3, "batch_tokens": 40, "lr": 0.01, **changes})
    return TrainState(TinyModel, config, seed=7)


def validate(model):
    """Teacher-forced loss on the training pairs."""
    return {"loss": validation_loss(model, PAIRS, 64)}


def run(state, n_records=None):
    """Train, to the end or for some records."""
    records = []
    for record in train(state, PAIRS, validate):
        records.append(record)
        if len(records) == n_records:
            break
    return records


def of_kind(kind, records):
    """The steps or the validations among some records."""
    return [record for record in records if isinstance(record, kind)]


def same(a, b):
    """Whether all arrays are equal, bit for bit."""
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# --- one step ---


def test_the_model_of_these_tests_is_differentiated_rightly():
    """Rung 2, from the loss to each parameter; without it the rest says little."""
    model, batch = TinyModel(np.random.default_rng(0)), make_batch(PAIRS, [0, 8, 30])

    def loss_of(value, held):
        before, held[...] = held.copy(), value
        logits, _, _ = model.forward(batch.src, batch.src_mask, batch.tgt_in, rng=None)
        held[...] = before
        return cross_entropy(logits, batch.tgt_out, 0.1)

    logits, _, cache = model.forward(batch.src, batch.src_mask, batch.tgt_in, rng=None)
    _, loss_cache = cross_entropy_forward(logits, batch.tgt_out, 0.1)
    model.backward(cross_entropy_backward(1.0, loss_cache), cache)
    grads = dict(model.named_gradients())
    for name, held in model.named_parameters():
        error = check_gradient(
            lambda value, held=held: loss_of(value, held),
            held.copy(),
            grads[name],
            np.random.default_rng(1),
        )
        assert error < 1e-6, name


@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
def test_a_step_of_sgd_is_the_clipped_gradient_of_the_mean(clip_norm):
    """Weights move by lr times the gradient of the mean loss, at most clip_norm."""
    state = make_state(optimizer="sgd", clip_norm=clip_norm, schedule="constant")
    before = state.weights()
    (record,) = run(state, 1)
    moved = [state.weights()[name] - before[name] for name in before]
    distance = np.sqrt(sum((change**2).sum() for change in moved))
    norm = min(record.grad_norm, clip_norm or np.inf)
    assert record.grad_norm > 0.05
    np.testing.assert_allclose(distance, record.lr * norm, rtol=1e-4)


def test_a_gradient_serves_one_step():
    """What a step left behind is forgotten before the next."""
    once, twice = make_state(optimizer="sgd"), make_state(optimizer="sgd")
    for _, grad in twice.model.named_gradients():
        grad += 5.0
    assert run(once, 1) == run(twice, 1)
    assert same(once.weights(), twice.weights())


def test_the_record_tells_the_loss_before_the_update():
    """In nats per real token, label smoothing included."""
    state = make_state(epochs=1, batch_tokens=10_000, label_smoothing=0.1)
    state.model.dropout.rate = 0.0
    batch = make_batch(PAIRS, range(len(PAIRS)))
    logits, _, _ = state.model.forward(
        batch.src, batch.src_mask, batch.tgt_in, rng=None
    )
    want = cross_entropy(logits, batch.tgt_out, 0.1) / (4 * len(WORDS))
    (record,) = run(state, 1)
    assert record.loss == pytest.approx(want, rel=1e-12)
    assert record.n_tokens == 4 * len(WORDS)


def test_loss_falls():
    """Forty epochs on 36 words take a third of the loss away, at least."""
    losses = [record.loss for record in of_kind(StepRecord, run(make_state(epochs=40)))]
    assert losses[-1] < losses[0] * 2 / 3


# --- what it yields ---


def test_every_epoch_ends_in_a_validation():
    """By default there is one validation an epoch."""
    found = [r.epoch for r in of_kind(Validation, run(make_state()))]
    assert found == [0, 1, 2]


def test_validation_every_n_steps_and_at_the_end():
    """With valid_every=4, steps 4, 8, ... and the last one are validated."""
    records = run(make_state(valid_every=4, epochs=2))
    last = max(record.step for record in records)
    want = [step for step in range(1, last + 1) if step % 4 == 0 or step == last]
    assert [r.step for r in of_kind(Validation, records)] == want


def test_steps_are_counted_and_every_pair_seen_once_an_epoch():
    """Steps go 1, 2, 3, ... and the tokens of an epoch are those of the pairs."""
    steps = of_kind(StepRecord, run(make_state()))
    assert [record.step for record in steps] == [*range(1, len(steps) + 1)]
    for epoch in range(3):
        n_tokens = sum(r.n_tokens for r in steps if r.epoch == epoch)
        assert n_tokens == 4 * len(WORDS)


def test_patience_ends_it():
    """Two validations without a new best end a training that may not move."""
    records = run(make_state(lr=1e-300, epochs=50, patience=2, valid_every=1))
    assert [r.is_best for r in of_kind(Validation, records)] == [True, False, False]
    assert len(records) == 6


def test_best_weights_are_those_of_the_best_validation():
    """Loaded into the model, they give the best loss again."""
    state = make_state(lr=0.3, epochs=6)
    losses = [r.metrics["loss"] for r in of_kind(Validation, run(state))]
    state.model.load(state.best_weights)
    assert validate(state.model)["loss"] == pytest.approx(min(losses), abs=1e-12)


def test_a_new_best_renews_patience():
    """Only validations since the last best are counted."""
    losses = iter([3.0, 4.0, 2.0, 4.0, 4.0, 1.0])
    state = make_state(patience=2, epochs=50)
    run_through = [*train(state, PAIRS, lambda model: {"loss": next(losses)})]
    assert len(of_kind(Validation, run_through)) == 5


def test_counters_tell_what_the_records_told():
    """Steps, tokens, and where the best was found."""
    state = make_state(lr=0.9, warmup_steps=3, epochs=6)
    records = run(state)
    steps, found = of_kind(StepRecord, records), of_kind(Validation, records)
    counters = state.counters
    assert counters.step == len(steps)
    assert counters.n_tokens == sum(record.n_tokens for record in steps)
    assert counters.best_step == [r.step for r in found if r.is_best][-1]
    assert counters.best == -min(r.metrics["loss"] for r in found)


def test_the_rate_falls_from_step_to_step():
    """A linear schedule takes the same from the rate at every step."""
    steps = of_kind(StepRecord, run(make_state(schedule="linear", warmup_steps=0)))
    want = 0.01 * (1 - np.arange(len(steps)) / len(steps))
    np.testing.assert_allclose([record.lr for record in steps], want)


def test_validation_loss_is_the_mean_over_tokens():
    """In nats per real token, whatever the batches are, and without dropout."""
    model = TinyModel(np.random.default_rng(0))
    batch = make_batch(PAIRS, range(len(PAIRS)))
    logits, _, _ = model.forward(batch.src, batch.src_mask, batch.tgt_in, rng=None)
    want = cross_entropy(logits, batch.tgt_out) / (4 * len(WORDS))
    for batch_tokens in (17, 64, 10_000):
        found = validation_loss(model, PAIRS, batch_tokens)
        assert found == pytest.approx(want, rel=1e-12)


def test_the_configured_metric_decides():
    """With select="bleu" more is better, whatever the loss says."""
    scores = iter([{"bleu": 3.0, "loss": 9.0}, {"bleu": 1.0, "loss": 0.0}])
    state = make_state(select="bleu", epochs=2)
    records = [*train(state, PAIRS, lambda model: next(scores))]
    assert [r.is_best for r in of_kind(Validation, records)] == [True, False]
    assert state.counters.best == 3.0


def test_bfloat16_is_refused():
    """NumPy has no such numbers, and says so before anything is made."""
    with pytest.raises(InputError, match="precision: NumPy has no bfloat16"):
        make_state(precision="bfloat16")


# --- how it continues ---


@pytest.mark.parametrize(
    "changes", [{}, {"valid_every": 4}, {"accumulate": 2}, {"ema": 0.9}, {"average": 3}]
)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_restored_training_is_the_same(optimizer, changes):
    """Stopped after any record, it yields the rest and ends in the same weights."""
    changes = {"optimizer": optimizer, "epochs": 2, **changes}
    records = run(whole := make_state(**changes))
    for n_records in range(1, len(records)):
        run(stopped := make_state(**changes), n_records)
        resumed = make_state(**changes)
        resumed.restore(*stopped.snapshot())
        assert same(resumed.best_weights, stopped.best_weights)
        assert run(resumed) == records[n_records:]
        assert same(whole.weights(), resumed.weights())
        assert same(whole.best_weights, resumed.best_weights)
        assert whole.counters.best == resumed.counters.best


def test_a_snapshot_is_a_copy():
    """Steps taken after it leave it as it was."""
    state = make_state()
    arrays, counters = state.snapshot()
    before = {name: array.copy() for name, array in arrays.items()}
    run(state)
    assert same(arrays, before)
    assert counters["step"] == 0


def test_another_seed_is_another_training():
    """The comparison above could fail."""
    run(a := make_state())
    b = make_state()
    b.seed = 8
    run(b)
    assert not same(a.weights(), b.weights())


def test_dropout_draws_anew_at_each_step():
    """The same batch and weights give another loss at another step, or seed."""
    losses, batch = set(), make_batch(PAIRS, [0, 8, 30])
    for step, seed in ((0, 7), (1, 7), (0, 8)):
        state = make_state()
        state.counters.step, state.seed = step, seed
        losses.add(update(state, [batch], lr=0.0)[0])
    assert len(losses) == 3


def test_foreign_weights_are_refused():
    """Weights of another model are not restored in part."""
    state = make_state()
    arrays, counters = state.snapshot()
    arrays["model.other"] = arrays.pop("model.output.bias")
    with pytest.raises(ValueError, match="weights: "):
        state.restore(arrays, counters)


def test_float32_is_trained_in_float32():
    """A model whose parameters are float32 keeps them so, and its moments too."""

    def make_model(rng):
        model = TinyModel(rng)
        model.load({n: a.astype(np.float32) for n, a in model.named_parameters()})
        return model

    state = TrainState(make_model, TrainConfig(epochs=1), seed=7)
    run(state)
    arrays, _ = state.snapshot()
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


# --- several batches for one update ---


def test_accumulated_batches_are_one_batch():
    """All batches of an epoch in one update do what one batch of them all does."""
    parts = make_state(accumulate=1000, weight_decay=0.1, label_smoothing=0.1)
    whole = make_state(batch_tokens=10_000, weight_decay=0.1, label_smoothing=0.1)
    for state in (parts, whole):
        state.model.dropout.rate = 0.0
    records = [of_kind(StepRecord, run(state)) for state in (parts, whole)]
    assert [len(found) for found in records] == [3, 3]
    for a, b in zip(*records, strict=True):
        assert a.n_tokens == b.n_tokens == 4 * len(WORDS)
        np.testing.assert_allclose((a.loss, a.grad_norm), (b.loss, b.grad_norm))
    for name, value in whole.weights().items():
        np.testing.assert_allclose(parts.weights()[name], value, 1e-9, 1e-12)


def test_the_last_update_of_an_epoch_takes_what_is_left():
    """No batch is left out, and none waits for the next epoch."""
    n_batches = len(of_kind(StepRecord, run(make_state(epochs=1))))
    steps = of_kind(StepRecord, run(make_state(accumulate=3, epochs=2)))
    assert n_batches % 3  # the last update of an epoch has fewer than three
    assert [record.epoch for record in steps].count(0) == -(-n_batches // 3)
    for epoch in (0, 1):
        n_tokens = sum(r.n_tokens for r in steps if r.epoch == epoch)
        assert n_tokens == 4 * len(WORDS)


def test_dropout_draws_anew_for_each_batch_of_an_update():
    """The same batch twice in one update is silenced in two ways."""
    batch = make_batch(PAIRS, [0, 8, 30])
    once, twice = (update(make_state(), [batch] * n, lr=0.0)[0] for n in (1, 2))
    assert abs(once - twice) > 1e-6


# --- a running mean of the weights ---


def test_the_mean_is_validated_and_kept_as_the_best():
    """Validation sees the mean of all weights so far; training goes on without it."""
    seen, state = [], make_state(ema=0.9, lr=0.3, warmup_steps=0)
    want = state.weights()
    losses = iter(range(9, 0, -1))

    def look(model):
        seen.append({name: value.copy() for name, value in model.named_parameters()})
        return {"loss": float(next(losses))}

    for record in train(state, PAIRS, look):
        if isinstance(record, StepRecord):
            ema_update(want, state.weights(), 0.9, record.step)
        else:
            assert same(seen[-1], want)
            assert same(state.best_weights, want)
    assert len(seen) == 3
    assert not same(state.weights(), want)


def test_the_mean_does_not_disturb_the_training():
    """With a mean or without, the weights take the same way."""
    run(with_mean := make_state(ema=0.9))
    run(without := make_state())
    assert same(with_mean.weights(), without.weights())
    assert not without.ema


def test_a_validation_that_fails_leaves_the_weights():
    """The mean goes back where it was, also after an error."""
    state = make_state(ema=0.9)

    def fail(model):
        raise KeyError("bleu")

    training = train(state, PAIRS, fail)
    for _ in range(len(plan_batches(PAIRS, 40, 7, 0))):
        next(training)
    before, (mean, _) = state.weights(), state.snapshot()
    with pytest.raises(KeyError, match="bleu"):
        next(training)
    assert same(state.weights(), before)
    assert same(state.snapshot()[0], mean)


# --- the mean of the last validations ---


@pytest.mark.parametrize(("last", "kept"), [(0.5, True), (1.0, False), (2.0, False)])
def test_the_mean_is_kept_if_it_beats_each_one(last, kept):
    """After five validations the last three are averaged, scored, and kept or not."""
    seen, losses = [], iter([9.0, 2.0, 1.0, 4.0, 5.0, last])

    def look(model):
        seen.append({n: p.copy() for n, p in model.named_parameters()})
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
