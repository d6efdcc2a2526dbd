"""The language model: specification, differences, truncation, drawing, learning.

Two texts of 7 characters; every bias, initial state and upstream gradient is random.
"""

import inspect
import itertools
import math
import time
from collections import Counter

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)
from minis2s.numpy_ref.language_model import (
    LanguageModel,
    bits_per_character,
    cut_streams,
    evaluate_language_model,
    next_loss_backward,
    next_loss_forward,
    sample,
    train_language_model,
)
from minis2s.text.corpora import load

BATCH, LENGTH, VOCAB_SIZE, D_EMBED, D_HIDDEN = 2, 7, 11, 3, 5
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

CELLS = ("rnn", "lstm", "gru")
each_cell = pytest.mark.parametrize("cell", CELLS)


def make_model(cell, dtype=np.float64):
    """A tiny model whose every parameter, biases too, is random."""
    rng = np.random.default_rng(1)
    model = LanguageModel(VOCAB_SIZE, D_EMBED, D_HIDDEN, cell, rng)
    sizes = {name: param.shape for name, param in model.named_parameters()}
    model.load({n: 0.7 * rng.normal(size=s).astype(dtype) for n, s in sizes.items()})
    return model


@pytest.fixture
def ids(rng):
    """Two texts in which every id may occur, 0 too."""
    ids = rng.integers(0, VOCAB_SIZE, size=(BATCH, LENGTH))
    ids.setflags(write=False)
    return ids


@pytest.fixture
def text(rng):
    """One text of 23 characters."""
    text = rng.integers(0, VOCAB_SIZE, size=23)
    text.setflags(write=False)
    return text


def make_state(cell, rng, batch=BATCH):
    """A random state, or the gradient of one."""
    parts = 2 if cell == "lstm" else 1
    return tuple(rng.normal(size=(batch, D_HIDDEN)) for _ in range(parts))


def copy_gradients(model):
    """What has been added up, by name."""
    return {name: grad.copy() for name, grad in model.named_gradients()}


def assert_close(found, expected):
    """The same arrays under the same names."""
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], **SPEC, err_msg=name)


# --- the model ---


@each_cell
def test_forward_agrees_with_the_loop(ids, rng, cell):
    """Rung 1: look up, read with the cell, map: all logits and the last state."""
    model, state = make_model(cell), make_state(cell, rng)
    logits, after, _ = model.forward(ids, state)
    embedded = specs.embedding(ids, model.embedding.params["weight"])
    outputs, expected = getattr(specs, cell)(embedded, state, **model.recurrent.params)
    np.testing.assert_allclose(after, expected, **SPEC)
    for index in np.ndindex(BATCH, LENGTH):
        want = specs.linear(outputs[index], **model.output.params)
        np.testing.assert_allclose(logits[index], want, **SPEC)


@pytest.fixture
def case(ids, rng, request):
    """A loss of all results, and its gradients by name, the first state's too."""
    cell = request.param
    model, state = make_model(cell), make_state(cell, rng)
    upstream = rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE)), make_state(cell, rng)
    weights = dict(model.named_parameters())
    *_, cache = model.forward(ids, state)
    grad_before = model.backward(upstream[0], cache, upstream[1])
    before = {f"state {i}": part for i, part in enumerate(state)}
    grads = copy_gradients(model) | dict(zip(before, grad_before, strict=True))

    def loss(name, array):
        arrays = {**weights, **before, name: array}
        model.load({name: arrays[name] for name in weights})
        given = tuple(arrays[name] for name in before)
        logits, after, _ = model.forward(ids, given)
        total = (logits * upstream[0]).sum()
        for part, grad in zip(after, upstream[1], strict=True):
            total += (part * grad).sum()
        return float(total)

    return loss, weights | before, grads


@pytest.mark.parametrize("case", CELLS, indirect=True)
def test_every_gradient_agrees_with_differences(case):
    """Rung 2: every entry, for each parameter and the state before."""
    loss, arrays, grads = case
    assert arrays.keys() == grads.keys()
    for name, array in arrays.items():
        expected = numerical_gradient(lambda a, name=name: loss(name, a), array)
        assert relative_error(grads[name], expected) < GRADIENT, name


