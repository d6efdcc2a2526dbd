"""PyTorch embedding and positions: against PyTorch's own, and at the edges.

That they compute what the NumPy wing computes is proved in tests/parity.
"""

import inspect

import pytest
import torch
from torch import nn

from minis2s.torch_nn import embedding

BATCH, LENGTH, D_MODEL, MAX_LEN, VOCAB_SIZE = 2, 5, 14, 11, 13
ORACLE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture
def x():
    """Vectors of tokens."""
    return torch.randn(BATCH, LENGTH, D_MODEL)


@pytest.fixture(params=["sinusoidal", "learned"])
def positions(request):
    """Either layer of positions."""
    if request.param == "sinusoidal":
        return embedding.SinusoidalPositions(D_MODEL)
    return embedding.LearnedPositions(MAX_LEN, D_MODEL)


def test_lookup_agrees_with_pytorchs_layer():
    """Rung 4: the rows, and the gradient of the table, are nn.Embedding's."""
    ours, theirs = embedding.Embedding(VOCAB_SIZE, 7), nn.Embedding(VOCAB_SIZE, 7)
    theirs.load_state_dict(ours.state_dict())
    ids = torch.tensor([[4, 12, 4, 4, 3], [7, 4, 3, 0, 0]])
    grad_embedded = torch.randn(BATCH, LENGTH, 7)
    for layer in (ours, theirs):
        layer(ids).backward(grad_embedded)
    torch.testing.assert_close(ours(ids), theirs(ids), **ORACLE)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, **ORACLE)


@pytest.mark.parametrize("start", [0, 3])
def test_learned_positions_agree_with_pytorchs_embedding(x, start):
    """Rung 4: they are nn.Embedding of the positions, added."""
    layer, table = (
        embedding.LearnedPositions(MAX_LEN, D_MODEL),
        nn.Embedding(MAX_LEN, D_MODEL),
    )
    table.load_state_dict(layer.state_dict())
    expected = x + table(torch.arange(start, start + LENGTH))
    torch.testing.assert_close(layer(x, start=start), expected, **ORACLE)


def test_token_by_token_is_all_at_once(x, positions):
    """Decoding asks for one position at a time, and `start` says which."""
    whole = positions(x)
    for t in range(LENGTH):
        now = positions(x[:, t : t + 1], start=t)
        torch.testing.assert_close(now[:, 0], whole[:, t], **ORACLE)


def test_only_the_rows_used_learn(x):
    """From `start` on, as many as there are tokens."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL)
    layer(x, start=3).backward(torch.randn_like(x))
    rows = layer.weight.grad.any(dim=1).nonzero().flatten()
    assert rows.tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_positions_keep_the_precision(x, positions, dtype):
    """What comes in float32 goes out in float32, and so on."""
    assert positions.to(dtype)(x.to(dtype)).dtype == dtype


def test_sinusoids_are_no_state():
    """Checkpoints do not hold what a formula gives."""
    assert not embedding.SinusoidalPositions(D_MODEL).state_dict()


def test_positions_begin_with_unit_length():
    """N(0, 1/d_model): a row's expected squared length is 1."""
    weight = embedding.LearnedPositions(997, 101).weight
    assert abs((weight**2).sum(dim=1).mean() - 1.0) < 0.02


def test_an_odd_width_is_refused():
    """A sine without its cosine."""
    message = "d_model: must be even for sinusoidal positions, got 7"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(embedding.sinusoidal_positions)(5, 7)


def test_positions_beyond_the_table_are_refused(x):
    """The sentence holds how many there are and how many were asked for."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL)
    message = r"x: must have at most 11 positions \(max_len\), got 12"
    with pytest.raises(ValueError, match=message):
        layer(x, start=7)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (embedding.SinusoidalPositions(14), "SinusoidalPositions(d_model=14)"),
        (embedding.LearnedPositions(3, 2), "LearnedPositions(max_len=3, d_model=2)"),
    ],
)
def test_printing_shows_the_sizes(layer, expected):
    """A printed model says what it is made of."""
    assert repr(layer) == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_gpu_agrees_with_cpu(x, positions):
    """Rung 5: the GPU stands where the CPU does."""
    expected = positions(x, start=3)
    out = positions.cuda()(x.cuda(), start=3)
    torch.testing.assert_close(out.cpu(), expected, rtol=1e-4, atol=1e-4)
