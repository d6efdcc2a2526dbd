"""Recurrent cells and their derivatives."""

from minis2s.museum.exhibit import Exhibit

_LSTM = "tests/numpy_ref/test_lstm.py::"
_FUNCTIONAL = "tests/numpy_ref/test_functional.py::"

RECURRENCE = (
    Exhibit(
        name="one-bias-for-all-gates",
        title="All gates share the bias of the first",
        file="numpy_ref/lstm.py",
        before="gates = x @ weight_input.T + h @ weight_hidden.T + bias",
        after="gates = x @ weight_input.T + h @ weight_hidden.T\n"
        "    gates = gates + np.tile(np.split(bias, 4)[0], 4)",
        story="Three gates shared one bias, and a suite of tests that compared with "
        "PyTorch had not caught it: where biases are zero they are all alike.",
        seen="numpy-ml #42",
        symptom="It learns, with a quarter of its biases.",
        tests=(_LSTM + "test_step_agrees_with_the_loop",),
    ),
    Exhibit(
        name="bias-gradient-copied",
        title="The bias gradients of i and o are that of f",
        file="numpy_ref/lstm.py",
        before="        grad_gates.sum(axis=0),\n",
        after="        np.concatenate(\n"
        "            [np.split(grad_gates.sum(axis=0), 4)[k] for k in (1, 1, 2, 1)]\n"
        "        ),\n",
        story="A line was written once, copied twice and changed in one place too few.",
        seen="hanbt/learn_dl #53",
        symptom="The loss falls; a gradient check fails at once.",
        tests=(_LSTM + "test_step_gradient_agrees_with_differences",),
    ),
    Exhibit(
        name="sigmoid-underived",
        title="The output gate's gradient does not go through its sigmoid",
        file="numpy_ref/lstm.py",
        before="            sigmoid_backward(grad_o, o),\n",
        after="            grad_o,\n",
        story="Of four gates one was sent back without the derivative of its "
        "activation.",
        seen="CaptainE, an LSTM in NumPy, #1",
        symptom="Steps at least four times too large for one gate in four.",
        tests=(_LSTM + "test_step_gradient_agrees_with_differences",),
    ),
    Exhibit(
        name="cell-read-once",
        title="The gradient of c comes by way of h alone",
        file="numpy_ref/lstm.py",
        before="    grad_c = grad_c + tanh_backward(grad_h * o, tanh_c)\n",
        after="    grad_c = tanh_backward(grad_h * o, tanh_c)\n",
        story="c is read twice, by the output and by the next step. Forgetting the "
        "second reader closes the road that an LSTM was invented for.",
        seen="classic",
        symptom="An LSTM that remembers no longer than a plain recurrent network.",
        tests=(_LSTM + "test_step_gradient_agrees_with_differences",),
    ),
    Exhibit(
        name="gates-in-another-order",
        title="Gates are taken in the order i, f, o, g",
        file="numpy_ref/lstm.py",
        before="i, f, g, o = np.split(gates, 4, axis=-1)\n    i, f, o = (",
        after="i, f, o, g = np.split(gates, 4, axis=-1)\n    i, f, o = (",
        story="Every library stacks the four matrices in an order of its own, and all "
        "have one shape. Trained from nothing any order will do.",
        seen="classic, wherever weights cross from one library to another",
        symptom="Loaded weights translate to nonsense, without an error.",
        tests=(_LSTM + "test_step_agrees_with_the_loop",),
    ),
    Exhibit(
        name="wrong-gate-opened",
        title="The bias of 1 is put on the input gate instead of the forget gate",
        file="torch_nn/lstm.py",
        before="[d_hidden : 2 * d_hidden]",
        after="[:d_hidden]",
        story="A recipe that counts quarters of a stacked bias was copied from a "
        "library whose forget gate comes first.",
        seen="classic",
        symptom="A young cell forgets half of what it holds at every step.",
        tests=("tests/torch_nn/test_lstm.py::test_forget_gates_begin_open",),
    ),
    Exhibit(
        name="sigmoid-overflows",
        title="The sigmoid is computed as it is written",
        file="numpy_ref/functional.py",
        before="out = 0.5 * (1.0 + np.tanh(0.5 * x))",
        after="out = 1.0 / (1.0 + np.exp(-x))",
        story="For large negative numbers exp overflows. The result is still right, "
        "by way of one over infinity, but with a warning at every step, which is then "
        "turned off, with all other warnings.",
        seen="classic",
        symptom="A warning that one learns not to read.",
        tests=(_FUNCTIONAL + "test_sigmoid_is_silent_at_any_size",),
    ),
    Exhibit(
        name="tanh-derived-once",
        title="The derivative of tanh lacks a square",
        file="numpy_ref/functional.py",
        before="return grad_out * (1.0 - cache * cache)",
        after="return grad_out * (1.0 - cache)",
        story="1 - t² became 1 - t, which near zero is nearly the same.",
        seen="classic",
        symptom="Right while the states are small.",
        tests=(_FUNCTIONAL + "test_tanh_gradient",),
    ),
    Exhibit(
        name="backwards-from-the-padding",
        title="The backward direction reads the padding first",
        file="numpy_ref/masks.py",
        before="return np.where(mask, mirrored, position)",
        after="return np.broadcast_to(position[::-1], mask.shape)",
        story="The whole padded array was turned round. A short sentence is then read "
        "after as many PADs as the longest of its batch has words more.",
        seen="classic; what packed sequences are for",
        symptom="A sentence means something else in every batch.",
        tests=(
            "tests/numpy_ref/test_masks.py::test_reversal_turns_tokens_and_leaves_padding",
        ),
    ),
)
