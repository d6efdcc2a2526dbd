"""Slow, obvious loop specifications: what the fast code is meant to compute.

Each function is the definition, one number at a time, with nothing to be clever about.
The tests hold both wings against these, and a learner who is lost in axes can always
come back here. Everything returns float64.

Left out: speed, and every check of what is passed in.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.text.tokenizers import PAD_ID


def softmax(
    scores: Float[np.ndarray, " src_len"], mask: Bool[np.ndarray, " src_len"]
) -> Float[np.ndarray, " src_len"]:
    """Softmax of one row, among the positions where mask is True.

    weights_s = exp(scores_s) / sum_r exp(scores_r)

    Args:
        scores: one number for each position; larger is better.
        mask: True where a position takes part.

    Returns:
        weights, which sum to 1, or are all zero if no position takes part.

    >>> softmax(np.array([0.0, 0.0, 9.0]), np.array([True, True, False]))
    array([0.5, 0.5, 0. ])
    """
    weights = np.zeros(len(scores))
    allowed = [s for s in range(len(scores)) if mask[s]]
    if not allowed:
        return weights
    highest = max(scores[s] for s in allowed)
    total = 0.0
    for s in allowed:
        weights[s] = math.exp(scores[s] - highest)  # at most 1: it cannot overflow
        total += weights[s]
    for s in allowed:
        weights[s] /= total
    return weights


def blend(
    scores: Float[np.ndarray, "batch tgt_len src_len"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """The second half of every attention: from scores to a weighted mean of values.

    context_t = sum_s weights_ts value_s, with weights_t = softmax(scores_t)

    Args:
        scores: how well each query agrees with each key.
        value: what each source position hands over.
        mask: True where attention is allowed.

    Returns:
        context and weights.
    """
    batch, tgt_len, src_len = scores.shape
    weights = np.zeros(scores.shape)
    context = np.zeros((batch, tgt_len, value.shape[2]))
    for b, t in np.ndindex(batch, tgt_len):
        weights[b, t] = softmax(scores[b, t], mask[b, t])
        for s in range(src_len):
            context[b, t] += weights[b, t, s] * value[b, s]
    return context, weights


def dot_attention(
    query: Float[np.ndarray, "batch tgt_len d_head"],
    key: Float[np.ndarray, "batch src_len d_head"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    *,
    scaled: bool = False,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """Dot-product attention.

    score_ts = sum_d query_td key_sd, divided by sqrt(d_head) if scaled

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        scaled: divide the scores by sqrt(d_head).

    Returns:
        context and weights.

    Source: Luong et al. 2015, section 3.1, "dot"; Vaswani et al. 2017, eq. 1, if
        scaled.
    """
    batch, tgt_len, d_head = query.shape
    src_len = key.shape[1]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for d in range(d_head):
            scores[b, t, s] += query[b, t, d] * key[b, s, d]
        if scaled:
            scores[b, t, s] /= math.sqrt(d_head)
    return blend(scores, value, mask)


def general_attention(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    weight: Float[np.ndarray, "d_query d_key"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """Bilinear attention.

    score_ts = sum_i sum_j query_ti weight_ij key_sj

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        weight: from the space of keys to the space of queries.

    Returns:
        context and weights.

    Source: Luong et al. 2015, section 3.1, "general".
    """
    batch, tgt_len, d_query = query.shape
    src_len, d_key = key.shape[1:]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for i in range(d_query):
            for j in range(d_key):
                scores[b, t, s] += query[b, t, i] * weight[i, j] * key[b, s, j]
    return blend(scores, value, mask)


def additive_attention(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    weight_query: Float[np.ndarray, "d_attention d_query"],
    weight_key: Float[np.ndarray, "d_attention d_key"],
    bias: Float[np.ndarray, " d_attention"],
    weight_score: Float[np.ndarray, " d_attention"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """Additive attention, one tanh unit at a time.

    score_ts = sum_i weight_score_i tanh(
        sum_d weight_query_id query_td + sum_d weight_key_id key_sd + bias_i)

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        weight_query: what the tanh units see of a query.
        weight_key: what the tanh units see of a key.
        bias: what each tanh unit sees without either.
        weight_score: how much each tanh unit counts.

    Returns:
        context and weights.

    Source: Bahdanau et al. 2014, appendix A.1.2, where the bias is absent.
    """
    batch, tgt_len, d_query = query.shape
    src_len, d_key = key.shape[1:]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for i in range(len(bias)):
            seen = bias[i]
            for d in range(d_query):
                seen += weight_query[i, d] * query[b, t, d]
            for d in range(d_key):
                seen += weight_key[i, d] * key[b, s, d]
            scores[b, t, s] += weight_score[i] * math.tanh(seen)
    return blend(scores, value, mask)


def cross_entropy(
    logits: Float[np.ndarray, "batch tgt_len vocab_size"],
    tgt_out: Int[np.ndarray, "batch tgt_len"],
    label_smoothing: float,
) -> float:
    """Cross-entropy summed over real tokens, one token of the vocabulary at a time.

    loss = -sum_t [(1 - eps) log p(y_t) + eps / V sum_v log p(v)]
    log p(v) = logits_v - log sum_u exp(logits_u)

    Args:
        logits: unnormalised log-probabilities.
        tgt_out: the reference; PAD is not counted.
        label_smoothing: eps, the share spread evenly over the vocabulary.

    Returns:
        loss, in nats.

    Source: Szegedy et al. 2016, section 7, arXiv:1512.00567.
    """
    batch, tgt_len, vocab_size = logits.shape
    loss = 0.0
    for b, t in np.ndindex(batch, tgt_len):
        if tgt_out[b, t] == PAD_ID:
            continue
        highest = max(logits[b, t])
        total = 0.0
        for v in range(vocab_size):
            total += math.exp(logits[b, t, v] - highest)
        for v in range(vocab_size):
            log_prob = logits[b, t, v] - highest - math.log(total)
            wanted = label_smoothing / vocab_size
            if v == tgt_out[b, t]:
                wanted += 1.0 - label_smoothing
            loss -= wanted * log_prob
    return float(loss)


def embedding(
    ids: Int[np.ndarray, "batch len"], weight: Float[np.ndarray, "vocab_size d_embed"]
) -> Float[np.ndarray, "batch len d_embed"]:
    """Each token's row of a table, copied number by number.

    embedded_btd = weight_vd, with v = ids_bt

    Args:
        ids: the tokens.
        weight: one row for each entry of the vocabulary.

    Returns:
        embedded.
    """
    batch, length = ids.shape
    embedded = np.zeros((batch, length, weight.shape[1]))
    for b, t, d in np.ndindex(embedded.shape):
        embedded[b, t, d] = weight[ids[b, t], d]
    return embedded


def lstm_step(
    x: Float[np.ndarray, " d_input"],
    h: Float[np.ndarray, " d_hidden"],
    c: Float[np.ndarray, " d_hidden"],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[Float[np.ndarray, " d_hidden"], Float[np.ndarray, " d_hidden"]]:
    """One step of an LSTM for one sentence, one cell at a time.

    i, f, g, o = split(weight_input x_t + weight_hidden h_{t-1} + bias)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)

    Args:
        x: the input.
        h: the hidden state before.
        c: the cell state before.
        weight_input: what the gates see of the input, stacked i, f, g, o.
        weight_hidden: what the gates see of h.
        bias: what each gate sees without either.

    Returns:
        the next h and c.

    Source: Gers et al. 2000, eq. 2-6.
    """

    def seen(row: int) -> float:
        total = bias[row]
        for d in range(len(x)):
            total += weight_input[row, d] * x[d]
        for d in range(len(h)):
            total += weight_hidden[row, d] * h[d]
        return total

    def sigmoid(a: float) -> float:
        return 1.0 / (1.0 + math.exp(-a))

    d_hidden = len(h)
    next_h, next_c = np.zeros(d_hidden), np.zeros(d_hidden)
    for j in range(d_hidden):
        i, f, g, o = (seen(gate * d_hidden + j) for gate in range(4))
        next_c[j] = sigmoid(f) * c[j] + sigmoid(i) * math.tanh(g)
        next_h[j] = sigmoid(o) * math.tanh(next_c[j])
    return next_h, next_c


def lstm(
    x: Float[np.ndarray, "batch len d_input"],
    state: tuple[
        Float[np.ndarray, "batch d_hidden"], Float[np.ndarray, "batch d_hidden"]
    ],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[
    Float[np.ndarray, "batch len d_hidden"],
    tuple[Float[np.ndarray, "batch d_hidden"], Float[np.ndarray, "batch d_hidden"]],
]:
    """An LSTM from left to right: lstm_step, sentence by sentence, token by token.

    Args:
        x: the inputs.
        state: (h, c) before the first position.
        weight_input: as for lstm_step.
        weight_hidden: as for lstm_step.
        bias: as for lstm_step.

    Returns:
        every h, and the (h, c) after the last position.
    """
    batch, length, _ = x.shape
    h, c = state[0].copy(), state[1].copy()
    outputs = np.zeros((batch, length, h.shape[1]))
    for b, t in np.ndindex(batch, length):
        h[b], c[b] = lstm_step(x[b, t], h[b], c[b], weight_input, weight_hidden, bias)
        outputs[b, t] = h[b]
    return outputs, (h, c)


def bilstm(
    x: Float[np.ndarray, "batch len d_input"],
    mask: Bool[np.ndarray, "batch len"],
    fwd: tuple[np.ndarray, np.ndarray, np.ndarray],
    bwd: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Float[np.ndarray, "batch len d_memory"]:
    """Two LSTMs over each sentence without its padding, one of them from its end.

    Args:
        x: the inputs.
        mask: True at tokens.
        fwd: weight_input, weight_hidden and bias of the one that reads forwards.
        bwd: likewise of the one that reads backwards.

    Returns:
        [h_fwd; h_bwd] at every token, zeros on padding.

    Source: Schuster and Paliwal 1997.
    """
    batch, length, _ = x.shape
    d_hidden = fwd[1].shape[1]
    both = np.zeros((batch, length, 2 * d_hidden))
    zeros = np.zeros((1, d_hidden))
    for b in range(batch):
        tokens = [x[b, t] for t in range(length) if mask[b, t]]
        if not tokens:
            continue
        h_fwd, _ = lstm(np.array([tokens]), (zeros, zeros), *fwd)
        h_bwd, _ = lstm(np.array([tokens[::-1]]), (zeros, zeros), *bwd)
        for t in range(len(tokens)):
            both[b, t, :d_hidden] = h_fwd[0, t]
            both[b, t, d_hidden:] = h_bwd[0, len(tokens) - 1 - t]
    return both