@pytest.mark.parametrize("case", CELLS, indirect=True)
def test_every_gradient_agrees_along_directions(case, rng):
    """Rung 2: and so does the slope when all entries of an array move at once."""
    loss, arrays, grads = case
    for name, array in arrays.items():
        error = check_gradient(
            lambda a, name=name: loss(name, a), array, grads[name], rng
        )
        assert error < GRADIENT, name


@each_cell
def test_gradients_add_up_over_calls(ids, rng, cell):
    """Two calls of backward leave twice the gradient."""
    model = make_model(cell)
    logits, _, cache = model.forward(ids)
    grad_logits = rng.normal(size=logits.shape)
    model.backward(grad_logits, cache)
    once = copy_gradients(model)
    model.backward(grad_logits, cache)
    assert_close(copy_gradients(model), {n: 2 * grad for n, grad in once.items()})


@each_cell
def test_a_carried_state_is_one_long_reading(ids, cell):
    """Three characters, then four with the state of the first, are seven."""
    model = make_model(cell)
    whole, end, _ = model.forward(ids)
    first, state, _ = model.forward(ids[:, :3])
    second, state, _ = model.forward(ids[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, **SPEC)
    np.testing.assert_allclose(state, end, **SPEC)


@each_cell
def test_a_carried_gradient_is_one_long_way_back(ids, rng, cell):
    """Backward through two pieces, the second handing its gradient to the first."""
    model, grad_logits = make_model(cell), rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE))
    model.backward(grad_logits, model.forward(ids)[2])
    whole = copy_gradients(model)
    model.zero_gradients()
    _, state, first = model.forward(ids[:, :3])
    _, _, second = model.forward(ids[:, 3:], state)
    grad_state = model.backward(grad_logits[:, 3:], second)
    model.backward(grad_logits[:, :3], first, grad_state)
    assert_close(copy_gradients(model), whole)


@each_cell
def test_the_future_is_not_seen(ids, cell):
    """Logits do not depend on characters that come later."""
    changed = ids.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % VOCAB_SIZE
    model = make_model(cell)
    logits, other = model.forward(ids)[0], model.forward(changed)[0]
    np.testing.assert_array_equal(logits[:, :4], other[:, :4])
    assert (logits[:, 4:] != other[:, 4:]).any(axis=-1).all()


@each_cell
def test_float32_stays_float32(ids, cell):
    """Logits, state and gradients are not promoted to float64."""
    model = make_model(cell, np.float32)
    logits, state, cache = model.forward(ids)
    _, loss_cache = next_loss_forward(logits, ids)
    grad_before = model.backward(next_loss_backward(1.0, loss_cache), cache)
    arrays = [logits, *state, *grad_before, *copy_gradients(model).values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_an_unknown_cell_is_named(rng):
    """The error lists what there is."""
    with pytest.raises(ValueError, match=r"cell: must be one of rnn, .*got 'tape'"):
        LanguageModel(VOCAB_SIZE, D_EMBED, D_HIDDEN, "tape", rng)


# --- the loss ---


def test_loss_agrees_with_the_loop(ids, rng):
    """Rung 1: the mean of -log p over all characters, of which id 0 is one."""
    logits = rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE))
    logits[0, 0] *= 1e4
    assert (ids == 0).any()
    total = 0.0
    for b, t in np.ndindex(ids.shape):
        total -= specs.log_softmax(logits[b, t])[ids[b, t]]
    loss, _ = next_loss_forward(logits, ids)
    np.testing.assert_allclose(loss, total / ids.size, **SPEC)


def test_loss_gradient_agrees_with_differences(ids, rng):
    """Rung 2: every entry of grad_logits."""
    logits = rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE))
    grad = next_loss_backward(0.7, next_loss_forward(logits, ids)[1])
    expected = numerical_gradient(lambda a: 0.7 * next_loss_forward(a, ids)[0], logits)
    assert relative_error(grad, expected) < GRADIENT


# --- training ---


def test_streams_hold_the_text_in_order():
    """Joined, the rows of all pieces are the text; what follows is one further on."""
    pieces = cut_streams(np.arange(23), batch_size=3, length=2)
    assert [inputs.shape for inputs, _ in pieces] == [(3, 2), (3, 2), (3, 2), (3, 1)]
    inputs, following = (
        np.concatenate(part, axis=1) for part in zip(*pieces, strict=True)
    )
    np.testing.assert_array_equal(inputs.ravel(), np.arange(21))
    np.testing.assert_array_equal(following, inputs + 1)


