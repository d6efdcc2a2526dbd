"""Plots of the lessons: nothing cut, lines named at their ends, settings kept."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from minis2s.plot.palette import CYCLE
from minis2s.plot.style import (
    figure_with_caption,
    label_ends,
    shorten,
    spread,
    style,
)

LONG = "Ohne Aufmerksamkeit fällt die Genauigkeit ins Bodenlose. " * 4


def drawn(figure):
    """A figure that has been laid out."""
    FigureCanvasAgg(figure).draw()
    return figure


def test_settings_return_after_the_block():
    """The settings of matplotlib are as before, whatever was drawn."""
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["lines.linewidth"] == 2.2
    figure_with_caption("t", "c")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_axes_are_counted_like_columns(columns):
    """One column gives one axes, more give an array to unpack."""
    figure, axes = figure_with_caption("t", "c", columns=columns)
    assert len(figure.axes) == columns
    assert isinstance(axes, Axes) if columns == 1 else axes.shape == (columns,)


def test_title_and_caption_are_written():
    """Both stand on the figure, the title above and the caption below."""
    figure, axes = figure_with_caption("What was found", "Look here.")
    drawn(figure)
    assert figure.get_suptitle() == "What was found"
    assert figure.get_supxlabel() == "Look here."
    title, caption = (t.get_window_extent() for t in (figure.texts[0], figure.texts[1]))
    assert title.y0 > axes.bbox.y1
    assert caption.y1 < axes.bbox.y0


@pytest.mark.parametrize("width", [4.0, 7.5, 11.0])
def test_long_title_and_caption_are_wrapped(width):
    """At any width all of both lies on the page, and no word is lost."""
    figure, _ = figure_with_caption(LONG, LONG, size=(width, 5.0))
    drawn(figure)
    for text in figure.texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 <= box.y1 <= figure.bbox.y1
        assert text.get_text().split() == LONG.split()


def test_lines_take_the_colours_of_the_course():
    """Also lines that are drawn after the block."""
    _, axes = figure_with_caption("t", "c")
    lines = [axes.plot([0, 1], [0, i])[0] for i in range(len(CYCLE))]
    assert [line.get_color() for line in lines] == list(CYCLE)


def test_names_stand_at_the_ends_of_their_lines():
    """Each name has its line's colour, is beside its end, and touches no other."""
    figure, axes = figure_with_caption("t", "c")
    heights = {"low": 0.0, "lower": 0.01, "high": 1.0, "_none": 0.5, "top": 1.01}
    for name, height in heights.items():
        axes.plot([0, 1, 2], [0.5, 0.3, height], label=name)
    label_ends(axes)
    drawn(figure)
    names = {text.get_text(): text for text in axes.texts}
    colours = {line.get_label(): line.get_color() for line in axes.lines}
    assert list(names) == ["low", "lower", "high", "top"]
    assert {n: t.get_color() for n, t in names.items()} == {
        name: colours[name] for name in names
    }
    ordered = [names[name].get_window_extent() for name in ("low", "lower", "high")]
    assert all(below.y1 <= above.y0 for below, above in pairwise(ordered))
    end = axes.transData.transform((2, 0))[0]
    assert all(end < t.get_window_extent().x0 < end + 30 for t in names.values())


def test_names_are_not_cut():
    """The page makes room for a long name at the right."""
    figure, axes = figure_with_caption("t", "c")
    axes.plot([0, 1], [0, 1], label="a line with quite a long name")
    label_ends(axes)
    drawn(figure)
    boxes = [text.get_window_extent() for text in axes.findobj(Text)]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_no_named_line_no_label():
    """Axes without labels stay without."""
    _, axes = figure_with_caption("t", "c")
    axes.plot([0, 1], [0, 1])
    label_ends(axes)
    assert not axes.texts


@pytest.mark.parametrize("n", [1, 2, 7])
def test_spread_keeps_order_and_gap(rng, n):
    """Neighbours are a gap apart, none is under the floor, and the order stays."""
    places = rng.uniform(0, 3, size=n)
    moved = spread(places, 1.0, floor=0.25)
    np.testing.assert_array_equal(np.argsort(moved), np.argsort(places))
    assert (np.diff(np.sort(moved)) > 1 - 1e-6).all()
    assert moved.min() >= 0.25


def test_spread_leaves_what_has_room():
    """Places that are far enough apart are not moved."""
    places = np.array([3.0, 0.0, 7.0])
    np.testing.assert_array_equal(spread(places, 2.0), places)


def test_shorten_keeps_what_fits():
    """A label of just the allowed length is whole, one letter more is cut."""
    assert shorten("a" * 14) == "a" * 14
    assert shorten("a" * 15) == "a" * 13 + "…"
