"""Implement: backpropagation through time."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson03.forward import rnn_forward
from minis2s.classroom.probes import primes, staircase


def rnn_backward(grad_outputs, outputs, x, h, weight_input, weight_hidden):
    """From right to left: what comes from outside, and what comes back from later."""
    before = np.concatenate([h[:, None], outputs[:, :-1]], axis=1)
    grad_a, grad_h = np.zeros_like(outputs), np.zeros_like(h)
    for t in reversed(range(x.shape[1])):
        grad_h = grad_h + grad_outputs[:, t]
        grad_a[:, t] = grad_h * (1 - outputs[:, t] ** 2)
        grad_h = grad_a[:, t] @ weight_hidden
    rows = grad_a.reshape(-1, grad_a.shape[2])
    return (
        grad_a @ weight_input,
        grad_h,
        rows.T @ x.reshape(-1, x.shape[2]),
        rows.T @ before.reshape(rows.shape),
        rows.sum(axis=0),
    )


def backward_with(
    slope=lambda before, after: 1 - after**2,
    enters=lambda grad, t, last: grad,
    arrives=lambda grad_a, weight_hidden: grad_a @ weight_hidden,
    kept=1.0,
    turn=-1,
):
    """The same with one part exchanged.

    Args:
        slope: of the tanh, from the states before and after the step.
        enters: what comes from outside at position t.
        arrives: what a step hands back.
        kept: which part of that the step before takes.
        turn: -1 from right to left.
    """

    def backward(grad_outputs, outputs, x, h, weight_input, weight_hidden):
        before = np.concatenate([h[:, None], outputs[:, :-1]], axis=1)
        grad_a, grad_h = np.zeros_like(outputs), np.zeros_like(h)
        last = x.shape[1] - 1
        for t in range(x.shape[1])[::turn]:
            grad_h = kept * grad_h + enters(grad_outputs[:, t], t, last)
            grad_a[:, t] = grad_h * slope(before[:, t], outputs[:, t])
            grad_h = arrives(grad_a[:, t], weight_hidden)
        rows = grad_a.reshape(-1, grad_a.shape[2])
        return (
            grad_a @ weight_input,
            grad_h,
            rows.T @ x.reshape(-1, x.shape[2]),
            rows.T @ before.reshape(rows.shape),
            rows.sum(axis=0),
        )

    return backward


lost_path = backward_with(kept=0.0)
outside_lost = backward_with(enters=lambda grad, t, last: grad * (t == last))
transposed = backward_with(arrives=lambda grad_a, u: grad_a @ u.T)


def _rows_of_a(grad_outputs, outputs, x, h, weight_input, weight_hidden):
    """grad_a of all steps and sentences, read off the gradient of an identity input."""
    eye = np.eye(outputs.shape[2])
    grad_a = rnn_backward(grad_outputs, outputs, outputs, h, eye, weight_hidden)[0]
    return grad_a.reshape(-1, outputs.shape[2])


def replaced(*args):
    """The weights' gradients are those of the first step alone."""
    _, outputs, x, h, *_ = args
    grad_x, grad_h, *_ = rnn_backward(*args)
    grad_a = _rows_of_a(*args).reshape(outputs.shape)[:, 0]
    return grad_x, grad_h, grad_a.T @ x[:, 0], grad_a.T @ h, grad_a.sum(axis=0)


def zero_start(grad_outputs, outputs, x, h, *weights):
    """The initial state is taken to be zero in the gradient of weight_hidden."""
    return rnn_backward(grad_outputs, outputs, x, 0 * h, *weights)


def _state_after(grad_outputs, outputs, x, h, weight_input, weight_hidden):
    args = (grad_outputs, outputs, x, h, weight_input, weight_hidden)
    grads = list(rnn_backward(*args))
    grads[3] = _rows_of_a(*args).T @ outputs.reshape(-1, outputs.shape[2])
    return tuple(grads)


def _hidden_on_its_side(*args):
    grads = list(rnn_backward(*args))
    grads[3] = grads[3].T
    return tuple(grads)


def _mean_over_sentences(*args):
    grad_x, grad_h, *grads = rnn_backward(*args)
    return grad_x, grad_h, *(grad / len(grad_x) for grad in grads)


def _short_of_the_start(*args):
    grads = list(rnn_backward(*args))
    batch, length, d_hidden = args[1].shape
    grads[1] = _rows_of_a(*args).reshape(batch, length, d_hidden)[:, 0]
    return tuple(grads)


