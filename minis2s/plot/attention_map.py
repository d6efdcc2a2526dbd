"""The attention map: which source word each target word looked at.

Rows are target words and sum to 1, columns are source words. The picture is only as
good as the labels, so both are checked against the array before anything is drawn.
"""

import io
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from minis2s.config import InputError
from minis2s.text.files import write_whole

CAPTION = (
    "Read row by row: darker cells are where the model looked\n"
    "while it wrote the word on the left. Each row sums to 1."
)
FORMATS = ("png", "svg")


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
        src_labels: what stands under the columns.
        tgt_labels: what stands beside the rows.
        title: which attention it is, or what it shows.
        caption: a sentence that tells the eye where to go.
        gold: links (source, target) that are known to be right, drawn as boxes.

    Raises:
        ValueError: if labels and weights do not fit, or a row does not sum to 1.
    """
    _check(weights, src_labels, tgt_labels)
    tgt_len, src_len = weights.shape
    font = _fonts_for("".join([*src_labels, *tgt_labels, title, caption]))
    longest = max(map(len, [*src_labels, "x"])), max(map(len, [*tgt_labels, "x"]))
    with mpl.rc_context({"font.family": font, "font.size": 11, "svg.fonttype": "path"}):
        size = (
            max(2.6 + 0.42 * src_len + 0.09 * longest[1], 5.2),
            1.9 + 0.42 * tgt_len + 0.07 * longest[0],
        )
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(
            range(src_len), src_labels, rotation=50, ha="left", rotation_mode="anchor"
        )
        axes.set_yticks(range(tgt_len), tgt_labels)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_xticks(np.arange(-0.5, src_len), minor=True)
        axes.set_yticks(np.arange(-0.5, tgt_len), minor=True)
        axes.grid(which="minor", color="0.88", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
        axes.spines[:].set_visible(False)
        for s, t in gold:
            axes.add_patch(
                mpl.patches.Rectangle(
                    (s - 0.46, t - 0.46),
                    0.92,
                    0.92,
                    fill=False,
                    edgecolor="#d55e00",
                    linewidth=1.6,
                )
            )
        bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, pad=0.02)
        bar.set_label("attention weight")
        bar.outline.set_visible(False)
        figure.suptitle(title, fontsize=13)
        figure.supxlabel(caption, fontsize=9.5, color="0.3")
    return figure


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
    # Without a date the same map is the same file.
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(data, format=kind, dpi=150, metadata=metadata)
    write_whole(path, data.getvalue())


def _check(
    weights: np.ndarray, src_labels: Sequence[str], tgt_labels: Sequence[str]
) -> None:
    want = (len(tgt_labels), len(src_labels))
    if weights.shape != want:
        raise ValueError(
            f"weights: must have shape {want}, target labels by source labels, got "
            f"{weights.shape}"
        )
    off = np.abs(weights.sum(axis=1) - 1)
    if not off.max() < 1e-3:
        row = int(off.argmax())
        raise ValueError(
            f"weights: row {row} ({tgt_labels[row]}) must sum to 1, got "
            f"{weights[row].sum():.4f}"
        )


def _fonts_for(text: str) -> list[str]:
    """Font families that together have every character, as far as there are any."""
    families = ["DejaVu Sans"]
    lacking = {c for c in text if not c.isspace()} - _characters(
        font_manager.findfont("DejaVu Sans")
    )
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda font: font.name):
        if not lacking:
            break
        if lacking & _characters(entry.fname):
            families.append(entry.name)
            lacking -= _characters(entry.fname)
    if lacking:
        _say_once(min(lacking))
    return families


@cache
def _characters(file: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _say_once(character: str) -> None:
    warnings.warn(
        f"no installed font has {character!r}, so the map shows boxes; install one "
        f"that has it, e.g. Noto Sans CJK (Debian: fonts-noto-cjk)",
        stacklevel=4,
    )
