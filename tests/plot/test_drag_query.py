"""The query that can be dragged: its first state is right, and bad input is named."""

import inspect

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from minis2s.plot.drag_query import CAPTION, attend, drag_query, hull

KEYS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -0.2], [0.0, 0.0], [0.0, 0.0]])
VALUES = np.array([[0.2, 1.0], [1.0, -0.3], [-1.0, -0.6], [0.0, 0.0], [0.0, 0.0]])
LABELS = ["ein", "Hund", "schläft", "<pad>", "<pad>"]
QUERY = np.array([0.2, 2.0])
MASK = np.array([True, True, True, False, False])


def make(**changes):
    """The example of the attention lesson, as it is without jaxtyping's hook."""
    given = {"keys": KEYS, "values": VALUES, "labels": LABELS, "query": QUERY}
    return inspect.unwrap(drag_query)(**{**given, "title": "t", **changes})


def test_the_lesson_is_right():
    """The shares that the lesson quotes, without and with its two blanks."""
    blanks, _ = attend(KEYS, VALUES, QUERY, np.ones(5, bool), 1.0)
    np.testing.assert_allclose(blanks, [0.11, 0.66, 0.05, 0.09, 0.09], atol=0.005)
    masked, _ = attend(KEYS, VALUES, QUERY, MASK, 1.0)
    np.testing.assert_allclose(masked, [0.13, 0.81, 0.06, 0, 0], atol=0.005)
    long, _ = attend(KEYS, VALUES, 3 * QUERY, MASK, 1.0)
    assert long[1] == pytest.approx(0.995, abs=0.001)


def test_weights_are_a_softmax(rng):
    """Weights and context are those of a plain loop, under any scale and mask."""
    keys, values = rng.normal(size=(2, 7, 2))
    query, mask = rng.normal(size=2), rng.uniform(size=7) < 0.6
    weights, context = attend(keys, values, query, mask, 0.7)
    votes = [np.exp(0.7 * key @ query) * ok for key, ok in zip(keys, mask, strict=True)]
    np.testing.assert_allclose(weights, np.array(votes) / sum(votes), rtol=1e-12)
    np.testing.assert_allclose(context, weights @ values, rtol=1e-12)


def test_large_scores_do_not_overflow():
    """Scores of 10,000 share out one unit, too."""
    weights, _ = attend(KEYS, VALUES, QUERY, MASK, 1e4)
    np.testing.assert_allclose(weights, [0, 1, 0, 0, 0], atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_nothing_to_attend_to():
    """A mask that allows nothing gives zeros, an empty hull, and a picture."""
    figure = make(mask=np.zeros(5, bool))
    assert figure.data["hull"] == []
    weights, context = attend(KEYS, VALUES, QUERY, np.zeros(5, bool), 1.0)
    assert not weights.any()
    assert not context.any()


def test_data_are_what_was_given():
    """What the script gets is what was passed in, to the last digit."""
    data = make(mask=MASK, scale=0.3).data
    np.testing.assert_array_equal(data["keys"], KEYS)
    np.testing.assert_array_equal(data["values"], VALUES)
    np.testing.assert_array_equal(data["query"], QUERY)
    np.testing.assert_array_equal(data["allowed"], MASK)
    assert data["labels"] == LABELS
    assert data["scale"] == 0.3


def test_hull_holds_all_points(rng):
    """Every point lies on the left of every edge, and corners are among the points."""
    points = rng.normal(size=(31, 2))
    corners = hull(points)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (dx, dy), (px, py) = b - a, (points - a).T
        assert (dx * py - dy * px > -1e-12).all()
    assert {tuple(c) for c in corners} <= {tuple(p) for p in points}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hull_of_a_few_points(n):
    """Up to two points are their own hull; a point twice counts once."""
    points = np.array([[1.0, 2.0], [3.0, 5.0]])[:n]
    np.testing.assert_array_equal(hull(np.repeat(points, 2, axis=0)), points)


def test_hull_of_a_line():
    """Points in a row have two corners."""
    points = np.arange(5.0)[:, None] * np.array([1.0, 2.0])
    np.testing.assert_array_equal(hull(points), points[[0, -1]])


def test_all_lies_within_reach():
    """Both planes hold all that is drawn in them, and a given reach is kept."""
    data = make().data
    assert data["asking"]["reach"] > 2.0
    assert data["giving"]["reach"] > 1.0
    assert make(reach=7.0).data["asking"]["reach"] == 7.0


@pytest.mark.filterwarnings("error")
def test_zeros_alone_can_be_drawn():
    """Where all is 0 the plane still has a size."""
    zeros = np.zeros((2, 2))
    make(keys=zeros, values=zeros, labels=["a", "b"], query=np.zeros(2))


def test_picture_shows_the_first_state():
    """The static sibling's bars are the weights, and it names every word."""
    static = make(mask=MASK).static
    weights, _ = attend(KEYS, VALUES, QUERY, MASK, 1.0)
    bars = static.axes[2].containers[0]
    np.testing.assert_allclose([bar.get_width() for bar in bars], weights)
    texts = {text.get_text() for text in static.findobj(Text)}
    assert {*LABELS, "query", "<pad> ×2", "0.81"} <= texts
    assert static.get_supxlabel().replace("\n", " ") == CAPTION


def test_nothing_is_cut_off():
    """Every text of the picture lies on the page, with long names too."""
    static = make(labels=["Donaudampfschifffahrtsgesellschaft", *LABELS[1:]]).static
    FigureCanvasAgg(static).draw()
    for text in static.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= static.bbox.x1, text


# --- bad input ---
# Under jaxtyping's import hook the annotations refuse wrong shapes first; `make` calls
# the function as a learner meets it.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keys": np.zeros((5, 3))}, r"keys: must have axes \(n_keys, d_key = 2\)"),
        (
            {"keys": np.zeros((0, 2)), "values": np.zeros((0, 2)), "labels": []},
            "keys: ",
        ),
        ({"values": VALUES[:3]}, r"values: .*n_keys = 5, .*got shape \(3, 2\)"),
        ({"query": np.zeros(3)}, r"query: must have axes \(d_key = 2\)"),
        ({"mask": MASK[:4]}, r"mask: must have axes \(n_keys = 5\).*got shape \(4,\)"),
        ({"labels": LABELS[:4]}, "labels: must have one entry for each key, 5, got 4"),
        (
            {"keys": np.full((5, 2), np.nan)},
            r"keys: must be finite, got nan at \(0,",
        ),
        (
            {"values": np.full((5, 2), np.inf)},
            "values: must be finite, got inf",
        ),
        (
            {"query": np.array([0.0, np.inf])},
            r"query: must be finite, got inf at \(1,\)",
        ),
        ({"scale": np.nan}, "scale: must be finite, got nan"),
        ({"reach": 1.5}, "reach: must be at least 2, got 1.5"),
    ],
)
def test_bad_input_is_named(changes, message):
    """Argument, what it must be, and what was given."""
    with pytest.raises(ValueError, match=message):
        make(**changes)
