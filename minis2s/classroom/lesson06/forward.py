"""Implement: additive attention."""

import numpy as np

from minis2s.classroom import sharing
from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe, primes
from minis2s.classroom.sharing import filled_with, masked_softmax


def additive_attention(
    query, key, value, mask, weight_query, weight_key, bias, weight_score
):
    """Every query meets every key in the tanh units; then one unit is shared out."""
    pairs = (query @ weight_query.T)[:, :, None] + (key @ weight_key.T + bias)[:, None]
    scores = np.tanh(pairs) @ weight_score
    weights = masked_softmax(scores, mask)
    return weights @ value, weights


def attention_with(
    meet=lambda q, k, bias: q + (k + bias),
    score=lambda pairs, v: np.tanh(pairs) @ v,
    share=masked_softmax,
    handed=lambda key, value: value,
):
    """The same with one part exchanged.

    Args:
        meet: a pair, from what the units see of query and key, and the bias.
        score: from pairs and weight_score.
        share: the weights, from scores and mask.
        handed: what is blended.
    """

    def attention(
        query, key, value, mask, weight_query, weight_key, bias, weight_score
    ):
        q = (query @ weight_query.T)[:, :, None]
        k = (key @ weight_key.T)[:, None]
        weights = share(score(meet(q, k, bias), weight_score), mask)
        return weights @ handed(key, value), weights

    return attention


def _over_queries(scores, mask):
    """Target positions compete for a source position."""
    return masked_softmax(scores.swapaxes(1, 2), mask.swapaxes(1, 2)).swapaxes(1, 2)


no_mask = attention_with(share=sharing.mask_ignored)
over_queries = attention_with(share=_over_queries)
first_mask = attention_with(
    share=lambda scores, mask: masked_softmax(
        scores, np.broadcast_to(mask[:1], mask.shape)
    )
)
empty_nan = attention_with(share=filled_with(-np.inf))
empty_even = attention_with(share=filled_with(-1e9))
apart = attention_with(meet=lambda q, k, b: np.tanh(q) + np.tanh(k + b), score=np.dot)


def by_position(query, key, value, mask, weight_query, weight_key, bias, weight_score):
    """Which place gets how much follows from the query alone."""
    places = np.arange(key.shape[1])[:, None] * np.ones(len(bias))
    pairs = (query @ weight_query.T)[:, :, None] + (places + bias)
    weights = masked_softmax(np.tanh(pairs) @ weight_score, mask)
    return weights @ value, weights


def draw(rng, batch=None, tgt_len=None, empty=False, size=1.0):
    """Arguments: sentence 0 lacks a word, sentence 1 is the longest.

    Args:
        rng: draws the numbers and the sizes.
        batch: number of sentences; 1 makes a single one without padding.
        tgt_len: number of queries.
        empty: whether the first query may look at nothing.
        size: factor on weight_score; if it is not 1, sentence 0 has one word alone.
    """
    n_rows, n_queries, src_len, d_query, d_key = primes(rng, 5)
    n_rows, n_queries = batch or n_rows, tgt_len or n_queries
    d_value, d_attention = 13, 17
    lengths = rng.integers(1, src_len + 1, size=n_rows)
    lengths[:2] = (src_len - 1 if size == 1.0 else 1, src_len)[-n_rows:]
    mask = (np.arange(src_len) < lengths[:, None])[:, None].repeat(n_queries, axis=1)
    if empty:
        mask[0, 0] = False
    return (
        rng.normal(size=(n_rows, n_queries, d_query)),
        rng.normal(size=(n_rows, src_len, d_key)),
        rng.normal(size=(n_rows, src_len, d_value)),
        mask,
        0.5 * rng.normal(size=(d_attention, d_query)),
        0.5 * rng.normal(size=(d_attention, d_key)),
        0.5 * rng.normal(size=d_attention),
        size * (1 + rng.random(d_attention)) * rng.choice([-1, 1], size=d_attention),
    )


