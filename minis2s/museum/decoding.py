"""Searches that lose what they look for."""

from minis2s.museum.exhibit import Exhibit

_NUMPY = "tests/numpy_ref/test_decode.py::"

DECODING = (
    Exhibit(
        name="end-not-counted",
        title="EOS is not counted in the length that a beam divides by",
        file="hypothesis.py",
        before="score = total / (step + 1) ** self.alpha",
        after="score = total / max(step, 1) ** self.alpha",
        story="The log-probability of EOS is in the sum, but EOS is not in the count, "
        "so that short translations are punished.",
        seen="classic",
        symptom="Another translation wins than the one with the best score.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="length-not-normalised",
        title="Hypotheses of different lengths are compared by their plain sums",
        file="hypothesis.py",
        before="score = total / (step + 1) ** self.alpha",
        after="score = total",
        story="Each further token makes a sum smaller, so the shortest wins.",
        seen="classic",
        symptom="The wider the beam, the shorter the translation and the lower the "
        "BLEU.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="stopped-at-the-first-end",
        title="The search ends with the first hypothesis that has ended",
        file="hypothesis.py",
        before="        return best_hope <= to_beat\n",
        after="        return bool(self._ended) or best_hope <= to_beat\n",
        story="The first to end is the shortest, and seldom the best.",
        seen="classic",
        symptom="A beam that is no better than greedy search, and shorter.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="ended-yet-extended",
        title="A hypothesis goes on after its EOS",
        file="hypothesis.py",
        before="                self._ended.append(entry)\n",
        after="                self._ended.append(entry)\n"
        "                self.live[slot] = total\n",
        story="What has ended stays among the living, and something is appended to it.",
        seen="classic",
        symptom="Words behind the end of a sentence; a finished one crowds others out.",
        tests=("tests/test_hypothesis.py::test_what_has_ended_is_not_continued",),
    ),
    Exhibit(
        name="parents-not-followed",
        title="The winner is read along its slot instead of its parents",
        file="hypothesis.py",
        before="step, slot = step - 1, parent",
        after="step, slot = step - 1, slot",
        story="At each step a slot may go to a child of another slot's hypothesis. To "
        "read one slot backwards is to splice a sentence together from several.",
        seen="classic",
        symptom="Fluent beginnings with the wrong endings.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="map-of-the-wrong-beam",
        title="A token is shown with the attention of another hypothesis",
        file="hypothesis.py",
        before="weights.append(looked[parent])",
        after="weights.append(looked[slot])",
        story="Attention was computed for the parents, and then looked up by the "
        "number of the child.",
        seen="tensorflow/nmt #138, #358 (alignments lost under beam search)",
        symptom="Maps that are right under greedy search and odd under a beam.",
        tests=(
            "tests/torch_nn/test_decode.py::test_attention_is_that_of_the_returned_tokens",
        ),
    ),
    Exhibit(
        name="states-stay-behind",
        title="Beams keep their slot's state instead of their parent's",
        file="numpy_ref/decode.py",
        before="rows = (places[:, None] * n_beams + parent[places]).reshape(-1)",
        after="rows = (places[:, None] * n_beams + np.arange(n_beams)).reshape(-1)",
        story="Tokens were reordered by parent, and the decoder's state was not: a "
        "hypothesis goes on from the memory of another.",
        seen="classic",
        symptom="A wider beam is worse.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="beams-all-alike",
        title="At the first step every beam is allowed to speak",
        file="numpy_ref/decode.py",
        before="total = np.full((len(src), n_beams), -np.inf, dtype=np.float32)",
        after="total = np.zeros((len(src), n_beams), dtype=np.float32)",
        story="All beams begin alike, and the best token of each is the same: the beam "
        "is filled with copies, and stays so.",
        seen="classic",
        symptom="Any width gives the greedy translation, at several times its cost.",
        tests=(
            _NUMPY + "test_beam_finds_the_best_of_all",
            _NUMPY + "test_wider_beams_find_likelier_translations",
        ),
    ),
    Exhibit(
        name="probabilities-added",
        title="Probabilities are summed where log-probabilities belong",
        file="numpy_ref/decode.py",
        before="candidates = (total[..., None] + log_prob)",
        after="candidates = (total[..., None] + np.exp(log_prob))",
        story="The model was given a softmax at its end, and the search was not told.",
        seen="classic",
        symptom="One sure token outweighs many impossible ones.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="padding-can-be-said",
        title="PAD and BOS are among the candidates",
        file="numpy_ref/decode.py",
        before="    logits[..., [PAD_ID, BOS_ID]] = -np.inf\n",
        after="",
        story="They are never a label, but a softmax gives every entry of the "
        "vocabulary some probability, and label smoothing even asks for it. What must "
        "not be said has to be forbidden.",
        seen="classic",
        symptom="Rare gaps in translations, which end early or begin twice.",
        tests=(_NUMPY + "test_pad_and_bos_are_impossible",),
    ),
    Exhibit(
        name="ties-left-open",
        title="Of equal candidates the last one wins",
        file="numpy_ref/decode.py",
        before="index = scores.argmax(axis=1)",
        after="index = scores.shape[1] - 1 - scores[:, ::-1].argmax(axis=1)",
        story="Functions that return the largest entries leave the order of ties open; "
        "devices and versions differ.",
        seen="classic; torch.topk and np.argpartition promise no order",
        symptom="Now and then two machines translate a sentence differently.",
        tests=(_NUMPY + "test_top_candidates_orders_and_breaks_ties",),
    ),
    Exhibit(
        name="map-off-by-one",
        title="Each row of the map belongs to the token before",
        file="numpy_ref/decode.py",
        before="attention = np.stack(weights, axis=2)[..., :src_len]",
        after="weights = (weights[0], *weights[:-1])\n"
        "    attention = np.stack(weights, axis=2)[..., :src_len]",
        story="The attention by which a word was said was stored one step later, when "
        "that word was read.",
        seen="tensor2tensor #526, #898 (where it was suspected)",
        symptom="Alignments lie beside the diagonal.",
        tests=(_NUMPY + "test_attention_has_a_row_for_each_token",),
    ),
    Exhibit(
        name="limit-of-the-batch",
        title="How long a translation may be depends on the longest of its batch",
        file="numpy_ref/decode.py",
        before="return 2 * mask_lengths(src_mask) + 20",
        after="return 0 * mask_lengths(src_mask) + 2 * src_mask.shape[1] + 20",
        story="The length limit was read off the padded array.",
        seen="classic",
        symptom="A sentence that runs on is longer in some batches than in others.",
        tests=(_NUMPY + "test_length_is_bounded",),
    ),
    Exhibit(
        name="nucleus-without-its-edge",
        title="The token that brings the nucleus to top_p is left out of it",
        file="torch_nn/sampling.py",
        before="ranked[..., 1:][reached[..., :-1]] = 0.0",
        after="ranked[reached] = 0.0",
        story="The fewest tokens whose probability reaches top_p: the one that reaches "
        "it belongs to them. If the first alone does, nothing is left.",
        seen="classic",
        symptom="NaN, or a shift by one, wherever the model is sure.",
        tests=(
            "tests/torch_nn/test_sampling.py::test_probabilities_agree_with_the_loop",
        ),
    ),
    Exhibit(
        name="temperature-upside-down",
        title="Logits are multiplied by the temperature",
        file="torch_nn/sampling.py",
        before="(ranked - ranked[..., :1]) / config.temperature",
        after="(ranked - ranked[..., :1]) * config.temperature",
        story="A temperature below 1 should make the likely likelier; here it makes "
        "all tokens more alike. At 1, the default, all is well.",
        seen="classic",
        symptom="Advice from others works the wrong way round.",
        tests=(
            "tests/torch_nn/test_sampling.py::test_probabilities_agree_with_the_loop",
        ),
    ),
)
