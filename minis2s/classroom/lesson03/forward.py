"""Two steps on paper, there and back; and implement: the network forward."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe, primes
from minis2s.classroom.trace import Tempting, Trace

# --- trace: two steps of one unit ---


def _two_steps(from_outside=1.0, slope=lambda h: 1 - h * h):
    """h_1, h_2, and the gradients of loss = h_1 + h_2 by h_1 and by w.

    h_t = tanh(w h_{t-1} + x_t) with w = 0.5, h_0 = 1, x = (0, 1).
    """
    w, h_0 = 0.5, 1.0
    h_1 = np.tanh(w * h_0)
    h_2 = np.tanh(w * h_1 + 1.0)
    grad_a_2 = slope(h_2)
    grad_h_1 = from_outside + w * grad_a_2
    grad_a_1 = grad_h_1 * slope(h_1)
    return h_1, h_2, grad_h_1, grad_a_2 * h_1, grad_a_1 * h_0


_H_1, _H_2, _GRAD_H_1, _SHARE_2, _SHARE_1 = _two_steps()
_NO_OUTSIDE = _two_steps(from_outside=0.0)
_NO_SLOPE = _two_steps(slope=lambda h: 1.0)

check_two_steps = Trace(
    name="two_steps",
    lesson=3,
    section="4",
    minutes=8,
    difficulty=2,
    task="""Judge four numbers: two steps of one unit, there and back, by hand.

    h_t = tanh(w h_{t-1} + x_t) with w = 0.5, h_0 = 1, x_1 = 0, x_2 = 1, and the loss
    is h_1 + h_2. The answer is h_1, h_2, the gradient of the loss with respect to h_1,
    and that with respect to w, each to two decimals. A hundredth is forgiven, for what
    was rounded on the way.
    """,
    entries=("h_1", "h_2", "grad_h_1", "grad_w"),
    expected=(_H_1, _H_2, _GRAD_H_1, _SHARE_1 + _SHARE_2),
    tolerance=0.0151,
    tempting={
        "first_step_alone": Tempting(
            (_H_1, _H_2, _GRAD_H_1, _SHARE_1),
            cause="grad_w holds the share of step 1 alone.",
            broken="w stands in both steps, and both bend the loss when it changes.",
            look="How often was w used, and what did each use contribute?",
        ),
        "last_step_alone": Tempting(
            (_H_1, _H_2, _GRAD_H_1, _SHARE_2),
            cause="grad_w holds the share of step 2 alone.",
            broken="w stands in both steps, and both bend the loss when it changes.",
            look="Go one step further back: what did w multiply there?",
        ),
        "no_outside": Tempting(
            (_H_1, _H_2, _NO_OUTSIDE[2], _NO_OUTSIDE[3] + _NO_OUTSIDE[4]),
            cause="h_1 gets what comes back through step 2, and nothing else.",
            broken="h_1 is read twice: by step 2, and by the loss itself.",
            look="Which two arrows leave h_1?",
        ),
        "no_slope": Tempting(
            (_H_1, _H_2, _NO_SLOPE[2], _NO_SLOPE[3] + _NO_SLOPE[4]),
            cause="The gradients go through the tanh as if it were not there.",
            broken="Near its ends a tanh is flat: what comes back must get smaller.",
            look="What is the slope of tanh, written by its own result?",
        ),
    },
    broken="Both gradients are positive and larger than 1: h_1 reaches the loss at "
    "once and by way of h_2.",
    look="Begin at the end, with the gradient of h_2, and note every arrow that comes "
    "back.",
    idea="Two arrows leave h_1, so two gradients add; w is used twice, so two shares "
    "add.",
    code="grad_a = grad_h (1 - h h) at each step; grad_h_1 = 1 + w grad_a_2.",
    news="grad_h_1 is 1 from outside and only 0.15 through time. One step back cost "
    "six sevenths of what came from h_2.",
)


# --- implement: the network forward ---


def rnn_forward(x, h, weight_input, weight_hidden, bias):
    """All states, from left to right."""
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ weight_input.T + h @ weight_hidden.T + bias)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def _every_step(step, turn=1):
    """All states by another step: step(x_t, h, weight_input, weight_hidden, bias)."""

    def forward(x, h, weight_input, weight_hidden, bias):
        outputs = []
        for t in range(x.shape[1])[::turn]:
            h = step(x[:, t], h, weight_input, weight_hidden, bias)
            outputs.append(h)
        return np.stack(outputs[::turn], axis=1)

    return forward


def _sum(x, h, weight_input, weight_hidden, bias):
    """What stands inside the tanh."""
    return x @ weight_input.T + h @ weight_hidden.T + bias


def _first_state_kept(x, h, *weights):
    steps = [np.tanh(_sum(x[:, t], h, *weights)) for t in range(x.shape[1])]
    return np.stack(steps, axis=1)


def _state_before(x, h, *weights):
    outputs = rnn_forward(x, h, *weights)
    return np.concatenate([h[:, None], outputs[:, :-1]], axis=1)


def _sums_carried(x, h, *weights):
    outputs = []
    for t in range(x.shape[1]):
        h = _sum(x[:, t], h, *weights)
        outputs.append(np.tanh(h))
    return np.stack(outputs, axis=1)


def _draw(n_steps=None):
    """Arguments with sizes that are distinct primes; of one length, if it is given."""

    def draw(rng):
        batch, length, d_input, d_hidden = primes(rng, 4)
        return (
            rng.normal(size=(batch, n_steps or length, d_input)),
            rng.normal(size=(batch, d_hidden)),
            rng.normal(size=(d_hidden, d_input)),
            rng.normal(size=(d_hidden, d_hidden)),
            rng.normal(size=d_hidden),
        )

    return draw


check_rnn_forward = Implement(
    name="rnn_forward",
    lesson=3,
    section="5",
    minutes=8,
    difficulty=2,
    task="""Judge a recurrent network: outputs = answer(x, h, weight_input, ...).

    Called as answer(x, h, weight_input, weight_hidden, bias): x (batch, len, d_input),
    the state before it h (batch, d_hidden), weight_input (d_hidden, d_input),
    weight_hidden (d_hidden, d_hidden), bias (d_hidden). It returns all states, in an
    array (batch, len, d_hidden):

    h_t = tanh(weight_input x_t + weight_hidden h_{t-1} + bias)
    """,
    right=rnn_forward,
    returns=("outputs",),
    probes=(
        Probe("step", "a single step", _draw(1)),
        Probe("two steps", "two steps", _draw(2)),
        Probe("sequence", "several steps", _draw()),
    ),
    wrong={
        "no_state": Wrong(
            _every_step(lambda x, h, w, u, b: np.tanh(x @ w.T + b)),
            broken="Two texts that differ in an early word must differ later on.",
            cause="The state is never read: each step sees its own input alone.",
            look="Where does h_{t-1} enter the sum?",
        ),
        "zero_start": Wrong(
            lambda x, h, *weights: rnn_forward(x, 0 * h, *weights),
            broken="What was read before this text came in through h.",
            cause="The first step begins with zeros, whatever h was passed.",
            look="What is the state before the loop begins?",
        ),
        "first_state_kept": Wrong(
            _first_state_kept,
            broken="Step 2 has to know of step 1.",
            cause="Every step reads the initial state; none reads the one before it.",
            look="What does the next turn of the loop find in h?",
        ),
        "state_before": Wrong(
            _state_before,
            broken="Entry t has to have read x_t.",
            cause="Each entry holds the state before its step: all is one place late.",
            look="In which order are the state computed and stored?",
        ),
        "sums_carried": Wrong(
            _sums_carried,
            broken="What a step hands on lies between -1 and 1.",
            cause="The sum inside the tanh is handed on, and the tanh is only shown.",
            look="Which of the two does the next step read?",
        ),
        "no_tanh": Wrong(
            _every_step(_sum),
            case=lambda e: (
                f"But an entry of outputs is {np.abs(e.got).max():.2f} in size."
            ),
            broken="States lie between -1 and 1.",
            cause="The sum is returned as it is; the tanh is missing.",
            look="What is done to the sum of the three terms?",
        ),
        "tanh_of_the_input": Wrong(
            _every_step(lambda x, h, w, u, b: np.tanh(x @ w.T + b) + h @ u.T),
            broken="States lie between -1 and 1.",
            cause="What the state adds stands outside of the tanh.",
            look="Where does the bracket of the tanh close?",
        ),
        "sigmoid": Wrong(
            _every_step(lambda *args: 1 / (1 + np.exp(-_sum(*args)))),
            broken="A state can be negative as well as positive.",
            cause="The sum goes through a sigmoid, which lies between 0 and 1.",
            look="Which function bends the sum?",
        ),
        "no_bias": Wrong(
            _every_step(lambda x, h, w, u, b: np.tanh(x @ w.T + h @ u.T)),
            broken="With input and state at zero, a unit still has its bias.",
            cause="The bias is not added.",
            look="Count the terms inside the tanh.",
        ),
        "transposed": Wrong(
            _every_step(lambda x, h, w, u, b: np.tanh(x @ w.T + h @ u + b)),
            broken="Row j of weight_hidden says what unit j sees of the state.",
            cause="weight_hidden lies on its side. It is square, so no shape objects.",
            look="Which index of weight_hidden is summed over?",
            idea="Rows of a batch meet a matrix (out, in) from its other side.",
        ),
        "from_the_end": Wrong(
            _every_step(lambda *args: np.tanh(_sum(*args)), turn=-1),
            broken="A later word must not change an earlier state.",
            cause="The sequence is read from right to left.",
            look="Which position comes first in the loop?",
        ),
        "last_alone": Wrong(
            lambda *args: rnn_forward(*args)[:, -1],
            broken="A language model bets after every word, not after the last alone.",
            cause="Only the last state is returned.",
            look="What has become of the states on the way?",
        ),
    },
    look="Compute one unit of one sentence by hand: three terms, then the tanh.",
    idea="One loop over positions; what it hands on is what it stores.",
    code="h = np.tanh(x[:, t] @ weight_input.T + h @ weight_hidden.T + bias); then "
    "np.stack(..., axis=1).",
    news="the product with x needs no loop: all positions meet weight_input at once, "
    "and only weight_hidden has to wait for its turn. The package does that.",
)
