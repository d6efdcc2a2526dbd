"""Implement: an LSTM backwards through time."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson04.forward import lstm_step, sigmoid
from minis2s.classroom.probes import primes, staircase
from minis2s.classroom.results import first_difference

GATES = ("i", "f", "g", "o")


def lstm_backward(grad_outputs, gates, h, c, x, weight_input, weight_hidden):
    """From right to left: two gradients come back, by way of h and by way of c."""
    grad_a = np.zeros_like(gates)
    grad_h, grad_c = np.zeros_like(h[:, 0]), np.zeros_like(c[:, 0])
    for t in reversed(range(x.shape[1])):
        i, f, g, o = gates[:, t].swapaxes(0, 1)
        tanh_c = np.tanh(c[:, t + 1])
        grad_h = grad_h + grad_outputs[:, t]
        grad_c = grad_c + grad_h * o * (1 - tanh_c**2)
        grad_a[:, t, 0] = grad_c * g * i * (1 - i)
        grad_a[:, t, 1] = grad_c * c[:, t] * f * (1 - f)
        grad_a[:, t, 2] = grad_c * i * (1 - g**2)
        grad_a[:, t, 3] = grad_h * tanh_c * o * (1 - o)
        grad_h = grad_a[:, t].reshape(len(x), -1) @ weight_hidden
        grad_c = grad_c * f
    rows = grad_a.reshape(-1, weight_input.shape[0])
    return (
        (rows @ weight_input).reshape(x.shape),
        grad_h,
        grad_c,
        rows.T @ x.reshape(-1, x.shape[2]),
        rows.T @ h[:, :-1].reshape(-1, h.shape[2]),
        rows.sum(axis=0),
    )


def backward_with(
    i_part=lambda p: p.grad_c * p.g * p.i * (1 - p.i),
    f_part=lambda p: p.grad_c * p.before * p.f * (1 - p.f),
    g_part=lambda p: p.grad_c * p.i * (1 - p.g**2),
    o_part=lambda p: p.grad_h * p.tanh_c * p.o * (1 - p.o),
    into_c=lambda p: p.grad_h * p.o * (1 - p.tanh_c**2),
    keeps=lambda p: p.grad_c * p.f,
    carried=(1.0, 1.0),
    enters=lambda grad, is_last: grad,
):
    """The same with one part exchanged; `carried` weighs the ways by h and by c."""

    def backward(grad_outputs, gates, h, c, x, weight_input, weight_hidden):
        grad_a = np.zeros_like(gates)
        p = _Parts()
        p.grad_h, p.grad_c = np.zeros_like(h[:, 0]), np.zeros_like(c[:, 0])
        for t in reversed(range(x.shape[1])):
            p.i, p.f, p.g, p.o = gates[:, t].swapaxes(0, 1)
            p.tanh_c, p.before, p.after = np.tanh(c[:, t + 1]), c[:, t], c[:, t + 1]
            outside = enters(grad_outputs[:, t], t == x.shape[1] - 1)
            p.grad_h = carried[0] * p.grad_h + outside
            p.grad_c = carried[1] * p.grad_c + into_c(p)
            for k, part in enumerate((i_part, f_part, g_part, o_part)):
                grad_a[:, t, k] = part(p)
            p.grad_h = grad_a[:, t].reshape(len(x), -1) @ weight_hidden
            p.grad_c = keeps(p)
        rows = grad_a.reshape(-1, weight_input.shape[0])
        return (
            (rows @ weight_input).reshape(x.shape),
            p.grad_h,
            p.grad_c,
            rows.T @ x.reshape(-1, x.shape[2]),
            rows.T @ h[:, :-1].reshape(-1, h.shape[2]),
            rows.sum(axis=0),
        )

    return backward


class _Parts:
    """What the lines of one step may speak of."""


def _replaced(grad_outputs, gates, h, c, x, *weights):
    """The weights' gradients are those of the first step alone."""
    args = (grad_outputs, gates, h, c, x, *weights)
    eye = np.eye(4 * h.shape[2])
    wide = np.zeros((*x.shape[:2], len(eye)))
    rows = lstm_backward(grad_outputs, gates, h, c, wide, eye, weights[1])[0][:, 0]
    grads = (rows.T @ x[:, 0], rows.T @ h[:, 0], rows.sum(axis=0))
    return *lstm_backward(*args)[:3], *grads


