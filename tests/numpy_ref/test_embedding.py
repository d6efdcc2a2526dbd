"""Embedding and positions: loop specification, differences, rows that occur often."""

import inspect

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import embedding
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)
from minis2s.text.tokenizers import PAD_ID

BATCH, LENGTH, VOCAB_SIZE, D_EMBED = 2, 5, 13, 7
IDS = np.array([[4, 12, 4, 4, 3], [7, 4, 3, PAD_ID, PAD_ID]])  # token 4 occurs often


@pytest.fixture
def weight(rng):
    """A table of random rows."""
    return rng.normal(size=(VOCAB_SIZE, D_EMBED))


@pytest.fixture
def grad_embedded(rng):
    """A random upstream gradient, zero on padding as every encoder sends it."""
    return rng.normal(size=(BATCH, LENGTH, D_EMBED)) * (IDS != PAD_ID)[..., None]


def test_lookup_agrees_with_the_loop(weight):
    """Rung 1: every number is copied from the row that the id names."""
    embedded, _ = embedding.embedding_forward(IDS, weight)
    np.testing.assert_array_equal(embedded, specs.embedding(IDS, weight))


def test_gradient_agrees_with_differences(weight, grad_embedded):
    """Rung 2: for every entry of the table, tokens that occur often included."""

    def loss(weight):
        return float(
            (embedding.embedding_forward(IDS, weight)[0] * grad_embedded).sum()
        )

    _, cache = embedding.embedding_forward(IDS, weight)
    grad = embedding.embedding_backward(grad_embedded, cache)
    assert relative_error(grad, numerical_gradient(loss, weight)) < 1e-6


def test_tokens_that_do_not_occur_have_no_gradient(weight, grad_embedded):
    """Nor has padding, above which the gradient is zero."""
    _, cache = embedding.embedding_forward(IDS, weight)
    grad = embedding.embedding_backward(grad_embedded, cache)
    assert set(np.flatnonzero(grad.any(axis=1))) == set(IDS.flat) - {PAD_ID}


def test_class_backward_adds_up(rng, grad_embedded):
    """Two calls leave twice the gradient of the pair."""
    layer = embedding.Embedding(VOCAB_SIZE, D_EMBED, rng)
    _, cache = layer.forward(IDS)
    for _ in range(2):
        layer.backward(grad_embedded, cache)
    expected = 2 * embedding.embedding_backward(grad_embedded, cache)
    np.testing.assert_allclose(layer.grads["weight"], expected, rtol=1e-12)


def test_rows_begin_with_unit_length(rng):
    """N(0, 1/d_embed): a row's expected squared length is 1."""
    weight = embedding.Embedding(997, 101, rng).params["weight"]
    assert abs((weight**2).sum(axis=1).mean() - 1.0) < 0.02


def test_float32_stays_float32(weight, grad_embedded):
    """Forward and backward."""
    embedded, cache = embedding.embedding_forward(IDS, weight.astype(np.float32))
    grad = embedding.embedding_backward(grad_embedded.astype(np.float32), cache)
    assert {embedded.dtype, grad.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.float64, bool])
def test_ids_that_are_no_integers_are_refused(weight, dtype):
    """Also truth values, which would choose rows instead of naming them."""
    message = f"ids: must be integers, got {np.dtype(dtype)}"
    with pytest.raises(TypeError, match=message):
        inspect.unwrap(embedding.embedding_forward)(np.ones(3, dtype=dtype), weight)


@pytest.mark.parametrize("wrong", [-1, VOCAB_SIZE])
def test_an_id_without_a_row_is_refused(weight, wrong):
    """Also -1, which NumPy would read as the last row."""
    ids = np.array([wrong, 4])
    with pytest.raises(ValueError, match=r"ids: must lie in 0\.\.12, got"):
        inspect.unwrap(embedding.embedding_forward)(ids, weight)


# --- positions ---

D_MODEL, MAX_LEN, START = 14, 11, 3  # seven pairs of sine and cosine
SPEC = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def x(rng):
    """Vectors of tokens."""
    return rng.normal(size=(BATCH, LENGTH, D_MODEL))