def draw_backward(rng, n_steps, zero_state, last_only):
    """Arguments of a backward pass: see probes.staircase."""
    batch, d_input, d_hidden = primes(rng, 3)
    x = rng.normal(size=(batch, n_steps, d_input))
    h = np.tanh(rng.normal(size=(batch, d_hidden))) * (not zero_state)
    weight_input = rng.normal(size=(d_hidden, d_input))
    weight_hidden = rng.normal(size=(d_hidden, d_hidden))
    # Large sums would leave no slope: every fault in what is handed back would hide.
    scale = 0.5 / np.sqrt(d_hidden)
    weights = scale * weight_input, scale * weight_hidden
    outputs = rnn_forward(x, h, *weights, 0.3 * rng.normal(size=d_hidden))
    grad_outputs = rng.normal(size=outputs.shape)
    if last_only:
        grad_outputs[:, :-1] = 0.0
    return grad_outputs, outputs, x, h, *weights


check_rnn_backward = Implement(
    name="rnn_backward",
    lesson=3,
    section="4",
    minutes=20,
    difficulty=4,
    task="""Judge backpropagation through time.

    Called as answer(grad_outputs, outputs, x, h, weight_input, weight_hidden): the
    gradient of the loss with respect to all outputs (batch, len, d_hidden), what
    rnn_forward returned, and what it was called with (the bias is not needed). It
    returns grad_x, grad_h of the initial state, grad_weight_input, grad_weight_hidden
    and grad_bias, each of the shape of what it is the gradient of.
    """,
    right=rnn_backward,
    returns=(
        "grad_x",
        "grad_h",
        "grad_weight_input",
        "grad_weight_hidden",
        "grad_bias",
    ),
    probes=staircase(draw_backward),
    wrong={
        "no_slope": Wrong(
            backward_with(slope=lambda before, after: 1.0),
            broken="A unit near 1 hardly moves, so hardly anything comes back.",
            cause="The gradient passes the tanh as if it were not there.",
            look="What is the slope of tanh, by its own result?",
        ),
        "slope_not_squared": Wrong(
            backward_with(slope=lambda before, after: 1 - after),
            broken="The slope at -h is the slope at h.",
            cause="The slope of the tanh is taken as 1 - h.",
            look="Differentiate tanh once more, on paper.",
        ),
        "slope_of_the_state_before": Wrong(
            backward_with(slope=lambda before, after: 1 - before**2),
            broken="Each step has a tanh of its own.",
            cause="The slope is that at h_{t-1}, one step too early.",
            look="Which state came out of this step's tanh?",
        ),
        "lost_path": Wrong(
            lost_path,
            broken="What step 1 wrote into h, step 2 has read.",
            cause="No step takes what the one after it hands back.",
            look="Which two readers has h_1, and what does each send back?",
        ),
        "outside_lost": Wrong(
            outside_lost,
            broken="Every h_t is read from outside, too.",
            cause="grad_outputs enters at the last step alone.",
            look="What enters the loop at each of its turns?",
        ),
        "transposed": Wrong(
            transposed,
            broken="What went out by row j has to come back by row j.",
            cause="weight_hidden lies on its side on the way back. It is square, so no "
            "shape objects.",
            look="Write the sum over units for one entry of grad_h.",
        ),
        "replaced": Wrong(
            replaced,
            broken="The weights are used at every step.",
            cause="Their gradients are those of step 1; later shares are overwritten.",
            look="How do the shares of several steps become one gradient?",
        ),
        "zero_start": Wrong(
            zero_start,
            broken="weight_hidden multiplied the initial state as well.",
            cause="In grad_weight_hidden the initial state counts as zero.",
            look="Which state did the first step begin with?",
        ),
        "state_after": Wrong(
            _state_after,
            broken="weight_hidden multiplied the state that a step began with.",
            cause="grad_weight_hidden takes h_t where h_{t-1} was multiplied.",
            look="Which state did weight_hidden meet at step t?",
        ),
        "hidden_on_its_side": Wrong(
            _hidden_on_its_side,
            broken="Row j belongs to unit j.",
            cause="grad_weight_hidden is right, and transposed.",
            look="Which of the two factors brings the rows?",
        ),
        "short_of_the_start": Wrong(
            _short_of_the_start,
            broken="Between the sum and the state lies weight_hidden.",
            cause="grad_h is the gradient of the first sum inside a tanh.",
            look="One arrow is left, from that sum to the initial state.",
        ),
        "mean_over_sentences": Wrong(
            _mean_over_sentences,
            broken="Every sentence uses the same weights, and their shares add.",
            cause="The three weight gradients are divided by the size of the batch.",
            look="Has the loss been divided by it, or was that done already?",
        ),
        "from_the_left": Wrong(
            backward_with(turn=1),
            broken="What comes back to step 1 has been through step 2.",
            cause="The loop runs from left to right.",
            look="Which gradient is known first?",
        ),
    },
    look="Take the failing stair by hand, from its last step to its first.",
    idea="At each step add what comes from outside, go through the tanh, hand back.",
    code="grad_h += grad_outputs[:, t]; grad_a = grad_h * (1 - h_t**2); grad_h = "
    "grad_a @ weight_hidden.",
    news="it never made a Jacobian: a vector times a matrix at each step, not a matrix "
    "times a matrix. That is all the difference between T d² and T d³.",
)
