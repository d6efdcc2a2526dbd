"""Implement: a layer of several heads, with its four matrices."""

import math

import numpy as np

from minis2s.classroom import sharing
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson07.split import (
    split_by_view,
    split_heads,
    split_interleaved,
)
from minis2s.classroom.probes import Probe
from minis2s.classroom.sharing import filled_with, masked_softmax


def merge_heads(x):
    """The blocks side by side again."""
    batch, n_heads, length, d_head = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, n_heads * d_head)


def merge_by_view(x):
    """The wanted shape at once."""
    batch, n_heads, length, d_head = x.shape
    return x.reshape(batch, length, n_heads * d_head)


def merge_interleaved(x):
    """The undoing of split_interleaved."""
    batch, n_heads, length, d_head = x.shape
    return x.transpose(0, 2, 3, 1).reshape(batch, length, n_heads * d_head)


def multi_head(query, memory, mask, w_q, w_k, w_v, w_o, n_heads):
    """Project, cut, attend in each head, put the heads side by side, and mix them."""
    projected = query @ w_q.T, memory @ w_k.T, memory @ w_v.T
    query, key, value = (split_heads(x, n_heads) for x in projected)
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    weights = masked_softmax(scores, mask[:, None])
    return merge_heads(weights @ value) @ w_o.T, weights


def heads_with(
    split=split_heads,
    merge=merge_heads,
    scale=lambda d_head, d_model, src_len: 1 / math.sqrt(d_head),
    share=masked_softmax,
    masks=lambda mask, n_heads: mask[:, None],
    output=lambda context, w_o: context @ w_o.T,
):
    """The same with one part exchanged."""

    def answer(query, memory, mask, w_q, w_k, w_v, w_o, n_heads):
        d_model, src_len = len(w_q), memory.shape[1]
        projected = query @ w_q.T, memory @ w_k.T, memory @ w_v.T
        query, key, value = (split(x, n_heads) for x in projected)
        d_head = query.shape[-1]
        scores = scale(d_head, d_model, src_len) * (query @ key.swapaxes(-1, -2))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            weights = share(scores, masks(mask, n_heads))
        return output(merge(weights @ value), w_o), weights

    return answer


def _over_heads(scores, mask):
    """The second axis was that of the positions, before there were heads."""
    weights = sharing.softmax(np.where(mask, scores, -1e300), axis=1)
    return np.where(mask, weights, 0.0)


def _over_queries(scores, mask):
    weights = sharing.softmax(np.where(mask, scores, -1e300), axis=-2)
    return np.where(mask, weights, 0.0)


def _tiled(mask, n_heads):
    """Head by head where it should be sentence by sentence."""
    batch = len(mask)
    return np.tile(mask, (n_heads, 1, 1)).reshape(batch, n_heads, *mask.shape[1:])


def _draw(n_heads, batch=2, words=None, empty=False, low=False, loud=1.0):
    """Arguments; words says how ragged, low and loud how small and large scores are."""

    def draw(rng):
        tgt_len, src_len, d_head = rng.permutation([3, 5, 7]).tolist()
        d_query, d_memory, d_model = 11, 13, n_heads * d_head
        mask = np.ones((batch, tgt_len, src_len), dtype=bool)
        if words:
            mask[1, :, -words:] = False
        if empty:
            mask[0, 1] = False
        query = rng.normal(size=(batch, tgt_len, d_query))
        memory = rng.normal(size=(batch, src_len, d_memory))
        widths = d_query, d_memory, d_memory, d_model
        maps = [rng.normal(size=(d_model, d)) / math.sqrt(d) for d in widths]
        if low:  # the first features meet, and are of opposite sign
            height = math.sqrt(30 / math.sqrt(d_head))
            query[..., 0] = memory[..., 0] = 1.0
            for w, sign in zip(maps, (1, -1), strict=False):
                w *= 0.2
                w[:, 0] = sign * height
        maps[0] *= loud
        return query, memory, mask, *maps, n_heads

    return draw


def _row_sum(e):
    """What the weights of one query add up to."""
    sums = e.got[1].sum(axis=-1)
    return (
        f"But the weights of one query add up to between {np.nanmin(sums):.2f} and "
        f"{np.nanmax(sums):.2f}."
    )


def _hidden(e):
    """What goes to hidden positions."""
    mask = np.broadcast_to(e.args[2][:, None], e.got[1].shape)
    share = np.where(mask, 0.0, e.got[1]).sum(axis=-1).max()
    return f"But hidden positions receive up to {share:.2f} of a query's attention."