def _bias_copied(*args):
    *grads, bias = lstm_backward(*args)
    _, f, g, _ = np.split(bias, 4)
    return *grads, np.concatenate([f, f, g, f])


def _order_ifog(*args):
    """Rows of the three weight gradients in the order i, f, o, g."""
    *states, weight_input, weight_hidden, bias = lstm_backward(*args)

    def turned(grad):
        i, f, g, o = np.split(grad, 4)
        return np.concatenate([i, f, o, g])

    return *states, turned(weight_input), turned(weight_hidden), turned(bias)


def _state_after(grad_outputs, gates, h, c, x, *weights):
    grads = list(lstm_backward(grad_outputs, gates, h, c, x, *weights))
    late = np.concatenate([h[:, 1:], h[:, :1]], axis=1)
    grads[4] = lstm_backward(grad_outputs, gates, late, c, x, *weights)[4]
    return tuple(grads)


def draw_backward(rng, n_steps, zero_state, last_only):
    """Arguments of a backward pass: see probes.staircase."""
    batch, d_input, d_hidden = primes(rng, 3)
    x = rng.normal(size=(batch, n_steps, d_input))
    weight_input = 0.5 * rng.normal(size=(4 * d_hidden, d_input))
    weight_hidden = 0.5 * rng.normal(size=(4 * d_hidden, d_hidden))
    bias = 0.5 * rng.normal(size=4 * d_hidden)
    h = [np.tanh(rng.normal(size=(batch, d_hidden))) * (not zero_state)]
    c, gates = [rng.normal(size=(batch, d_hidden)) * (not zero_state)], []
    for t in range(n_steps):
        seen = x[:, t] @ weight_input.T + h[t] @ weight_hidden.T + bias
        i, f, g, o = np.split(seen, 4, axis=-1)
        gates.append(np.stack([sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)], axis=1))
        after = lstm_step(x[:, t], h[t], c[t], weight_input, weight_hidden, bias)
        h.append(after[0])
        c.append(after[1])
    grad_outputs = rng.normal(size=(batch, n_steps, d_hidden))
    if last_only:
        grad_outputs[:, :-1] = 0.0
    states = np.stack(gates, axis=1), np.stack(h, axis=1), np.stack(c, axis=1)
    return grad_outputs, *states, x, weight_input, weight_hidden


def _by_gate(e):
    """Which gates are wrong, and by how much the first of them is."""
    wrong = [part for part in e.differing if part.name.startswith("grad_bias")]
    if not wrong:
        return e.first
    names = " and ".join(part.name[-2] for part in wrong)
    return f"But among the gates {names} differ: {first_difference(wrong[0])}."


_OWN_SLOPE = "Every gate goes back through the activation that it came out of."

