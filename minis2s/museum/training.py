"""Training that goes on, but not as one thinks."""

from minis2s.museum.exhibit import Exhibit

_OPTIM = "tests/numpy_ref/test_optim.py::"
_NUMPY = "tests/numpy_ref/test_train.py::"
_TORCH = "tests/torch_nn/test_train.py::"
_PARITY = "tests/parity/test_optim.py::"

TRAINING = (
    Exhibit(
        name="adam-without-correction",
        title="Adam's running mean is not corrected for its beginning at zero",
        file="numpy_ref/optim.py",
        before="unbiased_mean = mean / (1.0 - BETA_1**step)",
        after="unbiased_mean = mean",
        story="Half of the correction is left out; the first step is ten times too "
        "small, and a warm-up makes that look intended.",
        seen="classic",
        symptom="A slow start.",
        tests=(_OPTIM + "test_the_first_step_of_adam_has_the_size_of_the_rate",),
    ),
    Exhibit(
        name="epsilon-under-the-root",
        title="Adam's epsilon stands under the root instead of beside it",
        file="numpy_ref/optim.py",
        before="(np.sqrt(unbiased_square) + EPSILON)",
        after="np.sqrt(unbiased_square + EPSILON)",
        story="Under the root 1e-8 counts as 1e-4: gradients smaller than that are no "
        "longer brought to one size.",
        seen="classic; libraries differ here on purpose, too",
        symptom="Parameters with small gradients hardly move.",
        tests=(_OPTIM + "test_the_first_step_of_adam_has_the_size_of_the_rate",),
    ),
    Exhibit(
        name="decay-by-way-of-the-gradient",
        title="AdamW is Adam: its decay goes through the moments",
        file="torch_nn/optim.py",
        before="rule = torch.optim.AdamW",
        after="rule = torch.optim.Adam",
        story="Weight decay added to the gradient is divided by the gradient's size, "
        "so that weights with large gradients decay least.",
        seen="what most libraries did before Loshchilov and Hutter 2017",
        symptom="Weight decay seems to be of no use.",
        tests=(_PARITY + "test_thirty_steps_end_in_the_same_place",),
    ),
    Exhibit(
        name="clipped-one-by-one",
        title="Each array is clipped to the norm that the whole gradient may have",
        file="numpy_ref/optim.py",
        before="    for grad in gradients.values():\n        grad *= scale",
        after="    for grad in gradients.values():\n"
        "        grad *= min(1.0, limit / (float(np.linalg.norm(grad)) + 1e-6))",
        story="Large arrays are shortened and small ones are not, so the direction "
        "changes and the norm of the whole is not what was asked for.",
        seen="classic",
        symptom="Steps longer than the limit; no curve shows it.",
        tests=(_PARITY + "test_both_wings_clip_alike",),
    ),
    Exhibit(
        name="clipped-after-the-step",
        title="The gradient is clipped when the weights have already moved",
        file="numpy_ref/train.py",
        before="    grad_norm = clip_gradient(gradients, config.clip_norm)\n"
        "    state.optimizer.step(gradients, lr)",
        after="    state.optimizer.step(gradients, lr)\n"
        "    grad_norm = clip_gradient(gradients, config.clip_norm)",
        story="Both lines are there, in the wrong order.",
        seen="classic",
        symptom="The log shows clipping; the weights explode all the same.",
        tests=(_NUMPY + "test_a_step_of_sgd_is_the_clipped_gradient_of_the_mean",),
    ),
    Exhibit(
        name="gradients-not-zeroed",
        title="Each step also takes all earlier gradients",
        file="numpy_ref/train.py",
        before="    model.zero_gradients()\n",
        after="",
        story="Gradients are added up, because a shared table needs it; somebody has "
        "to set them back to zero.",
        seen="classic",
        symptom="It learns at first, as with momentum, then swings.",
        tests=(_NUMPY + "test_a_gradient_serves_one_step",),
    ),
    Exhibit(
        name="gradient-replaced",
        title="A layer's second call overwrites the gradient of its first",
        file="numpy_ref/layer.py",
        before="self.grads[name] += grad",
        after="self.grads[name][...] = grad",
        story="= stood where += belongs. A layer that is used once does not mind; a "
        "cell that is used at every step, or a shared table, does.",
        seen="mxnet #4057",
        symptom="What is used twice learns from its last use alone.",
        tests=(
            "tests/numpy_ref/test_layer.py::test_a_shared_parameter_gathers_both_gradients",
            "tests/numpy_ref/test_layer.py::test_linear_backward_adds_up_what_differences_say",
        ),
    ),
    Exhibit(
        name="tied-gradient-lost",
        title="A shared table receives the gradient of one of its uses",
        file="numpy_ref/layer.py",
        before="        self.grads[name] = layer.grads[name]\n",
        after="        self.grads[name] = np.zeros_like(layer.grads[name])\n",
        story="The weights are one array, their gradients are two, and the optimizer "
        "knows of the first.",
        seen="classic",
        symptom="Tied models learn a little worse than they should.",
        tests=(
            "tests/numpy_ref/test_layer.py::test_a_shared_parameter_gathers_both_gradients",
        ),
    ),
    Exhibit(
        name="repeated-words-count-once",
        title="A word that occurs twice in a batch receives one gradient",
        file="numpy_ref/embedding.py",
        before="    np.add.at(grad_weight, ids, grad_embedded)",
        after="    grad_weight[ids] += grad_embedded",
        story="NumPy's indexed += reads, adds and writes back: of equal indices the "
        "last one wins.",
        seen="classic",
        symptom="Frequent words learn as slowly as rare ones.",
        tests=(
            "tests/numpy_ref/test_embedding.py::test_gradient_agrees_with_differences",
        ),
    ),
    Exhibit(
        name="dropout-not-made-up-for",
        title="What dropout keeps is not scaled up",
        file="numpy_ref/functional.py",
        before="return np.where(keep, x / (1.0 - rate), 0.0), DropoutCache(keep, rate)",
        after="return np.where(keep, x, 0.0), DropoutCache(keep, rate)",
        story="In training the layers above see less than in use; the original form "
        "scaled in use, the inverted one scales in training, and mixing them does "
        "neither.",
        seen="classic",
        symptom="Good in training, off in validation.",
        tests=(
            "tests/numpy_ref/test_functional.py::test_dropout_agrees_with_the_loop",
            "tests/numpy_ref/test_functional.py::test_dropout_keeps_the_mean",
        ),
    ),
    Exhibit(
        name="one-coin-in-four-is-loaded",
        title="Every fourth value is dropped at a rate of its own",
        file="torch_nn/dropout.py",
        before="quads.random_(-(2**63), None)",
        after="quads.random_()",
        story="A random number of 64 bits was cut into four coins. Asked for without "
        "bounds it is never negative, so the last coin shows one half of its sides.",
        seen="our own, while it was written",
        symptom="None: the loss falls, and a quarter of the network is dropped at the "
        "wrong rate.",
        tests=(
            "tests/torch_nn/test_dropout.py::test_all_coins_have_all_sides",
            "tests/torch_nn/test_dropout.py::test_a_value_is_dropped_or_scaled",
        ),
    ),
    Exhibit(
        name="rate-of-keeping",
        title="The dropout rate is read as the share that is kept",
        file="numpy_ref/layer.py",
        before="keep = rng.random(x.shape, dtype=np.float32) >= self.rate",
        after="keep = rng.random(x.shape, dtype=np.float32) < self.rate",
        story="Older libraries asked for keep_prob, newer ones ask for the rate; at "
        "0.5 nobody notices.",
        seen="classic; the change from TensorFlow 1 to 2",
        symptom="With a rate of 0.1 nine tenths are silenced, and hardly anything is "
        "learned.",
        tests=(
            "tests/numpy_ref/test_layer.py::test_dropout_silences_at_its_rate_both_ways",
        ),
    ),
    Exhibit(
        name="validated-with-dropout",
        title="The validation loss is measured with dropout on",
        file="numpy_ref/train.py",
        before="batch.tgt_in, rng=None)",
        after="batch.tgt_in, rng=np.random.default_rng())",
        story="The switch between training and use was forgotten.",
        seen="classic",
        symptom="The validation loss is too high and never twice the same.",
        tests=(_NUMPY + "test_validation_loss_is_the_mean_over_tokens",),
    ),
    Exhibit(
        name="best-by-reference",
        title="The best weights are the present ones under another name",
        file="numpy_ref/train.py",
        before="return {name: value.copy() for name, value in "
        "self.model.named_parameters()}",
        after="return dict(self.model.named_parameters())",
        story="What was kept was a reference, and training went on in the same arrays.",
        seen="classic; state_dict() is one, too",
        symptom="Early stopping returns the last model instead of the best.",
        tests=(
            _NUMPY + "test_best_weights_are_those_of_the_best_validation",
            _NUMPY + "test_a_snapshot_is_a_copy",
        ),
    ),
    Exhibit(
        name="worst-kept",
        title="The weights with the highest loss are kept as the best",
        file="torch_nn/train.py",
        before='score = -metrics["loss"] if',
        after='score = metrics["loss"] if',
        story="More is better for BLEU and worse for a loss; the sign was forgotten "
        "when the second was added to the first.",
        seen="classic",
        symptom="The finished model is that of the first epoch.",
        tests=(_TORCH + "test_best_weights_are_those_of_the_best_validation",),
    ),
    Exhibit(
        name="patience-never-renewed",
        title="Patience counts all validations without a best, not those in a row",
        file="numpy_ref/train.py",
        before="        counters.n_without_best = 0\n",
        after="",
        story="The counter was never set back.",
        seen="classic",
        symptom="Training ends early, the earlier the noisier the validation is.",
        tests=(_NUMPY + "test_a_new_best_renews_patience",),
    ),
    Exhibit(
        name="steps-not-restored",
        title="A resumed Adam believes that it is at its first step",
        file="numpy_ref/train.py",
        before="        self.optimizer.n_steps = self.counters.step\n",
        after="",
        story="Weights and moments came back from the file, the step did not, and "
        "with it the correction of the moments.",
        seen="classic",
        symptom="A jump in the loss at every resumption.",
        tests=(_NUMPY + "test_restored_training_is_the_same",),
    ),
    Exhibit(
        name="velocity-not-restored",
        title="A resumed training has lost its momentum",
        file="torch_nn/train.py",
        before='for kind in ("step", "exp_avg", "exp_avg_sq", "momentum_buffer"):',
        after='for kind in ("step", "exp_avg", "exp_avg_sq"):',
        story="The list of what an optimizer remembers was that of another optimizer.",
        seen="classic",
        symptom="None, unless the same training is also run without interruption.",
        tests=(_TORCH + "test_restored_training_is_the_same[3-momentum]",),
    ),
    Exhibit(
        name="first-rate-zero",
        title="The warm-up counts from zero, and the first step does nothing",
        file="torch_nn/optim.py",
        before="return config.lr * (step + 1) / warmup",
        after="return config.lr * step / warmup",
        story="Schedules count steps from 1, loops from 0.",
        seen="classic",
        symptom="One batch is read for nothing; with an inverse square root, a "
        "division by zero.",
        tests=(_PARITY + "test_both_wings_keep_the_same_schedule",),
    ),
)
