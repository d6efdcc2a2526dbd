"""Implement: the gradient of a cross-entropy with padding and label smoothing."""

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson02.forward import softmax
from minis2s.classroom.probes import Probe, primes
from minis2s.text.tokenizers import PAD_ID


def loss_backward(logits, tgt_out, label_smoothing):
    """What the model says less what it should say, over the number of real tokens."""
    is_real = (tgt_out != PAD_ID)[..., None]
    wanted = _smoothed(tgt_out, logits.shape[-1], label_smoothing)
    return (softmax(logits) - wanted) * is_real / is_real.sum()


def _smoothed(tgt_out, vocab_size, eps):
    """The wanted distribution: 1 - eps for the reference, eps spread over all."""
    return (1 - eps) * np.eye(vocab_size)[tgt_out] + eps / vocab_size


def _with_wanted(wanted):
    """A right gradient towards another distribution."""

    def backward(logits, tgt_out, eps):
        is_real = (tgt_out != PAD_ID)[..., None]
        label = np.eye(logits.shape[-1])[tgt_out]
        gap = softmax(logits) - wanted(label, eps, logits.shape[-1])
        return gap * is_real / is_real.sum()

    return backward


def _scaled(scale):
    """A right gradient with another number in place of that of the real tokens."""

    def backward(logits, tgt_out, eps):
        is_real = tgt_out != PAD_ID
        gap = softmax(logits) - _smoothed(tgt_out, logits.shape[-1], eps)
        return gap * is_real[..., None] / scale(is_real)

    return backward


def _pad_not_masked(logits, tgt_out, eps):
    """Divided by the real tokens, but padding has a gradient too."""
    gap = softmax(logits) - _smoothed(tgt_out, logits.shape[-1], eps)
    return gap / (tgt_out != PAD_ID).sum()


def _pad_counts(logits, tgt_out, eps):
    """Padding is a token like any other."""
    return (softmax(logits) - _smoothed(tgt_out, logits.shape[-1], eps)) / tgt_out.size


def _without_max(logits, tgt_out, eps):
    """A softmax that overflows."""
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    is_real = (tgt_out != PAD_ID)[..., None]
    gap = shares - _smoothed(tgt_out, logits.shape[-1], eps)
    return gap * is_real / is_real.sum()


def _batch_of(level, eps):
    """Ragged sentences, so that every row but the first is padded."""

    def draw(rng):
        batch, tgt_len = primes(rng, 2)
        vocab_size = int(rng.choice([11, 13]))
        tgt_out = rng.integers(1, vocab_size, size=(batch, tgt_len))
        lengths = rng.permutation(np.arange(batch) % tgt_len)[:, None]
        tgt_out[np.arange(tgt_len) > lengths] = PAD_ID
        logits = level + rng.normal(size=(batch, tgt_len, vocab_size))
        return logits, tgt_out, eps

    return draw


def _pad_row(e: Evidence) -> str:
    """The first padded position and the size of its gradient."""
    b, t = np.argwhere(e.args[1] == PAD_ID)[0]
    norm = np.linalg.norm(e.got[b, t])
    return f"But tgt_out[{b}, {t}] is PAD, and its gradient has the size {norm:.3f}."


def _total(e: Evidence) -> str:
    """How much too large or small the gradient is, and the sizes behind it."""
    factor = np.abs(e.got).sum() / np.abs(e.want).sum()
    n_real, size = int((e.args[1] != PAD_ID).sum()), e.args[1].size
    return (
        f"But the gradient is {factor:.3f} times as large as it should be; {n_real} of "
        f"{size} positions are real."
    )


def _row(e: Evidence) -> str:
    """What the first real row sums to."""
    b, t = np.argwhere(e.args[1] != PAD_ID)[0]
    return f"But grad_logits[{b}, {t}] sums to {e.got[b, t].sum():.4f}; it should be 0."


def _padding_is_silent(e: Evidence) -> str:
    padded = e.args[1] == PAD_ID
    loud = padded.any() and np.abs(e.got[padded]).max() > 0
    return "Padding should have a gradient of 0, and has not." if loud else ""


def _rows_sum_to_zero(e: Evidence) -> str:
    broken = np.abs(e.got.sum(axis=-1)).max() > 1e-9
    return f"{_row(e)[4:]}" if broken else ""


_Q = "Both p and q sum to 1, so each row of the gradient sums to 0."

