"""Frames under a slider: the numbers that were given, on axes that hold them all."""

import inspect

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from minis2s.plot.slider import slider

FRAMES = np.random.default_rng(0).uniform(0.1, 1, size=(7, 2, 5))
WORDS = ["cat", "dog", "mat", "sofa", "Donaudampfschifffahrt"]
NUMBERS = [0.0, 1.0, 2.5, 3.0, 10.0]


def make(x=NUMBERS, frames=FRAMES, **changes):
    """Two lines or colours of bars in seven frames."""
    given = {"control": "temperature", "steps": [0.1, 0.2, 0.5, 1, 2, 5, -10]}
    given |= {"series": ["teacher", "student"], "title": "t", "caption": "c"}
    return inspect.unwrap(slider)(frames, x, **{**given, **changes})


@pytest.mark.parametrize("x", [WORDS, NUMBERS])
def test_frames_are_those_given(x):
    """Six digits of each number arrive, and the first frame is the one asked for."""
    data = make(x, start=3).data
    np.testing.assert_allclose(data["frames"], FRAMES, rtol=1e-5)
    assert data["start"] == 3


def test_words_make_bars_and_numbers_make_lines():
    """The kind of figure follows from what the points are."""
    assert make(WORDS).data["bars"] is True
    assert make(NUMBERS).data["bars"] is False
    assert make(np.array(NUMBERS)).data["places"] == NUMBERS


def test_steps_are_written_as_in_prose():
    """Numbers without needless zeros and with a real minus sign, words as they are."""
    assert make().data["steps"] == ["0.1", "0.2", "0.5", "1", "2", "5", "−10"]
    assert make(steps=list("abcdefg")).data["steps"] == list("abcdefg")


@pytest.mark.parametrize("x", [WORDS, NUMBERS])
@pytest.mark.parametrize("shift", [0.0, -0.5, -2.0])
def test_axes_hold_all_frames(x, shift):
    """No value of any frame is beyond the limits; bars also need their zero."""
    frames = FRAMES + shift
    low, high = make(x, frames).data["yLimits"]
    assert low <= frames.min() < frames.max() <= high
    if x is WORDS:
        assert low <= 0 <= high


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("x", [WORDS, NUMBERS])
def test_frames_of_zeros_can_be_drawn(x):
    """Limits are apart even where all values are equal."""
    low, high = make(x, np.zeros((7, 2, 5))).data["yLimits"]
    assert low < high


def test_given_limits_are_kept():
    """So that two figures can be compared."""
    assert make(y_limits=(-1.0, 2.0)).data["yLimits"] == [-1.0, 2.0]


@pytest.mark.parametrize(
    ("n_frames", "start", "shown"),
    [(7, 0, [0, 3, 6]), (7, 2, [0, 2, 6]), (2, 1, [0, 1]), (1, 0, [0])],
)
def test_picture_shows_first_last_and_one_between(n_frames, start, shown):
    """The static sibling has a panel for each, with the numbers of that frame."""
    steps = list(range(n_frames))
    static = make(frames=FRAMES[:n_frames], steps=steps, start=start).static
    titles = [axes.get_title(loc="left") for axes in static.axes]
    assert titles == [f"temperature {i}" for i in shown]
    for axes, i in zip(static.axes, shown, strict=True):
        heights = [line.get_ydata() for line in axes.lines]
        np.testing.assert_allclose(heights, FRAMES[i], rtol=1e-5)


def test_picture_of_bars_has_their_heights():
    """Every bar of the last panel is as high as its number, and series are named."""
    axes = make(WORDS).static.axes[-1]
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    np.testing.assert_allclose(heights, FRAMES[-1], rtol=1e-5)
    assert {t.get_text() for t in axes.texts} == {"teacher", "student"}


@pytest.mark.parametrize("x", [WORDS, NUMBERS])
def test_nothing_is_cut_off(x):
    """Every text of the picture lies on the page."""
    static = make(x, x_label="steps back", y_label="share").static
    FigureCanvasAgg(static).draw()
    for text in static.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= static.bbox.x1, text
            assert box.y0 >= 0, text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": FRAMES[0]}, r"frames: must have axes \(n_frames, n_series, n_poi"),
        ({"frames": FRAMES[:0]}, r"frames: .* not be empty, got shape \(0, 2, 5\)"),
        ({"frames": np.where(FRAMES > 0.99, 0, np.nan)}, "frames: must be finite, got"),
        ({"x": WORDS[:3]}, "x: must have one entry for each point, 5, got 3"),
        ({"x": [0.0, 1.0, 2.0, 3.0, "4"]}, "x: must be all numbers or all words, got"),
        ({"x": [0.0, 2.0, 1.0, 3.0, 4.0]}, r"x: must be 2 or more rising numbers, got"),
        ({"x": [1.0], "frames": FRAMES[..., :1]}, r"rising numbers, got \[1.0\]"),
        ({"x": [0.0, 1.0, 2.0, 3.0, np.nan]}, r"x: must be finite, got nan at \(4,\)"),
        ({"steps": [1, 2]}, "steps: must have one entry for each frame, 7, got 2"),
        ({"series": ["a"]}, "series: must have one entry for each series, 2, got 1"),
        ({"notes": ["a"]}, "notes: must have one entry for each frame, 7, got 1"),
        ({"colours": ["red"]}, "colours: must be at least 2, one for each .*, got 1"),
        ({"start": 7}, "start: must be a frame, 0 to 6, got 7"),
        ({"start": -1}, "start: must be a frame, 0 to 6, got -1"),
        ({"y_limits": (0.5, 2.0)}, r"y_limits: must reach from 0.1.* got \(0.5, 2\)"),
        ({"y_limits": (0.05, 2.0), "x": WORDS}, "y_limits: must reach from 0 to"),
        ({"y_limits": (2.0, 0.0)}, r"got \(2, 0\)"),
        ({"y_limits": (0, 0), "frames": 0 * FRAMES}, r"y_limits: .* got \(0, 0\)"),
    ],
)
def test_bad_input_is_named(changes, message):
    """Argument, what it must be, and what was given."""
    with pytest.raises(ValueError, match=message):
        make(**changes)
