"""Lines or bars that change with one number, which the reader sets with a slider.

The frames are computed beforehand, so what is shown is what was computed: a softmax at
several temperatures, a gradient at several widths, a cell at several forget biases.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minis2s.plot.checks import check_count, check_finite, check_shape
from minis2s.plot.fonts import drawable
from minis2s.plot.interactive import Interactive
from minis2s.plot.palette import CYCLE, PADDING
from minis2s.plot.style import add_title_and_caption, label_ends, shorten, style

Places = Sequence[float | int | str] | np.ndarray
"""Numbers or words, one for each place on an axis."""


def slider(
    frames: Float[np.ndarray, "n_frames n_series n_points"],
    x: Places,
    *,
    control: str,
    steps: Places,
    series: Sequence[str],
    title: str,
    caption: str,
    x_label: str = "",
    y_label: str = "",
    y_limits: tuple[float, float] | None = None,
    colours: Sequence[str] = CYCLE,
    notes: Sequence[str] | None = None,
    start: int = 0,
) -> Interactive:
    """Precomputed frames, one of which is shown; all have the same axes.

    Args:
        frames: the height of each point of each line, or of each bar.
        x: where the points stand. Numbers make lines, words make bars.
        control: what the slider changes, e.g. "temperature".
        steps: its value in each frame.
        series: what each line, or each colour of bars, is.
        title: what the reader finds out.
        caption: a sentence that tells the eye where to go.
        x_label: what runs to the right, with its unit.
        y_label: what runs upwards, with its unit.
        y_limits: the lowest and highest value shown; by default all are.
        colours: of the series, in their order.
        notes: a sentence for each frame, shown beside the slider.
        start: the frame shown first, and again on "reset".

    Raises:
        ValueError: if shapes or lengths do not fit, or a number is not finite.
    """
    notes = [""] * len(frames) if notes is None else notes
    _check(frames, x, steps, series, colours, notes, start)
    bars = isinstance(x[0], str)
    low, high = map(float, y_limits or _limits(frames, bars))
    _check_limits(low, high, frames, bars)
    places = [*range(len(x))] if bars else [float(place) for place in x]
    data = {
        "frames": [[_short(line) for line in frame] for frame in frames],
        "bars": bars,
        "places": places,
        "xLimits": [-0.5, len(x) - 0.5] if bars else [min(places), max(places)],
        "yLimits": [low, high],
        "xTicks": _words(x) if bars else _ticks(min(places), max(places)),
        "yTicks": _ticks(low, high),
        "xLabel": x_label,
        "yLabel": y_label,
        "control": control,
        "steps": [_name(step) for step in steps],
        "series": list(series),
        "notes": list(notes),
        "start": start,
        "colours": {"padding": PADDING, "series": list(colours[: len(series)])},
    }
    static = _draw_picture(data, title, caption)
    return Interactive("slider", title, caption, data, static)


def _check(
    frames: np.ndarray,
    x: Places,
    steps: Places,
    series: Sequence[str],
    colours: Sequence[str],
    notes: Sequence[str],
    start: int,
) -> None:
    check_shape("frames", frames, n_frames=None, n_series=None, n_points=None)
    n_frames, n_series, n_points = frames.shape
    check_finite("frames", frames)
    check_count("x", x, n_points, "point")
    check_count("steps", steps, n_frames, "frame")
    check_count("series", series, n_series, "series")
    check_count("notes", notes, n_frames, "frame")
    if len({isinstance(place, str) for place in x}) > 1:
        raise ValueError("x: must be all numbers or all words, got both")
    if not isinstance(x[0], str):
        check_finite("x", np.array(x, float))
        if len(x) < 2 or not (np.diff(x) > 0).all():
            raise ValueError(f"x: must be 2 or more rising numbers, got {list(x)}")
    if len(colours) < n_series:
        raise ValueError(
            f"colours: must be at least {n_series}, one for each series, got "
            f"{len(colours)}"
        )
    if not 0 <= start < n_frames:
        raise ValueError(f"start: must be a frame, 0 to {n_frames - 1}, got {start}")


def _check_limits(low: float, high: float, frames: np.ndarray, bars: bool) -> None:
    needed = [*([0.0] if bars else []), float(frames.min()), float(frames.max())]
    if not low <= min(needed) <= max(needed) <= high or low == high:
        raise ValueError(
            f"y_limits: must reach from {min(needed):g} to {max(needed):g}, got "
            f"({low:g}, {high:g})"
        )


def _limits(frames: np.ndarray, bars: bool) -> tuple[float, float]:
    """All values with a little air; bars begin at 0."""
    low, high = float(frames.min()), float(frames.max())
    air = 0.05 * (high - low or abs(high) or 1.0)
    if bars:
        return min(low - air, 0.0) if low < 0 else 0.0, max(high + air, 0.0) or 1.0
    return low - air, high + air


def _ticks(low: float, high: float) -> list[dict[str, Any]]:
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ticks = [round(float(tick), 9) for tick in ticks if low <= tick <= high]
    return [{"at": tick, "text": _name(tick)} for tick in ticks]


def _words(x: Places) -> list[dict[str, Any]]:
    return [{"at": place, "text": word} for place, word in enumerate(x)]


def _name(step: float | int | str) -> str:
    """A number as the prose of the lessons has it, with a real minus sign."""
    return step if isinstance(step, str) else f"{step:g}".replace("-", "−")


def _short(numbers: np.ndarray) -> list[float]:
    """Six digits are more than a screen shows, and a third of the bytes."""
    return [float(f"{number:.6g}") for number in numbers]


# --- the picture ---


def _draw_picture(data: dict[str, Any], title: str, caption: str) -> Figure:
    """First, last and one frame between, side by side: what the slider would show."""
    last = len(data["frames"]) - 1
    middle = data["start"] if 0 < data["start"] < last else last // 2
    shown = sorted({0, middle, last})
    names = [f"{data['control']} {data['steps'][i]}" for i in shown]
    texts = [*names, *data["series"], *(tick["text"] for tick in data["xTicks"])]
    texts += [data["xLabel"], data["yLabel"]]
    families, (title, caption, *texts) = drawable([title, caption, *texts])
    n_series = len(data["series"])
    series = texts[len(shown) : len(shown) + n_series]
    ticks = texts[len(shown) + n_series : -2]
    with style(families):
        figure = Figure(figsize=(9, 3.8), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
        for axes, i, name in zip(panels, shown, texts, strict=False):
            axes.set_title(name, loc="left", weight="bold")
            _draw_axes(axes, data, ticks)
            _draw_frame(axes, data, data["frames"][i], series, axes is panels[-1])
        panels[0].set_ylabel(texts[-1])
        for axes in panels:
            axes.set_xlabel(texts[-2])
        add_title_and_caption(figure, title, caption)
    return figure


def _draw_axes(axes: Axes, data: dict[str, Any], ticks: Sequence[str]) -> None:
    axes.set(xlim=data["xLimits"], ylim=data["yLimits"])
    axes.set_xticks([tick["at"] for tick in data["xTicks"]], ticks)
    axes.set_yticks(
        [tick["at"] for tick in data["yTicks"]],
        [tick["text"] for tick in data["yTicks"]],
    )
    axes.grid(visible=not data["bars"], axis="x")
    if data["bars"] and sum(map(len, ticks)) > 18:
        slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(data["places"], [shorten(tick) for tick in ticks], **slant)


def _draw_frame(
    axes: Axes,
    data: dict[str, Any],
    frame: Sequence,
    series: Sequence[str],
    named: bool,
) -> None:
    """One frame; the last panel names the series."""
    width = 0.8 / len(frame)
    for i, (heights, name) in enumerate(zip(frame, series, strict=True)):
        colour = data["colours"]["series"][i]
        if data["bars"]:
            left = np.array(data["places"]) + (i - (len(frame) - 1) / 2) * width
            axes.bar(left, heights, 0.94 * width, color=colour)
        else:
            axes.plot(data["places"], heights, color=colour, label=name)
        if named and data["bars"] and len(frame) > 1:
            place = {"xycoords": "axes fraction", "ha": "right", "va": "top"}
            axes.annotate(name, (1, 1 - 0.09 * i), color=colour, **place)
    if named and not data["bars"]:
        label_ends(axes)
