"""Attention that looks at the wrong thing, and looks right."""

from minis2s.museum.exhibit import Exhibit

_NUMPY = "tests/numpy_ref/test_attention.py::"
_TORCH = "tests/torch_nn/test_attention.py::"
_SOFTMAX = "tests/numpy_ref/test_softmax.py::"

ATTENTION = (
    Exhibit(
        name="padding-attended",
        title="Padding is attended to like words",
        file="numpy_ref/softmax.py",
        before="scores = np.where(mask, scores, -np.inf)",
        after="scores = np.where(mask.any(-1, keepdims=True), scores, -np.inf)",
        story="The mask is an argument that nothing uses: each sentence spends a part "
        "of its attention on its padding.",
        seen="bentrevett, the attention notebook as it is now; bentrevett #90",
        symptom="The loss falls all the same; a translation depends on what other "
        "sentences happened to be in its batch.",
        tests=(
            _NUMPY + "test_padding_gets_exactly_no_weight",
            _NUMPY + "test_changing_a_padded_key_and_value_changes_nothing",
        ),
    ),
    Exhibit(
        name="mask-of-one-sentence",
        title="The mask of the first sentence serves the whole batch",
        file="torch_nn/attention.py",
        before="weights = masked_softmax(self.score(query, projected_key), mask)",
        after="weights = masked_softmax(self.score(query, projected_key), mask[:1])",
        story="A mask with an axis too few or in the wrong place broadcasts without "
        "a word, and hides the positions of another sentence.",
        seen="classic",
        symptom="Nothing, while all sentences of a batch have one length.",
        tests=(_TORCH + "test_padding_gets_exactly_no_weight",),
    ),
    Exhibit(
        name="fill-of-minus-10000",
        title="Hidden scores become -1e4 instead of minus infinity",
        file="torch_nn/softmax.py",
        before='float("-inf")',
        after="-1e4",
        story="A large number stands for minus infinity. It is as good, until real "
        "scores are as low; and it hid a mask on the wrong axis, whose fully "
        "masked rows would have been NaN.",
        seen="hyunwoongko/transformer PR #40",
        symptom="None on fresh weights; attention on padding in a model whose scores "
        "have drifted.",
        tests=(
            "tests/torch_nn/test_softmax.py::test_masked_softmax_cares_for_differences_only",
        ),
    ),
    Exhibit(
        name="fill-of-minus-1e9",
        title="A row without any word attends evenly to padding",
        file="numpy_ref/softmax.py",
        before="scores = np.where(mask, scores, -np.inf)",
        after="scores = np.where(mask, scores, -1e9)",
        story="If everything is filled with the same large number, the softmax sees "
        "equal scores and shares out one unit among positions that are all hidden.",
        seen="The Annotated Transformer's masks, and whoever copied them",
        symptom="No NaN, no warning; an empty sentence gets a context, the mean of "
        "its padding.",
        tests=(
            _SOFTMAX + "test_masked_softmax_of_an_empty_row_is_zero",
            _NUMPY + "test_an_empty_row_has_no_context",
        ),
    ),
    Exhibit(
        name="nan-on-the-way-back",
        title="An empty row is zeroed after the softmax, but not before it",
        file="torch_nn/softmax.py",
        before='scores = scores.masked_fill(hidden & ~empty, float("-inf"))',
        after="bias = torch.zeros_like(scores).masked_fill(hidden, -torch.inf)\n"
        "    scores = scores + bias",
        story="A row of minus infinities makes 0/0. Overwriting the result hides the "
        "NaN forwards; backwards it is multiplied by zero and stays NaN.",
        seen="classic",
        symptom="The loss is fine for one step; then every weight is NaN.",
        tests=(_TORCH + "test_an_empty_row_is_zero_forward_and_backward",),
    ),
    Exhibit(
        name="softmax-over-queries",
        title="The softmax runs over the queries instead of the source positions",
        file="torch_nn/softmax.py",
        before="torch.softmax(scores, dim=-1, dtype=dtype).masked_fill(empty, 0.0)",
        after="torch.softmax(scores, dim=-2, dtype=dtype).nan_to_num(0.0)",
        story="The wrong axis is normalised: source positions do not compete for a "
        "query, the queries compete for a source position.",
        seen="classic",
        symptom="The map looks plausible; its columns sum to 1, its rows do not.",
        tests=(_TORCH + "test_each_row_shares_out_one_unit",),
    ),
    Exhibit(
        name="scaled-twice",
        title="Scores are divided by d instead of its root",
        file="torch_nn/attention.py",
        before="return scores / math.sqrt(query.shape[-1]) if self.scaled else scores",
        after="return scores / query.shape[-1] if self.scaled else scores",
        story="The scale stands in two places, or without its root: either way the "
        "softmax is nearly flat.",
        seen="a widely copied web tutorial",
        symptom="At width 512 the entropy over fifty keys is 3.911 where even weights "
        "have 3.912; training is slow and nobody knows why.",
        tests=(_TORCH + "test_dot_attention_agrees_with_pytorch",),
    ),
    Exhibit(
        name="scale-forgotten",
        title="Scaled attention is not scaled",
        file="numpy_ref/dot_attention.py",
        before="scale = 1.0 / math.sqrt(d_head) if scaled else 1.0",
        after="scale = 1.0",
        story="Without the division the scores of wide vectors are so large that the "
        "softmax picks one position and hands hardly any gradient back.",
        seen="classic",
        symptom="It works at width 8, in the unit test, and stalls at width 512.",
        tests=(_NUMPY + "test_context_and_weights_agree_with_the_loop",),
    ),
    Exhibit(
        name="attention-by-position",
        title="Where to look follows from the position, not from what stands there",
        file="numpy_ref/additive_attention.py",
        before="pairs = projected_query[:, :, None, :] + projected_key[:, None, :, :]",
        after="places = np.arange(projected_key.shape[1], dtype=projected_key.dtype)\n"
        "    pairs = projected_query[:, :, None, :] + places[:, None]",
        story="The weights were a linear map of the decoder's own state to so many "
        "positions: the encoder's states were blended, but never looked at. "
        "Measured to do harm in 2017, rewritten in 2023.",
        seen="pytorch/tutorials #130, #1098, #2121; practical-pytorch #84, #149",
        symptom="Maps may show a clean diagonal, since short sentences of one order "
        "reward it; one reader measured it as worse than no attention.",
        tests=(_NUMPY + "test_permuting_the_source_permutes_the_weights",),
    ),
    Exhibit(
        name="score-without-source",
        title="The score has no source position in it",
        file="torch_nn/attention.py",
        before="pairs = projected_query[:, :, None, :] + projected_key[:, None, :, :]",
        after="src_len = projected_key.shape[1]\n"
        "        pairs = projected_query[:, :, None, :].expand(-1, -1, src_len, -1)",
        story="A formula copied without its index s gives every position the same "
        "score, whatever is learned.",
        seen="a widely copied web tutorial",
        symptom="The context is the mean of the source; the map is one even colour.",
        tests=("tests/parity/test_attention.py::test_both_wings_agree",),
    ),
    Exhibit(
        name="softmax-diagonal",
        title="The softmax's derivative is that of a sigmoid",
        file="numpy_ref/softmax.py",
        before="return weights * (grad_weights - row_dot)",
        after="return weights * (1.0 - weights) * grad_weights",
        story="Only the diagonal of the Jacobian is used: each weight is treated as "
        "if it depended on its own score alone.",
        seen="classic; an upstream gradient of ones, as in numpy-ml's tests, says "
        "little about a softmax",
        symptom="Attention learns, in about the right direction.",
        tests=(_SOFTMAX + "test_softmax_gradient",),
    ),
    Exhibit(
        name="key-gradient-unscaled",
        title="The scale is missing in one of three gradients",
        file="numpy_ref/dot_attention.py",
        before="grad_key = scale * (grad_scores.swapaxes(-1, -2) @ query)",
        after="grad_key = grad_scores.swapaxes(-1, -2) @ query",
        story="Two lines that look alike were derived, and the factor was carried "
        "into one of them.",
        seen="classic",
        symptom="Keys learn sqrt(d) times too fast; an adaptive optimizer hides it.",
        tests=(_NUMPY + "test_gradient_agrees_with_differences",),
    ),
    Exhibit(
        name="mask-upside-down",
        title="True means hidden",
        file="torch_nn/masks.py",
        before="return ids != PAD_ID",
        after="return ids == PAD_ID",
        story="Libraries disagree: in nn.MultiheadAttention True hides a position, in "
        "scaled_dot_product_attention it shows it. Half of all masks are written "
        "for the other one.",
        seen="classic",
        symptom="Words are hidden and padding is seen; on a batch without padding "
        "there is nothing to see.",
        tests=("tests/numpy_ref/test_masks.py::test_both_wings_agree",),
    ),
    Exhibit(
        name="map-transposed",
        title="The heat map is drawn with rows and columns exchanged",
        file="plot/attention_map.py",
        before='weights, cmap="Blues"',
        after='weights.T, cmap="Blues"',
        story="The array is right and the picture is not; a square map with a "
        "diagonal looks the same both ways.",
        seen="classic",
        symptom="Short sentences of equal length look fine.",
        tests=(
            "tests/plot/test_attention_map.py::test_rows_are_target_and_columns_are_source",
        ),
    ),
    Exhibit(
        name="map-of-its-own-scale",
        title="Each map's darkest cell is black, however small its weight",
        file="plot/attention_map.py",
        before='cmap="Blues", vmin=0, vmax=1, interpolation="nearest"',
        after='cmap="Blues", interpolation="nearest"',
        story="A plotting library stretches colours from the smallest to the largest "
        "value, unless it is told not to.",
        seen="classic",
        symptom="Attention that is nearly even looks sharp.",
        tests=("tests/plot/test_attention_map.py::test_scale_runs_from_zero_to_one",),
    ),
    Exhibit(
        name="map-cut-before-the-check",
        title="The map is cut to its labels before anyone asks whether they fit",
        file="plot/attention_map.py",
        before="    _check(weights, src_labels, tgt_labels, gold)\n    if gold",
        after="    weights = weights[: len(tgt_labels), : len(src_labels)]\n"
        "    _check(weights, src_labels, tgt_labels, gold)\n    if gold",
        story="What was to be checked was sliced away one line earlier, so the check "
        "could never fire.",
        seen="JoeyNMT, plot_heatmap",
        symptom="A map of other sentences is drawn under these words.",
        tests=("tests/plot/test_attention_map.py::test_labels_must_fit",),
    ),
)
