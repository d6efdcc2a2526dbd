"""Attention in the plane: turn the query by hand, and watch weights and context.

Keys are dots, and the query is an arrow that can be dragged. The softmax of their dot
products stands beside them as bars; the context moves inside the hull of the values.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.ticker import MaxNLocator

from minis2s.plot.checks import check_count, check_finite, check_shape
from minis2s.plot.drag_query_picture import draw_picture
from minis2s.plot.interactive import Interactive
from minis2s.plot.palette import CONTEXT, KEY, PADDING, QUERY, VALUE
from minis2s.plot.point_labels import place_words

CAPTION = (
    "However you turn the arrow, the black dot, the context, never leaves the dashed "
    "hull of the values: attention blends, it does not invent."
)
_MARGIN = 1.25  # of the plane beyond what lies in it


def drag_query(
    keys: Float[np.ndarray, "n_keys 2"],
    values: Float[np.ndarray, "n_keys 2"],
    labels: Sequence[str],
    query: Float[np.ndarray, " 2"],
    *,
    title: str,
    caption: str = CAPTION,
    mask: Bool[np.ndarray, " n_keys"] | None = None,
    scale: float = 1.0,
    reach: float | None = None,
) -> Interactive:
    """Keys, values and a query that can be dragged.

    weights = softmax(scale keys query) over keys where mask is True, else 0;
    context = weightsᵀ values.

    Args:
        keys: what each word offers to match.
        values: what each word hands over.
        labels: the words.
        query: where the arrow begins, and returns to on "reset".
        title: what the reader finds out.
        caption: a sentence that tells the eye where to go.
        mask: True where attention is allowed; the rest is drawn as padding.
        scale: factor on the dot products, e.g. 1 / sqrt(2).
        reach: how far the plane of the query reaches from 0, both ways; by default a
            quarter beyond all that lies in it.

    Raises:
        ValueError: if shapes or lengths do not fit, a number is not finite, or the
            query is out of reach.

    Source: Vaswani et al. 2017, "Attention Is All You Need", eq. 1, arXiv:1706.03762.
    """
    allowed = np.ones(len(keys), bool) if mask is None else mask
    _check(keys, values, labels, query, allowed, scale)
    least = float(np.abs([*keys, query]).max())
    asking = reach or _MARGIN * (least or 1.0)
    if asking < least:
        raise ValueError(f"reach: must be at least {least:g}, got {reach:g}")
    giving = _MARGIN * float(np.abs(values).max() or 1.0)
    weights, context = attend(keys, values, query, allowed, scale)
    corners = hull(values[allowed])
    along = np.linspace(0, 1, 20)[:, None]
    edges = [
        a + along * (b - a)
        for a, b in zip(corners, np.roll(corners, 1, 0), strict=True)
    ]
    data = {
        "keys": keys.tolist(),
        "values": values.tolist(),
        "labels": list(labels),
        "query": query.tolist(),
        "allowed": allowed.tolist(),
        "scale": float(scale),
        "hull": corners.tolist(),
        "asking": {"reach": asking, "ticks": _ticks(asking)},
        "giving": {"reach": giving, "ticks": _ticks(giving)},
        "keyWords": place_words(keys, labels, asking, along * query),
        "valueWords": place_words(
            values, labels, giving, np.concatenate([context[None], *edges])
        ),
        "colours": {
            **{"query": QUERY, "key": KEY, "value": VALUE},
            **{"context": CONTEXT, "padding": PADDING},
        },
    }
    static = draw_picture(data, weights, context, title, caption)
    return Interactive("drag_query", title, caption, data, static)


def attend(
    keys: Float[np.ndarray, "n_keys 2"],
    values: Float[np.ndarray, "n_keys 2"],
    query: Float[np.ndarray, " 2"],
    allowed: Bool[np.ndarray, " n_keys"],
    scale: float,
) -> tuple[Float[np.ndarray, " n_keys"], Float[np.ndarray, " 2"]]:
    """Weights and context of one query; zeros if nothing may be attended to."""
    if not allowed.any():
        return np.zeros(len(keys)), np.zeros(2)
    scores = np.where(allowed, scale * (keys @ query), -np.inf)
    votes = np.exp(scores - scores.max())
    weights = votes / votes.sum()
    return weights, weights @ values


def hull(points: Float[np.ndarray, "n_points 2"]) -> Float[np.ndarray, "n_corners 2"]:
    """Corners of the convex hull, counter-clockwise.

    Source: Andrew 1979, "Another efficient algorithm for convex hulls in two
        dimensions", Information Processing Letters 9(5).

    >>> hull(np.array([[0.0, 0], [2, 0], [1, 1], [1, 0.5]])).tolist()
    [[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]]
    """
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.reshape(ordered, (-1, 2)).astype(float)
    return np.array([*_half(ordered), *_half(ordered[::-1])])


def _half(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The lower half of a hull from left to right, without its last corner."""
    corners: list[tuple[float, float]] = []
    for point in ordered:
        while len(corners) > 1 and not _turns_left(*corners[-2:], point):
            corners.pop()
        corners.append(point)
    return corners[:-1]


def _turns_left(a: tuple, b: tuple, c: tuple) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])


def _check(
    keys: np.ndarray,
    values: np.ndarray,
    labels: Sequence[str],
    query: np.ndarray,
    allowed: np.ndarray,
    scale: float,
) -> None:
    check_shape("keys", keys, n_keys=None, d_key=2)
    check_shape("values", values, n_keys=len(keys), d_value=2)
    check_shape("query", query, d_key=2)
    check_shape("mask", allowed, n_keys=len(keys))
    check_count("labels", labels, len(keys), "key")
    for name, array in (("keys", keys), ("values", values), ("query", query)):
        check_finite(name, array)
    check_finite("scale", np.array([scale]))


def _ticks(reach: float) -> list[float]:
    """A few round numbers within reach, on both sides of 0."""
    ticks = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(-reach, reach)
    return [round(float(tick), 9) for tick in ticks if abs(tick) <= reach]
