"""What reaches the source of decoders that do not look, and of those that do."""

import pytest
import torch

from minis2s.torch_nn.masks import padding_mask


def gradients_of_outputs(model, src):
    """The gradient that comes to the encoder's last layer, and the source's mask."""
    outputs = []

    def keep(module, args, output):
        output.retain_grad()
        outputs.append(output)

    model.encoder.layers[-1].register_forward_hook(keep)
    mask = padding_mask(src)
    logits, _ = model(src, mask, torch.randint(4, 23, (3, 4)))
    (logits * torch.randn_like(logits)).sum().backward()
    return outputs[0].grad, mask


def ends(mask, d_hidden):
    """True where [h_fwd; h_bwd] stopped reading."""
    where = torch.zeros(*mask.shape, 2 * d_hidden, dtype=torch.bool)
    where[torch.arange(len(mask)), mask.sum(dim=1) - 1, :d_hidden] = True
    where[:, 0, d_hidden:] = True
    return where


@pytest.mark.parametrize("attention", ["none", "fixed"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_only_the_ends_are_read(make_model, ragged_src, attention, n_layers):
    """Elsewhere the gradient of the encoder's outputs is exactly zero."""
    model = make_model(attention=attention, n_layers=n_layers)
    grad, mask = gradients_of_outputs(model, ragged_src)
    where = ends(mask, 7)
    assert grad[where].all()
    assert not grad[~where].any()


@pytest.mark.parametrize("attention", ["general", "multi_head"])
@pytest.mark.parametrize("input_feeding", [False, True])
def test_attention_reads_every_token(make_model, ragged_src, attention, input_feeding):
    """Each token's outputs have a gradient, and padding's have none."""
    model = make_model(attention=attention, input_feeding=input_feeding)
    grad, mask = gradients_of_outputs(model, ragged_src)
    assert grad[mask].all()
    assert not grad[~mask].any()


def test_what_is_fed_is_whole_and_what_is_named_has_gaps(make_model, ragged_src):
    """In training the next step reads combined before dropout, the output after."""
    model = make_model(input_feeding=True, dropout=0.5).train()
    fed, read = [], []
    step = model.decoder.layers[0].step

    def recorded(x, state):
        fed.append(x[:, 5:])
        return step(x, state)

    model.decoder.layers[0].step = recorded
    model.decoder.output.register_forward_hook(lambda *call: read.append(call[1][0]))
    model(ragged_src, padding_mask(ragged_src), torch.randint(4, 23, (3, 4)))
    fed, read = torch.stack(fed[1:], dim=1), read[0][:, :-1]
    kept = read != 0
    assert fed.all()
    assert not kept.all()
    torch.testing.assert_close(read[kept], 2 * fed[kept])


def test_the_end_is_the_same_at_every_step(make_model, ragged_src):
    """In training, too: what dropout does to it is done once for each sentence."""
    model = make_model(attention="fixed", dropout=0.5).train()
    read = []
    model.decoder.layers[0].register_forward_pre_hook(
        lambda module, args: read.append(args[0])
    )
    model.decoder.combine.register_forward_pre_hook(
        lambda module, args: read.append(args[0])
    )
    model(ragged_src, padding_mask(ragged_src), torch.randint(4, 23, (3, 4)))
    given = read[0][..., 5:]
    assert (given == 0).any()
    assert torch.equal(given, given[:, :1].expand_as(given))
    assert torch.equal(given, read[1][..., :14])
