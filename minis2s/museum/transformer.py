"""Transformers that train, without being the one in the paper."""

from minis2s.museum.exhibit import Exhibit

_LAYERS = "tests/torch_nn/test_transformer_layers.py::"
_PARITY = "tests/parity/test_transformer.py::"
_HEADS = "tests/numpy_ref/test_multi_head.py::"
_MASKS = "tests/numpy_ref/test_masks.py::"

TRANSFORMER = (
    Exhibit(
        name="softmax-over-heads",
        title="The softmax runs over the heads instead of the positions",
        file="torch_nn/multi_head.py",
        before="weights = masked_softmax(scores, mask.unsqueeze(1))",
        after="weights = torch.softmax(\n"
        "            scores.masked_fill(~mask.unsqueeze(1), -1e9), dim=1\n"
        "        )",
        story="With one axis more than before, the number that stood for the positions "
        "stands for the heads. They compete for each word, and a word that no query "
        "wants is looked at all the same.",
        seen="a widely copied web tutorial",
        symptom="Rows over the positions sum to .98, .92 or .43.",
        tests=("tests/torch_nn/test_multi_head.py::test_agrees_with_pytorchs_layer",),
    ),
    Exhibit(
        name="heads-of-mixed-positions",
        title="Heads are cut out of the length instead of the width",
        file="numpy_ref/multi_head.py",
        before="blocks = x.reshape(batch, length, n_heads, d_model // n_heads)\n"
        "    return blocks.swapaxes(1, 2)",
        after="blocks = x.reshape(batch, n_heads, length, d_model // n_heads)\n"
        "    return blocks",
        story="The array is reshaped to the wanted shape at once, without the exchange "
        "of axes that belongs to it: a head receives whole words of some positions and "
        "nothing of others.",
        seen="classic",
        symptom="All shapes are right, and undoing it restores the input.",
        tests=(_HEADS + "test_splitting_cuts_blocks_of_features",),
    ),
    Exhibit(
        name="masks-in-another-order",
        title="A head is given the mask of another sentence",
        file="numpy_ref/multi_head.py",
        before="mask.repeat(self.n_heads, axis=0),",
        after="np.tile(mask, (self.n_heads, 1, 1)),",
        story="Heads are folded into the batch, sentence by sentence; the masks were "
        "repeated head by head. Both make an array of one shape.",
        seen="classic, wherever a mask has to be brought to batch x heads rows",
        symptom="Right for one head, for one sentence, and without padding.",
        tests=(_HEADS + "test_what_is_hidden_gets_exactly_no_weight",),
    ),
    Exhibit(
        name="mask-on-the-wrong-axis",
        title="The mask hides queries instead of keys",
        file="torch_nn/transformer.py",
        before="mask = src_mask.unsqueeze(1).expand(-1, src.shape[1], -1)",
        after="mask = src_mask.unsqueeze(2).expand(-1, -1, src.shape[1])",
        story="In self-attention both axes have one length, so a mask along the wrong "
        "one fits. Its rows without any word would have been NaN, had hidden scores "
        "been minus infinity; with -1e4 nobody noticed.",
        seen="hyunwoongko/transformer PR #40",
        symptom="Words attend to padding, and padding attends to nothing.",
        tests=(_PARITY + "test_both_wings_agree",),
    ),
    Exhibit(
        name="future-by-one",
        title="A position may look one place ahead",
        file="numpy_ref/masks.py",
        before="return np.tri(length, dtype=bool)",
        after="return np.tri(length, k=1, dtype=bool)",
        story="The diagonal belongs to the past, the one above it is the answer: what "
        "is read one place ahead is what has to be said here.",
        seen="classic",
        symptom="Training loss near zero within an epoch; left to itself the model "
        "translates by chance.",
        tests=(_MASKS + "test_a_causal_mask_hides_the_future_only",),
    ),
    Exhibit(
        name="no-causal-mask",
        title="The decoder sees the whole target",
        file="torch_nn/transformer.py",
        before="tgt_mask = causal_mask(tgt_len, tgt_in.device).expand(batch, -1, -1)",
        after="tgt_mask = tgt_in.new_ones((batch, tgt_len, tgt_len)).bool()",
        story="A position is then shown the very token that it has to predict. The "
        '"Transformer" in which this was seen had no positions either, and no '
        "attention to the source.",
        seen="a widely copied web tutorial",
        symptom="No model has a lower training loss.",
        tests=("tests/torch_nn/test_transformer.py::test_the_future_has_no_gradient",),
    ),
    Exhibit(
        name="no-positions",
        title="Nobody tells the Transformer where a word stands",
        file="torch_nn/transformer.py",
        before="return self.dropout(self.positions(embedded, start=start))",
        after="return self.dropout(embedded)",
        story="Attention sees a set. Without positions a sentence and its reversal are "
        "one.",
        seen="a widely copied web tutorial",
        symptom="Permuting the source changes the output by 3e-8. On real text it "
        "still learns, a bag of words.",
        tests=(_PARITY + "test_both_wings_agree",),
    ),
    Exhibit(
        name="always-at-the-beginning",
        title="Every decoded token believes that it is the first",
        file="torch_nn/transformer.py",
        before="x = self._embed(token.unsqueeze(1), start=n_before)",
        after="x = self._embed(token.unsqueeze(1), start=0)",
        story="With a cache only one token is read at a time, and its position was "
        "counted within what is read. Positions that are written by hand, or fixed, go "
        "wrong likewise.",
        seen="classic; position ids fixed by hand: graykode #39, #73",
        symptom="The training loss is right, translations repeat themselves.",
        tests=("tests/torch_nn/test_transformer.py::test_steps_equal_teacher_forcing",),
    ),
    Exhibit(
        name="vectors-too-small",
        title="Embeddings are not scaled before positions are added",
        file="torch_nn/transformer.py",
        before="embedded = self.scale * self.embedding(tokens)",
        after="embedded = self.embedding(tokens)",
        story="Tables that double as output layers are drawn small. Unscaled, a word "
        "is a whisper beside its position.",
        seen="classic",
        symptom="A slow start.",
        tests=(_PARITY + "test_both_wings_agree",),
    ),
    Exhibit(
        name="residual-of-itself",
        title="A sublayer's result is dropped: x is added to itself",
        file="torch_nn/transformer_layers.py",
        before="x = x + self.dropout(added).to(x.dtype)",
        after="x = x + self.dropout(x).to(x.dtype)",
        story="Two names, one typed twice. Since a norm does not see a factor, "
        "norm(2x) = norm(x): a layer that is not there.",
        seen="a widely copied web tutorial",
        symptom="It trains like a shallower model, which it is.",
        tests=(_LAYERS + "test_layer_is_the_library_s",),
    ),
    Exhibit(
        name="norm-in-the-other-place",
        title="Pre-norm is post-norm",
        file="torch_nn/transformer_layers.py",
        before='self.pre = config.norm == "pre"',
        after='self.pre = config.norm != "pre"',
        story="The text describes the norm after the sum, as the paper does; the code "
        "puts it before the sublayer, and needs a last norm that the text does not "
        "mention.",
        seen="harvardnlp.github.io #6",
        symptom="It needs a warm-up, or needs none, contrary to what was said of it.",
        tests=(_PARITY + "test_both_wings_agree",),
    ),
    Exhibit(
        name="last-norm-missing",
        title="In pre-norm nothing normalises the last layer's sum",
        file="torch_nn/transformer.py",
        before='nn.LayerNorm(d_model) if config.norm == "pre" else nn.Identity()',
        after="nn.Identity()",
        story="The norms were moved in front of the sublayers, and none was put at the "
        "end.",
        seen="classic; what harvardnlp.github.io #6 asks about",
        symptom="Logits grow with the number of layers.",
        tests=(_PARITY + "test_names_and_shapes_are_the_same",),
    ),
    Exhibit(
        name="norm-by-another-deviation",
        title="The layer norm divides by the deviation of a sample",
        file="numpy_ref/functional.py",
        before="variance = (centred * centred).mean(axis=-1, keepdims=True)",
        after="variance = x.var(axis=-1, ddof=1, keepdims=True)",
        story="std() of a tensor library divides by d - 1, that of NumPy by d. A layer "
        "norm written with the one does not match the library's own.",
        seen="The Annotated Transformer, where epsilon also stands outside the root",
        symptom="None, until weights are loaded elsewhere.",
        tests=(
            "tests/numpy_ref/test_functional.py::test_layer_norm_agrees_with_the_loop",
        ),
    ),
    Exhibit(
        name="sines-before-cosines",
        title="All sines stand before all cosines",
        file="numpy_ref/embedding.py",
        before="pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1)",
        after="pairs = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)",
        story="The same numbers in another order, in which the paper's own code has "
        "them. Trained from nothing it makes no difference.",
        seen="tensor2tensor and its descendants, on purpose",
        symptom="A checkpoint of the one order is useless in the other.",
        tests=("tests/numpy_ref/test_embedding.py::test_sinusoids_take_turns",),
    ),
    Exhibit(
        name="map-of-another-attention",
        title="The decoder's attention to itself is shown as attention to the source",
        file="torch_nn/transformer.py",
        before="x, cross, within = layer(x, memory, tgt_mask, mask, fused=fused)",
        after="x, within, cross = layer(x, memory, tgt_mask, mask)",
        story="The figure said source attention and drew another tensor of nearly the "
        "same shape. Axes named in signatures find it, unless both sentences have one "
        "length.",
        seen="annotated-transformer #54",
        symptom="A triangle where an alignment was promised.",
        tests=(_PARITY + "test_all_three_attentions_agree",),
    ),
    Exhibit(
        name="two-maps-are-one",
        title="The feed-forward network has no rectifier",
        file="torch_nn/transformer_layers.py",
        before="return self.contract(torch.relu(self.expand(x)))",
        after="return self.contract(self.expand(x))",
        story="Two linear maps without anything in between are one linear map, with "
        "eight times its parameters.",
        seen="classic",
        symptom="It learns, like a model of half the depth.",
        tests=(_LAYERS + "test_layer_is_the_library_s",),
    ),
    Exhibit(
        name="one-reader-of-three",
        title="Self-attention hands back the gradient of the query alone",
        file="numpy_ref/transformer_layers.py",
        before="grad_seen = sum(self.attention.backward(grad_context, inside))",
        after="grad_seen = self.attention.backward(grad_context, inside)[0]",
        story="One array was query, key and value, so three gradients come back, and "
        "they add.",
        seen="classic",
        symptom="The lower layers learn from a part of what they did.",
        tests=(_PARITY + "test_both_wings_agree",),
    ),
)
