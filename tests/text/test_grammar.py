"""The two grammars: what every split, pair and alignment of theirs must hold."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from minis2s.config import InputError
from minis2s.text import grammar
from minis2s.text.cards import CARDS
from minis2s.text.corpora import OWN_DATA, load, load_alignment
from minis2s.text.grammar import GRAMMARS, SPLIT_SIZES, german, make_examples, splits
from minis2s.text.grammar.engine import (
    Derivation,
    align,
    every_nth,
    mark,
    spell,
    tag,
    within,
)
from minis2s.text.grammar.samples import N_SAMPLES
from minis2s.text.grammar.zh_en import nouns
from minis2s.text.tokenizers import split_words

NAMES = list(GRAMMARS)
SPLITS = list(SPLIT_SIZES)

# Words that the other language may do without: articles, auxiliaries, particles. Every
# other word says something, and must have a sure link.
UNLINKED = {
    "de": {*german.HABEN, *german.SEIN, ","},
    "en": {
        *("a", "an", "the", "to", "of", "for", "in", "on"),
        *("do", "does", "am", "is", "are", "more"),
    },
    "zh": set("的了把吗很所以在") | {noun.measure for noun in nouns.NOUNS},
}
UNLINKED["zh"] |= set("每天")  # every day, but every morning is 每天早上


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    """One grammar after the other."""
    return request.param


def everything(name):
    """Every example of every split."""
    return [example for split in SPLITS for example in make_examples(name, split)]


def first_split(name, seed):
    """The split that is drawn first, drawn anew."""
    return splits._draw(GRAMMARS[name], "test", set(), np.random.default_rng(seed))


# --- the engine ---


def test_words_know_their_nodes():
    """A colon marks what a word says, a question mark what it helps to say."""
    im, garten = tag("im:in?the Garten:garden+place")
    assert im == ("im", ("in",), ("the",))
    assert garten.sure == ("garden", "place")
    assert within("where", (im,))[0] == ("im", ("where.in",), ("where.the",))


def test_words_that_share_a_node_are_linked():
    """Said by both is sure; helped by one is possible; helped by both is nothing."""
    src = tag("hat?verb kauft:verb das?it")
    tgt = tag("buys:verb it?it")
    assert align(src, tgt) == ([(1, 0)], [(0, 0), (1, 0)])


def test_a_chinese_word_has_a_link_for_each_character():
    """split_words gives a token a character, and links count those."""
    assert align(tag("苹果:noun"), tag("the?noun apple:noun")) == (
        [(0, 1), (1, 1)],
        [(0, 0), (0, 1), (1, 0), (1, 1)],
    )


def test_spelling():
    """Marks follow their word, a sentence begins with a capital, Chinese is dense."""
    assert spell((*tag("ob er kommt , weiß ich"), *mark("?")), "de") == (
        "Ob er kommt, weiß ich?"
    )
    assert spell(tag("我 爱 你 。"), "zh") == "我爱你。"


def test_every_nth_spares_what_does_not_fit():
    """Pairs whose numbers sum to a multiple of n, if they go together."""
    pairs = every_nth(3, ["a", "b"], ["p", "q", "r"], lambda a, b: (a, b) != ("b", "r"))
    assert pairs == {("a", "p")}


# --- splits ---


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        (
            "grammar-fr-en",
            "test",
            "unknown grammar 'grammar-fr-en'; there are grammar-",
        ),
        ("grammar-zh-en", "dev", "unknown split 'dev'; there are train, valid, test, "),
    ],
)
def test_unknown_names_are_refused(name, split, message):
    """A misspelt grammar or split is named, with those that there are."""
    with pytest.raises(InputError, match=message):
        make_examples(name, split)


def test_an_unknown_grammar_has_no_table():
    """The tables name the grammars that there are, too."""
    with pytest.raises(InputError, match="unknown grammar 'reverse'; there are gram"):
        grammar.held_out_table("reverse")


@pytest.mark.parametrize("split", SPLITS)
def test_sizes(name, split):
    """Every split has as many examples as it says."""
    assert len(make_examples(name, split)) == SPLIT_SIZES[split]


def test_no_sentence_stands_twice(name):
    """No source and no target occurs twice, within a split or across splits."""
    for side in ("src", "tgt"):
        sentences = [getattr(example, side) for example in everything(name)]
        assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_has_one_translation_in_either_direction(name):
    """Of 3,000 fresh derivations, repeated ones included, none contradicts another."""
    rng, there, back = np.random.default_rng(7), {}, {}
    for _ in range(3000):
        src, tgt = GRAMMARS[name].derive(rng).sentences()
        assert there.setdefault(src, tgt) == tgt
        assert back.setdefault(tgt, src) == src


@pytest.mark.parametrize("name", NAMES)
def test_the_draw_is_a_function_of_the_seed(name):
    """The same seed draws the same examples, another seed hardly any of them."""
    assert first_split(name, 0) == make_examples(name, "test")
    one, other = ({e.src for e in first_split(name, seed)} for seed in (0, 1))
    assert len(one & other) < 0.1 * len(one)


@pytest.mark.parametrize("name", NAMES)
def test_the_draw_does_not_depend_on_the_order_of_sets(name):
    """Another process with another hash seed draws the same examples."""
    code = (
        "import numpy as np, sys\n"
        "from minis2s.text.grammar import splits\n"
        f"grammar = splits.GRAMMARS[{name!r}]\n"
        "drawn = splits._draw(grammar, 'test', set(), np.random.default_rng(0))\n"
        "sys.stdout.buffer.write(''.join(e.src for e in drawn).encode())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert found == "".join(example.src for example in make_examples(name, "test"))


def test_every_rule_is_in_every_split(name):
    """Each rule has made at least one hundredth of each split."""
    for split in ("train", "valid", "test"):
        count = Counter(example.rule for example in make_examples(name, split))
        assert set(count) == set(GRAMMARS[name].rules)
        assert min(count.values()) >= 0.01 * SPLIT_SIZES[split]


# --- what is held out ---


def test_held_out_combinations_stand_in_one_split_alone(name):
    """Every example of held_out has one, of the kinds in turn; no other example has."""
    kinds = list(GRAMMARS[name].held_out)
    for i, example in enumerate(make_examples(name, "held_out")):
        assert kinds[i % len(kinds)] in example.held_out
    for split in ("train", "valid", "test"):
        assert not any(example.held_out for example in make_examples(name, split))


@pytest.mark.parametrize("name", NAMES)
def test_each_word_of_a_held_out_combination_has_other_partners(name):
    """Training shows both words of every combination, each with something else."""
    known, rng, partners = GRAMMARS[name], np.random.default_rng(3), set()
    for _ in range(6000):
        derivation = Derivation(rng)
        known.rules[derivation.one_of(list(known.rules))](derivation)
        for kind, first, second in derivation.combined:
            if (first, second) not in known.held_out[kind]:
                partners |= {(kind, 0, first), (kind, 1, second)}
    for kind, pairs in known.held_out.items():
        for first, second in pairs:
            assert {(kind, 0, first), (kind, 1, second)} <= partners


def test_training_shows_every_word_of_the_other_splits(name):
    """A model that fails on held_out has not failed for want of a word.

    At most one word in a thousand is new or was seen once; each is a form, such as a
    verb at the beginning of a question.
    """
    count = Counter(
        word
        for example in make_examples(name, "train")
        for word in split_words(example.src) + split_words(example.tgt)
    )
    for split in ("valid", "test", "held_out"):
        words = [
            word
            for example in make_examples(name, split)
            for word in split_words(example.src) + split_words(example.tgt)
        ]
        assert sum(count[word] < 2 for word in words) < 0.001 * len(words)


# --- alignments ---


def test_links_stay_inside_the_sentences(name):
    """Links are sorted, name tokens of both sides, and sure ones are possible."""
    for example in everything(name):
        n_src, n_tgt = len(split_words(example.src)), len(split_words(example.tgt))
        assert all(s < n_src and t < n_tgt for s, t in example.possible)
        assert set(example.sure) <= set(example.possible)
        assert example.possible == sorted(set(example.possible))


@pytest.mark.parametrize("side", [0, 1])
def test_every_word_that_says_something_is_surely_linked(name, side):
    """Only words that the other language may do without have no sure link."""
    language = GRAMMARS[name].languages[side]
    for example in make_examples(name, "test"):
        words = split_words((example.src, example.tgt)[side])
        linked = {link[side] for link in example.sure}
        left = {word.lower() for i, word in enumerate(words) if i not in linked}
        assert left <= UNLINKED[language], example


# --- as corpora ---


@pytest.mark.parametrize("split", SPLITS)
def test_a_grammar_loads_like_a_corpus(name, split):
    """Both directions hold the same pairs; the links are those of the examples."""
    src, tgt = CARDS[name].languages
    there, back = load(name, split, src, tgt), load(name, split, tgt, src)
    examples = make_examples(name, split)
    assert there.src == back.tgt == [example.src for example in examples]
    assert there.tgt == back.src == [example.tgt for example in examples]
    assert load_alignment(name, split) == [(e.sure, e.possible) for e in examples]


def test_alignments_can_be_changed_without_harm(name):
    """What load_alignment gives is the caller's own."""
    load_alignment(name, "valid")[0][0].clear()
    assert load_alignment(name, "valid")[0][0]