def _padding_is_silent(e: Evidence) -> str:
    """Says so if hidden places have a weight."""
    spilled = len(e.got) == 2 and np.abs(e.got[1] * ~e.args[3]).max() > 1e-9
    return "Where the mask is False the weight is 0, exactly." if spilled else ""


def _padding_gets(e: Evidence) -> str:
    """What the padding of sentence 0 is given."""
    share = (e.got[1] * ~e.args[3])[0].sum(axis=-1).max()
    return f"But a query of sentence 0 gives its padding {share:.2f} of its unit."


def _rows_sum(e: Evidence) -> str:
    """Between what the rows sum."""
    sums = e.got[1][e.args[3].any(axis=-1)].sum(axis=-1)
    low, high = f"{sums.min():.2f}", f"{sums.max():.2f}"
    between = f"{low}" if low == high else f"between {low} and {high}"
    return f"But rows of weights sum to {between}."


def _empty_row(e: Evidence) -> str:
    """What stands in the row that may look at nothing."""
    return (
        f"But weights[0, 0] begins with {e.got[1][0, 0, 0]:.2f}; all is hidden there."
    )


check_additive = Implement(
    name="additive",
    lesson=6,
    section="4",
    minutes=12,
    difficulty=3,
    task="""Judge additive attention: context, weights = answer(query, key, value, ...).

    Called as answer(query, key, value, mask, weight_query, weight_key, bias,
    weight_score): query (batch, tgt_len, d_query), key (batch, src_len, d_key), value
    (batch, src_len, d_value), mask (batch, tgt_len, src_len), True where attention is
    allowed, weight_query (d_attention, d_query), weight_key (d_attention, d_key), bias
    and weight_score (d_attention). A row that may look at nothing is all zeros.

    score_ts = weight_score . tanh(weight_query query_t + weight_key key_s + bias)
    """,
    right=additive_attention,
    returns=("context", "weights"),
    probes=(
        Probe("one query", "a sentence, one query", lambda rng: draw(rng, 1, 1)),
        Probe("one sentence", "several queries", lambda rng: draw(rng, 1)),
        Probe("batch", "a batch with padding", draw),
        Probe("empty row", "a row without a word", lambda rng: draw(rng, empty=True)),
        Probe(
            "thousands", "scores in the thousands", lambda rng: draw(rng, size=500.0)
        ),
    ),
    wrong={
        "no_tanh": Wrong(
            attention_with(score=np.dot),
            broken="Without the bend a query adds one number to a whole row of scores, "
            "and the softmax takes it away again.",
            cause="The sum is scored as it is: the tanh has no effect.",
            look="What stands between the two projections and weight_score?",
        ),
        "tanh_outside": Wrong(
            attention_with(score=lambda pairs, v: np.tanh(pairs @ v)),
            broken="Scores lie between -1 and 1, and the units cannot bend one by one.",
            cause="The tanh is taken of the score, after weight_score.",
            look="In which order do the tanh and weight_score come?",
        ),
        "tanh_apart": Wrong(
            apart,
            broken="A query must be able to change which key is best.",
            cause="Query and key go through a tanh each and are added after it.",
            look="What is the argument of the tanh: one of the two, or their sum?",
        ),
        "sigmoid": Wrong(
            attention_with(score=lambda pairs, v: 1 / (1 + np.exp(-pairs)) @ v),
            broken="A unit must be able to say no as strongly as yes.",
            cause="The units are sigmoids.",
            look="Between which two numbers does a unit lie?",
        ),
        "no_bias": Wrong(
            attention_with(meet=lambda q, k, bias: q + k),
            broken="The bias says where on its curve a unit begins.",
            cause="The bias is not added.",
            look="Count the terms inside the tanh.",
        ),
        "bias_twice": Wrong(
            attention_with(meet=lambda q, k, bias: q + bias + k + bias),
            broken="Query and key share one bias.",
            cause="It is added on both sides.",
            look="Count the terms inside the tanh.",
        ),
        "units_all_alike": Wrong(
            attention_with(score=lambda pairs, v: np.tanh(pairs).sum(axis=-1)),
            broken="Some units speak for a pair, some against it, some louder.",
            cause="All tanh units count alike; weight_score has no effect.",
            look="Which of the eight arguments is never used?",
        ),
        "scaled": Wrong(
            attention_with(score=lambda pairs, v: np.tanh(pairs) @ v / np.sqrt(len(v))),
            broken="The learned weight_score sets the size of an additive score.",
            cause="Scores are divided by the root of d_attention, as dot products are.",
            look="What is done to the scores before the softmax?",
        ),
        "over_queries": Wrong(
            over_queries,
            case=_rows_sum,
            broken="Each target word shares out one unit among the source words.",
            cause="The softmax runs over the target positions.",
            look="Which axis is the source, counted from the end?",
        ),
        "no_mask": Wrong(
            no_mask,
            case=_padding_gets,
            broken="Padding is no word.",
            cause="The mask has no effect.",
            look="Where, before the softmax, could it matter?",
        ),
        "masked_late": Wrong(
            attention_with(share=sharing.mask_after),
            case=_rows_sum,
            broken="What padding would have got has to go to the words.",
            cause="The mask is applied after the softmax.",
            look="In which order do mask and softmax come?",
        ),
        "masked_to_zero": Wrong(
            attention_with(share=filled_with(0.0)),
            case=_padding_gets,
            broken="A score of 0 is one vote, and no refusal.",
            cause="Hidden scores are set to 0.",
            look="Which score gets no vote at all?",
        ),
        "upside_down": Wrong(
            attention_with(share=lambda scores, mask: masked_softmax(scores, ~mask)),
            broken="True means: may be attended to.",
            cause="The mask is read the other way round.",
            look="Follow one True of the mask to its weight.",
        ),
        "first_mask": Wrong(
            first_mask,
            broken="Sentences of a batch differ in length.",
            cause="The mask of sentence 0 serves the whole batch.",
            look="Which axes has the mask where it is used?",
        ),
        "masked_low": Wrong(
            tuple(
                attention_with(share=filled_with(low)) for low in (-1.0, -5.0, -10.0)
            ),
            case=_padding_gets,
            broken="A low score is a small vote, and no refusal.",
            cause="Hidden scores are set to a number that others can come near to.",
            look="Which score gets no vote, whatever the others are?",
        ),
        "empty_nan": Wrong(
            empty_nan,
            case=_empty_row,
            broken="One NaN spoils the gradient of the whole batch; by our convention "
            "such a row is zeros.",
            cause="It is 0/0: where all is hidden there is no vote.",
            look="What is the largest score of that row, and the sum of its votes?",
        ),
        "empty_even": Wrong(
            empty_even,
            case=_empty_row,
            broken="Where all is hidden, nothing may be looked at: the row is zeros.",
            cause="A large negative number stands for minus infinity; where all scores "
            "are the same, the softmax shares out evenly.",
            look="What is the difference between two equal, very low scores?",
        ),
        "overflowing": Wrong(
            attention_with(share=sharing.overflowing),
            broken="Only differences of scores matter, so none needs a large exp.",
            cause="exp is taken of the scores as they are, and overflows.",
            look="What may be taken from all scores of a row without any effect?",
        ),
        "hidden_maximum": Wrong(
            attention_with(share=sharing.hidden_maximum),
            broken="What is hidden has no say, not even in what is subtracted.",
            cause="The largest score of a row is looked for among hidden words too; "
            "beside it every exp of a visible one is 0.",
            look="Which scores take part in the maximum?",
            idea="Hide first, then look for the largest score.",
            code="np.where(mask, scores, -np.inf).max(...), and no -inf minus -inf.",
        ),
    },
    properties=(_padding_is_silent,),
    look="By hand, one query and two keys: sum, tanh, score; then a third key, hidden.",
    idea="An axis for queries, one for keys, one for units; then the units are summed.",
    code="pairs = projected_query[:, :, None] + projected_key[:, None], then "
    "np.tanh(pairs) @ weight_score.",
    news="a score is never larger than the sum of |weight_score|, whatever query and "
    "key are. A dot product has no such bound, which is where lesson 07 begins.",
)