@pytest.fixture(params=["sinusoidal", "learned"])
def positions(request, rng):
    """Either layer of positions."""
    if request.param == "sinusoidal":
        return embedding.SinusoidalPositions(D_MODEL)
    return embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)


@pytest.mark.parametrize("length", [0, 1, 23])
@pytest.mark.parametrize("d_model", [2, 14])
def test_sinusoids_agree_with_the_loop(length, d_model):
    """Rung 1: every sine and cosine is the specification's."""
    found = embedding.sinusoidal_positions(length, d_model)
    expected = specs.sinusoidal_positions(length, d_model)
    np.testing.assert_allclose(found, expected, **SPEC)


def test_sinusoids_take_turns():
    """The first position has the sines at 0 and the cosines at 1, pair by pair."""
    first = embedding.sinusoidal_positions(1, D_MODEL)[0]
    assert first.tolist() == [0.0, 1.0] * 7


@pytest.mark.parametrize("k", [1, 5])
def test_k_steps_on_is_the_same_rotation_everywhere(k):
    """PE(pos + k) = R_k PE(pos): each pair turns by its own angle, whatever pos is."""
    table = embedding.sinusoidal_positions(23, D_MODEL)
    rotation = np.zeros((D_MODEL, D_MODEL))
    for i in range(0, D_MODEL, 2):
        sin, cos = (
            np.sin(k / 10000 ** (i / D_MODEL)),
            np.cos(k / 10000 ** (i / D_MODEL)),
        )
        rotation[i : i + 2, i : i + 2] = [[cos, sin], [-sin, cos]]
    np.testing.assert_allclose(table[k:], table[:-k] @ rotation.T, **SPEC)


def test_likeness_of_two_sinusoids_depends_on_their_distance_alone():
    """PE(pos) . PE(pos + k) is the same for all pos: rotations keep inner products."""
    table = embedding.sinusoidal_positions(23, D_MODEL)
    likeness = table @ table.T
    for k in range(23):
        diagonal = np.diagonal(likeness, k)
        np.testing.assert_allclose(diagonal, diagonal[0], **SPEC)


def test_no_two_of_a_thousand_sinusoids_are_alike():
    """Some pair always tells two positions apart."""
    table = embedding.sinusoidal_positions(1000, D_MODEL)
    likeness = table @ table.T / (D_MODEL / 2)
    assert likeness[~np.eye(1000, dtype=bool)].max() < 1.0 - 1e-3


@pytest.mark.parametrize("start", [0, START])
def test_sinusoids_are_added(x, start):
    """Token t of every sentence gets the vector of position start + t."""
    out, _ = embedding.SinusoidalPositions(D_MODEL).forward(x, start=start)
    expected = specs.sinusoidal_positions(start + LENGTH, D_MODEL)
    for b, t in np.ndindex(BATCH, LENGTH):
        np.testing.assert_allclose(out[b, t], x[b, t] + expected[start + t], **SPEC)


@pytest.mark.parametrize("start", [0, START])
def test_learned_rows_are_added(rng, x, start):
    """Token t of every sentence gets row start + t."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)
    out, _ = layer.forward(x, start=start)
    for b, t in np.ndindex(BATCH, LENGTH):
        expected = x[b, t] + layer.params["weight"][start + t]
        np.testing.assert_array_equal(out[b, t], expected)


def test_token_by_token_is_all_at_once(x, positions):
    """Decoding asks for one position at a time, and `start` says which."""
    whole, _ = positions.forward(x)
    for t in range(LENGTH):
        now, _ = positions.forward(x[:, t : t + 1], start=t)
        np.testing.assert_allclose(now[:, 0], whole[:, t], **SPEC)


@pytest.mark.parametrize("start", [0, START])
def test_learned_gradients_agree_with_differences(rng, x, start):
    """Rung 2: of the vectors and of the table."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)
    grad_out = rng.normal(size=x.shape)
    grad_x = layer.backward(grad_out, layer.forward(x, start=start)[1])
    weight = layer.params["weight"].copy()

    def loss(x, weight):
        layer.params["weight"] = weight
        return float((layer.forward(x, start=start)[0] * grad_out).sum())

    slope = numerical_gradient(lambda array: loss(array, weight), x)
    assert relative_error(grad_x, slope) < 1e-6
    slope = numerical_gradient(lambda array: loss(x, array), weight)
    assert relative_error(layer.grads["weight"], slope) < 1e-6
    grad = layer.grads["weight"]
    assert check_gradient(lambda a: loss(x, a), weight, grad, rng) < 1e-6


