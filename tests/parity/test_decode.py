"""Rung 3: both wings find the same translations."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from minis2s.config import DecodeConfig
from minis2s.numpy_ref import decode as numpy_decode
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.torch_nn import decode as torch_decode

GREEDY, BEAM = DecodeConfig(), DecodeConfig(n_beams=5)
SAMPLE = DecodeConfig(sample=True, temperature=1.5, top_k=17, top_p=0.95)
each_search = pytest.mark.parametrize("config", [GREEDY, BEAM], ids=["greedy", "beam"])
each_way = pytest.mark.parametrize(
    "config", [GREEDY, BEAM, SAMPLE], ids=["greedy", "beam", "sample"]
)
each_alpha = pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])


def convert(tree, leaf):
    """Apply a function to every array of nested tuples, whose kinds are kept."""
    if not isinstance(tree, tuple):
        return leaf(tree)
    parts = [convert(part, leaf) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


class Interpreter:
    """A torch model that is spoken to in NumPy."""

    def __init__(self, model):
        self.model, self.attention_kind = model, model.attention_kind

    @torch.inference_mode()
    def _ask(self, method, *trees):
        answer = method(*convert(trees, torch.from_numpy))
        return convert(answer, lambda tensor: tensor.numpy())

    def encode(self, src, src_mask):
        """Memory, as arrays."""
        return self._ask(self.model.encode, src, src_mask)

    def initial_state(self, memory):
        """The decoder's state, as arrays."""
        return self._ask(self.model.initial_state, memory)

    def decode_step(self, token, state, memory):
        """Logits, attention and next state, as arrays."""
        return self._ask(self.model.decode_step, token, state, memory)


def translate_twice(model, numpy_model, src, config):
    """Pairs of hypotheses, torch's first, drawn from the same numbers if any."""
    mask = src != 0
    ours, theirs = (np.random.default_rng(5).spawn(len(src)) for _ in range(2))
    arrays = src.numpy(), mask.numpy()
    return zip(
        torch_decode.translate_batch(model, src, mask, config, theirs),
        numpy_decode.translate_batch(numpy_model, *arrays, config, ours),
        strict=True,
    )


def assert_same(theirs, ours):
    """Token for token, scores to 1e-5, and the attention too."""
    assert theirs.tokens == ours.tokens
    assert theirs.attention_kind == ours.attention_kind
    assert theirs.attention.dtype == ours.attention.dtype
    np.testing.assert_allclose(ours.score, theirs.score, atol=1e-5)
    np.testing.assert_allclose(ours.attention, theirs.attention, atol=1e-5)


@each_alpha
@each_way
@pytest.mark.parametrize("seed", range(3))
def test_the_searches_are_the_same(make_model, ragged_src, config, alpha, seed):
    """Given the same logits, both wings choose the same tokens, whatever alpha is."""
    torch.manual_seed(seed)
    model = make_model(n_layers=2)
    config = replace(config, alpha=alpha)
    for pair in translate_twice(model, Interpreter(model), ragged_src, config):
        assert_same(*pair)


@each_search
def test_the_searches_break_ties_alike(make_model, ragged_src, config):
    """Where logits are whole numbers, of which many are equal, too."""
    model = make_model(tie="none")
    with torch.no_grad():
        model.decoder.output.weight.zero_()
        model.decoder.output.bias.copy_((3 * model.decoder.output.bias).round())
        assert len(model.decoder.output.bias.unique()) < 12  # for 23 tokens
    for pair in translate_twice(model, Interpreter(model), ragged_src, config):
        assert_same(*pair)


@each_way
@pytest.mark.parametrize("attention", ["additive", "dot", "general", "multi_head"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_both_wings_translate_alike(
    make_model, ragged_src, config, attention, n_layers
):
    """Given the same float32 weights, each wing computing by itself."""
    model = make_model(attention=attention, n_layers=n_layers)
    twin = Seq2Seq(model.config, np.random.default_rng(0))
    twin.load({n: p.detach().numpy() for n, p in model.named_parameters()})
    for pair in translate_twice(model, twin, ragged_src, config):
        assert_same(*pair)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_both_wings_list_alike(make_model, ragged_src, n_layers, coverage):
    """The five best, in the same order, whether coverage is paid for or not."""
    model = make_model(n_layers=n_layers)
    twin = Seq2Seq(model.config, np.random.default_rng(0))
    twin.load({n: p.detach().numpy() for n, p in model.named_parameters()})
    config, mask = DecodeConfig(n_beams=5, n_best=5, coverage=coverage), ragged_src != 0
    arrays = ragged_src.numpy(), mask.numpy()
    theirs = torch_decode.translate_n_best(model, ragged_src, mask, config)
    ours = numpy_decode.translate_n_best(twin, *arrays, config)
    for lists in zip(theirs, ours, strict=True):
        for pair in zip(*lists, strict=True):
            assert_same(*pair)


@each_way
def test_both_wings_ask_the_same_price(make_model, ragged_src, config):
    """With a penalty for coverage, the same translations and scores."""
    model, config = make_model(), replace(config, coverage=0.5)
    twin = Seq2Seq(model.config, np.random.default_rng(0))
    twin.load({n: p.detach().numpy() for n, p in model.named_parameters()})
    for pair in translate_twice(model, twin, ragged_src, config):
        assert_same(*pair)


def test_log_probabilities_agree(rng):
    """Huge logits included; what is impossible is so in both."""
    logits = (rng.normal(size=(3, 5, 7)) * [[[1.0]], [[1e2]], [[1e4]]]).astype("f4")
    theirs = torch_decode.log_probabilities(torch.from_numpy(logits)).numpy()
    ours = numpy_decode.log_probabilities(logits)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_top_candidates_agree(rng):
    """Values and places, on numbers of which many are equal."""
    scores = rng.integers(0, 4, size=(5, 17)).astype("f4")
    theirs = torch_decode.top_candidates(torch.from_numpy(scores), 7)
    ours = numpy_decode.top_candidates(scores, 7)
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)


@each_way
def test_both_wings_translate_alike_without_a_cache(make_model, ragged_src, config):
    """Each reading every prefix anew."""
    model = make_model(n_layers=2)
    twin = Seq2Seq(model.config, np.random.default_rng(0))
    twin.load({n: p.detach().numpy() for n, p in model.named_parameters()})
    models = torch_decode.Uncached(model), numpy_decode.Uncached(twin)
    for pair in translate_twice(*models, ragged_src, config):
        assert_same(*pair)
