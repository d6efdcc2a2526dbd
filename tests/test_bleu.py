"""BLEU counted from scratch: by hand, and always what sacreBLEU says (rung 4)."""

import inspect
import math
from collections import Counter

import numpy as np
import pytest
import sacrebleu

from minis2s import bleu, metrics
from minis2s.bleu import Precision

BLEU = {"rel": 1e-9, "abs": 1e-9}
GERMAN = [
    "Ein Hund, der schläft, träumt.",
    "Die Katze sitzt auf der Bank & wartet.",
    "Zwei Kinder spielen im Sand -- 3,5 Stunden lang!",
]
CHINESE = ["我爱你，猫坐在垫子上。", "他睡觉了。", "两个孩子在沙滩上玩了3个小时。"]


def agree(hypotheses, references, language="", **options):
    """Assert that both scorers give the same number, and return it."""
    found = metrics.bleu_from_scratch(hypotheses, references, language, **options)
    want = metrics.bleu(hypotheses, references, language, **options).value
    assert found == pytest.approx(want, **BLEU)
    return found


def draw_lines(rng, n_lines, longest, n_words):
    """Lines of 0 to `longest` words out of a small vocabulary."""
    words = np.array([*"abcdefghijk"])[:n_words]
    return [
        " ".join(rng.choice(words, size=size))
        for size in rng.integers(0, longest, size=n_lines, endpoint=True)
    ]


# --- sacreBLEU agrees ---


@pytest.mark.parametrize("n_words", [1, 2, 3, 5, 11])
@pytest.mark.parametrize("longest", [2, 3, 5, 13])
@pytest.mark.parametrize("n_lines", [1, 2, 7, 31])
def test_random_corpora(n_lines, longest, n_words):
    """Short and long, hits and misses of every order, empty lines, one sentence."""
    rng = np.random.default_rng([n_lines, longest, n_words])
    for _ in range(5):
        agree(*(draw_lines(rng, n_lines, longest, n_words) for _ in "hr"))


@pytest.mark.parametrize("n_right", [0, 1, 2, 3, 4])
def test_every_order_is_hit_and_missed(n_right):
    """Runs of 0 to 4 right words: from no hit at all to a hit of every order."""
    references = ["a b c d e f g h i"]
    wrong = [f"x{i}" for i in range(9 - n_right)]
    found = agree([" ".join([*"abcd"[:n_right], *wrong])], references)
    assert (found > 0) == (n_right > 0)


def test_random_corpora_reach_both_ends():
    """The draws above do test something: scores of zero, and quite different ones."""
    rng = np.random.default_rng(0)
    found = [
        agree(*(draw_lines(rng, 7, 5, 3) for _ in "hr"), lowercase=True)
        for _ in range(50)
    ]
    assert min(found) == 0
    assert len({round(value, 3) for value in found}) > 20


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize(
    ("lines", "language"), [(GERMAN, "de"), (CHINESE, "zh"), (CHINESE, "ja")]
)
def test_tokens_are_those_of_the_language(lines, language, lowercase):
    """Punctuation, umlauts, numbers, entities, Chinese, letters; mixed case or not."""
    worse = [line.upper().replace("IM SAND", "").replace("坐", "") for line in lines]
    found = agree(worse, lines, language, lowercase=lowercase)
    assert 0 < found < 100


@pytest.mark.parametrize(
    ("hypothesis", "reference"),
    [
        ("", "a b c d e"),
        ("a b c d e", ""),
        ("", ""),
        ("a b c", "a b c"),
        ("a", "a b c d e"),
        ("a a a a a a", "a a b c d e"),
        ("a b c d e f g", "a b c d"),
        ("a b c d", "a b c d e f g"),
        ("a b c d e", "v w x y z"),
        ("b a d c", "a b c d"),
        ("a b c d  \n", "  a b c d"),
        ("a b c d-\n", "a b c d -"),
        ("&quot;a b&quot; c-\nd <skipped> e", '"a b" c-d e'),
    ],
)
@pytest.mark.parametrize("others", [[], ["so it goes on and on"]])
def test_odd_lines(hypothesis, reference, others):
    """Nothing, too little, too much, too often, out of order; alone and in company."""
    agree([hypothesis, *others], [reference, *others])


def test_a_corpus_is_not_the_mean_of_its_lines():
    """Counts are added up before they are divided."""
    references = ["a b c d e f g h", "v w x y"]
    hypotheses = ["a b c d e f g h", "v x w y"]
    each = [agree([h], [r]) for h, r in zip(hypotheses, references, strict=True)]
    assert agree(hypotheses, references) != pytest.approx(np.mean(each), rel=0.01)


# --- the ends of the scale ---


@pytest.mark.parametrize("lines", [GERMAN, CHINESE])
def test_identical_text(lines):
    """The reference itself scores 100."""
    assert agree(lines, lines, "zh") == pytest.approx(100, **BLEU)


def test_nothing_in_common():
    """Without one right word the score is 0, smoothing or not."""
    assert agree(["a b c d e f"], ["u v w x y z"]) == 0


def test_too_short_for_four():
    """Where no line has four tokens even what is all right scores 0."""
    assert agree(["a b c", "d e"], ["a b c", "d e"]) == 0


