"""The language model: the library's own layers, truncation, drawing."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from minis2s.torch_nn.language_model import (
    LanguageModel,
    bits_per_character,
    cut_streams,
    evaluate_language_model,
    next_loss,
    sample,
    train_language_model,
)

VOCAB_SIZE, D_EMBED, D_HIDDEN = 11, 3, 5
TEXT = torch.from_numpy(np.random.default_rng(0).integers(0, VOCAB_SIZE, size=23))
LIBRARY = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
each_cell = pytest.mark.parametrize("cell", LIBRARY)


def make_lm(cell):
    """A tiny model whose every parameter, biases too, is random."""
    model = LanguageModel(VOCAB_SIZE, D_EMBED, D_HIDDEN, cell)
    for value in model.parameters():
        nn.init.normal_(value, std=0.7)
    return model


@each_cell
def test_forward_agrees_with_the_library(cell):
    """Rung 4: embedding, the library's recurrent layer, and a linear map."""
    model, layer = make_lm(cell), LIBRARY[cell](D_EMBED, D_HIDDEN, batch_first=True)
    ours = dict(model.recurrent.named_parameters())
    with torch.no_grad():
        layer.weight_ih_l0.copy_(ours["weight_input"])
        layer.weight_hh_l0.copy_(ours["weight_hidden"])
        layer.bias_ih_l0.copy_(ours.get("bias", ours.get("bias_input")))
        layer.bias_hh_l0.copy_(ours.get("bias_hidden", torch.zeros(())))
    ids = TEXT[:14].view(2, 7)
    outputs, _ = layer(nn.functional.embedding(ids, model.embedding.weight))
    want = nn.functional.linear(outputs, model.output.weight, model.output.bias)
    torch.testing.assert_close(model(ids)[0], want, rtol=1e-5, atol=1e-6)


@each_cell
def test_fused_equals_explicit(cell):
    """Both paths give the same logits and state."""
    model, ids = make_lm(cell).double(), TEXT[:14].view(2, 7)
    fused, explicit = model(ids), model(ids, fused=False)
    torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


def test_an_unknown_cell_is_named():
    """The error lists what there is."""
    with pytest.raises(ValueError, match=r"cell: must be one of rnn, .*got 'tape'"):
        LanguageModel(VOCAB_SIZE, D_EMBED, D_HIDDEN, "tape")


def test_every_id_is_a_character():
    """The loss counts id 0, which is padding elsewhere."""
    logits = torch.zeros(2, 3, VOCAB_SIZE)
    loss = next_loss(logits, torch.zeros(2, 3, dtype=torch.long))
    assert loss.item() == pytest.approx(math.log(VOCAB_SIZE))


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
        cut_streams(torch.arange(n), batch_size, length)


@each_cell
@pytest.mark.parametrize("length", [1, 5, 1000])
def test_a_text_costs_the_same_in_any_pieces(cell, length):
    """Nats per character, of one reading."""
    model = make_lm(cell).double()
    want = next_loss(model(TEXT[None, :-1])[0], TEXT[None, 1:]).item()
    assert evaluate_language_model(model, TEXT, length) == pytest.approx(want)


@each_cell
def test_a_piece_as_long_as_the_text_truncates_nothing(cell):
    """Then the step's gradient is the whole one."""
    model = make_lm(cell).double()
    next_loss(model(TEXT[None, :-1])[0], TEXT[None, 1:]).backward()
    whole = [value.grad.clone() for value in model.parameters()]
    settings = {"batch_size": 1, "length": 22, "lr": 0.01, "clip_norm": 0.0}
    list(train_language_model(model, TEXT, n_steps=1, **settings))
    found = [value.grad for value in model.parameters()]
    torch.testing.assert_close(found, whole, rtol=1e-9, atol=1e-12)


@each_cell
def test_a_state_is_carried_until_the_streams_end(cell):
    """With the weights at rest, two passes cost what reading all at once costs."""
    model = make_lm(cell).double()
    settings = {"n_steps": 12, "batch_size": 1, "length": 4, "lr": 1e-300}
    records = list(train_language_model(model, TEXT, **settings))
    losses = np.array([record.loss for record in records]).reshape(2, 6)
    shares = np.array([4, 4, 4, 4, 4, 2]) / 22
    want = evaluate_language_model(model, TEXT)
    np.testing.assert_allclose(losses @ shares, [want] * 2, rtol=1e-12)


@each_cell
def test_training_lowers_the_cost(cell):
    """Sixty steps on 23 characters halve what they cost, and report one each."""
    model = make_lm(cell)
    before = evaluate_language_model(model, TEXT)
    settings = {"n_steps": 60, "batch_size": 2, "length": 4, "lr": 0.03}
    records = list(train_language_model(model, TEXT, **settings))
    assert [record.step for record in records] == [*range(1, 61)]
    assert evaluate_language_model(model, TEXT) < before / 2


def test_bits_are_nats_over_ln_2():
    """Eight equally likely characters take three questions."""
    assert bits_per_character(math.log(8)) == pytest.approx(3.0)


@each_cell
def test_a_draw_reads_all_that_was_written(cell):
    """Each character is that of the whole prefix, read anew, and of its number."""
    model, written = make_lm(cell).double(), TEXT.tolist()
    drawn = sample(model, TEXT, 13, np.random.default_rng(2), temperature=0.8)
    for uniform in np.random.default_rng(2).random(13):
        logits, _ = model(torch.tensor([written]))
        ends = (logits[0, -1] / 0.8).softmax(-1).cumsum(-1)
        written.append(int((ends <= uniform).sum()))
    assert drawn.tolist() == written[len(TEXT) :]


def test_nothing_is_drawn_where_nothing_is_asked_for(rng):
    """Zero characters are an empty row of ids."""
    assert sample(make_lm("lstm"), TEXT, 0, rng).shape == (0,)


def test_a_draw_needs_a_beginning(rng):
    """There is no begin of text, so the prompt must be one."""
    with pytest.raises(ValueError, match="prompt_ids: must hold at least 1 character"):
        sample(make_lm("lstm"), TEXT[:0], 3, rng)
