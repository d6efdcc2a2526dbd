"""The picture of `drag_query` for where no script runs: its first state, in matplotlib.

It takes what the script takes, so that picture and live figure show the same numbers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke

from minis2s.plot.fonts import drawable
from minis2s.plot.palette import CONTEXT, HATCH, INK, KEY, PADDING, QUERY, VALUE
from minis2s.plot.style import add_title_and_caption, shorten, style

_PADDED = {"facecolor": "white", "edgecolor": PADDING}


def draw_picture(
    data: dict[str, Any],
    weights: Float[np.ndarray, " n_keys"],
    context: Float[np.ndarray, " 2"],
    title: str,
    caption: str,
) -> Figure:
    """Both planes and the bars of one query.

    Args:
        data: what the script draws.
        weights: of this query.
        context: of this query.
        title: what the reader finds out.
        caption: a sentence that tells the eye where to go.
    """
    labels = data["labels"]
    places = [word["text"] for word in data["keyWords"] + data["valueWords"]]
    families, (title, caption, *words) = drawable([title, caption, *labels, *places])
    places = iter(words[len(labels) :])
    with style(families):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        asking, giving, bars = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
        _draw_plane(asking, "keys and query", **data["asking"])
        _draw_keys(asking, data)
        _draw_words(asking, data["keyWords"], places)
        _draw_plane(giving, "values and context (●)", **data["giving"])
        _draw_values(giving, data, weights, context)
        _draw_words(giving, data["valueWords"], places)
        _draw_bars(bars, words[: len(labels)], np.array(data["allowed"]), weights)
        add_title_and_caption(figure, title, caption)
    return figure


def _draw_plane(axes: Axes, heading: str, reach: float, ticks: Sequence[float]) -> None:
    axes.set_title(heading, loc="left", weight="bold")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set(xticks=ticks, yticks=ticks)
    axes.axhline(0, color=PADDING, linewidth=0.8, zorder=1)
    axes.axvline(0, color=PADDING, linewidth=0.8, zorder=1)


def _draw_words(axes: Axes, words: Sequence[dict], texts: Iterator[str]) -> None:
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for word in words:
        (right, up), text = word["side"], next(texts)
        align = {"ha": ("right", "center", "left")[right + 1]}
        align |= {"va": ("top", "center", "bottom")[up + 1]}
        place = {"xytext": (9 * right, 9 * up), "textcoords": "offset points"}
        look = {"fontsize": 10, "zorder": 6, "path_effects": halo}
        axes.annotate(text, word["point"], **place, **align, **look)


def _draw_dots(axes: Axes, points: Sequence, allowed: Sequence, **look: Any) -> None:
    points, allowed = np.array(points), np.array(allowed)
    axes.scatter(*points[allowed].T, zorder=3, **look)
    axes.scatter(*points[~allowed].T, zorder=3, s=50, hatch=HATCH * 2, **_PADDED)


def _draw_keys(axes: Axes, data: dict[str, Any]) -> None:
    _draw_dots(axes, data["keys"], data["allowed"], color=KEY, s=50)
    query = data["query"]
    arrow = {"arrowstyle": "-|>,head_width=0.3,head_length=0.6", "color": QUERY}
    arrow |= {"lw": 2.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", query, (0, 0), arrowprops=arrow, zorder=4)
    right = query[0] > 0.5 * data["asking"]["reach"]
    place, side = ((-8, 0), "right") if right else ((8, 0), "left")
    look = {"color": QUERY, "weight": "bold", "ha": side, "va": "center"}
    axes.annotate("query", query, place, textcoords="offset points", **look)


def _draw_values(
    axes: Axes, data: dict[str, Any], weights: np.ndarray, context: np.ndarray
) -> None:
    if data["hull"]:
        look = {"facecolor": f"{VALUE}1a", "edgecolor": VALUE, "linestyle": "--"}
        axes.add_patch(Polygon(data["hull"], **look, zorder=2))
    dot = {"facecolor": "white", "edgecolor": VALUE, "s": 20}
    _draw_dots(axes, data["values"], data["allowed"], **dot)
    areas = 350 * weights
    axes.scatter(*np.array(data["values"]).T, areas, VALUE, alpha=0.8, zorder=4)
    rim = {"edgecolor": "white", "linewidth": 1.5}
    axes.scatter(*context, 70, CONTEXT, zorder=5, **rim)


def _draw_bars(
    axes: Axes, labels: Sequence[str], allowed: np.ndarray, weights: np.ndarray
) -> None:
    rows = np.arange(len(labels))
    axes.set_title("weights", loc="left", weight="bold")
    axes.barh(rows, weights, 0.7, color=KEY)
    axes.barh(rows[~allowed], 1, 0.7, hatch=HATCH, **_PADDED)
    for row, weight in zip(rows, weights, strict=True):
        axes.text(1.03, row, f"{weight:.2f}", va="center", fontsize=10)
    axes.set_yticks(rows, [shorten(label) for label in labels])
    axes.set_box_aspect(1 / 0.9)  # as high as the planes
    axes.set(xlim=(0, 1), xticks=(0, 1), ylim=(max(len(rows), 3) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
