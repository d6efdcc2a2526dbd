"""What the figures refuse, in one sentence that names the argument."""

from collections.abc import Sequence

import numpy as np


def check_shape(name: str, array: np.ndarray, **axes: int | None) -> None:
    """Refuse an array of another shape, or an empty one.

    Args:
        name: the argument, as the caller wrote it.
        array: what was given for it.
        **axes: the name of each axis in order, with its size, or None if any will do.

    Raises:
        ValueError: if the number of axes or a size is wrong, or a size is 0.
    """
    want = ", ".join(
        axis if size is None else f"{axis} = {size}" for axis, size in axes.items()
    )
    right = array.ndim == len(axes) and all(
        size in (None, got)
        for size, got in zip(axes.values(), array.shape, strict=True)
    )
    if not right or 0 in array.shape:
        raise ValueError(
            f"{name}: must have axes ({want}) and not be empty, got shape {array.shape}"
        )


def check_finite(name: str, array: np.ndarray) -> None:
    """Refuse NaN and infinity, which have no place on a page.

    Raises:
        ValueError: if an entry is not finite; the message says which.
    """
    off = ~np.isfinite(array)
    if off.any():
        first = tuple(int(i) for i in np.argwhere(off)[0])
        raise ValueError(f"{name}: must be finite, got {array[first]} at {first}")


def check_count(
    name: str, given: Sequence[object] | np.ndarray, count: int, of: str
) -> None:
    """Refuse a list of another length.

    Args:
        name: the argument, as the caller wrote it.
        given: what was given for it.
        count: how long it must be.
        of: what there is one of it for.

    Raises:
        ValueError: if the length is another.
    """
    if len(given) != count:
        raise ValueError(
            f"{name}: must have one entry for each {of}, {count}, got {len(given)}"
        )
