"""Numbers that are right for something else."""

from minis2s.museum.exhibit import Exhibit

_METRICS = "tests/test_metrics.py::"
_CORPUS_BLEU = (
    "scorer = _make_scorer(tgt_language, lowercase)\n"
    "    value = scorer.corpus_score(list(hypotheses), [list(references)]).score\n"
    "    return Score(value, str(scorer.get_signature()))\n"
)

MEASURING = (
    Exhibit(
        name="bleu-swapped",
        title="BLEU is called with prediction and reference exchanged",
        file="metrics.py",
        before=_CORPUS_BLEU,
        after=_CORPUS_BLEU.replace(
            "list(hypotheses), [list(references)]",
            "list(references), [list(hypotheses)]",
        ),
        story="Both are lists of strings, and nothing complains. Precision turns into "
        "recall, and the penalty falls on what is too long.",
        seen="bentrevett #62, in three notebooks",
        symptom="A plausible number, a little off.",
        tests=(
            _METRICS + "test_bleu_is_that_of_sacrebleu",
            _METRICS + "test_swapped_arguments_give_another_score",
        ),
    ),
    Exhibit(
        name="bleu-of-one",
        title="BLEU lies between 0 and 1",
        file="metrics.py",
        before=_CORPUS_BLEU,
        after=_CORPUS_BLEU.replace("Score(value,", "Score(value / 100,"),
        story="One library counts to 1, another to 100, and papers count to 100.",
        seen="sgrvinod, image captioning #90; bentrevett #88 (0.09)",
        symptom="A model thought useless, or a table with two units.",
        tests=(_METRICS + "test_perfect_is_one_hundred",),
    ),
    Exhibit(
        name="bleu-of-sentences",
        title="BLEU is the mean of the sentences' BLEUs",
        file="metrics.py",
        before=_CORPUS_BLEU,
        after=_CORPUS_BLEU.replace(
            "scorer.corpus_score(list(hypotheses), [list(references)]).score",
            "float(\n        np.mean(\n            [\n"
            "                scorer.corpus_score([h], [[r]]).score\n"
            "                for h, r in zip(hypotheses, references, strict=True)\n"
            "            ]\n        )\n    )",
        ),
        story="BLEU counts n-grams over a corpus; a single sentence without a common "
        "4-gram scores nothing, and the mean is another measure.",
        seen="pytorch/tutorials #2485 (0.6 where 30 to 35 was expected)",
        symptom="Far too low, and worse for short sentences.",
        tests=(_METRICS + "test_bleu_is_that_of_sacrebleu",),
    ),
    Exhibit(
        name="text-as-list-of-lines",
        title="One string is scored letter by letter",
        file="metrics.py",
        before="if isinstance(lines, str):",
        after="if isinstance(lines, bytes):",
        story="A string is a sequence of strings, so a scorer that wants a list of "
        "sentences takes one sentence without a word.",
        seen="pytorch/tutorials #2485",
        symptom="A plausible number, which counts letters.",
        tests=(_METRICS + "test_a_text_is_no_list_of_lines",),
    ),
    Exhibit(
        name="scored-by-spaces",
        title="The tokenizer of the scorer is left to chance",
        file="metrics.py",
        before='_TOKENIZERS.get(language, "13a")',
        after='_TOKENIZERS.get(language, "none")',
        story="Whether a full stop is part of its word changes every score. One output "
        "had four BLEUs, 1.5 points apart, by the script that was used.",
        seen="tensor2tensor #317",
        symptom="Numbers that cannot be compared with anybody's.",
        tests=(
            _METRICS + "test_bleu_is_that_of_sacrebleu",
            _METRICS + "test_tokenizer_follows_the_target_language",
        ),
    ),
    Exhibit(
        name="perplexity-in-bits",
        title="The perplexity is two to the loss in nats",
        file="metrics.py",
        before="return math.exp(min(loss, 700.0))",
        after="return 2.0 ** min(loss, 700.0)",
        story="The formula is right in books that measure in bits; the library's loss "
        "is in nats.",
        seen="classic",
        symptom="A perplexity of 12 where it is 36.",
        tests=(_METRICS + "test_perplexity_of_a_uniform_guess_is_the_number_of_words",),
    ),
    Exhibit(
        name="precision-for-recall",
        title="Precision and recall change places",
        file="metrics.py",
        before="        precision, recall, 2 * precision",
        after="        recall, precision, 2 * precision",
        story="F1 is the same either way, which is why nobody looks.",
        seen="classic",
        symptom="Advice in the wrong direction: propose more, where one should propose "
        "less.",
        tests=(_METRICS + "test_precision_recall",),
    ),
    Exhibit(
        name="links-by-column",
        title="Alignments are read off the map's columns",
        file="metrics.py",
        before="enumerate(weights.argmax(axis=1))",
        after="enumerate(weights.argmax(axis=0))",
        story="Each row shares out its attention, a column does not: where a source "
        "word was looked at most is another question.",
        seen="classic",
        symptom="Right on a diagonal.",
        tests=(_METRICS + "test_attention_links",),
    ),
    Exhibit(
        name="links-of-other-sentences",
        title="A link is right if it is right in any sentence",
        file="metrics.py",
        before="{(n, *link) for n, links in enumerate(k) for link in links}",
        after="{(0, *link) for n, links in enumerate(k) for link in links}",
        story="All links of a corpus went into one set without the number of their "
        "sentence. The more sentences, the fewer errors.",
        seen="classic",
        symptom="An alignment error rate that falls with the size of the test set.",
        tests=(_METRICS + "test_a_link_counts_in_its_own_sentence_only",),
    ),
    Exhibit(
        name="subwords-summed-twice",
        title="Attention of a word is the sum over its parts, on both sides",
        file="hypothesis.py",
        before="    from_word /= from_word.sum(axis=0)\n",
        after="",
        story="What falls on the parts of a source word adds up; what goes out from "
        "the parts of a target word has to be averaged.",
        seen="classic; Clark et al. 2019 say how",
        symptom="Long words look surer than short ones; rows sum to 2 or 3.",
        tests=("tests/test_hypothesis.py::test_merged_rows_still_sum_to_one",),
    ),
    Exhibit(
        name="evaluated-with-the-reference",
        title="Validation translates with the reference at hand",
        file="torch_nn/experiment.py",
        before="outputs = translator.translate_text(self.valid_text.src)",
        after="forced = map(translator.attend, self.valid_text.src, "
        "self.valid_text.tgt)\n"
        "            outputs = [translator.text(hypothesis) for hypothesis in forced]",
        story="Teacher forcing was left on when the model was scored: at each step it "
        "is told what it should have said before. Here it is told everything.",
        seen="keon/seq2seq #8, PR #9",
        symptom="A fine score for a model that cannot begin a sentence.",
        tests=(
            "tests/torch_nn/test_experiment.py::"
            "test_a_model_that_has_learned_nothing_scores_nothing",
        ),
    ),
)
