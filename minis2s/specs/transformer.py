"""The layers of a Transformer, one sentence and one position at a time."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Float

from minis2s.specs.attention import multi_head_attention
from minis2s.specs.functional import layer_norm, linear, relu


def feed_forward(
    x: Float[np.ndarray, "batch len d_model"], params: Mapping[str, np.ndarray]
) -> Float[np.ndarray, "batch len d_model"]:
    """Two linear maps with a rectifier between them, at each position by itself.

    FFN(x) = W_2 max(0, W_1 x + b_1) + b_2

    Args:
        x: one vector for each position.
        params: a "NAME.weight" and a "NAME.bias" for expand (1) and contract (2).

    Returns:
        FFN(x).

    Source: Vaswani et al. 2017, eq. 2.
    """
    out = np.zeros(x.shape)
    for b, t in np.ndindex(x.shape[:2]):
        inner = relu(linear(x[b, t], params["expand.weight"], params["expand.bias"]))
        out[b, t] = linear(inner, params["contract.weight"], params["contract.bias"])
    return out


def residual(
    x: Float[np.ndarray, "batch len d_model"],
    sublayer: Callable[[np.ndarray], np.ndarray],
    params: Mapping[str, np.ndarray],
    *,
    norm: str,
) -> Float[np.ndarray, "batch len d_model"]:
    """A sublayer with a norm and a way around it.

    pre:   x + sublayer(norm(x))
    post:  norm(x + sublayer(x))

    Args:
        x: one vector for each position.
        sublayer: what is added to x.
        params: the "weight" and the "bias" of the norm.
        norm: "pre" or "post".

    Returns:
        what becomes of x.
    """

    def normalise(rows: np.ndarray) -> np.ndarray:
        return layer_norm(rows, params["weight"], params["bias"])

    added = sublayer(normalise(x) if norm == "pre" else x)
    total = np.zeros(x.shape)
    for b, t, d in np.ndindex(x.shape):
        total[b, t, d] = x[b, t, d] + added[b, t, d]
    return total if norm == "pre" else normalise(total)


def encoder_layer(
    x: Float[np.ndarray, "batch src_len d_model"],
    mask: Bool[np.ndarray, "batch src_len src_len"],
    params: Mapping[str, np.ndarray],
    *,
    n_heads: int,
    norm: str,
) -> Float[np.ndarray, "batch src_len d_model"]:
    """Attention of x to x, then a feed-forward network, each with a way around it.

    Args:
        x: one vector for each position.
        mask: True where a position (row) may look at another (column).
        params: everything that the layer learns, under its dotted names.
        n_heads: number of heads.
        norm: "pre" or "post".

    Returns:
        what becomes of x.

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020, figure 1.
    """

    def attend(seen: np.ndarray) -> np.ndarray:
        attention = _under("attention.", params)
        context, _ = multi_head_attention(
            seen, seen, seen, mask, attention, n_heads=n_heads
        )
        return context

    def think(seen: np.ndarray) -> np.ndarray:
        return feed_forward(seen, _under("feed_forward.", params))

    x = residual(x, attend, _under("norm_attention.", params), norm=norm)
    return residual(x, think, _under("norm_feed_forward.", params), norm=norm)


def decoder_layer(
    x: Float[np.ndarray, "batch tgt_len d_model"],
    memory: Float[np.ndarray, "batch src_len d_model"],
    src_mask: Bool[np.ndarray, "batch tgt_len src_len"],
    params: Mapping[str, np.ndarray],
    *,
    n_heads: int,
    norm: str,
) -> Float[np.ndarray, "batch tgt_len d_model"]:
    """Attention of x to its past, then to the memory, then a feed-forward network.

    No causal mask: a position's attention is computed from the positions up to it, and
    there is nothing else that it could see.

    Args:
        x: one vector for each target position.
        memory: the encoder's output.
        src_mask: True where a target position may look at a source position.
        params: everything that the layer learns, under its dotted names.
        n_heads: number of heads.
        norm: "pre" or "post".

    Returns:
        what becomes of x.

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020, figure 1.
    """
    batch, tgt_len, _ = x.shape

    def attend_to_past(seen: np.ndarray) -> np.ndarray:
        context, attention = np.zeros(seen.shape), _under("self_attention.", params)
        for t in range(tgt_len):
            past, visible = seen[:, : t + 1], np.ones((batch, 1, t + 1), dtype=bool)
            found, _ = multi_head_attention(
                seen[:, t : t + 1], past, past, visible, attention, n_heads=n_heads
            )
            context[:, t] = found[:, 0]
        return context

    def attend_to_source(seen: np.ndarray) -> np.ndarray:
        attention = _under("cross_attention.", params)
        context, _ = multi_head_attention(
            seen, memory, memory, src_mask, attention, n_heads=n_heads
        )
        return context

    def think(seen: np.ndarray) -> np.ndarray:
        return feed_forward(seen, _under("feed_forward.", params))

    x = residual(x, attend_to_past, _under("norm_self_attention.", params), norm=norm)
    x = residual(
        x, attend_to_source, _under("norm_cross_attention.", params), norm=norm
    )
    return residual(x, think, _under("norm_feed_forward.", params), norm=norm)


def _under(prefix: str, params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters whose names begin with a prefix, under what follows it."""
    return {
        name.removeprefix(prefix): array
        for name, array in params.items()
        if name.startswith(prefix)
    }