BAD_CUTS = [
    (3, 3, 1, "ids: must hold more than batch_size = 3 characters, got 3"),
    (0, 1, 1, "ids: must hold more than batch_size = 1 characters, got 0"),
    (9, 0, 1, "batch_size: must be at least 1, got 0"),
    (9, 1, 0, "length: must be at least 1, got 0"),
]


@pytest.mark.parametrize(("n", "batch_size", "length", "message"), BAD_CUTS)
def test_what_cannot_be_cut_is_said(n, batch_size, length, message):
    """No stream and no piece may be empty."""
    with pytest.raises(ValueError, match=message):
        cut_streams(np.arange(n), batch_size, length)


def train(model, text, **changes):
    """All records of a training."""
    settings = {
        "n_steps": 1,
        "batch_size": 2,
        "length": 4,
        "lr": 0.01,
        "clip_norm": 0.0,
    }
    return list(train_language_model(model, text, **{**settings, **changes}))


def full_gradient(model, text, batch_size):
    """Loss and gradients of all streams in one piece, without any truncation."""
    ((inputs, following),) = cut_streams(text, batch_size, len(text))
    logits, _, cache = model.forward(inputs)
    loss, loss_cache = next_loss_forward(logits, following)
    model.zero_gradients()
    model.backward(next_loss_backward(1.0, loss_cache), cache)
    return loss, copy_gradients(model)


@each_cell
def test_a_piece_as_long_as_the_text_truncates_nothing(text, cell):
    """Then the step's gradient is the whole one."""
    model = make_model(cell)
    loss, grads = full_gradient(model, text, batch_size=2)
    (record,) = train(model, text, length=11)
    norm = math.sqrt(sum((grad**2).sum() for grad in grads.values()))
    np.testing.assert_allclose((record.loss, record.grad_norm), (loss, norm), **SPEC)
    assert_close(copy_gradients(model), grads)


@each_cell
def test_shorter_pieces_lose_a_part_of_the_gradient(text, cell):
    """Over a pass with the weights at rest: in the past's part, not in the output's."""
    model = make_model(cell)
    _, whole = full_gradient(model, text, batch_size=1)
    total = dict.fromkeys(whole, 0.0)
    steps = train_language_model(
        model, text, n_steps=6, batch_size=1, length=4, lr=1e-300, clip_norm=0.0
    )
    for _, (inputs, _) in zip(steps, cut_streams(text, 1, 4), strict=True):
        for name, grad in model.named_gradients():
            total[name] = total[name] + inputs.size / 22 * grad
    np.testing.assert_allclose(total["output.weight"], whole["output.weight"], **SPEC)
    for name in ("embedding.weight", "recurrent.weight_hidden"):
        assert relative_error(total[name], whole[name]) > 0.01


@each_cell
def test_a_state_is_carried_until_the_streams_end(text, cell):
    """With the weights at rest, two passes cost what reading all at once costs."""
    model = make_model(cell)
    loss, _ = full_gradient(model, text, batch_size=2)
    records = train(model, text, n_steps=6, lr=1e-300)
    losses = np.array([record.loss for record in records]).reshape(2, 3)
    np.testing.assert_allclose(losses @ [4 / 11, 4 / 11, 3 / 11], [loss] * 2, **SPEC)


def test_training_yields_a_record_for_each_step(text):
    """Steps are counted from 1, one at a time as they are asked for."""
    model = make_model("lstm")
    before = model.output.params["bias"].copy()
    steps = train_language_model(
        model, text, n_steps=5, batch_size=2, length=4, lr=0.01
    )
    np.testing.assert_array_equal(model.output.params["bias"], before)
    assert [record.step for record in steps] == [1, 2, 3, 4, 5]
    assert (model.output.params["bias"] != before).all()


def test_a_long_gradient_is_shortened(text):
    """The record says how long it was; what is left has the norm asked for."""
    model = make_model("rnn")
    (record,) = train(model, text, clip_norm=0.1)
    norm = math.sqrt(sum((grad**2).sum() for grad in copy_gradients(model).values()))
    assert record.grad_norm > 0.2
    np.testing.assert_allclose(norm, 0.1, rtol=1e-5)


# --- what it is for ---