# --- what lies under data/ ---


def read(name, file):
    """A committed file of a grammar."""
    return (OWN_DATA / name / file).read_text(encoding="utf-8")


def test_the_samples_are_those_that_the_grammar_makes(name):
    """What a person has read is what the grammar says now: 20 of every rule."""
    assert read(name, "samples.tsv") == grammar.samples_table(name)
    known = GRAMMARS[name]
    n_groups = len(known.rules) + len(known.held_out)
    assert len(grammar.samples(name)) == N_SAMPLES * n_groups


def test_the_list_of_what_is_held_out_is_complete(name):
    """held_out.tsv names every combination that the grammar holds out."""
    assert read(name, "held_out.tsv") == grammar.held_out_table(name)


@pytest.mark.parametrize("split", SPLITS)
def test_splits_have_the_sha256_of_their_card(name, split):
    """The README of a grammar gives size and sha256 of each split."""
    text = load(name, split, *CARDS[name].languages)
    row = rf"^\| `{split}` \| {len(text):,} \|.*\| `{text.sha256}` \|$"
    assert re.search(row, read(name, "README.md"), re.MULTILINE)


def test_the_sha256_is_that_of_the_lines(name):
    """A split's sha256 is of its lines, source, tab, target."""
    text = load(name, "valid", *CARDS[name].languages)
    lines = "".join(f"{s}\t{t}\n" for s, t in zip(text.src, text.tgt, strict=True))
    assert text.sha256 == hashlib.sha256(lines.encode()).hexdigest()
