"""Rung 3: both wings read, learn and write alike from the same weights."""

import dataclasses

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import language_model as numpy_lm
from minis2s.torch_nn import language_model as torch_lm

BATCH, LENGTH, VOCAB_SIZE, D_EMBED, D_HIDDEN = 2, 7, 11, 3, 5
PARITY = {"rtol": 1e-9, "atol": 1e-12}
each_cell = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def make_twins(cell):
    """The same model in both wings, in float64, every parameter random."""
    sizes = VOCAB_SIZE, D_EMBED, D_HIDDEN, cell
    twin = torch_lm.LanguageModel(*sizes).double()
    for value in twin.parameters():
        torch.nn.init.normal_(value, std=0.7)
    model = numpy_lm.LanguageModel(*sizes, np.random.default_rng(0))
    model.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return model, twin


@pytest.fixture
def text(rng):
    """One text of 23 characters."""
    return rng.integers(0, VOCAB_SIZE, size=23)


def assert_same_parameters(model, twin):
    """One for one, under the same names in the same order."""
    ours, theirs = dict(model.named_parameters()), dict(twin.named_parameters())
    assert list(ours) == list(theirs)
    for name, param in ours.items():
        want = theirs[name].detach().numpy()
        np.testing.assert_allclose(param, want, **PARITY, err_msg=name)


@each_cell
def test_both_wings_agree(rng, cell):
    """Logits, last state, and the gradient of every parameter and the first state."""
    model, twin = make_twins(cell)
    ids = rng.integers(0, VOCAB_SIZE, size=(BATCH, LENGTH))
    n_parts = 2 if cell == "lstm" else 1
    state, grad_state = (
        tuple(rng.normal(size=(BATCH, D_HIDDEN)) for _ in range(n_parts)) for _ in "ab"
    )
    grad_logits = rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE))
    logits, after, cache = model.forward(ids, state)
    grad_before = model.backward(grad_logits, cache, grad_state)
    before = tuple(torch.tensor(part, requires_grad=True) for part in state)
    twin_logits, twin_after = twin(torch.from_numpy(ids), before)
    upstream = [torch.from_numpy(grad) for grad in (grad_logits, *grad_state)]
    torch.autograd.backward([twin_logits, *twin_after], upstream)
    ours = [logits, *after, *grad_before, *dict(model.named_gradients()).values()]
    theirs = [twin_logits, *twin_after]
    theirs += [leaf.grad for leaf in (*before, *twin.parameters())]
    for array, tensor in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array, tensor.detach().numpy(), **PARITY)


def test_both_wings_measure_the_same_loss(rng):
    """Value and gradient, id 0 counted."""
    logits = rng.normal(size=(BATCH, LENGTH, VOCAB_SIZE))
    following = rng.integers(0, 3, size=(BATCH, LENGTH))
    loss, cache = numpy_lm.next_loss_forward(logits, following)
    theirs = torch.tensor(logits, requires_grad=True)
    twin_loss = torch_lm.next_loss(theirs, torch.from_numpy(following))
    twin_loss.backward()
    np.testing.assert_allclose(loss, twin_loss.item(), **PARITY)
    grad_logits = numpy_lm.next_loss_backward(1.0, cache)
    np.testing.assert_allclose(grad_logits, theirs.grad.numpy(), **PARITY)


def test_records_have_the_same_fields():
    """Names, order and types, so that whoever reads one reads the other."""
    ours, theirs = (
        [(field.name, field.type) for field in dataclasses.fields(wing.LanguageStep)]
        for wing in (numpy_lm, torch_lm)
    )
    assert ours == theirs


@pytest.mark.parametrize(("batch_size", "length"), [(1, 4), (3, 2), (2, 100)])
def test_both_wings_cut_alike(text, batch_size, length):
    """The same pieces in the same order."""
    ours = numpy_lm.cut_streams(text, batch_size, length)
    theirs = torch_lm.cut_streams(torch.from_numpy(text), batch_size, length)
    for piece, twin_piece in zip(ours, theirs, strict=True):
        for array, tensor in zip(piece, twin_piece, strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())


@each_cell
def test_both_wings_train_alike(text, cell):
    """Every record of more than two passes, and the weights in the end."""
    model, twin = make_twins(cell)
    settings = {"n_steps": 7, "batch_size": 2, "length": 4, "lr": 0.03}
    records = zip(
        numpy_lm.train_language_model(model, text, **settings, clip_norm=0.5),
        torch_lm.train_language_model(
            twin, torch.from_numpy(text), **settings, clip_norm=0.5
        ),
        strict=True,
    )
    for ours, theirs in records:
        want = dataclasses.astuple(theirs)
        np.testing.assert_allclose(dataclasses.astuple(ours), want, **PARITY)
    assert_same_parameters(model, twin)


@each_cell
def test_both_wings_foresee_alike(text, cell):
    """Nats per character of a text, in pieces."""
    model, twin = make_twins(cell)
    theirs = torch_lm.evaluate_language_model(twin, torch.from_numpy(text), length=5)
    ours = numpy_lm.evaluate_language_model(model, text, length=5)
    np.testing.assert_allclose(ours, theirs, **PARITY)


@each_cell
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_both_wings_write_the_same_text(text, cell, temperature):
    """From the same numbers, 97 characters."""
    model, twin = make_twins(cell)
    ours = numpy_lm.sample(model, text, 97, np.random.default_rng(5), temperature)
    theirs = torch_lm.sample(
        twin, torch.from_numpy(text), 97, np.random.default_rng(5), temperature
    )
    assert ours.tolist() == theirs.tolist()
