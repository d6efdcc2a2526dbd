"""Searches that lose what they look for."""

from minis2s.museum.exhibit import Exhibit

_NUMPY = "tests/numpy_ref/test_decode.py::"

DECODING = (
    Exhibit(
        name="end-not-counted",
        title="EOS is not counted in the length that a beam divides by",
        file="hypothesis.py",
        before="entry = (total / (step + 1) ** self.alpha, step, slot)",
        after="entry = (total / max(step, 1) ** self.alpha, step, slot)",
        story="Its log-probability is in the sum, but not in the count, so that short "
        "translations are punished.",
        seen="classic",
        symptom="Another translation wins than the one with the best score.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="length-not-normalised",
        title="Hypotheses of different lengths are compared by their plain sums",
        file="hypothesis.py",
        before="entry = (total / (step + 1) ** self.alpha, step, slot)",
        after="entry = (total, step, slot)",
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
        before="        return best_hope <= best\n",
        after="        return bool(self._ended) or best_hope <= best\n",
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
        story="Slots change hands at each step; whoever reads one slot backwards "
        "splices a sentence together from several.",
        seen="classic",
        symptom="Fluent beginnings with the wrong endings.",
        tests=(_NUMPY + "test_beam_finds_the_best_of_all",),
    ),
    Exhibit(
        name="map-of-the-wrong-beam",
        title="A token is shown with the attention of another hypothesis",
        file="hypothesis.py",
        before="totals[slot] - before, weights[parent]))",
        after="totals[slot] - before, weights[slot]))",
        story="Attention was computed for the parents, and then looked up by the "
        "number of the child.",
        seen="tensorflow/nmt #138, #358 (alignments lost under beam search)",
        symptom="Maps that are right under greedy search and odd under a beam.",
        tests=(
            "tests/torch_nn/test_decode.py::test_attention_is_that_of_the_returned_tokens",
        ),
    ),
)