def test_case_is_forgiven_if_asked():
    """Only lowercase BLEU forgives capitals."""
    upper = [line.upper() for line in GERMAN]
    assert agree(upper, GERMAN, "de", lowercase=True) == pytest.approx(100, **BLEU)
    assert agree(upper, GERMAN, "de") < 50


def test_sacrebleu_still_gives_the_published_score(monkeypatch):
    """`bleu` does not come from our own counts."""
    monkeypatch.setattr(metrics, "corpus_bleu", None)
    want = sacrebleu.corpus_bleu(GERMAN[::-1], [GERMAN]).score
    assert metrics.bleu(GERMAN[::-1], GERMAN).value == want


# --- the parts, by hand ---


@pytest.mark.parametrize(
    ("n", "counts"),
    [
        (1, {("a",): 3, ("b",): 1}),
        (2, {("a", "a"): 1, ("a", "b"): 1, ("b", "a"): 1}),
        (4, {("a", "a", "b", "a"): 1}),
        (5, {}),
    ],
)
def test_ngram_counts(n, counts):
    """Overlapping runs are all counted; a line shorter than n has none."""
    assert bleu.ngram_counts(["a", "a", "b", "a"], n) == Counter(counts)


@pytest.mark.parametrize(("n", "want"), [(1, (2, 7)), (2, (1, 6)), (3, (0, 5))])
def test_repetition_is_clipped(n, want):
    """What the reference has twice is right twice, however often it is said."""
    found = bleu.clipped_precision([["a"] * 7], [["a", "a", "b"]], n)
    assert found == Precision(*want)


def test_a_word_is_right_in_its_own_line_only():
    """What the next line's reference has is not right here."""
    found = bleu.clipped_precision([["a"], ["b"]], [["b"], ["a"]], 1)
    assert found == Precision(0, 2)


def test_lines_must_be_as_many():
    """A line without a reference is not dropped silently."""
    with pytest.raises(ValueError, match="must be as many, got 2 and 1"):
        bleu.clipped_precision([["a"], ["b"]], [["a"]], 1)


@pytest.mark.parametrize(
    ("outputs", "references", "message"),
    [
        (["ab"], [["a", "b"]], "outputs: .* list of tokens, got the text 'ab'"),
        ([["a"], ["b"]], "ab", "references: .* list of tokens, got the text 'ab'"),
    ],
)
def test_a_text_is_no_list_of_tokens(outputs, references, message):
    """Its letters would be scored; both entrances refuse it."""
    score, precision = map(inspect.unwrap, (bleu.corpus_bleu, bleu.clipped_precision))
    with pytest.raises(TypeError, match=message):
        score(outputs, references)
    with pytest.raises(TypeError, match=message):
        precision(outputs, references, 1)


@pytest.mark.parametrize(
    ("counts", "want"),
    [
        ([(5, 5), (3, 4), (1, 3), (1, 2)], [1, 3 / 4, 1 / 3, 1 / 2]),
        ([(5, 5), (3, 4), (1, 3), (0, 2)], [1, 3 / 4, 1 / 3, 1 / 4]),
        ([(2, 7), (0, 6), (0, 5), (0, 3)], [2 / 7, 1 / 12, 1 / 20, 1 / 24]),
        ([(2, 3), (0, 2), (0, 1), (0, 0)], [2 / 3, 1 / 4, 1 / 4, 0]),
        ([(0, 5), (0, 4), (0, 3), (0, 2)], [0, 0, 0, 0]),
    ],
)
def test_smoothing_halves(counts, want):
    """A half for the first order without a hit, a quarter for the next, and so on."""
    found = bleu.smoothed_shares([Precision(*pair) for pair in counts])
    assert found == pytest.approx(want)


@pytest.mark.parametrize(
    ("lengths", "want"),
    [((7, 5), 1), ((5, 5), 1), ((5, 7), math.exp(1 - 7 / 5)), ((0, 5), 0), ((0, 0), 1)],
)
def test_brevity_penalty(lengths, want):
    """One for what is long enough, and ever less for what is shorter."""
    assert bleu.brevity_penalty(*lengths) == pytest.approx(want)


def test_the_length_is_that_of_the_corpus():
    """A short line costs nothing if another is as much too long."""
    short, long = ["a b c d e"], ["a b c d e f g"]
    shares = [(10 - 2 * i) / (12 - 2 * i) for i in range(4)]  # of 5 + 7 tokens
    found = agree(short + long, long + short)
    assert found == pytest.approx(100 * math.prod(shares) ** 0.25)


# --- refusals ---


@pytest.mark.parametrize(("n_hypotheses", "n_references"), [(2, 3), (3, 2), (0, 0)])
def test_counts_must_agree(n_hypotheses, n_references):
    """The sentence of `bleu`, with both counts."""
    message = f"as many and not empty, got {n_hypotheses} and {n_references}"
    with pytest.raises(ValueError, match=message):
        metrics.bleu_from_scratch(["a"] * n_hypotheses, ["a"] * n_references)


def test_a_text_is_no_list_of_lines():
    """One string would be scored letter by letter; it is refused."""
    with pytest.raises(TypeError, match="references must be a list of lines, got one"):
        metrics.bleu_from_scratch(["a", "b"], "ab")
