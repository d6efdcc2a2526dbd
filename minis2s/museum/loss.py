"""Losses that fall while nothing, or the wrong thing, is learned."""

from minis2s.museum.exhibit import Exhibit

_NUMPY = "tests/numpy_ref/test_loss.py::"
_TORCH = "tests/torch_nn/test_loss.py::"

LOSS = (
    Exhibit(
        name="padding-in-the-loss",
        title="The loss counts padding",
        file="torch_nn/loss.py",
        before="        ignore_index=PAD_ID,\n",
        after="",
        story="Whoever forgets to leave PAD out asks the model to predict it, which "
        "is the easiest thing there is.",
        seen="pytorch/tutorials #2840, #3643",
        symptom="The loss looks better than it is; the more ragged the batch, the "
        "better it looks.",
        tests=(_TORCH + "test_equals_the_formula",),
    ),
    Exhibit(
        name="padding-has-a-gradient",
        title="Padding is left out of the loss, but not of its gradient",
        file="numpy_ref/loss.py",
        before="return grad_logits * is_real[..., None]",
        after="return grad_logits",
        story="The mask was applied where the number is reported and forgotten where "
        "the weights are moved.",
        seen="classic",
        symptom="The reported loss is right, but falls more slowly than it could.",
        tests=(
            _NUMPY + "test_gradient_agrees_with_differences",
            _NUMPY + "test_padding_is_not_asked",
        ),
    ),
    Exhibit(
        name="mean-over-padding",
        title="The loss is divided by the size of the padded array",
        file="torch_nn/train.py",
        before="label_smoothing) / n_tokens",
        after="label_smoothing) / tgt_out.numel()",
        story="PAD adds nothing to the sum, but is counted in what it is divided by.",
        seen="classic",
        symptom="Loss and perplexity look lower, the more so in ragged batches, which "
        "also take smaller steps.",
        tests=("tests/parity/test_train.py::test_both_wings_train_alike",),
    ),
    Exhibit(
        name="mean-of-batch-means",
        title="Batches are averaged as if they were of one size",
        file="numpy_ref/train.py",
        before="        total += cross_entropy(logits, batch.tgt_out)\n"
        "        n_tokens += batch.n_tokens",
        after="        total += cross_entropy(logits, batch.tgt_out) / batch.n_tokens\n"
        "        n_tokens += 1",
        story="The mean of means is not the mean: a last batch of two short sentences "
        "weighs as much as one of a hundred.",
        seen="bentrevett (perplexities are averaged per batch)",
        symptom="The perplexity changes with the batch size.",
        tests=(
            "tests/numpy_ref/test_train.py::test_validation_loss_is_the_mean_over_tokens",
        ),
    ),
    Exhibit(
        name="smoothing-over-the-others",
        title="What smoothing takes is divided by V - 1 and still given to all V",
        file="numpy_ref/loss.py",
        before="np.full_like(logits, label_smoothing / vocab_size)",
        after="np.full_like(logits, label_smoothing / (vocab_size - 1))",
        story="Two definitions of label smoothing, with and without the true word "
        "among the receivers, were mixed: the wanted distribution sums to more than 1.",
        seen="classic",
        symptom="None that a curve would show.",
        tests=(
            _NUMPY + "test_loss_agrees_with_the_loop",
            _NUMPY + "test_knowing_nothing_costs_log_of_the_vocabulary",
        ),
    ),
    Exhibit(
        name="smoothing-forgotten",
        title="Label smoothing is an argument that nothing uses",
        file="torch_nn/loss.py",
        before="label_smoothing=label_smoothing,",
        after="label_smoothing=0.0,",
        story="An option was added to the signature and to the configuration, and its "
        "value got no further.",
        seen="classic",
        symptom="A sweep over the option finds that it makes no difference.",
        tests=(_TORCH + "test_equals_the_formula",),
    ),
    Exhibit(
        name="predictions-as-labels",
        title="The model's own predictions are the labels",
        file="numpy_ref/train.py",
        before="logits, batch.tgt_out, config.label_smoothing",
        after="logits, logits.argmax(axis=-1), config.label_smoothing",
        story="The loss is computed between the output and what was decoded from "
        "that very output: the model is told that it is right.",
        seen="a widely copied web tutorial",
        symptom="Loss .003, accuracy .016.",
        tests=(
            "tests/numpy_ref/test_train.py::"
            "test_the_record_tells_the_loss_before_the_update",
        ),
    ),
    Exhibit(
        name="softmax-twice",
        title="Probabilities are given to a loss that wants logits",
        file="torch_nn/loss.py",
        before="rows.to(_precise(logits.dtype)),",
        after="rows.to(_precise(logits.dtype)).softmax(dim=-1),",
        story="The softmax stands at the end of the model, and again in the loss. "
        "Numbers between 0 and 1 can never be a confident answer. An LSTM whose "
        "outputs serve as logits has a like floor.",
        seen="classic; a widely copied web tutorial (the LSTM as output layer)",
        symptom="The loss falls a little and stays above a floor: 8.2 nats at ten "
        "thousand words (7.2 for the LSTM).",
        tests=(_TORCH + "test_equals_the_formula",),
    ),
    Exhibit(
        name="softmax-overflows",
        title="The softmax does not subtract the largest score",
        file="numpy_ref/softmax.py",
        before="votes = np.exp(scores - scores.max(axis=axis, keepdims=True))",
        after="votes = np.exp(scores)",
        story="On paper the maximum cancels. In a computer exp(710) is infinite, and "
        "infinity by infinity is NaN.",
        seen="classic",
        symptom="Right for hours of training, then NaN.",
        tests=("tests/numpy_ref/test_softmax.py::test_softmax_agrees_with_the_loop",),
    ),
    Exhibit(
        name="logarithm-of-a-softmax",
        title="The log-softmax takes the long way, through the softmax",
        file="numpy_ref/softmax.py",
        before="log_prob = shifted - np.log(np.exp(shifted).sum(axis=axis, "
        "keepdims=True))",
        after="share = np.exp(shifted)\n"
        "    log_prob = np.log(share / share.sum(axis=axis, keepdims=True))",
        story="A probability too small to be written down becomes 0, and its "
        "logarithm minus infinity; adding a small number instead only moves the cliff.",
        seen="classic",
        symptom="The first badly wrong but confident answer makes the loss infinite.",
        tests=(_NUMPY + "test_huge_logits_stay_finite_and_silent",),
    ),
)