def test_sinusoids_hand_the_gradient_on(rng, x):
    """What is added to x does not change the gradient of x."""
    layer = embedding.SinusoidalPositions(D_MODEL)
    grad_out = rng.normal(size=x.shape)
    grad_x = layer.backward(grad_out, layer.forward(x)[1])
    np.testing.assert_array_equal(grad_x, grad_out)
    assert not list(layer.named_parameters())


def test_only_the_rows_used_learn(rng, x):
    """From `start` on, as many as there are tokens; the others stay at zero."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)
    layer.backward(rng.normal(size=x.shape), layer.forward(x, start=START)[1])
    rows = np.flatnonzero(layer.grads["weight"].any(axis=1))
    assert rows.tolist() == list(range(START, START + LENGTH))


def test_learned_backward_adds_up(rng, x):
    """Two calls leave twice the sum over the sentences."""
    layer = embedding.LearnedPositions(LENGTH, D_MODEL, rng)
    grad_out, (_, cache) = rng.normal(size=x.shape), layer.forward(x)
    for _ in range(2):
        layer.backward(grad_out, cache)
    expected = 2 * grad_out.sum(axis=0)
    np.testing.assert_allclose(layer.grads["weight"], expected, **SPEC)


def test_positions_begin_with_unit_length(rng):
    """N(0, 1/d_model): a row's expected squared length is 1."""
    weight = embedding.LearnedPositions(997, 101, rng).params["weight"]
    assert abs((weight**2).sum(axis=1).mean() - 1.0) < 0.02


def test_positions_keep_float32(x, positions):
    """Forward and backward, and x is not written to."""
    weights = dict(positions.named_parameters())
    positions.load({name: w.astype(np.float32) for name, w in weights.items()})
    x = x.astype(np.float32)
    x.setflags(write=False)
    out, cache = positions.forward(x)
    grad_x = positions.backward(x, cache)
    assert {out.dtype, grad_x.dtype} == {np.dtype(np.float32)}


def test_float32_positions_are_rounded_only_once():
    """Far out a sinusoid computed in float32 would have lost its digits."""
    x = np.zeros((1, 1, D_MODEL), dtype=np.float32)
    out, _ = embedding.SinusoidalPositions(D_MODEL).forward(x, start=99_991)
    expected = embedding.sinusoidal_positions(99_992, D_MODEL)[-1]
    np.testing.assert_array_equal(out[0, 0], expected.astype(np.float32))


def test_an_odd_width_is_refused():
    """A sine without its cosine."""
    message = "d_model: must be even for sinusoidal positions, got 7"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(embedding.sinusoidal_positions)(5, 7)


@pytest.mark.parametrize("start", [7, 11])
def test_positions_beyond_the_table_are_refused(rng, x, start):
    """The sentence holds how many there are and how many were asked for."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)
    message = rf"x: must have at most 11 positions \(max_len\), got {start + LENGTH}"
    with pytest.raises(ValueError, match=message):
        layer.forward(x, start=start)


def test_the_last_row_is_not_beyond_the_table(rng, x):
    """A sentence may end exactly at max_len."""
    layer = embedding.LearnedPositions(MAX_LEN, D_MODEL, rng)
    out, _ = layer.forward(x, start=MAX_LEN - LENGTH)
    np.testing.assert_array_equal(out[:, -1], x[:, -1] + layer.params["weight"][-1])
