"""Words beside points: none on another, none over the edge where it can be helped."""

import numpy as np
import pytest

from minis2s.plot import point_labels
from minis2s.plot.point_labels import place_words

NONE = np.zeros((0, 2))


def boxes(words, reach):
    """Corners of each text, in shares of the reach."""
    return [
        point_labels._box(np.array(w["point"]) / reach, w["text"], tuple(w["side"]))
        for w in words
    ]


def test_texts_do_not_overlap(rng):
    """Words at points that are an inch apart do not touch."""
    points = np.array([[0, 0], [0.3, 0.02], [-0.4, -0.1], [0, 0.3], [0.05, -0.4]])
    words = place_words(points, ["eins", "zwei", "drei", "vier", "fünf"], 1.0, NONE)
    placed = boxes(words, 1.0)
    for i, one in enumerate(placed):
        for other in placed[:i]:
            assert not ((one[0] < other[1]) & (other[0] < one[1])).all()


@pytest.mark.parametrize("corner", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_texts_stay_in_the_plane(corner):
    """In every corner a word turns inwards, at any scale."""
    point = 2.85 * np.array([corner])
    words = place_words(point, ["schläft" * 7], 3.0, NONE)
    assert len(words[0]["text"]) == 14
    assert (np.abs(boxes(words, 3.0)[0]) <= 1).all()


def test_what_is_to_be_avoided_is_not_covered():
    """A line that leaves to the right and up pushes the word elsewhere."""
    along = np.linspace(0, 1, 20)[:, None] * np.array([0.8, 0.4])
    low, high = boxes(place_words(np.zeros((1, 2)), ["Hund"], 1.0, along), 1.0)[0]
    assert not ((along > low) & (along < high)).all(axis=1).any()


def test_coincident_points_share_a_text():
    """Their names are counted in order; a point elsewhere keeps its own."""
    points = np.array([[1.0, 1], [0, 0], [1, 1.001], [1, 1]])
    words = place_words(points, ["<pad>", "a", "b", "<pad>"], 1.5, NONE)
    assert [word["text"] for word in words] == ["<pad> ×2, b", "a"]


def test_wide_characters_need_twice_the_room():
    """An ideograph counts as two letters."""
    one, two = (point_labels._box(np.zeros(2), text, (1, 1)) for text in ("我", "ab"))
    np.testing.assert_array_equal(one, two)
