"""What a network holds while it reads: a row for each unit, a column for each token.

Colour is the value, and the value itself is read out for the cell under the pointer or
the keyboard's cursor.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minis2s.plot.checks import check_count, check_finite, check_shape
from minis2s.plot.fonts import drawable
from minis2s.plot.interactive import Interactive
from minis2s.plot.palette import COLOUR_MAPS, HATCH, INK, PADDING
from minis2s.plot.style import add_title_and_caption, shorten, style

_SHADES = 65  # odd, so that one of them is zero


def strip(
    values: Float[np.ndarray, "n_rows n_columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    caption: str,
    palette: str = "diverging",
    limit: float | None = None,
    mask: Bool[np.ndarray, " n_columns"] | None = None,
    quantity: str = "value",
) -> Interactive:
    """A strip of colours for each row.

    Args:
        values: of each row at each column.
        rows: names of the units or gates.
        columns: the tokens.
        title: what the reader finds out.
        caption: a sentence that tells the eye where to go.
        palette: "diverging", from -limit to limit with white at 0; or "sequential",
            from 0 to limit.
        limit: the value with the strongest colour; what is beyond has the same colour.
            By default the largest magnitude.
        mask: True where there is a token; the other columns are drawn as padding.
        quantity: what the values are, with their unit; it stands at the scale.

    Raises:
        ValueError: if shapes or lengths do not fit, a number is not finite, or the
            palette does not suit the values.
    """
    allowed = np.ones(len(columns), bool) if mask is None else mask
    _check(values, rows, columns, allowed, palette)
    if limit is None:
        limit = float(np.abs(values[:, allowed]).max(initial=0)) or 1.0
    if not 0 < limit < np.inf:
        raise ValueError(f"limit: must be positive, got {limit:g}")
    shades = mpl.colormaps[COLOUR_MAPS[palette]](np.linspace(0, 1, _SHADES))
    data = {
        "values": [[float(f"{v:.5g}") for v in row] for row in values],
        "rows": list(rows),
        "columns": list(columns),
        "allowed": allowed.tolist(),
        "low": -float(limit) if palette == "diverging" else 0.0,
        "high": float(limit),
        "quantity": quantity,
        "colours": {"padding": PADDING, "shades": [to_hex(shade) for shade in shades]},
    }
    static = _draw_picture(data, COLOUR_MAPS[palette], title, caption)
    return Interactive("strip", title, caption, data, static)


def _check(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    allowed: np.ndarray,
    palette: str,
) -> None:
    check_shape("values", values, n_rows=None, n_columns=None)
    check_finite("values", values)
    check_count("rows", rows, len(values), "row")
    check_count("columns", columns, values.shape[1], "column")
    check_shape("mask", allowed, n_columns=values.shape[1])
    if palette not in COLOUR_MAPS:
        names = " or ".join(sorted(COLOUR_MAPS))
        raise ValueError(f"palette: must be {names}, got {palette!r}")
    if palette == "sequential" and values.min() < 0:
        raise ValueError(
            f"values: must not be negative with a sequential palette, got "
            f"{values.min():g}"
        )


# --- the picture ---


def _draw_picture(
    data: dict[str, Any], colour_map: str, title: str, caption: str
) -> Figure:
    texts = [title, caption, data["quantity"], *data["rows"], *data["columns"]]
    families, (title, caption, quantity, *names) = drawable(texts)
    values = np.ma.array(data["values"])
    values[:, ~np.array(data["allowed"])] = np.ma.masked
    n_rows = len(values)
    with style(families):
        # Many rows get less room each, but not so little that their names touch.
        height = max(min(0.3 * n_rows, 5.0), 0.19 * n_rows, 1.0)
        figure = Figure(figsize=(9, height + 2.0), layout="constrained")
        axes = figure.add_subplot()
        limits = {"vmin": data["low"], "vmax": data["high"]}
        look = {"cmap": colour_map, "interpolation": "nearest", "aspect": "auto"}
        image = axes.imshow(values, **look, **limits)
        _draw_names(axes, names[:n_rows], names[n_rows:])
        for column in np.flatnonzero(~np.array(data["allowed"])):
            look = {"facecolor": "white", "edgecolor": PADDING, "hatch": HATCH}
            axes.add_patch(
                Rectangle((column - 0.5, -0.5), 1, n_rows, linewidth=0, **look)
            )
        bar = figure.colorbar(image, ax=axes, aspect=12, shrink=0.9, pad=0.02)
        bar.set_label(quantity)
        bar.outline.set_visible(False)
        add_title_and_caption(figure, title, caption)
    return figure


def _draw_names(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Rows downwards and tokens above, as one reads."""
    slanted = sum(map(len, columns)) > 60 or max(map(len, columns)) * len(columns) > 80
    slant = {"rotation": 50, "ha": "left", "rotation_mode": "anchor"} if slanted else {}
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(columns)), [shorten(name) for name in columns], **slant)
    axes.set_yticks(range(len(rows)), [shorten(name) for name in rows])
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.set_axisbelow(False)
    axes.grid(visible=False)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0, labelcolor=INK)
