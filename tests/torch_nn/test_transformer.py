"""The Transformer of the speed wing: what NumPy cannot say of it."""

import pytest
import torch

from minis2s.config import TransformerConfig
from minis2s.torch_nn.masks import padding_mask
from minis2s.torch_nn.transformer import Transformer

TGT_LEN, VOCAB_SIZE = 11, 23
each_norm = pytest.mark.parametrize("norm", ["pre", "post"])


def make_model(**changes):
    """A tiny Transformer as training would begin with it."""
    sizes = {"d_model": 10, "n_heads": 5, "d_ff": 13, "n_layers": 2, "max_len": 37}
    config = TransformerConfig(vocab_size=VOCAB_SIZE, **{**sizes, **changes})
    return Transformer(config).eval()


@pytest.fixture
def batch(ragged_src):
    """Source, its mask, and the target that the decoder reads."""
    tgt_in = torch.randint(4, VOCAB_SIZE, (len(ragged_src), TGT_LEN))
    return ragged_src, padding_mask(ragged_src), tgt_in


def decode(model, batch):
    """The logits of all steps, one step at a time."""
    src, mask, tgt_in = batch
    memory = model.encode(src, mask)
    state, logits = model.initial_state(memory), []
    for token in tgt_in.T:
        found, _, state = model.decode_step(token, state, memory)
        logits.append(found)
    return torch.stack(logits, dim=1)


@each_norm
@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_steps_equal_teacher_forcing(batch, norm, positions):
    """Decoding the true tokens with the cache gives what one call gives without it."""
    model = make_model(norm=norm, positions=positions).double()
    logits, _ = model(*batch)
    torch.testing.assert_close(decode(model, batch), logits, rtol=1e-12, atol=1e-12)


@each_norm
def test_logits_begin_with_the_size_of_a_guess(batch, norm):
    """A fresh model prefers nothing much, whatever its width, if no table is shared."""
    model = make_model(norm=norm, d_model=250, tie="none")
    log_prob = model(*batch)[0].log_softmax(dim=-1)
    entropy = -(log_prob.exp() * log_prob).sum(dim=-1).mean()
    assert entropy > 0.75 * torch.tensor(VOCAB_SIZE).log()


def test_a_seed_decides_all_parameters():
    """The same seed, the same model; another seed, another one."""
    models = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        models.append(make_model(tie="none", positions="learned").state_dict())
    one, same, other = models
    assert all(torch.equal(one[name], same[name]) for name in one)
    drawn = [name for name in one if "norm" not in name]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_the_future_has_no_gradient(batch):
    """Exactly none reaches the vectors of later target tokens."""
    model, (src, mask, _) = make_model(tie="none"), batch
    tgt_in = torch.arange(4, 4 + TGT_LEN).expand(len(src), -1)
    for t in range(TGT_LEN):
        model.zero_grad()
        logits, _ = model(src, mask, tgt_in)
        logits[:, t].square().sum().backward()
        reached = model.decoder.embedding.weight.grad[tgt_in[0]].any(dim=-1)
        assert torch.equal(reached, torch.arange(TGT_LEN) <= t)


@pytest.mark.parametrize("whole", [True, False])
def test_bfloat16_stays_near_float32(batch, whole):
    """Under autocast logits differ from float32 by rounding alone, step by step too."""
    model = make_model()
    ask = (lambda: model(*batch)[0]) if whole else (lambda: decode(model, batch))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = ask().float()
    assert (half - ask()).norm() < 2e-2 * half.norm()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_gpu_equals_cpu(batch, positions):
    """The whole and the steps give the CPU's result."""
    model = make_model(positions=positions)
    expected, _ = model(*batch)
    model, batch = model.cuda(), tuple(tensor.cuda() for tensor in batch)
    for found in (model(*batch)[0], decode(model, batch)):
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


@each_norm
def test_the_fused_path_agrees_with_the_explicit_one(batch, norm):
    """Logits and gradients are the same; only the maps are missing."""
    model, found = make_model(norm=norm).double(), []
    for fused in (True, False):
        model.zero_grad()
        logits, weights = model(*batch, fused=fused)
        assert weights.shape[:3] == (len(logits), 2, 0 if fused else 5)
        (logits * torch.arange(VOCAB_SIZE)).sum().backward()
        grads = [p.grad.clone() for p in model.parameters()]
        found.append([logits.detach(), *grads])
    for fused, explicit in zip(*found, strict=True):
        torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


def test_on_a_cpu_there_are_maps_also_in_training(batch):
    """The kernel is chosen for a GPU in training alone."""
    model = make_model().train()
    assert model(*batch)[1].shape[2] == 5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_a_gpu_training_is_fused_and_agrees(batch):
    """In training there are no maps, and the logits are those of the explicit path."""
    model = make_model(dropout=0.0).cuda().train()
    batch = [tensor.cuda() for tensor in batch]
    logits, weights = model(*batch)
    assert not weights.numel()
    explicit, _ = model(*batch, fused=False)
    torch.testing.assert_close(logits, explicit, rtol=1e-4, atol=1e-4)
