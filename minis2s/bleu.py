"""BLEU from scratch: shared word runs, and a penalty for saying too little.

    BLEU = 100 BP (p_1 p_2 p_3 p_4)^(1/4)

p_n is the share of the output's n-grams that the reference has too; BP is below 1 if
the output is shorter than the reference. Both are of the whole corpus: counts are added
up over all lines before anything is divided, so BLEU is no mean over sentences.

Here a line is a list of tokens. The score depends much on what counts as a token, which
is left to a tokenizer: `metrics.bleu_from_scratch` takes sacreBLEU's. Publish what
`metrics.bleu` returns, with its signature.

Left out: several references for a line, other smoothings, and the confidence interval.

Sources: Papineni, Roukos, Ward and Zhu 2002, "BLEU: a Method for Automatic Evaluation
    of Machine Translation"; Post 2018, "A Call for Clarity in Reporting BLEU Scores",
    arXiv:1804.08771; Chen and Cherry 2014, "A Systematic Comparison of Smoothing
    Techniques for Sentence-Level BLEU".
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MAX_ORDER = 4
"""Longest n-gram that is counted, in tokens."""

Line = Sequence[str]
"""One sentence as tokens."""


class Precision(NamedTuple):
    """How many n-grams of the output were right, of how many."""

    n_right: int
    n_proposed: int


def ngram_counts(tokens: Line, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n tokens occurs; a line of T tokens has T - n + 1 of them.

    >>> ngram_counts(["tick", "tock", "tick", "tock"], 2)
    Counter({('tick', 'tock'): 2, ('tock', 'tick'): 1})
    """
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def clipped_precision(
    outputs: Sequence[Line], references: Sequence[Line], n: int
) -> Precision:
    """Modified n-gram precision, as two counts over all lines.

    p_n = sum_lines sum_g min(count_output(g), count_reference(g))
          / sum_lines sum_g count_output(g),  g over the n-grams of a line's output

    The minimum is the clipping: without it, one right word said over and over would be
    right every time. Here "soup" is needed twice and said five times.

    >>> output = ["soup", "soup", "soup", "soup", "soup"]
    >>> clipped_precision([output], [["soup", "after", "soup"]], 1)
    Precision(n_right=2, n_proposed=5)

    Raises:
        ValueError: if there are not as many outputs as references.
        TypeError: if a line is a text, not a list of tokens.

    Source: Papineni et al. 2002, section 2.1.
    """
    _check_lines(outputs, references)
    n_right = n_proposed = 0
    for output, reference in zip(outputs, references, strict=True):
        proposed, sought = ngram_counts(output, n), ngram_counts(reference, n)
        n_right += (proposed & sought).total()  # & is the smaller count of each
        n_proposed += proposed.total()
    return Precision(n_right, n_proposed)


def smoothed_shares(precisions: Sequence[Precision]) -> list[float]:
    """Each precision as a number; an order (an n) without a hit is not quite zero.

    p_n = n_right / n_proposed, but (1 / 2^k) / n_proposed at the k-th n_right of zero

    A single zero would make the whole product zero. Half a hit stands in for the first
    order that has none, a quarter for the next. It is done only where something was
    hit, and an order of which nothing was proposed stays zero.

    >>> smoothed_shares([Precision(3, 4), Precision(1, 3), Precision(0, 2)])
    [0.75, 0.3333333333333333, 0.25]

    Source: Chen and Cherry 2014, section 3, smoothing 3 (NIST's); sacreBLEU's "exp".
    """
    anything_right = any(p.n_right for p in precisions)
    shares, hit = [], 1.0
    for n_right, n_proposed in precisions:
        if not (anything_right and n_proposed):
            shares.append(0.0)
        elif n_right:
            shares.append(n_right / n_proposed)
        else:
            hit /= 2
            shares.append(hit / n_proposed)
    return shares


def brevity_penalty(output_len: int, reference_len: int) -> float:
    """What is left of the score for an output shorter than its reference.

    BP = 1 if c >= r, else exp(1 - r / c)

    Precision does not notice what was left out. An output too long needs no penalty of
    its own: its precision suffers.

    >>> brevity_penalty(12, 10), brevity_penalty(10, 10), brevity_penalty(0, 10)
    (1.0, 1.0, 0.0)
    >>> round(brevity_penalty(8, 10), 4)
    0.7788

    Args:
        output_len: c, tokens of all outputs.
        reference_len: r, tokens of all references.

    Source: Papineni et al. 2002, section 2.2.
    """
    if output_len >= reference_len:
        return 1.0
    return math.exp(1 - reference_len / output_len) if output_len else 0.0


def corpus_bleu(outputs: Sequence[Line], references: Sequence[Line]) -> float:
    """BLEU of a corpus of tokens, from 0 to 100.

    BLEU = 100 BP exp(1/4 sum_n log p_n),  n from 1 to 4

    >>> reference = "a dog sleeps on the warm stone".split()
    >>> corpus_bleu([reference], [reference])
    100.0
    >>> round(corpus_bleu(["a dog sleeps on a stone".split()], [reference]), 2)
    45.48

    Raises:
        ValueError: if there are not as many outputs as references.
        TypeError: if a line is a text, not a list of tokens.

    Source: Papineni et al. 2002, section 2.3.
    """
    orders = range(1, MAX_ORDER + 1)
    shares = smoothed_shares(
        [clipped_precision(outputs, references, n) for n in orders]
    )
    if not all(shares):
        return 0.0
    mean_log = sum(math.log(share) for share in shares) / MAX_ORDER
    output_len, reference_len = (sum(map(len, side)) for side in (outputs, references))
    return 100 * brevity_penalty(output_len, reference_len) * math.exp(mean_log)


def _check_lines(outputs: Sequence[Line], references: Sequence[Line]) -> None:
    """Refuse texts, whose letters would count, and lines without a partner."""
    for name, lines in (("outputs", outputs), ("references", references)):
        texts = [line for line in (lines, *lines) if isinstance(line, str)]
        if texts:
            raise TypeError(
                f"{name}: a line must be a list of tokens, got the text {texts[0]!r}"
            )
    if len(outputs) != len(references):
        raise ValueError(
            f"outputs and references must be as many, got {len(outputs)} and "
            f"{len(references)}"
        )
