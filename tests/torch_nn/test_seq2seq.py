"""The recurrent translator as a whole."""

import pytest
import torch

from minis2s.config import RNNConfig
from minis2s.torch_nn.masks import padding_mask
from minis2s.torch_nn.seq2seq import Seq2Seq


def test_fused_equals_explicit(make_model, ragged_src, variant):
    """Teacher forcing gives the same logits and weights on both paths."""
    model = make_model(**variant).double()
    tgt_in = torch.randint(4, 23, (3, 4))
    mask = padding_mask(ragged_src)
    fused = model(ragged_src, mask, tgt_in, fused=True)
    explicit = model(ragged_src, mask, tgt_in, fused=False)
    torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


def test_steps_equal_teacher_forcing(make_model, ragged_src, variant):
    """Decoding the true tokens one by one gives what one call gives."""
    model = make_model(**variant).double()
    tgt_in, mask = torch.randint(4, 23, (3, 4)), padding_mask(ragged_src)
    logits, weights = model(ragged_src, mask, tgt_in)
    memory = model.encode(ragged_src, mask)
    state = model.initial_state(memory)
    for t in range(4):
        found, looked, state = model.decode_step(tgt_in[:, t], state, memory)
        torch.testing.assert_close(found, logits[:, t], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(looked, weights[:, :, :, t], rtol=1e-9, atol=1e-12)


def test_the_source_matters(make_model, ragged_src, variant):
    """Another source gives other logits, and every encoder parameter a gradient."""
    model = make_model(**{**variant, "tie": "none"})
    tgt_in = torch.randint(4, 23, (3, 4))
    mask = padding_mask(ragged_src)
    logits, _ = model(ragged_src, mask, tgt_in)
    other, _ = model(ragged_src.flip(0), mask.flip(0), tgt_in)
    logits.sum().backward()
    assert not torch.allclose(logits, other)
    assert all(value.grad.abs().sum() > 0 for value in model.encoder.parameters())


def test_the_future_is_not_seen(make_model, ragged_src, variant):
    """Logits at t do not depend on target tokens after t."""
    model, tgt_in = make_model(**variant), torch.randint(4, 23, (3, 5))
    changed = tgt_in.clone()
    changed[:, 3:] = (changed[:, 3:] - 4 + 7) % 19 + 4
    mask = padding_mask(ragged_src)
    logits, other = (model(ragged_src, mask, t)[0] for t in (tgt_in, changed))
    assert torch.equal(logits[:, :3], other[:, :3])
    assert not torch.allclose(logits[:, 3:], other[:, 3:])


@pytest.mark.parametrize(("attention", "n_heads"), [("general", 1), ("multi_head", 2)])
@pytest.mark.parametrize("input_feeding", [False, True])
def test_padding_is_not_attended_to(
    make_model, ragged_src, attention, n_heads, input_feeding
):
    """Weights on padding are exactly zero, and rows sum to one, in every head."""
    model = make_model(attention=attention, input_feeding=input_feeding)
    mask = padding_mask(ragged_src)
    _, weights = model(ragged_src, mask, torch.randint(4, 23, (3, 4)))
    assert not weights.movedim(-1, 1)[~mask].any()
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 1, n_heads, 4))


def test_more_padding_changes_nothing(make_model, ragged_src, variant):
    """A sentence padded further has the same logits."""
    model, tgt_in = make_model(**variant).double(), torch.randint(4, 23, (3, 4))
    wider = torch.nn.functional.pad(ragged_src, (0, 5))
    a, _ = model(ragged_src, padding_mask(ragged_src), tgt_in)
    b, _ = model(wider, padding_mask(wider), tgt_in)
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("tie", "n_tables"), [("none", 3), ("target", 2), ("all", 1)])
def test_tying_stores_a_table_once(tie, n_tables):
    """Of three token tables, tying leaves three, two or one."""
    config = RNNConfig(vocab_size=23, d_embed=5, tie=tie)
    tables = [p for p in Seq2Seq(config).parameters() if p.shape == (23, 5)]
    assert len(tables) == n_tables


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"attention": "none"}, "Decoder"),
        ({"attention": "fixed"}, "FixedContextDecoder"),
        ({"attention": "dot"}, "AttentiveDecoder"),
        ({"attention": "dot", "input_feeding": True}, "InputFeedingDecoder"),
        ({"attention": "multi_head"}, "AttentiveDecoder"),
        ({"attention": "multi_head", "input_feeding": True}, "InputFeedingDecoder"),
    ],
)
def test_the_configuration_chooses_the_decoder(make_model, changes, kind):
    """By attention and input feeding, and by nothing else."""
    assert type(make_model(**changes).decoder).__name__ == kind


def test_a_sentence_means_the_same_alone(make_model, ragged_src, variant):
    """The other sentences of a batch change neither logits nor attention."""
    model, tgt_in = make_model(**variant).double(), torch.randint(4, 23, (3, 4))
    mask = padding_mask(ragged_src)
    logits, weights = model(ragged_src, mask, tgt_in)
    for b, length in enumerate(mask.sum(dim=1)):
        one = slice(b, b + 1), slice(length)
        alone, looked = model(ragged_src[one], mask[one], tgt_in[b : b + 1])
        torch.testing.assert_close(alone[0], logits[b], rtol=1e-9, atol=1e-12)
        seen = weights[b, ..., :length]
        torch.testing.assert_close(looked[0], seen, rtol=1e-9, atol=1e-12)


def test_parameter_names_are_the_contract():
    """Checkpoints of either wing rely on these names."""
    config = RNNConfig(vocab_size=23, tie="none", n_layers=2)
    names = dict(Seq2Seq(config).named_parameters())
    assert {
        "encoder.embedding.weight", "encoder.layers.0.fwd.weight_input",
        "encoder.layers.1.bwd.weight_hidden", "decoder.layers.1.bias",
        "decoder.attention.weight", "decoder.initial.0.hidden.weight",
        "decoder.combine.weight", "decoder.output.bias",
    } <= set(names)  # fmt: skip
