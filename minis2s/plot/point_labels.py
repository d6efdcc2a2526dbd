"""Where the words beside points stand, so that they cover as little as they can."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from minis2s.plot.style import shorten

# Of a plane that is 216 units wide, as the script draws it.
_UNIT = 2 / 216
_LETTER, _HIGH, _OFF = 7.4 * _UNIT, 14 * _UNIT, 9 * _UNIT
_SIDES = [(1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)]


def place_words(
    points: Float[np.ndarray, "n_points 2"],
    labels: Sequence[str],
    reach: float,
    avoid: Float[np.ndarray, "n_avoid 2"],
) -> list[dict[str, Any]]:
    """One text for each place, and the side of its point on which it stands.

    Points that lie on one another share a text; a long one is cut. Each text in turn
    takes the side where it covers the fewest points and texts, and leads away from the
    others if it can.

    Args:
        points: what is labelled.
        labels: their names.
        reach: of the square plane, from 0 both ways.
        avoid: other points that should not be covered, e.g. along a line.

    >>> words = place_words(np.zeros((3, 2)), ["a", "b", "b"], 1.0, np.zeros((0, 2)))
    >>> words
    [{'point': [0.0, 0.0], 'text': 'a, b ×2', 'side': [1, 1]}]
    """
    obstacles = np.concatenate([points, avoid]) / reach
    middle = points.mean(axis=0) / reach
    taken: list[np.ndarray] = []
    words = []
    for point, text in _merge(points, labels, reach):
        boxes = [_box(point / reach, text, side) for side in _SIDES]
        away = [np.dot(point / reach - middle, side) for side in _SIDES]
        costs = [
            _cost(box, obstacles, taken) - 0.1 * gain
            for box, gain in zip(boxes, away, strict=True)
        ]
        best = int(np.argmin(costs))
        taken.append(boxes[best])
        words.append(
            {"point": point.tolist(), "text": text, "side": list(_SIDES[best])}
        )
    return words


def _merge(
    points: np.ndarray, labels: Sequence[str], reach: float
) -> Iterable[tuple[np.ndarray, str]]:
    places: list[tuple[np.ndarray, dict[str, int]]] = []
    for point, label in zip(points, labels, strict=True):
        near = (seen for p, seen in places if np.abs(p - point).max() < 0.02 * reach)
        names = next(near, None)
        if names is None:
            places.append((point, names := {}))
        names[label] = names.get(label, 0) + 1
    for point, names in places:
        counted = (f"{w} ×{n}" if n > 1 else w for w, n in names.items())
        yield point, shorten(", ".join(counted))


def _box(point: np.ndarray, text: str, side: tuple[int, int]) -> np.ndarray:
    """Lower left and upper right corner of a text on one side of a point."""
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    size = np.array([_LETTER * wide, _HIGH])
    corner = point + _OFF * np.array(side) + (np.array(side) - 1) / 2 * size
    return np.stack([corner, corner + size])


def _cost(box: np.ndarray, obstacles: np.ndarray, taken: list[np.ndarray]) -> float:
    covered = ((obstacles > box[0]) & (obstacles < box[1])).all(axis=1).sum()
    overlapping = sum(((box[0] < t[1]) & (t[0] < box[1])).all() for t in taken)
    return covered + 5.0 * overlapping + 20.0 * (np.abs(box) > 1).any()
