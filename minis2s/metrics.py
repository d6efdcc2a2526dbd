"""How good a translation is, and how right an attention map.

BLEU and chrF are sacreBLEU's, on raw text, and come with the signature without which
a score cannot be compared; bleu.py shows how BLEU is counted. Alignment scores compare
an attention map with links that are known.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import sacrebleu
from jaxtyping import Float

from minis2s.bleu import corpus_bleu

Link = tuple[int, int]
"""(source position, target position)."""

_TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char", "letters": "char"}


class Score(NamedTuple):
    """A number from 0 to 100 and how it was computed."""

    value: float
    signature: str


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    tgt_language: str = "",
    *,
    lowercase: bool = False,
) -> Score:
    """Corpus BLEU of sacreBLEU; its tokenizer follows the target language.

    13a, but zh for Chinese, and single characters for Japanese, Korean and the
    letters of a generated task. Of a code such as zh-TW the first part decides.

    Args:
        hypotheses: what was translated.
        references: what it should have been, line by line.
        tgt_language: code of the language of both.
        lowercase: for comparison with older work; otherwise case counts.

    Raises:
        ValueError: if the counts differ, or there is nothing to score.
        TypeError: if a text is given where a list of lines is wanted.

    Source: Papineni et al. 2002; Post 2018, arXiv:1804.08771.
    """
    _same_count(hypotheses, references)
    scorer = _make_scorer(tgt_language, lowercase)
    value = scorer.corpus_score(list(hypotheses), [list(references)]).score
    return Score(value, str(scorer.get_signature()))


def bleu_from_scratch(
    hypotheses: Sequence[str],
    references: Sequence[str],
    tgt_language: str = "",
    *,
    lowercase: bool = False,
) -> float:
    """The value of `bleu`, counted by minis2s/bleu.py: to see how, not to publish.

    Only the tokenizer is sacreBLEU's.

    >>> reference = ["The dog sleeps on the warm stone."]
    >>> round(bleu_from_scratch(["A dog sleeps on the stone."], reference, "en"), 2)
    42.38

    Args:
        hypotheses: what was translated.
        references: what it should have been, line by line.
        tgt_language: code of the language of both.
        lowercase: whether case is forgiven.

    Raises:
        ValueError: if the counts differ, or there is nothing to score.
        TypeError: if a text is given where a list of lines is wanted.

    Source: Papineni et al. 2002; Post 2018, arXiv:1804.08771.
    """
    _same_count(hypotheses, references)
    tokenize = _make_scorer(tgt_language, lowercase).tokenizer
    outputs, wanted = (
        [
            tokenize((line.lower() if lowercase else line).rstrip()).split()
            for line in side
        ]
        for side in (hypotheses, references)
    )
    return corpus_bleu(outputs, wanted)


def _make_scorer(tgt_language: str, lowercase: bool) -> sacrebleu.BLEU:
    """The library's BLEU with the tokenizer of a language."""
    language = tgt_language.lower().partition("-")[0]
    tokenizer = _TOKENIZERS.get(language, "13a")
    return sacrebleu.BLEU(lowercase=lowercase, tokenize=tokenizer)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus chrF2 of sacreBLEU: overlap of character n-grams.

    Raises:
        ValueError: if the counts differ, or there is nothing to score.
        TypeError: if a text is given where a list of lines is wanted.

    Source: Popovic 2015, "chrF: character n-gram F-score".
    """
    _same_count(hypotheses, references)
    scorer = sacrebleu.CHRF()
    value = scorer.corpus_score(list(hypotheses), [list(references)]).score
    return Score(value, str(scorer.get_signature()))


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Percentage of lines that are exactly right.

    >>> exact_match(["ab", "cd"], ["ab", "ce"])
    50.0

    Raises:
        ValueError: if the counts differ, or there is nothing to score.
        TypeError: if a text is given where a list of lines is wanted.
    """
    _same_count(hypotheses, references)
    hits = sum(h == r for h, r in zip(hypotheses, references, strict=True))
    return 100 * hits / len(references)


def perplexity(loss: float) -> float:
    """exp(loss), for a loss in nats per token; say whether it was teacher-forced.

    A loss above 700, whose exponential no float holds, counts as 700.
    """
    return math.exp(min(loss, 700.0))


class PrecisionRecall(NamedTuple):
    """Shares of what was proposed, and of what was sought, that are right; 0 to 1."""

    precision: float
    recall: float
    f1: float


def precision_recall(n_right: int, n_proposed: int, n_sought: int) -> PrecisionRecall:
    """Precision, recall and their harmonic mean, from three counts.

    >>> precision_recall(1, 2, 4)
    PrecisionRecall(precision=0.5, recall=0.25, f1=0.3333333333333333)
    """
    precision = n_right / n_proposed if n_proposed else 0.0
    recall = n_right / n_sought if n_sought else 0.0
    both = precision + recall
    return PrecisionRecall(
        precision, recall, 2 * precision * recall / both if both else 0.0
    )


class AlignmentScore(NamedTuple):
    """Of all sentences together; 0 to 1."""

    error_rate: float
    precision: float
    recall: float


def alignment_score(
    proposed: Iterable[Iterable[Link]],
    sure: Iterable[Iterable[Link]],
    possible: Iterable[Iterable[Link]],
) -> AlignmentScore:
    """Alignment error rate, precision and recall, over all sentences.

    With proposed links A, sure links S and possible links P (S is part of P):
    AER = 1 - (|A and S| + |A and P|) / (|A| + |S|)
    precision = |A and P| / |A|,  recall = |A and S| / |S|

    >>> alignment_score([[(0, 0), (1, 0)]], [[(0, 0)]], [[(0, 0)]])
    AlignmentScore(error_rate=0.33333333333333337, precision=0.5, recall=1.0)

    Raises:
        ValueError: if the counts of sentences differ, or nothing is proposed and
            nothing is sure.

    Source: Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment
        Models".
    """
    kinds = [[set(links) for links in kind] for kind in (proposed, sure, possible)]
    counts = [len(kind) for kind in kinds]
    if len(set(counts)) > 1:
        raise ValueError(
            f"proposed, sure and possible must be of as many sentences, got {counts}"
        )
    a, s, p = (
        {(n, *link) for n, links in enumerate(k) for link in links} for k in kinds
    )
    p |= s
    if not a | s:
        raise ValueError("alignment_score: there is no link to compare")
    return AlignmentScore(
        1 - (len(a & s) + len(a & p)) / (len(a) + len(s)),
        len(a & p) / len(a) if a else 0.0,
        len(a & s) / len(s) if s else 0.0,
    )


def attention_links(weights: Float[np.ndarray, "tgt_len src_len"]) -> list[Link]:
    """One link for each target position: to the source position it looked at most.

    >>> attention_links(np.array([[0.1, 0.9], [0.7, 0.3]]))
    [(1, 0), (0, 1)]
    """
    return [(int(s), t) for t, s in enumerate(weights.argmax(axis=1))]


def _same_count(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    for name, lines in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(lines, str):
            raise TypeError(f"{name} must be a list of lines, got one text")
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"hypotheses and references must be as many and not empty, got "
            f"{len(hypotheses)} and {len(references)}"
        )