check_loss_backward = Implement(
    name="loss_backward",
    lesson=2,
    section="5",
    minutes=15,
    difficulty=3,
    task="""Judge the gradient of a mean cross-entropy with respect to the logits.

    grad_logits = answer(logits, tgt_out, label_smoothing), with logits (batch, tgt_len,
    vocab_size) and references tgt_out (batch, tgt_len), where 0 is padding.

    loss = -1/n sum_t sum_v q_t(v) log p_t(v), over the n real tokens of the batch, with
    q_t(v) = (1 - eps) 1[v = tgt_out_t] + eps / V, and p = softmax(logits)
    """,
    right=loss_backward,
    returns=("grad_logits",),
    probes=(
        Probe(
            "one",
            "one token, three words, no smoothing",
            lambda rng: (rng.normal(size=(1, 1, 3)), rng.integers(1, 3, (1, 1)), 0.0),
        ),
        Probe("ragged", "sentences of several lengths", _batch_of(0.0, 0.0)),
        Probe("smoothed", "label smoothing of 0.1", _batch_of(0.0, 0.1)),
        Probe("large", "logits near 1000", _batch_of(1000.0, 0.1)),
    ),
    wrong={
        "sign": Wrong(
            lambda *args: -loss_backward(*args),
            broken="Going against the gradient has to raise the reference's logit.",
            cause="It is q - p, the negative of what it should be.",
            look="At which sign does the loss fall?",
        ),
        "label_missing": Wrong(
            _with_wanted(lambda label, eps, size: 0.0),
            case=_row,
            broken=_Q,
            cause="It is p alone: the reference is not taken off.",
            look="Where does tgt_out enter?",
        ),
        "logits_for_shares": Wrong(
            lambda logits, tgt_out, eps: (
                (logits - _smoothed(tgt_out, logits.shape[-1], eps))
                * (tgt_out != PAD_ID)[..., None]
                / (tgt_out != PAD_ID).sum()
            ),
            case=_row,
            broken=_Q,
            cause="The label is taken from the logits, not from their softmax.",
            look="What does the model say, in shares of one?",
        ),
        "pad_counts": Wrong(
            _pad_counts,
            case=_pad_row,
            broken="What stands in place of padding must not move the model.",
            cause="Padding is trained on and counted, as a word like any other.",
            look="Two places need to know which tokens are real.",
        ),
        "pad_not_masked": Wrong(
            _pad_not_masked,
            case=_pad_row,
            broken="What stands in place of padding must not move the model.",
            cause="The mean is over real tokens, but padding has a gradient as well.",
            look="The rows of padding: what should they be?",
        ),
        "divided_by_all": Wrong(
            _scaled(lambda is_real: is_real.size),
            case=_total,
            broken="A sentence would count less for being padded with more.",
            cause="The sum is divided by all positions, padding included.",
            look="How many terms has the sum over real tokens?",
        ),
        "not_divided": Wrong(
            _scaled(lambda is_real: 1),
            case=_total,
            broken="The loss is a mean, and so is its gradient.",
            cause="It is the gradient of the sum over tokens.",
            look="What became of the 1/n before the sum?",
        ),
        "divided_by_sentences": Wrong(
            _scaled(len),
            case=_total,
            broken="The loss is a mean over tokens.",
            cause="The sum is divided by the number of sentences.",
            look="What does n count?",
        ),
        "mean_of_means": Wrong(
            _scaled(lambda is_real: len(is_real) * is_real.sum(1)[:, None, None]),
            broken="Each token weighs the same, whatever the length of its sentence.",
            cause="Each sentence is averaged alone, then the sentences are.",
            look="How many numbers is the gradient divided by: one, or one a sentence?",
        ),
        "smoothing_ignored": Wrong(
            lambda logits, tgt_out, eps: loss_backward(logits, tgt_out, 0.0),
            broken="With smoothing the model should not want to be quite sure.",
            cause="label_smoothing is accepted and has no effect.",
            look="What is q for a word that is not the reference?",
        ),
        "spread_over_others": Wrong(
            _with_wanted(
                lambda y, eps, size: y * (1 - eps) + (1 - y) * eps / (size - 1)
            ),
            broken="By our formula the reference has a part of eps too: 1 - eps + "
            "eps/V.",
            cause="eps is spread over the V - 1 other words, not over all V.",
            look="Put the reference into the formula of q.",
            idea="u(v) = 1/V is a distribution over the whole vocabulary.",
        ),
        "smoothing_on_top": Wrong(
            _with_wanted(lambda y, eps, size: y + eps / size),
            case=_row,
            broken=_Q,
            cause="eps is spread over the words, but not taken from the reference.",
            look="What does q sum to?",
        ),
        "only_taken_off": Wrong(
            _with_wanted(lambda y, eps, size: (1 - eps) * y),
            case=_row,
            broken=_Q,
            cause="eps is taken from the reference, but given to nobody.",
            look="What does q sum to?",
        ),
        "eps_on_the_wrong_side": Wrong(
            _with_wanted(lambda y, eps, size: eps * y + (1 - eps) / size),
            broken="Without smoothing q should be 1 for the reference and 0 elsewhere.",
            cause="eps and 1 - eps have changed places.",
            look="Put eps = 0 into the line that makes q.",
        ),
        "overflow": Wrong(
            _without_max,
            broken="The gradient is finite for all finite logits.",
            cause="The exp of a logit near 1000 overflows.",
            look="Compare with the repaired softmax of section 3.",
            code="Subtract the row's largest logit before exp.",
        ),
    },
    properties=(_padding_is_silent, _rows_sum_to_zero),
    look="Write p and q of one real token below each other.",
    idea="What the model said, less what it should have said, over the real tokens.",
    code="Make p, make q, subtract, mask the rows of padding, divide by their number.",
    news="with smoothing the gradient is 0 only where p = q, so that logits stop "
    "growing when the reference has a share of 1 - eps + eps/V.",
)
