"""Strips of activations: the right cell, the right colour, padding that is no value."""

import inspect

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from minis2s.plot.palette import COLOUR_MAPS
from minis2s.plot.strip import strip

VALUES = np.random.default_rng(0).normal(size=(3, 5))
ROWS, COLUMNS = ["forget", "input", "output"], ["Der", "Hund", "läuft", ".", "<pad>"]
MASK = np.array([True, True, True, True, False])


def make(values=VALUES, rows=ROWS, columns=COLUMNS, **changes):
    """Three gates over five tokens, as a learner calls it."""
    given = {"title": "t", "caption": "c", **changes}
    return inspect.unwrap(strip)(values, rows, columns, **given)


def test_values_are_those_given():
    """Five digits of each value arrive, rows as rows."""
    data = make().data
    np.testing.assert_allclose(data["values"], VALUES, rtol=1e-4)
    assert (data["rows"], data["columns"]) == (ROWS, COLUMNS)


def test_zero_is_the_middle_of_a_diverging_scale():
    """Plus and minus reach equally far, and white stands between them."""
    data = make().data
    assert data["high"] == -data["low"] == np.abs(VALUES).max()
    shades = data["colours"]["shades"]
    assert shades[len(shades) // 2] == to_hex(mpl.colormaps["RdBu_r"](0.5))


def test_sequential_scale_begins_at_zero():
    """So that equal shades are equal values, whatever the least value is."""
    data = make(np.abs(VALUES) + 1, palette="sequential").data
    assert (data["low"], data["high"]) == (0.0, np.abs(VALUES).max() + 1)


@pytest.mark.parametrize("palette", COLOUR_MAPS)
def test_shades_are_those_of_the_palette(palette):
    """From one end to the other."""
    shades = make(np.abs(VALUES), palette=palette).data["colours"]["shades"]
    ends = [to_hex(mpl.colormaps[COLOUR_MAPS[palette]](end)) for end in (0.0, 1.0)]
    assert [shades[0], shades[-1]] == ends


def test_limit_can_be_given():
    """So that two strips can be compared."""
    data = make(limit=1.0).data
    assert (data["low"], data["high"]) == (-1.0, 1.0)


def test_padding_does_not_stretch_the_scale():
    """What stands in padded columns has no part in the limit."""
    values = VALUES.copy()
    values[:, ~MASK] = 100.0
    assert make(values, mask=MASK).data["high"] < 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mask", [None, np.zeros(5, bool)])
def test_zeros_and_padding_alone_can_be_drawn(mask):
    """The scale has a size even where nothing has a value."""
    assert make(0 * VALUES, mask=mask).data["high"] == 1.0


def test_picture_shows_the_values():
    """Rows downwards, columns to the right, the first value at the top left."""
    axes = make(mask=MASK).static.axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown[:, MASK], VALUES[:, MASK], rtol=1e-4)
    assert shown.mask[:, ~MASK].all()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ROWS
    assert [tick.get_text() for tick in axes.get_xticklabels()] == COLUMNS
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    assert (left < right, bottom > top) == (True, True)


def test_padding_is_hatched():
    """Exactly the masked columns, over all rows."""
    axes = make(mask=MASK).static.axes[0]
    hatched = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [(patch.get_x(), patch.get_height()) for patch in hatched] == [(3.5, 3)]
    assert all(patch.get_hatch() for patch in hatched)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_nothing_is_cut_off(n):
    """Every text of the picture lies on the page, for few and for many columns."""
    columns = [f"Donaudampfschiff{i}" for i in range(n)]
    static = make(np.ones((3, n)), columns=columns).static
    FigureCanvasAgg(static).draw()
    for text in static.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= static.bbox.x1, text
            assert box.y1 <= static.bbox.y1, text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"values": VALUES[0]},
            r"values: must have axes \(n_rows, n_columns\) and not",
        ),
        ({"values": VALUES[:0], "rows": []}, r"values: .* got shape \(0, 5\)"),
        ({"values": VALUES * np.nan}, r"values: must be finite, got nan at \(0, 0\)"),
        ({"rows": ROWS[:2]}, "rows: must have one entry for each row, 3, got 2"),
        ({"columns": ROWS}, "columns: must have one entry for each column, 5, got 3"),
        ({"mask": MASK[:3]}, r"mask: must have axes \(n_columns = 5\).*shape \(3,\)"),
        ({"palette": "rainbow"}, "palette: must be diverging or sequential, got 'rain"),
        ({"palette": "sequential"}, "values: must not be negative with a sequential"),
        ({"limit": -1.0}, "limit: must be positive, got -1"),
        ({"limit": 0.0}, "limit: must be positive, got 0"),
        ({"limit": np.nan}, "limit: must be positive, got nan"),
    ],
)
def test_bad_input_is_named(changes, message):
    """Argument, what it must be, and what was given."""
    with pytest.raises(ValueError, match=message):
        make(**changes)
