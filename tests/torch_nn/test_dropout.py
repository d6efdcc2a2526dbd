"""Dropout by coins is dropout."""

import math

import pytest
import torch

from minis2s.torch_nn.dropout import SIDES, Dropout, throw_coins


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_a_value_is_dropped_or_scaled(rate, dtype):
    """Each value is 0 or x / (1 - p), and the share of zeros is p."""
    torch.manual_seed(5)
    x = torch.full((211, 997), 3.0, dtype=dtype)
    y = Dropout(rate)(x)
    scale = torch.tensor(SIDES / (SIDES - round(rate * SIDES)), dtype=dtype)
    assert y.dtype == dtype
    assert set(y.unique().tolist()) == {0.0, (3 * scale).item()}
    n_values = x.numel()
    spread = math.sqrt(rate * (1 - rate) / n_values)
    assert abs(float((y == 0).double().mean()) - rate) < 5 * spread


def test_values_are_dropped_independently():
    """The four coins of one number, and neighbouring numbers, know nothing of it."""
    torch.manual_seed(5)
    kept = (Dropout(0.3)(torch.ones(400_000)) > 0).double()
    for lag in range(1, 9):
        pair = torch.stack([kept[:-lag], kept[lag:]])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 5 / math.sqrt(400_000)


def test_all_coins_have_all_sides():
    """Each of the four coins of a number shows its whole range, evenly."""
    torch.manual_seed(5)
    coins = throw_coins(400_000).view(-1, 4).double()
    sigma = SIDES / math.sqrt(12)
    assert coins.mean(dim=0).abs().max() < 5 * sigma / math.sqrt(100_000)
    torch.testing.assert_close(
        coins.std(dim=0), torch.full((4,), sigma).double(), rtol=0.01, atol=0
    )
    assert (coins.amin(dim=0) < -SIDES / 2 * 0.999).all()
    assert (coins.amax(dim=0) > SIDES / 2 * 0.999).all()


@pytest.mark.parametrize("n_coins", [0, 1, 2, 3, 5, 8])
def test_any_number_of_coins(n_coins):
    """The number need not be a multiple of four."""
    assert throw_coins(n_coins).shape == (n_coins,)


def test_the_gradient_goes_where_the_value_went():
    """What is dropped has no gradient; what is kept has the scale as its own."""
    x = torch.ones(7, 11, requires_grad=True)
    y = Dropout(0.4)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach())


def test_it_is_drawn_from_the_global_generator():
    """The same seed drops the same values: a resumed training depends on it."""
    x = torch.ones(13, 17)
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(Dropout(0.5)(x))
    assert torch.equal(*draws)
    assert not torch.equal(draws[0], Dropout(0.5)(x))


def test_nothing_happens_without_training_or_rate():
    """Its input itself comes back, and no number is drawn."""
    x, layer = torch.ones(3, 5), Dropout(0.5).eval()
    before = torch.get_rng_state()
    assert layer(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_everything_can_be_dropped():
    """A rate of 1 leaves zeros, not NaN."""
    assert not Dropout(1.0)(torch.ones(3, 5)).any()
