"""Repair: weights that are used at every step, and learn from one."""

import numpy as np

from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe, primes


def shared_weights(grad_a, x, states):
    """The shares of all steps, added up."""
    grad_weight_input = np.zeros((grad_a.shape[2], x.shape[2]))
    grad_weight_hidden = np.zeros((grad_a.shape[2], grad_a.shape[2]))
    grad_bias = np.zeros(grad_a.shape[2])
    for t in reversed(range(x.shape[1])):
        grad_weight_input += grad_a[:, t].T @ x[:, t]
        grad_weight_hidden += grad_a[:, t].T @ states[:, t]
        grad_bias += grad_a[:, t].sum(axis=0)
    return grad_weight_input, grad_weight_hidden, grad_bias


def shared_weights_replaced(grad_a, x, states):
    """As handed out: right, as long as there is one step."""
    for t in reversed(range(x.shape[1])):
        grad_weight_input = grad_a[:, t].T @ x[:, t]
        grad_weight_hidden = grad_a[:, t].T @ states[:, t]
        grad_bias = grad_a[:, t].sum(axis=0)
    return grad_weight_input, grad_weight_hidden, grad_bias


def _mixed(*summed):
    """Some of the three added up, the others replaced at each step."""

    def answer(*args):
        both = zip(shared_weights_replaced(*args), shared_weights(*args), strict=True)
        return tuple(pair[i in summed] for i, pair in enumerate(both))

    return answer


def _of_step(t):
    def answer(grad_a, x, states):
        here = grad_a[:, t].T
        before = states[:, :-1][:, t]
        return here @ x[:, t], here @ before, here.sum(axis=1)

    return answer


def _mean(grad_a, x, states):
    return tuple(grad / x.shape[1] for grad in shared_weights(grad_a, x, states))


def _state_after(grad_a, x, states):
    return shared_weights(grad_a, x, states[:, 1:])


def _draw(n_steps=None):
    """Arguments with sizes that are distinct primes; of one length, if it is given."""

    def draw(rng):
        batch, length, d_input, d_hidden = primes(rng, 4)
        length = n_steps or length
        return (
            rng.normal(size=(batch, length, d_hidden)),
            rng.normal(size=(batch, length, d_input)),
            np.tanh(rng.normal(size=(batch, length + 1, d_hidden))),
        )

    return draw


_EVERY_STEP = "The weights are used at every step, and each use bends the loss."

check_shared_weights = Repair(
    name="shared_weights",
    lesson=3,
    section="5",
    minutes=6,
    difficulty=2,
    task="""Judge the gradients of weights that all steps share.

    grad_weight_input, grad_weight_hidden, grad_bias = answer(grad_a, x, states), where
    grad_a (batch, len, d_hidden) is the gradient of every sum inside a tanh,
    x (batch, len, d_input) what was read, and states (batch, len + 1, d_hidden) all
    states, the initial one first. The code handed out is right for one step alone.
    """,
    right=shared_weights,
    returns=("grad_weight_input", "grad_weight_hidden", "grad_bias"),
    probes=(
        Probe("step", "a single step", _draw(1)),
        Probe("two steps", "two steps", _draw(2)),
        Probe("sequence", "several steps", _draw()),
    ),
    given="replaced",
    wrong={
        "replaced": Wrong(
            (shared_weights_replaced, _of_step(0)),
            broken=_EVERY_STEP,
            cause="All three hold the share of step 1 alone: each turn of the loop "
            "replaces what the one before it found.",
            look="What happens to the first result when the second one is stored?",
        ),
        "last_step_alone": Wrong(
            _of_step(-1),
            broken=_EVERY_STEP,
            cause="All three hold the share of the last step alone.",
            look="How many turns does the loop take before the result is returned?",
        ),
        "bias_replaced": Wrong(
            _mixed(0, 1),
            broken="The bias is added at every step.",
            cause="The weights are summed over the steps; the bias is still replaced.",
            look="Compare the three lines of the loop.",
        ),
        "hidden_replaced": Wrong(
            _mixed(0, 2),
            broken=_EVERY_STEP,
            cause="grad_weight_hidden alone is still replaced at each step.",
            look="Compare the three lines of the loop.",
        ),
        "input_alone_summed": Wrong(
            _mixed(0),
            broken=_EVERY_STEP,
            cause="grad_weight_input is summed; the other two are still replaced.",
            look="Compare the three lines of the loop.",
        ),
        "mean": Wrong(
            _mean,
            broken="The loss is a sum of what every step did to it, not a mean.",
            cause="The shares are divided by the number of steps.",
            look="What does the chain rule do where a variable is used twice?",
        ),
        "state_after": Wrong(
            _state_after,
            broken="weight_hidden multiplied the state that a step began with.",
            cause="Each step's share takes the state after the step.",
            look="states has one entry more than x: which one is h_0?",
        ),
    },
    look="Follow one entry of grad_bias through the turns of the loop.",
    idea="A variable that is used several times gathers a share from every use.",
    code="Begin with np.zeros of the right shape, and let each turn add: +=.",
    news="without a loop it is one product: rows of all steps and sentences under one "
    "another, grad_a.reshape(-1, d_hidden).T @ x.reshape(-1, d_input).",
)
