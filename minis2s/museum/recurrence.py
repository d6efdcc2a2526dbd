"""Recurrent cells, what is made of them, and their derivatives."""

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
        story="Gates shared one bias, and a suite of tests that compared with PyTorch "
        "had not caught it: where biases are zero they are all alike.",
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
        seen="CaptainE #1",
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
        symptom="Nearly right while the states are small.",
        tests=(_FUNCTIONAL + "test_tanh_gradient",),
    ),
    Exhibit(
        name="backwards-from-the-padding",
        title="The backward direction reads the padding first",
        file="numpy_ref/masks.py",
        before="return np.where(mask, mirrored, position)",
        after="return np.broadcast_to(position[::-1], mask.shape)",
        story="The whole padded array was turned round. The backward direction then "
        "reads a short sentence after all of its padding.",
        seen="classic; what packed sequences are for",
        symptom="A sentence means something else in every batch.",
        tests=(
            "tests/numpy_ref/test_masks.py::test_reversal_turns_tokens_and_leaves_padding",
        ),
    ),
    Exhibit(
        name="next-step-forgotten",
        title="No gradient comes back from the step after",
        file="numpy_ref/lstm.py",
        before="        grad_h += grad_outputs[:, t]\n",
        after="        grad_h = grad_outputs[:, t]\n",
        story="h is read by the layer above and by the next step. Without the second "
        "there is no backpropagation through time, but for what c carries.",
        seen="CaptainE #1",
        symptom="The loss falls, on what can be known from the last few words.",
        tests=(_LSTM + "test_sequence_gradient_agrees_with_differences",),
    ),
    Exhibit(
        name="hidden-weights-transposed",
        title="The gradient goes back through the transposed hidden weights",
        file="numpy_ref/rnn.py",
        before="grad_h = grad_a[:, t] @ weight_hidden\n",
        after="grad_h = grad_a[:, t] @ weight_hidden.T\n",
        story="A matrix of as many rows as columns fits both ways, and the shapes say "
        "nothing.",
        seen="classic",
        symptom="It learns short dependencies, and long ones hardly.",
        tests=(
            "tests/numpy_ref/test_rnn.py::"
            "test_sequence_gradient_agrees_with_differences",
        ),
    ),
    Exhibit(
        name="old-and-new-exchanged",
        title="The GRU's update gate says how much is new, not how much is kept",
        file="numpy_ref/gru.py",
        before="return ((1.0 - z) * n + z * h,), cache",
        after="return (z * n + (1.0 - z) * h,), cache",
        story="Two papers of one group define z in opposite senses. Either learns; "
        "mixing their weights, or their forward and backward, does not.",
        seen="classic; Cho et al. 2014 against Chung et al. 2014",
        symptom="Loaded weights forget what they should keep.",
        tests=("tests/numpy_ref/test_gru.py::test_step_agrees_with_the_loop",),
    ),
    Exhibit(
        name="not-turned-back",
        title="Backward states stand at the mirrored word",
        file="numpy_ref/bidirectional.py",
        before="both = np.concatenate([h_fwd, _reorder(h_bwd, index)], axis=-1)",
        after="both = np.concatenate([h_fwd, h_bwd], axis=-1)",
        story="The sentence was turned round for reading, its states were not turned "
        "back.",
        seen="classic",
        symptom="Right for palindromes and for the middle word; attention learns to "
        "look at two places.",
        tests=(
            "tests/numpy_ref/test_bidirectional.py::"
            "test_both_directions_agree_with_the_loop",
        ),
    ),
    Exhibit(
        name="state-of-the-padding",
        title="The decoder starts from the state after the padding",
        file="numpy_ref/rnn_encoder.py",
        before="last = mask_lengths(src_mask) - 1",
        after="last = np.full(len(src), src.shape[1] - 1)",
        story="The last state of the padded array is taken for that of the sentence. "
        "Only the longest of a batch ends there.",
        seen="pytorch/tutorials #2840, #593",
        symptom="A sentence has other translations in other batches; short ones "
        "suffer.",
        tests=(
            "tests/numpy_ref/test_rnn_encoder.py::"
            "test_the_end_is_where_each_reading_stopped",
        ),
    ),
    Exhibit(
        name="encoder-without-gradient",
        title="Nothing that the decoder learns reaches the encoder",
        file="torch_nn/seq2seq.py",
        before="        return Memory(value, key, src_mask, final)\n",
        after="        final = tuple(end.detach() for end in final)\n"
        "        return Memory(value.detach(), key.detach(), src_mask, final)\n",
        story="Encoder and decoder were two models, trained one after the other, or "
        "joined by way of arrays. There is one loss, end to end; alone the encoder "
        "has nothing to fit.",
        seen="a widely copied web tutorial",
        symptom="Every gradient of the encoder is None; the decoder makes do with "
        "random features.",
        tests=("tests/torch_nn/test_seq2seq.py::test_the_source_matters",),
    ),
    Exhibit(
        name="decoder-that-sees-no-source",
        title="The decoder is handed a memory of zeros",
        file="torch_nn/seq2seq.py",
        before="        outputs, final = self.encoder(src, src_mask, fused=fused)\n",
        after="        outputs, final = self.encoder(src, src_mask, fused=fused)\n"
        "        outputs, final = 0 * outputs, tuple(0 * end for end in final)\n",
        story="The decoder was given the target and nothing else: a language model "
        "that is called a translator.",
        seen="a widely copied web tutorial; pytorch/tutorials #1225 (an encoder "
        "language model by the name of a seq2seq Transformer)",
        symptom="The output is equal to the last bit when the source changes, and the "
        "loss falls to that of a language model.",
        tests=("tests/torch_nn/test_seq2seq.py::test_the_source_matters",),
    ),
    Exhibit(
        name="memory-read-once",
        title="The memory has a gradient from its use as value, none from that as key",
        file="numpy_ref/attentive_decoder.py",
        before="return grad_outputs + grad_query, grad_key + grad_value",
        after="return grad_outputs + grad_query, grad_value",
        story="The encoder's output is both what is compared and what is handed over. "
        "One of the two gradients was dropped.",
        seen="classic",
        symptom="The decoder learns to look, the encoder does not learn to be found.",
        tests=(
            "tests/numpy_ref/test_seq2seq.py::"
            "test_every_gradient_agrees_with_differences[lstm additive 1 all]",
        ),
    ),
    Exhibit(
        name="state-not-carried",
        title="Every piece of a long text begins without a past",
        file="numpy_ref/language_model.py",
        before="        if step % len(pieces) == 0:\n            state = None\n",
        after="        state = None\n",
        story="A text was cut into pieces, and the state was thrown away with the "
        "gradient.",
        seen="classic",
        symptom="At the beginning of each piece the loss is that of guessing letters "
        "by their frequency.",
        tests=(
            "tests/numpy_ref/test_language_model.py::"
            "test_a_state_is_carried_until_the_streams_end",
        ),
    ),
)
