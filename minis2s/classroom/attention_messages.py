"""What check_attention says: one function for each fault or symptom, named after it.

First what is known to be wrong, then what can only be seen to be wrong. The numbers
come from the learner's own output, and the arrays behind them from attention_probe.

Left out: the decision which of these is true, which is attention.py's.
"""

import math
import textwrap
import traceback
from typing import NamedTuple

import numpy as np

from minis2s.classroom.attention_probes import Probe
from minis2s.classroom.messages import Advice
from minis2s.classroom.results import is_array
from minis2s.classroom.wrong_attention import estimate_fill, scaled_scores


class Evidence(NamedTuple):
    """What a message may speak of: one implementation, tried on two probes.

    `probe`, `result` and `right` belong to the probe that fails first, the `other_`
    three to its sibling; a result is what was returned, as it was returned.
    """

    name: str
    probe: Probe
    result: object
    right: tuple[np.ndarray, np.ndarray]
    other_probe: Probe
    other_result: object
    other_right: tuple[np.ndarray, np.ndarray]
    changed: tuple[str, ...] = ()
    error: Exception | None = None
    takes_four: bool = True

    @property
    def context(self) -> np.ndarray:
        """What was returned as the context."""
        return self.result[0]

    @property
    def weights(self) -> np.ndarray:
        """What was returned as the weights."""
        return self.result[1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch, tgt_len, src_len, d_head, d_value."""
        _, src_len, d_value = self.probe.value.shape
        batch, tgt_len, d_head = self.probe.query.shape
        return batch, tgt_len, src_len, d_head, d_value

    @property
    def padding(self) -> str:
        """Where sentence 1 is padded, in words."""
        positions = np.flatnonzero(~self.probe.mask[1].any(axis=0))
        return f"positions {positions[0]} to {positions[-1]}"

    @property
    def hidden_share(self) -> tuple[int, int, float]:
        """The row that gives most to hidden positions: sentence, query, how much."""
        share = np.where(self.probe.mask, 0.0, self.weights).sum(axis=-1)
        b, t = np.unravel_index(np.nanargmax(share), share.shape)
        return int(b), int(t), float(share[b, t])


# --- nothing to judge, or not what was asked for ---


def stub(e: Evidence) -> Advice:
    """The exercise has not been begun."""
    batch, tgt_len, src_len, _, d_value = e.sizes
    return Advice(
        works=f"`{e.name}` can be called; that is a beginning.",
        case="It raises NotImplementedError, so there is no result to judge yet.",
        broken=(
            "A first step that this check can see: return two arrays of the right "
            f"shapes, here {(batch, tgt_len, d_value)} and {(batch, tgt_len, src_len)}."
        ),
        look="Then fill them in three steps: scores, shares, blend.",
        idea="Score every key for every query, turn scores into shares of one, blend.",
        code="Matmul, then where and softmax over the last axis, then matmul again.",
    )


def raised(e: Evidence) -> Advice:
    """The implementation stopped with an error of its own."""
    shapes = ", ".join(str(array.shape) for array in e.probe)
    text = textwrap.shorten(f"{type(e.error).__name__}: {e.error}", 110)
    lines = [frame.line for frame in traceback.extract_tb(e.error.__traceback__)]
    line = textwrap.shorten(lines[1] or "", 60) if len(lines) > 1 else ""
    place = f" at the line `{line}`" if line else ""
    return Advice(
        case=f"But `{e.name}` stopped{place} with {text.rstrip('.')}.",
        broken=f"query, key, value and mask had the shapes {shapes}.",
        look="Write the shape of every intermediate result beside its line.",
        idea="Sizes should be read from the arrays; no two of these are equal.",
        code="swapaxes(-1, -2) turns the last two axes and leaves the batch alone.",
    )


def wrong_parameters(e: Evidence) -> Advice:
    """The implementation does not take query, key, value and mask."""
    text = textwrap.shorten(f"TypeError: {e.error}", 110)
    return Advice(
        works=f"`{e.name}` is found.",
        case=f"But it stopped before its first line with {text.rstrip('.')}.",
        broken=(
            "It was called with four arguments, by position: "
            f"{e.name}(query, key, value, mask)."
        ),
        look="Look at the names between the brackets after `def`: which are they?",
        idea="The mask comes fourth: it says which keys each query may attend to.",
        code="def attention(query, key, value, mask):",
    )


def not_arrays(e: Evidence) -> Advice:
    """Something that is no NumPy array stands where one should."""
    alone = not _is_two(e.result)
    return Advice(
        works=f"`{e.name}` runs to its end.",
        case=f"It returned {_describe(e.result)}; expected (context, weights).",
        broken="Both should be NumPy arrays of numbers, as query, key and value are.",
        look=(
            "Look at the `return`: which type has each thing there"
            + (", and are there two?" if alone else "?")
        ),
        idea="A caller goes on computing with the results, as arrays.",
        code=(
            "np.asarray makes an array of nested lists; a tensor has .detach().numpy()."
        ),
    )


def not_a_pair(e: Evidence) -> Advice:
    """Something other than two arrays was returned."""
    return Advice(
        works=f"`{e.name}` runs to its end.",
        case=f"It returned {_describe(e.result)}; expected (context, weights).",
        broken="Both are NumPy arrays of numbers, in that order.",
        look="Look at the `return`: is it there, and does it name both?",
        idea="The context is what the decoder reads; the weights are what we look at.",
        code="Two names after `return`, with a comma between them.",
    )


def context_alone(e: Evidence) -> Advice:
    """The weights are missing."""
    return Advice(
        works="The context agrees to 9 digits.",
        case=f"But it came alone: one array of shape {e.result.shape}.",
        broken="Expected the pair (context, weights), in that order.",
        cause="The weights are not returned.",
        look="Look at the `return`.",
        idea="The context is what the decoder reads; the weights are what we look at.",
        code="Two names after `return`, with a comma between them.",
    )


def weights_alone(e: Evidence) -> Advice:
    """The context is missing."""
    return Advice(
        works="The weights agree to 9 digits.",
        case=f"But they came alone: one array of shape {e.result.shape}.",
        broken="Expected the pair (context, weights), in that order.",
        cause="The context is not returned.",
        look="Look at the `return`; is the context made at all?",
        idea="The context is the mean of the values that the weights describe.",
        code="Two names after `return`, with a comma between them.",
    )


def pair_reversed(e: Evidence) -> Advice:
    """Both are there, in the other order."""
    return Advice(
        works="Both arrays agree to 9 digits.",
        case=(
            f"But the first has the shape {e.context.shape} and the second "
            f"{e.weights.shape}."
        ),
        broken="Expected the pair (context, weights), in that order, everywhere.",
        cause="They are returned in the other order.",
        look="Look at the `return`.",
        idea="A caller unpacks by position, not by name.",
        code="The array that ends in d_value comes first.",
    )


def wrong_shape(e: Evidence) -> Advice:
    """A pair of arrays whose shapes are not those of the exercise."""
    wrong = [
        f"{name} has the shape {np.shape(got)}, expected {want.shape} = {axes}"
        for name, got, want, axes in zip(
            ("context", "weights"),
            e.result,
            e.right,
            ("(batch, tgt_len, d_value)", "(batch, tgt_len, src_len)"),
            strict=True,
        )
        if np.shape(got) != want.shape
    ]
    return Advice(
        works="A pair of arrays: right.",
        case=f"But {'; '.join(wrong)}.",
        broken="Each target position has one row in each of the two.",
        look="Follow the axes from the scores on; no two sizes here are equal.",
        idea="Scores compare each of tgt_len queries with each of src_len keys.",
        code="(tgt, d) @ (d, src) gives (tgt, src); times (src, d_value): the context.",
    )


def weights_transposed(e: Evidence) -> Advice:
    """The weights lie on their side."""
    _, tgt_len, src_len, _, _ = e.sizes
    return Advice(
        works="The context agrees to 9 digits.",
        case=(
            f"But weights has shape {e.weights.shape}, expected {e.right[1].shape}: "
            f"{src_len} rows of {tgt_len} instead of {tgt_len} rows of {src_len}."
        ),
        broken="A row belongs to a query and a column to a key.",
        cause="The values in it are right; it is returned transposed.",
        look="Look at what is done to the weights after the blend.",
        idea="weights[b, t, s] says how much target t looks at source s.",
        code="Return the very array that the values were multiplied with.",
    )


def blends_keys(e: Evidence) -> Advice:
    """The context is a blend of keys."""
    *_, d_head, d_value = e.sizes
    return Advice(
        works="The weights agree to 9 digits.",
        case=f"But each context has {e.context.shape[-1]} numbers, expected {d_value}.",
        broken=f"{d_head} is the width of a key; a context is a mean of values.",
        cause="The weights were multiplied with the keys.",
        look="Look at the last product.",
        idea="Keys are for being found, values for being carried home.",
        code="The last matmul has the weights on its left; what is on its right?",
    )


# --- the scores and the axis of the softmax ---


def softmax_over_targets(e: Evidence) -> Advice:
    """The target positions compete."""
    rows = e.weights[0].sum(axis=-1)
    column = e.weights[0, :, 0].sum()
    return Advice(
        works="The pair and its shapes are right.",
        case=(
            f"But in sentence 0 the weights of one query, a row, sum to between "
            f"{rows.min():.2f} and {rows.max():.2f}, and those of one key, a column, "
            f"to {column:.2f}."
        ),
        broken="Each target word should share out one unit among the source words.",
        cause="The softmax runs over the target positions.",
        look="Look at the axis of the sum, and of the maximum.",
        idea="Who competes? The source words, for the attention of one target word.",
        code="Both max and sum take the last axis, src_len, with keepdims=True.",
    )


def softmax_over_batch(e: Evidence) -> Advice:
    """The sentences compete."""
    pair = e.weights[:, 0, 0]
    return Advice(
        works="The pair and its shapes are right.",
        case=(
            f"But weights[0, 0] sums to {e.weights[0, 0].sum():.2f}, while weights[0, "
            f"0, 0] and weights[1, 0, 0], {pair[0]:.2f} and {pair[1]:.2f}, sum to "
            f"{pair.sum():.2f}."
        ),
        broken="What a sentence gets must not depend on its neighbours in the batch.",
        cause="The softmax runs over the batch.",
        look="Look at the axis of the sum, and of the maximum.",
        idea="Who competes? The source words, for the attention of one target word.",
        code="Both max and sum take the last axis, src_len, with keepdims=True.",
    )


def softmax_over_everything(e: Evidence) -> Advice:
    """All entries compete."""
    return Advice(
        works="The pair and its shapes are right, and padding gets nothing.",
        case=(
            f"But weights[0, 0] sums to {e.weights[0, 0].sum():.2f}, and all "
            f"{e.weights.size} weights of the batch together to {e.weights.sum():.2f}."
        ),
        broken="Each target word has one unit of its own to share out.",
        cause="One softmax runs over the whole array.",
        look="Look at the sum: along which axis does it run?",
        idea="Without an axis, NumPy sums everything that there is.",
        code="Both max and sum take axis=-1, with keepdims=True so that rows line up.",
    )


def uniform(e: Evidence) -> Advice:
    """The same weight for every word."""
    first, second = e.weights[0, 0, 0], e.weights[1, 0, 0]
    return Advice(
        works="The rows sum to 1 and padding gets nothing.",
        case=(
            f"But every word of sentence 0 gets {first:.2f} and every word of sentence "
            f"1 gets {second:.2f}, whatever the query asks."
        ),
        broken="A score that is equal for all source positions cancels in a softmax.",
        cause="The scores do not depend on the source position.",
        look="Look at the scores: does each key get one of its own?",
        idea="The score of (t, s) must change when only key s changes.",
        code="Multiply the queries with the keys turned round in their last two axes.",
    )


def keys_reshaped(e: Evidence) -> Advice:
    """The keys are reshaped where they should be transposed."""
    _, _, src_len, d_head, _ = e.sizes
    gap = np.abs(e.weights - e.right[1])
    b, t, s = np.unravel_index(gap.argmax(), gap.shape)
    return Advice(
        works="The shapes are right, rows sum to 1 and padding gets nothing.",
        case=(
            f"But weights[{b}, {t}, {s}] is {e.weights[b, t, s]:.2f}, expected "
            f"{e.right[1][b, t, s]:.2f}."
        ),
        broken=(
            f"A reshape of ({src_len}, {d_head}) to ({d_head}, {src_len}) keeps the "
            "numbers in their order, so that a column holds pieces of several keys."
        ),
        cause="The keys are reshaped, not transposed.",
        look="Print key[0] and what the queries are multiplied with: where is key 0?",
        idea="Column s should be key s, whole: the two axes change places.",
        code="swapaxes(-1, -2) turns the last two axes and leaves the batch alone.",
    )


# --- the mask ---


def mask_forgotten(e: Evidence) -> Advice:
    """The mask does nothing."""
    _, query, share = e.hidden_share
    return Advice(
        works="Sentence 0, which has no padding, agrees to 9 digits.",
        case=(
            f"In sentence 1, {e.padding} are padding, and query {query} gives them "
            f"{share:.2f} of its attention."
        ),
        broken="The weights are those of a softmax over all positions.",
        cause="`mask` is accepted and has no effect.",
        look="Where, before the softmax, could it matter?",
        idea="To say no to a position, change its score, before anything is shared.",
        code="np.where takes a condition, and what to put where it is not met: -inf.",
    )


def mask_after_softmax(e: Evidence) -> Advice:
    """The share of the padding is lost."""
    rows = e.weights[1].sum(axis=-1)
    return Advice(
        works="Padding gets no weight: good.",
        case=f"But the rows of sentence 1 now sum to as little as {rows.min():.2f}.",
        broken="The share that padding took was thrown away and not given back.",
        cause="The mask is applied after the softmax.",
        look="What two blanks receive, should somebody else not have had it?",
        idea="Hide first, share out afterwards.",
        code="Put -inf into the scores where the mask is False, then take the softmax.",
    )


def mask_after_context(e: Evidence) -> Advice:
    """The context was made of unmasked weights."""
    gap = np.abs(e.context - e.weights @ e.probe.value).max()
    return Advice(
        works="The weights agree to 9 digits, and so does the context of sentence 0.",
        case=f"In sentence 1, context and weights @ value differ by up to {gap:.2f}.",
        broken="The weights shown are not the weights used.",
        cause="The context is the one of an unmasked softmax.",
        look="Look at the order of the last steps.",
        idea="One array of weights should serve both: the blend and the picture.",
        code="Make the context last, from the array that is returned beside it.",
    )


def mask_upside_down(e: Evidence) -> Advice:
    """True is taken to mean hidden."""
    _, _, share = e.hidden_share
    words = e.weights[1][e.probe.mask[1]].max()
    return Advice(
        works="The pair and its shapes are right.",
        case=(
            f"But in sentence 1 the padding ({e.padding}) has {share:.2f} of the "
            f"weight, and no word has more than {words:.2f}."
        ),
        broken="In this course True means: may be attended to.",
        cause="The mask is read the other way, as nn.MultiheadAttention reads it.",
        look="Code brought from there needs turning round once, at the door.",
        idea="Which positions get -inf: those where the mask is True, or the others?",
        code="np.where(condition, a, b) takes a where the condition is True.",
    )


def fill_zero(e: Evidence) -> Advice:
    """A masked score of 0."""
    _, query, share = e.hidden_share
    return Advice(
        works="Sentence 0, which has no padding, agrees to 9 digits.",
        case=f"In sentence 1 query {query} still gives {share:.2f} to the padding.",
        broken=(
            "A score of 0 is not a no: exp(0) = 1 is a full vote, and more than any "
            "word with a negative score gets."
        ),
        cause="Masked scores are set to 0.",
        look="Which score would get no vote at all?",
        idea="The exp of a score must be exactly 0 where the mask is False.",
        code="The exp of -inf is 0: np.where puts -inf where the mask is False.",
    )


def fill_small(e: Evidence) -> Advice:
    """A masked score that is finite, and not far below the others."""
    _, query, share = e.hidden_share
    fill = estimate_fill(e.probe, e.weights)
    level = _typical_score(e.probe, 1, query)
    return Advice(
        works="The rows sum to 1, and sentence 0 agrees to 9 digits.",
        case=(
            f"In sentence 1 query {query}, whose words have scores near {level:.1f}, "
            f"gives {share:.2g} of its unit to the padding."
        ),
        broken=(
            f"exp({fill:.4g}) is a small vote, not none, and it is large beside words "
            f"whose scores are below {fill:.4g}."
        ),
        cause=f"Masked scores are set to {fill:.4g}.",
        look="Which score is below every other, whatever the others are?",
        idea="No finite number is low enough: scores may be lower still.",
        code="The exp of -inf is 0: np.where puts -inf where the mask is False.",
    )


def fill_large(e: Evidence) -> Advice:
    """A masked score that is finite, yet above all real ones."""
    b, t, share = e.hidden_share
    level = _typical_score(e.probe, b, t)
    return Advice(
        case=(
            f"Here query {t} of sentence {b}, whose words have scores near "
            f"{level:.0f}, gives {share:.2f} of its attention to the padding."
        ),
        broken="The hidden score is the highest of the row, so it takes everything.",
        cause=f"Masked scores are set to a finite number above {level:.0f}.",
        look="Which score is below every other, whatever the others are?",
        idea="Any finite number can be undercut.",
        code="NumPy has a number below all others: -np.inf.",
    )


def empty_row_shared(e: Evidence) -> Advice:
    """Equal shares in an empty row: by a very low fill or by a rule; who can tell?"""
    b, t, _ = e.hidden_share
    src_len = e.sizes[2]
    return Advice(
        case=(
            f"Here query {t} of sentence {b} gives each of its {src_len} hidden "
            f"positions {e.weights[b, t, 0]:.2f}."
        ),
        broken=f"That is 1/{src_len}. By our convention such a row is all zeros.",
        cause=(
            "Equal shares come of a softmax over scores that are all one large "
            "negative number, or of a rule for such rows."
        ),
        look="Ask how much a row of hidden positions should receive, and who decides.",
        idea="With -inf every vote of the row is 0; then only 0/0 needs care.",
        code="Beside -np.inf: where the row's sum is 0, divide by 1 instead.",
    )


def fill_added(e: Evidence) -> Advice:
    """A large negative number is added, which an empty row does not notice."""
    b, t, _ = e.hidden_share
    return Advice(
        case=(
            f"Here the weights of query {t} of sentence {b} are "
            f"{_numbers(e.weights[b, t])}: a distribution over hidden words."
        ),
        broken="By our convention such a row is all zeros.",
        cause="A large number is taken off the hidden scores: here off all of them.",
        look="What does a softmax notice when all scores of a row sink together?",
        idea="Replace a hidden score instead of lowering it; then 0/0 needs care.",
        code="Use np.where with -inf; where the row's sum is 0, divide by 1 instead.",
    )


def mask_of_first_query(e: Evidence) -> Advice:
    """One mask for all queries."""
    b, t, share = e.hidden_share
    return Advice(
        case=(
            f"Here query {t} of sentence {b} gives {share:.2f} of its attention to "
            "positions hidden from it."
        ),
        broken="mask has three axes (batch, tgt_len, src_len): a row for each query.",
        cause="The mask of query 0 is used for all queries.",
        look="Look at where the mask is indexed or reshaped.",
        idea="A decoder hides the future, and the future differs from word to word.",
        code="The mask has the shape of the scores: use it whole.",
    )


# --- the scale ---


def _scale(e: Evidence, broken: str, cause: str) -> Advice:
    """The scores are off by one factor."""
    factor = score_factor(e.probe, e.weights, e.right[1])
    return Advice(
        works="Mask, axis and shapes are right.",
        case=(
            f"But differences between log-weights are {factor:.3f} times ours, "
            f"everywhere ({_sizes_in_words(e.probe)})."
        ),
        broken=broken,
        cause=cause,
        look="What should decide: how many words there are, or how long the vectors?",
        idea="A dot product of two random vectors varies by the root of their length.",
        code="The divisor is the square root of the size of query's last axis.",
    )


def scale_forgotten(e: Evidence) -> Advice:
    """No scale."""
    d_head = e.sizes[3]
    return _scale(
        e,
        f"That is sqrt({d_head}) = {math.sqrt(d_head):.3f}, and d_head is {d_head}.",
        "The scores are not scaled.",
    )


def scale_by_src_len(e: Evidence) -> Advice:
    """The scale follows the number of words."""
    return _scale(e, _other_factor(e), "The scores are divided by sqrt(src_len).")


def scale_by_d_value(e: Evidence) -> Advice:
    """The scale follows the width of the values."""
    return _scale(e, _other_factor(e), "The scores are divided by sqrt(d_value).")


def scale_twice(e: Evidence) -> Advice:
    """The scale is applied twice."""
    d_head = e.sizes[3]
    return _scale(
        e,
        f"That is 1 / sqrt({d_head}): the attention is flatter than it should be.",
        "The scores are divided by d_head, or by its root twice.",
    )


def scale_multiplied(e: Evidence) -> Advice:
    """The scale is on the wrong side of the fraction."""
    d_head = e.sizes[3]
    return _scale(
        e,
        f"That is d_head = {d_head}: the attention is sharper than it should be.",
        "The scores are multiplied by sqrt(d_head) instead of divided.",
    )


# --- numbers that do not fit, and rows without words ---


def max_forgotten(e: Evidence) -> Advice:
    """The exponential overflows."""
    level = _typical_score(e.probe, 0, 0)
    return Advice(
        case=f"Here weights[0, 0] is {_numbers(e.weights[0, 0])}.",
        broken=f"exp({level:.0f}) does not fit into 64 bits: inf / inf is no number.",
        cause="exp is taken of the scores as they are.",
        look="What may be subtracted from all scores of a row without any effect?",
        idea="Softmax compares only. Let the largest score of each row be 0.",
        code="Subtract scores.max over the last axis, keepdims=True, before exp.",
    )


def max_of_everything(e: Evidence) -> Advice:
    """One maximum for all rows."""
    high, low = _typical_score(e.probe, 0, 0), _typical_score(e.probe, 1, 0)
    return Advice(
        case=(
            "Here sentence 0 agrees, and in sentence 1 weights[1, 0] is "
            f"{_numbers(e.weights[1, 0])}."
        ),
        broken=f"exp({low - high:.0f}) is 0 in 64 bits, so a whole row has no votes.",
        cause="One maximum is subtracted from all rows.",
        look="Look at the axis of the maximum.",
        idea="Each row needs a largest score of 0, and so a maximum of its own.",
        code="The maximum takes the same axis as the sum, with keepdims=True.",
    )


def max_over_hidden(e: Evidence) -> Advice:
    """Hidden scores take part in the maximum."""
    level = _typical_score(e.probe, 1, 0)
    return Advice(
        case=f"Here weights[1, 0] is {_numbers(e.weights[1, 0])}.",
        broken=f"Beside a hidden maximum of 0, exp({level:.0f}) is 0 in 64 bits.",
        cause="Hidden scores take part in the maximum; they are masked after exp.",
        look="Which step should come before the maximum?",
        idea="Hide first; then the largest score of the row is a real one.",
        code="Use np.where with -inf before max, not after exp.",
    )


def empty_row_nan(e: Evidence) -> Advice:
    """0/0 in an empty row."""
    b, t = np.argwhere(np.isnan(e.weights))[0][:2]
    return Advice(
        case=(
            f"Here the weights of query {t} of sentence {b} are NaN, and one NaN "
            "spoils the gradient of the whole batch."
        ),
        broken="By our convention such a row is all zeros.",
        cause="No score of the row is finite: 0/0 or -inf minus -inf is at work.",
        look="Look at the division, and at what is subtracted before exp.",
        idea="No votes, no weights: decide what a sum of 0 shall mean.",
        code="Where the sum is 0, divide by 1; where the maximum is -inf, subtract 0.",
    )


# --- the caller's arrays ---


def changes_its_input(e: Evidence) -> Advice:
    """The caller's arrays are not what they were."""
    names = " and ".join(e.changed)
    return Advice(
        works="All values agree.",
        case=f"But the caller's {names} holds other numbers than before the call.",
        broken="A second call with the same arrays would give another answer.",
        cause="Something was written in place.",
        look="Look for /=, *=, out= and for assignments to an index.",
        idea="An array that is passed in is the caller's own, not a copy.",
        code="a = a / b makes a new array where a /= b writes into the old one.",
    )


# --- numbers for the messages ---


def score_factor(probe: Probe, weights: np.ndarray, right: np.ndarray) -> float | None:
    """The one factor by which all scores are off, or None if there is no such.

    Softmax shows differences of scores only: log(weights_r / weights_s).

    Args:
        probe: query, key, value and mask.
        weights: what an implementation made of them.
        right: what it should have made of them.

    Returns:
        the factor that turns the right differences into those of `weights`.
    """
    mask = probe.mask
    if not (weights[mask] > 0.0).all() or not (right[mask] > 0.0).all():
        return None
    got, want = (_centred_log(array, mask) for array in (weights, right))
    factor = float((got * want).sum() / (want * want).sum())
    fits = np.allclose(got, factor * want, rtol=0.0, atol=1e-6)
    return factor if fits and abs(factor - 1.0) > 1e-6 else None


def _centred_log(weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Logarithms of the weights that may be seen, less the mean of their row."""
    log = np.log(np.where(mask, weights, 1.0))
    n_seen = np.maximum(mask.sum(axis=-1, keepdims=True), 1)
    return np.where(mask, log - log.sum(axis=-1, keepdims=True) / n_seen, 0.0)


def _other_factor(e: Evidence) -> str:
    """How the factor changes with the sizes, when d_head does not."""
    factor = score_factor(e.other_probe, e.other_result[1], e.other_right[1])
    return f"With {_sizes_in_words(e.other_probe)} it is {factor:.3f}."


def _sizes_in_words(probe: Probe) -> str:
    """The sizes on which a scale might depend."""
    _, src_len, d_value = probe.value.shape
    return f"src_len {src_len}, d_head {probe.query.shape[-1]}, d_value {d_value}"


def _known_divisor(e: Evidence) -> str:
    """Which size, or its root, has taken the place of sqrt(d_head); "" if unsure.

    The one that explains the factor on both probes, if there is exactly one.
    """
    explanations = []
    for probe, result, right in (
        (e.probe, e.result, e.right),
        (e.other_probe, e.other_result, e.other_right),
    ):
        if not _is_two(result) or np.shape(result[1]) != right[1].shape:
            return ""
        factor = score_factor(probe, result[1], right[1])
        if factor is None:
            return ""
        sizes = _sizes(probe)
        divisor = math.sqrt(sizes["d_head"]) / factor
        explanations.append(
            {
                (name, form)
                for name, size in sizes.items()
                for form, value in (("sqrt({})", math.sqrt(size)), ("{}", size))
                if math.isclose(divisor, value, rel_tol=1e-5)
            }
        )
    fits = explanations[0] & explanations[1]
    if len(fits) != 1:
        return ""
    name, form = fits.pop()
    size, other = (_sizes(probe)[name] for probe in (e.probe, e.other_probe))
    both = (
        f"{size} in both" if size == other else f"{size} in one, {other} in the other"
    )
    return (
        f"On two probes a division by {form.format(name)} in place of sqrt(d_head) "
        f"would do that; {name} is {both}."
    )


def _sizes(probe: Probe) -> dict[str, int]:
    """All sizes by their names."""
    batch, tgt_len, d_head = probe.query.shape
    _, src_len, d_value = probe.value.shape
    return {
        "batch": batch,
        "tgt_len": tgt_len,
        "src_len": src_len,
        "d_head": d_head,
        "d_value": d_value,
    }


def _typical_score(probe: Probe, b: int, t: int) -> float:
    """The mean score of the words that a query may see."""
    scores = scaled_scores(probe.query, probe.key)[b, t]
    return float(scores[probe.mask[b, t]].mean())


def _numbers(row: np.ndarray) -> str:
    """A few numbers, as one writes them on a blackboard."""
    return "[" + ", ".join(f"{number:.2g}" for number in row[:5]) + "]"


# --- what was returned ---


def lacks_arrays(result: object) -> bool:
    """Whether it is two things, or one with axes, of which some are no arrays."""
    if _is_two(result):
        return not all(map(is_array, result))
    return not is_array(result) and bool(_shape(result))


def _is_two(result: object) -> bool:
    """Whether it is a pair of anything; a batch of two in lists counts as one thing."""
    return (
        isinstance(result, tuple | list)
        and len(result) == 2
        and (isinstance(result, tuple) or len(_shape(result) or ()) != 3)
    )


def _shape(a: object) -> tuple[int, ...] | None:
    """The shape of an array, a tensor or nested lists, or None if it has none."""
    if isinstance(a, int | float):
        return ()
    if not isinstance(a, list):
        shape = getattr(a, "shape", None)
        return tuple(shape) if isinstance(shape, tuple) else None
    shapes = {_shape(part) for part in a}
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(a), *inner)


def _describe(result: object) -> str:
    """What was returned, in a few words."""
    if result is None:
        return "nothing (None)"
    if is_array(result):
        return f"one array of shape {result.shape}"
    if _is_two(result) or (isinstance(result, tuple | list) and not _shape(result)):
        kinds = ", ".join(_kind(part) for part in result[:3])
        more = ", ..." if len(result) > 3 else ""
        return f"a {type(result).__name__} of {len(result)} ({kinds}{more})"
    return f"one {_kind(result)}" if _shape(result) else f"a {type(result).__name__}"


def _kind(part: object) -> str:
    """The type of one thing, and its shape if it has one."""
    dtype = f" of {part.dtype}" if isinstance(part, np.ndarray) else ""
    strange = dtype if not is_array(part) else ""
    shape = f" of shape {_shape(part)}" if _shape(part) else ""
    return f"{type(part).__name__}{strange}{shape}"


# --- symptoms: something is wrong and we do not know why ---


def symptom_nan(e: Evidence) -> Advice:
    """NaN or infinity."""
    name, array = (
        ("weights", e.weights)
        if not np.isfinite(e.weights).all()
        else ("context", e.context)
    )
    place = ", ".join(str(i) for i in np.argwhere(~np.isfinite(array))[0])
    count = int((~np.isfinite(array)).sum())
    return Advice(
        case=f"But {count} of {array.size} entries of {name} are NaN or infinite.",
        broken=f"The first is {name}[{place}]. All inputs are finite.",
        look="Print the scores, their exp and its sum for that row, in this order.",
        idea="NaN comes of 0/0, inf/inf or inf - inf: which of them is possible?",
        code="Is the maximum of the row subtracted, and is its sum ever 0?",
    )


def symptom_precision(e: Evidence) -> Advice:
    """Too few digits."""
    gap = np.abs(e.weights - e.right[1]).max()
    return Advice(
        works="Pair, shapes, mask, axis and scale are right.",
        case=f"But weights is {e.weights.dtype} and differs from ours by {gap:.1g}.",
        broken=f"The inputs are {e.right[1].dtype}, and so should the results be.",
        look="Look for a dtype, an astype or an array made without one.",
        idea="A function that keeps the type it is given works for both wings.",
        code="np.zeros_like and np.where keep a dtype; np.zeros makes its own.",
    )


def symptom_hidden(e: Evidence) -> Advice:
    """Hidden positions receive something."""
    b, t, share = e.hidden_share
    return Advice(
        case=f"But query {t} of sentence {b} gives {share:.2g} to hidden positions.",
        broken="Where mask is False the weight is exactly 0.",
        look="Compare this row of `mask` with the scores that enter the softmax.",
        idea="To say no to a position, change its score, before anything is shared.",
        code="Use np.where(mask, ..., ...) with -inf in one of the two places.",
    )


def symptom_rows(e: Evidence) -> Advice:
    """Rows do not sum to one."""
    want = e.right[1].sum(axis=-1)
    got = e.weights.sum(axis=-1)
    b, t = np.unravel_index(np.abs(got - want).argmax(), got.shape)
    return Advice(
        case=(
            f"But weights[{b}, {t}] sums to {got[b, t]:.10g}, expected "
            f"{want[b, t]:.0f}."
        ),
        broken="Each query shares out exactly one unit among the words it may see.",
        look="Look at what the votes of a row are divided by.",
        idea="Divide each vote by the sum of the votes of its own row.",
        code="Sum over the last axis with keepdims=True, after the mask.",
    )


def symptom_context(e: Evidence) -> Advice:
    """The context does not follow from the weights."""
    gap = np.abs(e.context - e.weights @ e.probe.value)
    b, t, d = np.unravel_index(gap.argmax(), gap.shape)
    return Advice(
        case=(
            f"But context[{b}, {t}, {d}] is {e.context[b, t, d]:.3f}, and these "
            f"weights times value give {(e.weights @ e.probe.value)[b, t, d]:.3f}."
        ),
        broken="A context is the mean of the values, weighted by the row of its query.",
        look="Look at the last product, and at what happens after it.",
        idea="Nothing but a matrix product stands between weights and context.",
        code="(tgt_len, src_len) @ (src_len, d_value), for each sentence.",
    )


def symptom_scale(e: Evidence) -> Advice:
    """One factor in all scores, which we cannot name."""
    factor = score_factor(e.probe, e.weights, e.right[1])
    known = _known_divisor(e)
    return Advice(
        case=(
            f"But differences between log-weights are {factor:.3f} times ours, "
            f"everywhere ({_sizes_in_words(e.probe)})."
        ),
        broken=known or "All scores are off by this one factor.",
        look=(
            "Which size should decide?"
            if known
            else "What is it in terms of the sizes, and which size should decide?"
        ),
        idea="A dot product of two random vectors varies by the root of their length.",
        code="The divisor is the square root of the size of query's last axis.",
    )


def symptom_values(e: Evidence) -> Advice:
    """The rows are distributions, but not the right ones."""
    gap = np.abs(e.weights - e.right[1])
    b, t, s = np.unravel_index(gap.argmax(), gap.shape)
    return Advice(
        case=(
            f"But weights[{b}, {t}, {s}] is {e.weights[b, t, s]:.6g}, expected "
            f"{e.right[1][b, t, s]:.6g}."
        ),
        broken="Rows sum to 1 and hidden positions get nothing, yet the shares differ.",
        look="Compute this one score by hand: query times key, over the scale.",
        idea="weights[t, s] compares query t with key s, of the same sentence.",
        code="Queries times keys with their last two axes swapped, over sqrt(d_head).",
    )


def symptom(e: Evidence) -> str:
    """The name of the first property in this list that does not hold."""
    weights, right = e.weights, e.right[1]
    if not (np.isfinite(weights).all() and np.isfinite(e.context).all()):
        return "symptom_nan"
    if np.allclose(weights, right, atol=1e-5) and weights.dtype != right.dtype:
        return "symptom_precision"
    if np.abs(weights[~e.probe.mask]).max(initial=0.0) > 1e-9:
        return "symptom_hidden"
    if not np.allclose(weights.sum(axis=-1), right.sum(axis=-1), rtol=0, atol=1e-9):
        return "symptom_rows"
    if np.allclose(weights, right, rtol=0, atol=1e-9):
        return "symptom_context"
    if score_factor(e.probe, weights, right) is not None:
        return "symptom_scale"
    return "symptom_values"
