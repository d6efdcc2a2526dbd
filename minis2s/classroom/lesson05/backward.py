"""Implement: the encoder backwards, through words and over padding."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe


def encoder_backward(grad_final, h, src_mask, x, weight_input, weight_hidden):
    """From right to left: through a word by the cell, over padding as it is."""
    grad_x, grad_h = np.zeros_like(x), grad_final
    grad_input, grad_hidden = np.zeros_like(weight_input), np.zeros_like(weight_hidden)
    grad_bias = np.zeros(len(weight_hidden))
    for t in reversed(range(x.shape[1])):
        here = src_mask[:, t, None]
        grad_a = np.where(here, grad_h * (1 - h[:, t + 1] ** 2), 0.0)
        grad_x[:, t] = grad_a @ weight_input
        grad_input += grad_a.T @ x[:, t]
        grad_hidden += grad_a.T @ h[:, t]
        grad_bias += grad_a.sum(axis=0)
        grad_h = np.where(here, grad_a @ weight_hidden, grad_h)
    return grad_x, grad_input, grad_hidden, grad_bias


def backward_with(
    slope=lambda before, after: 1 - after**2,
    seen=lambda here: here,
    over=lambda grad_h: grad_h,
    back=lambda grad_a, weight_hidden: grad_a @ weight_hidden,
    enters=lambda grad_h, grad_final: grad_h,
    read=lambda before, after: before,
    keeps=1.0,
    share=lambda batch: 1.0,
):
    """The same with one part exchanged."""

    def wrong(grad_final, h, src_mask, x, weight_input, weight_hidden):
        grad_x, grad_h = np.zeros_like(x), grad_final
        sums = [np.zeros_like(weight_input), np.zeros_like(weight_hidden)]
        sums.append(np.zeros(len(weight_hidden)))
        for t in reversed(range(x.shape[1])):
            here = seen(src_mask[:, t, None])
            before, after = h[:, t], h[:, t + 1]
            grad_a = np.where(here, grad_h * slope(before, after), 0.0)
            grad_x[:, t] = grad_a @ weight_input
            parts = (
                grad_a.T @ x[:, t],
                grad_a.T @ read(before, after),
                grad_a.sum(axis=0),
            )
            sums = [keeps * s + p for s, p in zip(sums, parts, strict=True)]
            grad_h = np.where(here, back(grad_a, weight_hidden), over(grad_h))
            grad_h = enters(grad_h, grad_final)
        return (grad_x, *(s * share(len(x)) for s in sums))

    return wrong


def _draw(lengths):
    """A ragged batch and its states, which padding leaves as they are."""

    def draw(rng):
        lens, d_input, d_hidden = np.array(lengths), 2, 3
        src_mask = np.arange(max(lens)) < lens[:, None]
        x = rng.normal(size=(*src_mask.shape, d_input))
        weight_input = rng.normal(size=(d_hidden, d_input))
        weight_hidden = rng.normal(size=(d_hidden, d_hidden))
        h = np.zeros((len(lens), max(lens) + 1, d_hidden))
        for t in range(max(lens)):
            a = x[:, t] @ weight_input.T + h[:, t] @ weight_hidden.T
            h[:, t + 1] = np.where(src_mask[:, t, None], np.tanh(a), h[:, t])
        grad_final = rng.normal(size=(len(lens), d_hidden))
        return grad_final, h, src_mask, x, weight_input, weight_hidden

    return draw


check_encoder_backward = Implement(
    name="encoder_backward",
    lesson=5,
    section="10",
    minutes=20,
    difficulty=4,
    task="""Judge the encoder's way back: answer(grad_final, h, src_mask, x,
    weight_input, weight_hidden).

    grad_final (batch, d_hidden) is the gradient of the last state: the decoder's first.
    h (batch, src_len + 1, d_hidden) holds the zeros before the first word and the state
    after each column; src_mask (batch, src_len) is True at words; x (batch, src_len,
    d_input). h_t = tanh(weight_input x_t + weight_hidden h_{t-1} + bias) at a word, and
    h_{t-1} at padding. Returns grad_x, grad_weight_input, grad_weight_hidden and
    grad_bias.
    """,
    right=encoder_backward,
    returns=("grad_x", "grad_weight_input", "grad_weight_hidden", "grad_bias"),
    probes=(
        Probe("one", "one word", _draw([1])),
        Probe("two", "two words, of two sentences", _draw([2, 2])),
        Probe("ragged", "three sentences of four, two and one words", _draw([4, 2, 1])),
    ),
    wrong={
        "no_slope": Wrong(
            backward_with(slope=lambda before, after: 1.0),
            broken="A flat tanh lets nothing through.",
            cause="The slope of tanh is missing.",
            look="What stands between a_t and h_t?",
        ),
        "slope_before": Wrong(
            backward_with(slope=lambda before, after: 1 - before**2),
            broken="The slope of tanh is one minus the square of what came out.",
            cause="The slope is taken at the state before.",
            look="Which of the two states is tanh of a_t?",
        ),
        "slope_once": Wrong(
            backward_with(slope=lambda before, after: 1 - after),
            broken="The slope of tanh is symmetric about zero.",
            cause="The slope is 1 - h, without the square.",
            look="What is the slope where h is -0.9?",
        ),
        "transposed": Wrong(
            backward_with(back=lambda grad_a, weight: grad_a @ weight.T),
            broken="Whoever went through a matrix comes back through its transpose.",
            cause="The way back goes through weight_hidden turned over.",
            look="Which unit of h_{t-1} feeds which unit of a_t?",
        ),
        "last_word_only": Wrong(
            backward_with(back=lambda grad_a, weight: np.zeros_like(grad_a)),
            broken="The first word is in the last state, too.",
            cause="Nothing goes back from a step to the one before.",
            look="What reads h_{t-1}?",
        ),
        "by_no_matrix": Wrong(
            backward_with(back=lambda grad_a, weight: grad_a),
            broken="h_{t-1} enters by way of weight_hidden.",
            cause="The gradient goes back without its matrix.",
            look="What is h_{t-1} multiplied by on its way to a_t?",
        ),
        "enters_everywhere": Wrong(
            backward_with(enters=lambda grad_h, grad_final: grad_h + grad_final),
            broken="The decoder saw one state: the last.",
            cause="grad_final enters at every step.",
            look="Which of the encoder's states does the decoder read?",
        ),
        "reads_the_new": Wrong(
            backward_with(read=lambda before, after: after),
            broken="weight_hidden was multiplied by the state before.",
            cause="grad_weight_hidden is made with the state after the step.",
            look="Which state stands beside weight_hidden in the forward pass?",
        ),
        "overwritten": Wrong(
            backward_with(keeps=0.0),
            broken="A weight that is used at every step owes something to each.",
            cause="Each step overwrites the gradients of the weights.",
            look="What becomes of the share of the last word?",
        ),
        "mean_over_batch": Wrong(
            backward_with(share=lambda batch: 1.0 / batch),
            broken="The loss has been divided already, by the tokens of the batch.",
            cause="The gradients of the weights are divided by the number of rows.",
            look="Who divides, and by what?",
        ),
        "reads_padding": Wrong(
            backward_with(seen=lambda here: np.ones_like(here)),
            broken="Padding was not read, so nothing goes back into it.",
            cause="Padding is gone through as if it were words.",
            look="What did the forward pass do where src_mask is False?",
        ),
        "dies_in_padding": Wrong(
            backward_with(over=np.zeros_like),
            broken="The state passed over padding unchanged, and so does its gradient.",
            cause="The gradient stops at the first column of padding.",
            look="What is h_t at padding, as a function of h_{t-1}?",
        ),
    },
    look="Take the last column alone, once at a word and once at padding.",
    idea="At a word: slope, then matrices. At padding the gradient passes as it is.",
    code="grad_h = np.where(here, grad_a @ weight_hidden, grad_h), here = a word.",
    news="grad_final is all that the encoder is ever told: d_hidden numbers for a "
    "sentence, however long the two sentences are.",
)