@each_cell
@pytest.mark.parametrize("length", [1, 5, 1000])
def test_a_text_costs_the_same_in_any_pieces(text, cell, length):
    """Nats per character, of one reading."""
    model = make_model(cell)
    loss, _ = full_gradient(model, text, batch_size=1)
    found = evaluate_language_model(model, text, length)
    np.testing.assert_allclose(found, loss, **SPEC)


def test_who_knows_nothing_pays_for_every_character_alike(text):
    """Without an output layer the cost is ln(vocab_size), or log2 of it in bits."""
    model = make_model("lstm")
    for param in model.output.params.values():
        param[...] = 0.0
    nats = evaluate_language_model(model, text)
    np.testing.assert_allclose(nats, math.log(VOCAB_SIZE), **SPEC)
    np.testing.assert_allclose(bits_per_character(nats), math.log2(VOCAB_SIZE), **SPEC)


@each_cell
def test_a_draw_reads_all_that_was_written(text, cell):
    """Each character is that of the whole prefix, read anew, and of its number."""
    model, written = make_model(cell), list(text)
    drawn = sample(model, text, 13, np.random.default_rng(2), temperature=0.8)
    for uniform in np.random.default_rng(2).random(13):
        logits, *_ = model.forward(np.array([written]))
        probabilities = specs.sampling_probabilities(logits[0, -1], 0.8, 0, 1.0)
        written.append(specs.draw_token(probabilities, uniform))
    assert drawn.tolist() == written[len(text) :]


def test_a_cold_draw_is_the_likeliest(text):
    """Near temperature 0 every generator writes the same."""
    model = make_model("lstm")
    a, b = (
        sample(model, text, 17, np.random.default_rng(seed), temperature=1e-4)
        for seed in (0, 1)
    )
    assert a.tolist() == b.tolist()
    assert a[0] == model.forward(text[None])[0][0, -1].argmax()


def test_nothing_is_drawn_where_nothing_is_asked_for(text, rng):
    """Zero characters are an empty row of ids."""
    assert sample(make_model("lstm"), text, 0, rng).shape == (0,)


def test_a_draw_needs_a_beginning(rng):
    """There is no begin of text, so the prompt must be one."""
    with pytest.raises(ValueError, match="prompt_ids: must hold at least 1 character"):
        sample(make_model("lstm"), np.array([], dtype=np.int64), 3, rng)


# --- learning ---


def entropy(items):
    """Of how often each item occurs, in nats."""
    counts = np.array(list(Counter(items).values()))
    return float(np.log(counts.sum()) - (counts * np.log(counts)).sum() / counts.sum())


@pytest.fixture(scope="module")
def captions():
    """The English captions as one text: ids, and how many characters there are."""
    text = "\n".join(load("captions-de-en", "test", "de", "en").tgt)
    chars = sorted(set(text))
    return np.array([chars.index(char) for char in text]), len(chars)


@each_cell
def test_numpy_alone_learns_to_foresee_captions(captions, cell):
    """From ln(vocab_size) to below what a table of all pairs reaches, in 10 CPU s."""
    started = time.process_time()
    ids, vocab_size = captions
    unigram = entropy(ids.tolist())
    bigram = entropy(itertools.pairwise(ids.tolist())) - entropy(ids[:-1].tolist())
    model = LanguageModel(vocab_size, 16, 64, cell, np.random.default_rng(0))
    model.load({n: p.astype(np.float32) for n, p in model.named_parameters()})
    before = evaluate_language_model(model, ids)
    steps = train_language_model(
        model, ids, n_steps=300, batch_size=8, length=25, lr=0.01
    )
    losses = [record.loss for record in steps]
    assert before == pytest.approx(math.log(vocab_size), abs=0.1)
    assert losses[50] < unigram
    assert evaluate_language_model(model, ids) < bigram - 0.2
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("following", "message"),
    [
        ([[1, 2, -1]] * 2, "following: ids must be from 0 to 4, got -1"),
        ([[1, 2, 5]] * 2, "following: ids must be from 0 to 4, got 5"),
        ([[1, 2, 3]], "following: axis batch must be 2, got 1"),
        ([[1], [2]], "following: axis len must be 3, got 1"),
    ],
)
def test_what_came_must_fit_the_logits(following, message):
    """NumPy would count -1 from the end, and stretch one row for all."""
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(next_loss_forward)(np.zeros((2, 3, 5)), np.array(following))