check_lstm_backward = Implement(
    name="lstm_backward",
    lesson=4,
    section="3",
    minutes=30,
    difficulty=5,
    task="""Judge an LSTM backwards through time.

    Called as answer(grad_outputs, gates, h, c, x, weight_input, weight_hidden):
    grad_outputs (batch, len, d_hidden); gates (batch, len, 4, d_hidden), i, f, g, o
    after their activations; h and c (batch, len + 1, d_hidden), the initial state
    first; x (batch, len, d_input). It returns grad_x, grad_h and grad_c of the initial
    state, grad_weight_input, grad_weight_hidden and grad_bias.
    """,
    right=lstm_backward,
    returns=(
        "grad_x",
        "grad_h",
        "grad_c",
        "grad_weight_input",
        "grad_weight_hidden",
        "grad_bias",
    ),
    probes=staircase(draw_backward),
    blocks={"grad_bias": (0, GATES)},
    wrong={
        "no_slope_of_tanh_c": Wrong(
            backward_with(into_c=lambda p: p.grad_h * p.o),
            case=_by_gate,
            broken="A full cell moves h less than an empty one.",
            cause="From h to c the gradient passes the tanh as if it were not there.",
            look="h = o tanh(c): what is its slope in c?",
        ),
        "no_slope_of_i": Wrong(
            backward_with(i_part=lambda p: p.grad_c * p.g),
            case=_by_gate,
            broken=_OWN_SLOPE,
            cause="i is sent back without the slope of its sigmoid.",
            look="Compare the lines of the three gates.",
        ),
        "no_slope_of_f": Wrong(
            backward_with(f_part=lambda p: p.grad_c * p.before),
            case=_by_gate,
            broken=_OWN_SLOPE,
            cause="f is sent back without the slope of its sigmoid. From an empty cell "
            "that cannot be seen.",
            look="Compare the lines of the three gates.",
        ),
        "no_slope_of_o": Wrong(
            backward_with(o_part=lambda p: p.grad_h * p.tanh_c),
            case=_by_gate,
            broken=_OWN_SLOPE,
            cause="o is sent back without the slope of its sigmoid.",
            look="Compare the lines of the three gates.",
        ),
        "g_as_a_gate": Wrong(
            backward_with(g_part=lambda p: p.grad_c * p.i * p.g * (1 - p.g)),
            case=_by_gate,
            broken="The candidate came out of a tanh.",
            cause="g is sent back through the slope of a sigmoid.",
            look="Which of the four blocks is no gate?",
        ),
        "i_and_g_exchanged": Wrong(
            backward_with(
                i_part=lambda p: p.grad_c * p.i * p.i * (1 - p.i),
                g_part=lambda p: p.grad_c * p.g * (1 - p.g**2),
            ),
            case=_by_gate,
            broken="Of a product, each factor gets the other one.",
            cause="i is given i, and g is given g.",
            look="In c = f c + i g, what stands beside i?",
        ),
        "f_reads_new_cell": Wrong(
            backward_with(f_part=lambda p: p.grad_c * p.after * p.f * (1 - p.f)),
            case=_by_gate,
            broken="f multiplied the cell that the step began with.",
            cause="f is given c_t where c_{t-1} stood.",
            look="Which entry of c was there before step t?",
        ),
        "c_without_its_gate": Wrong(
            backward_with(keeps=lambda p: p.grad_c),
            broken="What a gate halves on the way there, it halves on the way back.",
            cause="grad_c is handed to the step before without f.",
            look="In c_t = f c_{t-1} + i g, what is the slope in c_{t-1}?",
        ),
        "c_path_lost": Wrong(
            backward_with(carried=(1.0, 0.0)),
            broken="The arrow from c at step 1 to c at step 2 is in the forward pass.",
            cause="No step takes what comes back by way of c. The way by h is there.",
            look="Which two readers has c_1?",
        ),
        "h_path_lost": Wrong(
            backward_with(carried=(0.0, 1.0)),
            broken="The arrow from h at step 1 into the gates of step 2 is in the "
            "forward pass.",
            cause="No step takes what comes back by way of h. The way by c is there.",
            look="Which two readers has h_1?",
        ),
        "outside_lost": Wrong(
            backward_with(enters=lambda grad, is_last: grad * is_last),
            broken="Every h_t is read from outside, too.",
            cause="grad_outputs enters at the last step alone.",
            look="What enters the loop at each of its turns?",
        ),
        "replaced": Wrong(
            _replaced,
            broken="The weights are used at every step, and each use counts.",
            cause="The weight gradients are those of step 1; later shares are lost.",
            look="How do the shares of several steps become one gradient?",
        ),
        "bias_copied": Wrong(
            _bias_copied,
            case=_by_gate,
            broken="Four biases, four gradients.",
            cause="The bias gradients of i and o are that of f.",
            look="Compare the lines of the bias with one another.",
        ),
        "order_ifog": Wrong(
            _order_ifog,
            broken="The mathematics is right; only the packing differs.",
            cause="The blocks of the weight gradients stand as i, f, o, g; ours are "
            "i, f, g, o, PyTorch's order.",
            look="In which order are the four parts put together?",
        ),
        "state_after": Wrong(
            _state_after,
            broken="weight_hidden multiplied the state that a step began with.",
            cause="grad_weight_hidden takes h_t where h_{t-1} was multiplied.",
            look="h has one entry more than x: which one is the initial state?",
        ),
    },
    look="Take the failing stair by hand, from its last step to its first.",
    idea="h first, then c, then four gates, then hand back along two ways.",
    code="grad_c = grad_c + grad_h * o * (1 - tanh_c**2); ... ; grad_c = grad_c * f.",
    news="along c a gradient is multiplied by f at each step and by no matrix: there "
    "is nothing to explode, and the bias says how fast it fades.",
)
