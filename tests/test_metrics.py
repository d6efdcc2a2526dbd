"""Scores of translations and of alignments: sacreBLEU's numbers, and counts by hand."""

import math

import numpy as np
import pytest
import sacrebleu

from minis2s.metrics import (
    PrecisionRecall,
    alignment_score,
    attention_links,
    bleu,
    chrf,
    exact_match,
    perplexity,
    precision_recall,
)

REFERENCES = ["The cat sat on the mat .", "A man, who sleeps, dreams of soup."]
HYPOTHESES = ["The cat is on the mat .", "A man who sleeps dreams of a Soup."]
CHINESE = (
    ["我爱你，猫坐在垫子上。", "他睡觉了。"],
    ["我爱你，猫在垫子上。", "她睡觉了。"],
)

# --- BLEU and chrF ---


@pytest.mark.parametrize("lowercase", [False, True])
def test_bleu_is_that_of_sacrebleu(lowercase):
    """The score is the library's own, on raw text, to the last digit."""
    found = bleu(HYPOTHESES, REFERENCES, "en", lowercase=lowercase)
    want = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], lowercase=lowercase)
    assert found.value == want.score
    assert 0 < found.value < 100


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [
        ("", "13a"),
        ("en", "13a"),
        ("de-CH", "13a"),
        ("zh", "zh"),
        ("zh-TW", "zh"),
        ("ZH", "zh"),
        ("ja", "char"),
        ("ko", "char"),
        ("letters", "char"),
    ],
)
def test_tokenizer_follows_the_target_language(language, tokenizer):
    """Chinese, Japanese, Korean and letters are not scored by spaces, nor is zh-TW."""
    found = bleu(*CHINESE, language)
    want = sacrebleu.corpus_bleu(CHINESE[0], [CHINESE[1]], tokenize=tokenizer)
    assert found.value == want.score
    assert f"|tok:{tokenizer}|" in found.signature


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        (bleu(HYPOTHESES, REFERENCES), ["nrefs:1", "case:mixed", "tok:13a"]),
        (bleu(HYPOTHESES, REFERENCES, lowercase=True), ["nrefs:1", "case:lc"]),
        (chrf(HYPOTHESES, REFERENCES), ["nrefs:1", "case:mixed", "nc:6", "nw:0"]),
    ],
)
def test_signature_says_how_a_score_was_made(found, facts):
    """Case, tokenizer, references and the library's version are in the signature."""
    parts = found.signature.split("|")
    assert set(facts) <= set(parts)
    assert f"version:{sacrebleu.__version__}" in parts


def test_chrf_is_that_of_sacrebleu():
    """The score is the library's own, to the last digit."""
    want = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES])
    assert chrf(HYPOTHESES, REFERENCES).value == want.score


@pytest.mark.parametrize("score", [bleu, chrf])
def test_perfect_is_one_hundred(score):
    """The reference itself scores 100."""
    assert score(REFERENCES, REFERENCES).value == pytest.approx(100)


@pytest.mark.parametrize("score", [bleu, chrf])
def test_swapped_arguments_give_another_score(score):
    """The hypotheses come first: what is too short is not what is too long."""
    short, whole = ["The cat sat on"], ["The cat sat on the old red mat ."]
    assert score(short, whole).value != pytest.approx(score(whole, short).value)


def test_case_counts_unless_it_is_lowered():
    """Only lowercase BLEU forgives a wrong capital."""
    upper = [line.upper() for line in REFERENCES]
    assert bleu(upper, REFERENCES).value < 50
    assert bleu(upper, REFERENCES, lowercase=True).value == pytest.approx(100)


@pytest.mark.parametrize("score", [bleu, chrf, exact_match])
@pytest.mark.parametrize(("n_hypotheses", "n_references"), [(2, 3), (3, 2), (0, 0)])
def test_counts_must_agree(score, n_hypotheses, n_references):
    """As many hypotheses as references are needed, and at least one."""
    message = f"as many and not empty, got {n_hypotheses} and {n_references}"
    with pytest.raises(ValueError, match=message):
        score(["a"] * n_hypotheses, ["a"] * n_references)


@pytest.mark.parametrize("score", [bleu, chrf, exact_match])
@pytest.mark.parametrize(
    ("hypotheses", "references", "name"),
    [("ab", ["a", "b"], "hypotheses"), (["a", "b"], "ab", "references")],
)
def test_a_text_is_no_list_of_lines(score, hypotheses, references, name):
    """One string would be scored letter by letter; it is refused."""
    with pytest.raises(TypeError, match=f"{name} must be a list of lines, got one"):
        score(hypotheses, references)


@pytest.mark.parametrize(
    ("hypotheses", "percentage"),
    [(["ab", "c", "d"], 100), (["ab", "C", "d "], 100 / 3), (["", "", ""], 0)],
)
def test_exact_match(hypotheses, percentage):
    """The percentage of lines that are right to the last character."""
    assert exact_match(hypotheses, ["ab", "c", "d"]) == pytest.approx(percentage)


# --- perplexity ---


@pytest.mark.parametrize("n_words", [1, 7, 4000])
def test_perplexity_of_a_uniform_guess_is_the_number_of_words(n_words):
    """A model that knows nothing is as perplexed as there are words."""
    assert perplexity(math.log(n_words)) == pytest.approx(n_words)


