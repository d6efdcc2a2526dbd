"""Batches, vocabularies and splits that are not what the model is told they are."""

from minis2s.museum.exhibit import Exhibit

_BATCHING = "tests/text/test_batching.py::"
_CORPORA = "tests/text/test_corpora.py::"
_TOKENIZERS = "tests/text/test_tokenizers.py::"

DATA = (
    Exhibit(
        name="labels-unshifted",
        title="The decoder reads at each step what it has to answer",
        file="text/batching.py",
        before="    tgt_in = np.roll(tgt_out, 1, axis=1)\n    tgt_in[:, 0] = BOS_ID\n",
        after="    tgt_in = tgt_out.copy()\n",
        story="Input and label are the same array. Copying is all there is to learn, "
        "and no encoder is needed for it.",
        seen="a widely copied web tutorial",
        symptom="Training loss 0.000, accuracy 100 %; left to itself the model "
        "translates by chance.",
        tests=(_BATCHING + "test_tgt_in_is_tgt_out_shifted",),
    ),
    Exhibit(
        name="end-missing",
        title="Sentences have no EOS",
        file="text/batching.py",
        before="side.append([*tokens, EOS_ID])",
        after="side.append([*tokens])",
        story="Nobody tells the decoder where a sentence ends, so it never learns to "
        "end one.",
        seen="classic",
        symptom="Translations begin well and babble up to the length limit.",
        tests=(_BATCHING + "test_pairs_end_in_eos_and_begin_without_bos",),
    ),
    Exhibit(
        name="padded-in-front",
        title="Padding stands before the sentence",
        file="text/batching.py",
        before="row[: len(ids)] = ids",
        after="row[len(row) - len(ids) :] = ids",
        story="A library's default pads in front, for classifiers that read the last "
        "state. A decoder whose first token is PAD never sees BOS.",
        seen="classic; Keras's pad_sequences",
        symptom="Good in training, off in use, where single sentences have no padding.",
        tests=(_BATCHING + "test_pad",),
    ),
    Exhibit(
        name="unknown-is-padding",
        title="Words that were never seen become PAD",
        file="text/tokenizers.py",
        before="self._ids.get(unit, UNK_ID)",
        after="self._ids.get(unit, PAD_ID)",
        story="The default of a look-up was 0, and 0 is PAD: rare words are masked, "
        "and drop out of the loss as well.",
        seen="classic",
        symptom="The loss improves, because the hardest tokens are gone.",
        tests=(_TOKENIZERS + "test_unknown_units",),
    ),
    Exhibit(
        name="rarest-words-kept",
        title="A limited vocabulary keeps the rarest units",
        file="text/tokenizers.py",
        before="key=lambda item: (-item[1], item[0])",
        after="key=lambda item: (item[1], item[0])",
        story="Sorted the wrong way round, and cut at the limit.",
        seen="classic",
        symptom="Nearly every token is unknown, and predicting UNK is nearly always "
        "right.",
        tests=(_TOKENIZERS + "test_most_frequent_come_first",),
    ),
    Exhibit(
        name="vocabulary-of-the-test-set",
        title="The vocabulary is learned from the test sentences, too",
        file="torch_nn/experiment.py",
        before="config, [*text.src, *text.tgt], lower",
        after="config, [*text.src, *text.tgt, *self.valid_text.src], lower",
        story="One pass over all the data is convenient. The model then knows which "
        "words it will be asked for, and no test word is unknown.",
        seen="The Annotated Transformer (training, validation and test text)",
        symptom="A better score, and surprises on the first sentence of a user.",
        tests=(
            "tests/torch_nn/test_experiment.py::"
            "test_the_vocabulary_is_that_of_the_training_text",
        ),
    ),
    Exhibit(
        name="test-sentences-in-training",
        title="Sentences of the test split are trained on",
        file="text/corpora.py",
        before="kept = [(s, t) for s, t in rows if t.strip() not in taken]",
        after="kept = [(s, t) for s, t in rows]",
        story="Pairs were split, not sentences: one target sentence translates several "
        "sources, and stands on both sides.",
        seen="classic",
        symptom="A high score that falls on anybody else's text.",
        tests=(_CORPORA + "test_no_sentence_stands_in_two_splits",),
    ),
    Exhibit(
        name="generated-twice",
        title="A generated task draws its test strings again for training",
        file="text/tasks/__init__.py",
        before="        if text not in seen:\n            seen.add(text)\n"
        "            drawn.append(pair)",
        after="        drawn.append(pair)",
        story="Random strings are thought to be different. Short ones are not.",
        seen="classic",
        symptom="Learning by heart looks like learning.",
        tests=("tests/text/test_tasks.py::test_no_string_stands_twice",),
    ),
    Exhibit(
        name="same-order-every-epoch",
        title="Every epoch has the same batches in the same order",
        file="text/batching.py",
        before="np.random.default_rng((seed, epoch))",
        after="np.random.default_rng((seed, 0))",
        story="To make runs repeatable the generator was seeded anew for each epoch, "
        "always with the same number.",
        seen="classic",
        symptom="The loss repeats its pattern from epoch to epoch.",
        tests=(_BATCHING + "test_epochs_and_seeds_differ",),
    ),
    Exhibit(
        name="lines-shifted",
        title="A line separator inside a sentence shifts all later pairs",
        file="text/files.py",
        before='.split(b"\\n")\n    if lines[-1] == b"":\n        lines.pop()\n',
        after="\n    lines = [line.encode() for line in lines.decode().splitlines()]\n",
        story="str.splitlines also ends lines at U+2028 and its like, which real "
        "sentences hold; the two files no longer agree on what line n is.",
        seen="classic",
        symptom="From some line on the model learns from pairs that mean nothing.",
        tests=(_CORPORA + "test_line_separators_inside_a_sentence_shift_no_pair",),
    ),
)
