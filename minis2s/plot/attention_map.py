"""The attention map: which source word each target word looked at.

Rows are target words and sum to 1, columns are source words. The picture is only as
good as the labels, so both are checked against the array before anything is drawn.
"""

import io
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from minis2s.config import InputError
from minis2s.plot.fonts import drawable
from minis2s.text.files import write_whole

CAPTION = (
    "Read row by row: darker cells are where the model looked\n"
    "while it wrote the word on the left. Each row sums to 1."
)
GOLD_CAPTION = f"{CAPTION}\nBoxes mark links that are known to be right."
FORMATS = ("png", "svg")
_SMALL = {"fontsize": 9.5, "color": "0.3"}
# No "$" in a sentence begins a formula; an SVG looks alike where a font is missing.
_STYLE = {"font.size": 11, "text.parse_math": False, "svg.fonttype": "path"}


def attention_map(
    weights: Float[np.ndarray, "tgt_len src_len"],
    src_labels: Sequence[str],
    tgt_labels: Sequence[str],
    *,
    title: str,
    caption: str = CAPTION,
    gold: Sequence[tuple[int, int]] = (),
) -> Figure:
    """Draw one head's attention.

    Args:
        weights: rows are target words; each sums to 1.
        src_labels: what stands above the columns.
        tgt_labels: what stands beside the rows.
        title: which attention it is, or what it shows.
        caption: a sentence that tells the eye where to go.
        gold: links (source, target) that are known to be right, drawn as boxes.

    Raises:
        ValueError: if labels and weights do not fit, a row does not sum to 1, or a
            link leads out of the map.
    """
    _check(weights, src_labels, tgt_labels, gold)
    if gold and caption == CAPTION:
        caption = GOLD_CAPTION
    texts = [title, caption, *src_labels, *tgt_labels]
    families, (title, caption, *labels) = drawable(texts)
    src_labels, tgt_labels = labels[: len(src_labels)], labels[len(src_labels) :]
    size, cell, slanted = _plan(src_labels, tgt_labels, title, caption)
    with mpl.rc_context({**_STYLE, "font.family": families}):
        figure = Figure(figsize=size, layout="compressed")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        axes = figure.add_subplot()
        image = axes.imshow(
            weights, cmap="Blues", vmin=0, vmax=1, interpolation="nearest"
        )
        _label(axes, src_labels, tgt_labels, slanted)
        for s, t in gold:
            corner = (s - 0.46, t - 0.46)
            box = {"fill": False, "edgecolor": "#d55e00", "linewidth": 1.6}
            axes.add_patch(mpl.patches.Rectangle(corner, 0.92, 0.92, **box))
        _add_bar(axes, image, cell)
        figure.suptitle(title, fontsize=13)
        figure.supxlabel(caption, **_SMALL)
        # Each drawing moves things a little; so that all are alike, no more of it.
        figure.draw_without_rendering()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def _plan(
    src_labels: Sequence[str], tgt_labels: Sequence[str], title: str, caption: str
) -> tuple[tuple[float, float], float, bool]:
    """Size of the figure and of a cell, in inches, and whether columns need a slant."""
    # Long sentences get smaller cells, so that their letters stay legible on a page.
    cell = min(max(8 / max(len(src_labels), len(tgt_labels)), 0.26), 0.42)
    src_widths = [_width(label) for label in src_labels]
    slanted = any((a + b) / 2 + 0.08 > cell for a, b in pairwise(src_widths))
    rise = 0.8 * max(src_widths) if slanted else 0.2
    overhang = max(
        0.65 * slanted * width - cell * (n + 0.5)
        for n, width in enumerate(reversed(src_widths))
    )
    map_width = cell * len(src_labels) + max(map(_width, tgt_labels)) + 0.6
    lines = caption.split("\n")
    text_width = max(0.12 * len(title), *(0.08 * len(line) for line in lines))
    width = max(map_width + max(overhang, 0.7), text_width + 0.4, 4.2)
    # A map of one row still has to hold the words that run upwards beside it.
    height = max(cell * len(tgt_labels), 1.2) + rise + 1.3 + 0.16 * len(lines)
    return (width, height), cell, slanted


def _label(
    axes: Axes, src_labels: Sequence[str], tgt_labels: Sequence[str], slanted: bool
) -> None:
    """Words along both sides, and a faint grid between the cells."""
    slant = {"rotation": 50, "ha": "left", "rotation_mode": "anchor"} if slanted else {}
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xticks(range(len(src_labels)), src_labels, **slant)
    axes.set_yticks(range(len(tgt_labels)), tgt_labels)
    axes.set_xlabel("source (read)", labelpad=6, **_SMALL)
    axes.set_ylabel("target (written)", **_SMALL)
    axes.set_xticks(np.arange(-0.5, len(src_labels)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(tgt_labels)), minor=True)
    axes.grid(which="minor", color="0.88", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _add_bar(axes: Axes, image: AxesImage, cell: float) -> None:
    """A scale at the right of the map, at most 4 inches high."""
    tgt_len, src_len = image.get_array().shape
    share = min(0.8, 4 / (cell * tgt_len))
    inch = 1 / (cell * src_len)
    place = (1 + 0.12 * inch, 0.5 - share / 2, 0.14 * inch, share)
    ticks = (0, 0.5, 1) if tgt_len > 2 else (0, 1)
    bar = axes.figure.colorbar(image, cax=axes.inset_axes(place), ticks=ticks)
    bar.set_label("attention weight", **_SMALL)
    bar.ax.tick_params(labelsize=_SMALL["fontsize"])
    bar.outline.set_visible(False)


def _width(label: str) -> float:
    """About how wide a label is, in inches; an ideograph counts as two letters."""
    return 0.1 * sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in label)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all; the suffix says in which format.

    Raises:
        InputError: if the suffix is not a known format, or the folder is missing.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: a map is written as .png or .svg, got {kind!r}")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder")
    data = io.BytesIO()
    # Without a date and without random names the same map is the same file.
    metadata = {"Date": None} if kind == "svg" else None
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "minis2s"}):
        figure.savefig(data, format=kind, dpi=150, metadata=metadata)
    write_whole(path, data.getvalue())


def _check(
    weights: np.ndarray,
    src_labels: Sequence[str],
    tgt_labels: Sequence[str],
    gold: Sequence[tuple[int, int]],
) -> None:
    want = (len(tgt_labels), len(src_labels))
    if weights.shape != want or 0 in want:
        raise ValueError(
            f"weights: must have shape {want}, target labels by source labels, and not "
            f"be empty, got {weights.shape}"
        )
    sums = weights.sum(axis=1, dtype=np.float64)
    # Written so that NaN is off, too.
    off = ~((np.abs(sums - 1) < 1e-3) & (weights.min(axis=1) >= 0))
    if off.any():
        row = int(off.argmax())
        raise ValueError(
            f"weights: row {row} ({tgt_labels[row]}) must sum to 1 and hold nothing "
            f"negative, got sum {sums[row]:.4f}, least {weights[row].min():.4f}"
        )
    for s, t in gold:
        if not (0 <= s < want[1] and 0 <= t < want[0]):
            raise ValueError(
                f"gold: link ({s}, {t}) leads out of {want[1]} source and {want[0]} "
                f"target labels"
            )