@pytest.mark.parametrize("loss", [701.0, 1e9, math.inf])
def test_perplexity_of_a_diverged_model_is_finite(loss):
    """A huge loss gives a huge number that JSON can hold, not an error."""
    assert math.isfinite(perplexity(loss))
    assert perplexity(loss) == perplexity(700.0)


def test_perplexity_of_nan_is_nan():
    """A loss that is no number stays none."""
    assert math.isnan(perplexity(math.nan))


# --- precision and recall ---


@pytest.mark.parametrize(
    ("counts", "want"),
    [
        ((3, 5, 7), (3 / 5, 3 / 7, 2 * 3 / (5 + 7))),
        ((5, 5, 5), (1, 1, 1)),
        ((0, 5, 7), (0, 0, 0)),
        ((0, 0, 7), (0, 0, 0)),
        ((0, 5, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_precision_recall(counts, want):
    """Right of proposed, right of sought, and their harmonic mean; 0 for none."""
    assert precision_recall(*counts) == pytest.approx(PrecisionRecall(*want))


# --- alignment ---

# Of 5 proposed links 2 are sure and 1 more is possible; 4 are sure in all.
PROPOSED = [{(0, 0), (1, 2), (3, 3)}, {(0, 1), (2, 2)}]
SURE = [{(0, 0), (1, 1), (2, 3)}, {(2, 2)}]
POSSIBLE = [{(0, 0), (1, 1), (2, 3), (1, 2)}, {(2, 2), (2, 1)}]


@pytest.mark.parametrize("with_sure", [True, False])
def test_alignment_score_by_hand(with_sure):
    """The worked example: AER = 1 - (2 + 3) / (5 + 4), whether P repeats S or not."""
    possible = [p if with_sure else p - s for p, s in zip(POSSIBLE, SURE, strict=True)]
    assert alignment_score(PROPOSED, SURE, possible) == pytest.approx(
        (1 - 5 / 9, 3 / 5, 2 / 4)
    )


@pytest.mark.parametrize("extra", [set(), {(1, 2)}])
def test_perfect_alignment_has_no_error(extra):
    """All sure links and any possible ones: nothing is wrong."""
    proposed = [SURE[0] | extra, SURE[1]]
    assert alignment_score(proposed, SURE, POSSIBLE) == (0, 1, 1)


def test_alignment_of_nothing_right():
    """No proposed link is possible: everything is wrong."""
    assert alignment_score([{(5, 5)}], [{(0, 0)}], [{(0, 0)}]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("proposed", "sure", "want"),
    [([set()], [{(0, 0)}], (1, 0, 0)), ([{(0, 0)}], [set()], (1, 0, 0))],
)
def test_alignment_with_an_empty_side(proposed, sure, want):
    """Nothing proposed, or nothing to find, is all wrong and no error."""
    assert alignment_score(proposed, sure, [set()]) == want


@pytest.mark.parametrize("seed", range(5))
def test_error_rate_is_one_minus_f1_if_all_links_are_sure(seed):
    """With sure = possible the alignment error rate is 1 - F1."""
    rng = np.random.default_rng(seed)
    proposed, gold = (
        [{tuple(map(int, link)) for link in rng.integers(5, size=(7, 2))} for _ in "ab"]
        for _ in "pg"
    )
    n_right = sum(len(a & g) for a, g in zip(proposed, gold, strict=True))
    n_proposed, n_gold = sum(map(len, proposed)), sum(map(len, gold))
    want = precision_recall(n_right, n_proposed, n_gold)
    found = alignment_score(proposed, gold, gold)
    assert found == pytest.approx((1 - want.f1, want.precision, want.recall))


def test_a_link_counts_in_its_own_sentence_only():
    """A link that would be right in the other sentence is wrong here."""
    gold = [{(0, 0)}, {(1, 1)}]
    assert alignment_score(gold[::-1], gold, gold).error_rate == 1


def test_links_may_be_lists_and_iterators():
    """A link named twice counts once, in any kind of collection."""
    proposed = ([*links, *links] for links in PROPOSED)
    found = alignment_score(proposed, map(iter, SURE), map(list, POSSIBLE))
    assert found == alignment_score(PROPOSED, SURE, POSSIBLE)


@pytest.mark.parametrize("counts", [(1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_alignments_must_be_of_as_many_sentences(counts):
    """A missing sentence is a complaint with the three counts."""
    kinds = [PROPOSED[: counts[0]], SURE[: counts[1]], POSSIBLE[: counts[2]]]
    message = rf"must be of as many sentences, got \[{counts[0]}, {counts[1]}, "
    with pytest.raises(ValueError, match=message):
        alignment_score(*kinds)


@pytest.mark.parametrize("kinds", [([], [], []), ([set()], [set()], [{(0, 0)}])])
def test_alignment_needs_a_link(kinds):
    """Where nothing is proposed and nothing is sure there is no rate."""
    with pytest.raises(ValueError, match="there is no link to compare"):
        alignment_score(*kinds)


def test_attention_links():
    """Each target position is linked to the source position with the most weight."""
    weights = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    assert attention_links(weights) == [(2, 0), (0, 1)]


def test_attention_links_break_ties_at_the_first():
    """Of equal weights the first source position wins; links are plain integers."""
    links = attention_links(np.full((2, 3), 1 / 3))
    assert links == [(0, 0), (0, 1)]
    assert all(type(position) is int for link in links for position in link)
