"""How the plots of the lessons look: a finding above, one sentence below.

`figure_with_caption` gives a figure that has both, `label_ends` names lines where they
end instead of in a legend, and `style` is there for all that is drawn later.
"""

import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minis2s.plot.fonts import drawable
from minis2s.plot.palette import CYCLE, GRID, INK, MUTED, SEQUENTIAL

_STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 11,
    "text.color": INK,
    "text.parse_math": False,  # no "$" in a sentence begins a formula
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=CYCLE),
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "lines.linewidth": 2.2,
    "hatch.color": "#8c8c8c",
    "image.cmap": SEQUENTIAL,
    "svg.fonttype": "path",
}
_TITLE, _CAPTION = 13.0, 10.5  # points


def style(families: Sequence[str] = ("DejaVu Sans",)) -> AbstractContextManager:
    """A block in which matplotlib draws as the lessons do; afterwards as before.

    Args:
        families: fonts, in the order in which they are asked for a character.
    """
    return mpl.rc_context({**_STYLE, "font.family": list(families)})


def figure_with_caption(
    title: str,
    caption: str,
    *,
    columns: int = 1,
    size: tuple[float, float] = (7.5, 4.0),
) -> tuple[Figure, Axes | np.ndarray]:
    """An empty figure with what was found above it and what to look at below.

    Args:
        title: the finding, e.g. "Without attention, accuracy falls at 20 tokens".
        caption: one sentence that tells the eye where to go.
        columns: how many axes stand side by side.
        size: width and height in inches.

    Returns:
        the figure, and its axes: one if there is one column, else an array of them.
    """
    families, (title, caption) = drawable([title, caption])
    with style(families):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, columns)
        add_title_and_caption(figure, title, caption)
    return figure, axes


def add_title_and_caption(figure: Figure, title: str, caption: str) -> None:
    """Write both at the left edge, in as many lines as the figure's width needs."""
    edge = 0.1 / figure.get_figwidth()
    place = {"x": edge, "ha": "left"}
    figure.suptitle(_wrap(title, figure, _TITLE), fontsize=_TITLE, **place)
    figure.supxlabel(
        _wrap(caption, figure, _CAPTION), fontsize=_CAPTION, color=MUTED, **place
    )
    figure.get_layout_engine().set(h_pad=0.1, w_pad=0.1)


def _wrap(text: str, figure: Figure, points: float) -> str:
    """Lines that fit; a letter is taken to be 0.6 times as wide as its font is high."""
    letters = int((figure.get_figwidth() - 0.3) * 72 / (0.6 * points))
    lines = [textwrap.fill(line, letters) for line in text.split("\n")]
    return "\n".join(lines)


def label_ends(axes: Axes, *, fontsize: float = 10.5) -> None:
    """Write each line's label at its right end, in its colour.

    Call it last, when limits and scales are set: labels that would overlap are moved
    apart on the page, not in the data. Lines without a label stay without.
    """
    lines = [line for line in axes.lines if not line.get_label().startswith("_")]
    ends = np.array([[line.get_xdata()[-1], line.get_ydata()[-1]] for line in lines])
    if not lines:
        return
    points = axes.transData.transform(ends)[:, 1] * 72 / axes.figure.dpi
    floor = axes.bbox.y0 * 72 / axes.figure.dpi + 0.7 * fontsize
    moves = spread(points, 1.25 * fontsize, floor) - points
    for line, end, move in zip(lines, ends, moves, strict=True):
        axes.annotate(
            line.get_label(),
            end,
            (6, move),
            textcoords="offset points",
            color=line.get_color(),
            fontsize=fontsize,
            va="center",
            annotation_clip=False,
        )


def spread(
    places: Float[np.ndarray, " n_places"], gap: float, floor: float = -np.inf
) -> Float[np.ndarray, " n_places"]:
    """Places moved as little as it takes for neighbours to stand `gap` apart.

    Places that are too close are pushed apart by half of what is lacking, until none
    are; their order stays. None is left below the floor.

    >>> spread(np.array([5.0, 0.0, 5.5]), 1.5)
    array([4.5, 0. , 6. ])
    >>> spread(np.array([0.0, 0.0]), 1.5, floor=0.0)
    array([0. , 1.5])
    """
    order = np.argsort(places, kind="stable")
    moved = places[order].astype(float)
    for _ in range(100 * len(moved)):
        close = [i for i, (a, b) in enumerate(pairwise(moved)) if b - a < gap - 1e-9]
        if not close:
            break
        for i in close:
            lacking = max(gap - (moved[i + 1] - moved[i]), 0)
            moved[i : i + 2] += (-lacking / 2, lacking / 2)
    moved = np.maximum(moved, floor + gap * np.arange(len(moved)))
    return moved[np.argsort(order)]


def shorten(label: str, letters: int = 14) -> str:
    """A label that has room beside a bar or a point.

    >>> shorten("Donaudampfschiff", 6)
    'Donau…'
    """
    return label if len(label) <= letters else f"{label[: letters - 1]}…"