check_multi_head = Implement(
    name="multi_head",
    lesson=7,
    section="5",
    minutes=20,
    difficulty=3,
    task="""Judge a layer of several heads.

    Called as answer(query, memory, mask, w_q, w_k, w_v, w_o, n_heads): query (batch,
    tgt_len, d_query); memory (batch, src_len, d_memory), of which keys and values are
    made; mask (batch, tgt_len, src_len), True where attention is allowed, for all heads
    alike. w_q (d_model, d_query), w_k and w_v (d_model, d_memory) and w_o (d_model,
    d_model) work as in lesson 02, x w transposed. It returns the context (batch,
    tgt_len, d_model), mixed by w_o, and the weights (batch, n_heads, tgt_len, src_len).
    A row in which nothing is allowed is all zeros.
    """,
    right=multi_head,
    returns=("context", "weights"),
    probes=(
        Probe("one head", "one sentence, one head, nothing hidden", _draw(1, batch=1)),
        Probe("heads", "two heads, nothing hidden", _draw(2)),
        Probe(
            "padded",
            "a second sentence with padding, and scores near -30",
            _draw(2, words=2, low=True),
        ),
        Probe("three heads", "three heads and padding", _draw(3, words=1)),
        Probe(
            "empty row",
            "a query that may look at nothing",
            _draw(2, words=1, empty=True),
        ),
        Probe("high", "scores in the thousands", _draw(2, words=2, loud=3000.0)),
    ),
    wrong={
        "split_by_view": Wrong(
            heads_with(split=split_by_view),
            broken="A head holds a part of every word.",
            cause="The cut reads the array row by row: a head is given some words "
            "whole and others not at all.",
            look="Which words does head 0 hold?",
        ),
        "merge_by_view": Wrong(
            heads_with(merge=merge_by_view),
            broken="A row of the context belongs to one query.",
            cause="The heads are put together row by row in memory, so that a row "
            "holds one head's answers to several queries.",
            look="Which axis stands last but one where the heads are merged?",
        ),
        "both_by_view": Wrong(
            heads_with(split=split_by_view, merge=merge_by_view),
            broken="That the one undoes the other does not make either right.",
            cause="Cut and merge both read the array row by row.",
            look="Which words does head 0 hold?",
        ),
        "interleaved": Wrong(
            heads_with(split=split_interleaved, merge=merge_interleaved),
            broken="Head h holds neighbouring features, from h d_head on.",
            cause="The features are dealt out like cards, one to each head in turn.",
            look="Which of the two sizes stands first where the width is cut?",
        ),
        "scale_of_d_model": Wrong(
            heads_with(scale=lambda d_head, d_model, src_len: 1 / math.sqrt(d_model)),
            broken="A score is a sum over the entries of one head.",
            cause="The scale is that of all heads together.",
            look="How many products does one score add up?",
        ),
        "scale_squared": Wrong(
            heads_with(scale=lambda d_head, d_model, src_len: 1 / d_head),
            broken="The spread of a sum of d terms grows with the root of d.",
            cause="The scores are divided by d_head instead of its root, or twice by "
            "the root.",
            look="In how many places do the scores meet the scale, and which?",
        ),
        "scale_of_the_length": Wrong(
            heads_with(scale=lambda d_head, d_model, src_len: 1 / math.sqrt(src_len)),
            broken="A score is a sum over entries, not over words.",
            cause="The scale is the root of the number of words.",
            look="Which axis is summed where a score is made?",
        ),
        "no_scale": Wrong(
            heads_with(scale=lambda d_head, d_model, src_len: 1.0),
            broken="The spread of a sum of d terms grows with the root of d.",
            cause="The scores are not divided.",
            look="What stands between the dot product and the softmax?",
        ),
        "over_heads": Wrong(
            heads_with(share=_over_heads),
            case=_row_sum,
            broken="Within each head, each query shares out one unit among the words.",
            cause="The softmax runs over the heads.",
            look="Which axis is the second, now that there are four?",
        ),
        "over_queries": Wrong(
            heads_with(share=_over_queries),
            case=_row_sum,
            broken="Within each head, each query shares out one unit among the words.",
            cause="The softmax runs over the queries.",
            look="Along which axis do the votes add up?",
        ),
        "mask_ignored": Wrong(
            heads_with(share=sharing.mask_ignored),
            case=_hidden,
            broken="What is hidden gets no attention.",
            cause="`mask` is accepted and has no effect.",
            look="Where, before the softmax, could it matter?",
            idea="A hidden word needs a score that gets no vote: exp of it is 0.",
            code="np.where(mask[:, None], scores, -np.inf), before the softmax.",
        ),
        "mask_after": Wrong(
            heads_with(share=sharing.mask_after),
            case=_row_sum,
            broken="What hidden words would have had belongs to the others.",
            cause="The mask comes after the softmax.",
            look="What becomes of a share that is thrown away?",
            idea="Hide before the shares are made; then they add up by themselves.",
            code="np.where(mask[:, None], scores, -np.inf), before the softmax.",
        ),
        "score_of_zero": Wrong(
            heads_with(share=filled_with(0.0)),
            case=_hidden,
            broken="exp(0) is 1, a full vote.",
            cause="The scores of hidden words are set to 0.",
            look="Which score would get no vote?",
            idea="exp of minus infinity is 0, and of nothing else.",
            code="np.where(mask[:, None], scores, -np.inf)",
        ),
        "fill_of_5": Wrong(
            heads_with(share=filled_with(-5.0)),
            case=_hidden,
            broken="A score of -5 is small beside most scores, and large beside -30.",
            cause="The scores of hidden words are set to -5, which gets a vote.",
            look="Which score gets no vote, whatever the others are?",
            idea="exp of minus infinity is 0, and of nothing else.",
            code="np.where(mask[:, None], scores, -np.inf)",
        ),
        "mask_axis": Wrong(
            (
                heads_with(masks=lambda mask, n_heads: mask),
                heads_with(masks=_tiled),
            ),
            broken="The mask of a sentence holds for all heads of that sentence.",
            cause="The mask has no axis for the heads, and its sentences are taken for "
            "them: head 1 gets the mask of sentence 1.",
            look="The scores have four axes and the mask three. Which one is lacking?",
            idea="Give the mask an axis of one for the heads, and let it broadcast.",
            code="mask[:, None], of shape (batch, 1, tgt_len, src_len).",
        ),
        "output_left_out": Wrong(
            heads_with(output=lambda context, w_o: context),
            broken="What the heads have found is mixed at the end.",
            cause="`w_o` is accepted and has no effect.",
            look="Which of the four matrices comes after the merge?",
        ),
        "output_turned": Wrong(
            heads_with(output=lambda context, w_o: context @ w_o),
            broken="A row of w_o makes one feature of the result.",
            cause="`w_o` is used the other way round; it is square, so shapes fit.",
            look="Compare the last product with the first three.",
        ),
        "overflowing": Wrong(
            heads_with(share=sharing.overflowing),
            broken="Only differences of scores matter, so none needs a large exp.",
            cause="exp is taken of the scores as they are, and overflows.",
            look="What may be taken from all scores of a row without any effect?",
            idea="Take the largest score of the row from all of them, before exp.",
            code="np.exp(scores - highest), highest over what is visible.",
        ),
        "hidden_maximum": Wrong(
            heads_with(share=sharing.hidden_maximum),
            broken="What is hidden has no say, not even in what is subtracted.",
            cause="The largest score of a row is looked for among hidden words too; "
            "beside it every exp of a visible one is 0.",
            look="Which scores take part in the maximum?",
            idea="Hide first, then look for the largest score.",
            code="np.where(mask, scores, -np.inf).max(...), and no -inf minus -inf.",
        ),
        "nan_if_empty": Wrong(
            heads_with(share=filled_with(-np.inf)),
            broken="By our convention a row in which nothing is allowed is all zeros.",
            cause="0/0 is at work in the row in which everything is hidden.",
            look="What is the sum of that row's votes?",
            idea="Where the sum of the votes is 0, divide by something else.",
            code="votes / np.where(total == 0.0, 1.0, total), and no -inf minus -inf.",
        ),
        "even_if_empty": Wrong(
            heads_with(share=filled_with(-1e9)),
            broken="By our convention a row in which nothing is allowed is all zeros.",
            cause="Everything hidden has one and the same score, a large negative "
            "number, and the softmax shares out one unit evenly.",
            look="What does a softmax make of equal scores, however small?",
            idea="Minus infinity in place of a number, and a sum of 0 looked after.",
            code="votes / np.where(total == 0.0, 1.0, total), and no -inf minus -inf.",
        ),
    },
    look="The block of shapes in section 5, line by line; at first with one head.",
    idea="Heads are an axis of their own; a softmax and two products do not care.",
    code="weights = masked_softmax(q @ k.swapaxes(-1, -2) / sqrt(d_head), mask[:, "
    "None])",
    news="there is no loop over heads, and none over sentences: to a matrix product "
    "both are rows of a batch.",
)
