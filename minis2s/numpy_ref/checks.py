"""What may be passed in: a sentence for each thing that may be wrong with it.

Each function looks at an argument and raises an error if it will not do: it names the
argument, what it must be and what was received. They stand at the entrances that a
learner calls, once for a call; inside, the shapes in the signatures are enough, which
the tests check.

Left out: what one file alone refuses; that stands there.

No twin: the other wing leaves most of this to PyTorch, which has its own sentences.
"""

import numpy as np
from jaxtyping import Bool, Int

# --- shapes ---


def check_shape(name: str, array: np.ndarray, **axes: int | None) -> None:
    """Refuse an array of the wrong shape, in one sentence.

    Args:
        name: the argument, as the caller wrote it.
        array: what was given for it.
        **axes: the name of each axis in order, with the size that it must have, or
            None if any size will do.

    Raises:
        ValueError: if the number of axes or a size is wrong.

    >>> check_shape("key", np.zeros((8, 20, 32)), batch=8, src_len=None, d_head=64)
    Traceback (most recent call last):
    ValueError: key: axis d_head must be 64, got 32 (shape (8, 20, 32))
    """
    if array.ndim != len(axes):
        names = ", ".join(axes)
        raise ValueError(f"{name}: must have axes ({names}), got shape {array.shape}")
    for (axis, expected), size in zip(axes.items(), array.shape, strict=True):
        if expected is not None and size != expected:
            raise ValueError(
                f"{name}: axis {axis} must be {expected}, got {size} "
                f"(shape {array.shape})"
            )


def check_width(name: str, rows: np.ndarray, **width: int) -> None:
    """Refuse rows of the wrong width, in whatever axes they are arranged.

    Args:
        name: the argument, as the caller wrote it.
        rows: what was given for it.
        **width: the name of the last axis, with the size that it must have.

    Raises:
        ValueError: if the last axis has another size, or there is none.

    >>> check_width("x", np.zeros((2, 3, 5)), d_in=4)
    Traceback (most recent call last):
    ValueError: x: axis d_in must be 4, got 5 (shape (2, 3, 5))
    """
    ((axis, expected),) = width.items()
    size = rows.shape[-1] if rows.ndim else "none"
    if size != expected:
        raise ValueError(
            f"{name}: axis {axis} must be {expected}, got {size} (shape {rows.shape})"
        )


def check_state(
    name: str,
    state: tuple[np.ndarray, ...],
    *parts: str,
    batch: int,
    d_hidden: int,
) -> None:
    """Refuse a recurrent state that another cell, or another batch, would have.

    Args:
        name: the argument, as the caller wrote it.
        state: what was given for it.
        *parts: the names of the arrays that it must hold.
        batch: how many sentences there are.
        d_hidden: width of the cell.

    Raises:
        ValueError: if there are more or fewer arrays, or one has the wrong shape.

    >>> h = np.zeros((2, 3))
    >>> check_state("state", (h, h, h), "h", batch=2, d_hidden=3)
    Traceback (most recent call last):
    ValueError: state: must be (h,), got 3 arrays
    """
    if len(state) != len(parts):
        wanted = ", ".join(parts) if len(parts) > 1 else f"{parts[0]},"
        raise ValueError(f"{name}: must be ({wanted}), got {len(state)} arrays")
    for part, array in zip(parts, state, strict=True):
        check_shape(f"{name} {part}", array, batch=batch, d_hidden=d_hidden)


def check_gradients(
    grad_outputs: np.ndarray,
    grad_state: tuple[np.ndarray, ...] | None,
    *parts: str,
    **axes: int,
) -> None:
    """Refuse gradients of a sequence that NumPy would stretch, or cut.

    Args:
        grad_outputs: gradient of the loss with respect to the outputs.
        grad_state: likewise for the state after the last position; None is zeros.
        *parts: the names of the arrays of that state.
        **axes: batch, len and d_hidden of the outputs.

    Raises:
        ValueError: if a gradient has not the shape of what it is the gradient of.
    """
    check_shape("grad_outputs", grad_outputs, **axes)
    if grad_state is not None:
        sizes = {name: axes[name] for name in ("batch", "d_hidden")}
        check_state("grad_state", grad_state, *parts, **sizes)


# --- values ---


def check_sizes(**sizes: int) -> None:
    """Refuse a width of nothing.

    Raises:
        ValueError: if a size is 0 or negative.

    >>> check_sizes(d_input=3, d_hidden=0)
    Traceback (most recent call last):
    ValueError: d_hidden: must be above 0, got 0
    """
    for name, size in sizes.items():
        if size <= 0:
            raise ValueError(f"{name}: must be above 0, got {size}")


def check_ids(name: str, ids: Int[np.ndarray, "*axes"], vocab_size: int) -> None:
    """Refuse ids that NumPy would count from the end, or not find.

    Args:
        name: the argument, as the caller wrote it.
        ids: what was given for it.
        vocab_size: how many ids there are.

    Raises:
        ValueError: if an id is negative, or vocab_size and above.

    >>> check_ids("tgt_out", np.array([[2, -1]]), vocab_size=5)
    Traceback (most recent call last):
    ValueError: tgt_out: ids must be from 0 to 4, got -1
    """
    odd = ids[(ids < 0) | (ids >= vocab_size)]
    if odd.size:
        raise ValueError(
            f"{name}: ids must be from 0 to {vocab_size - 1}, got {odd[0]}"
        )


# --- masks, and what they belong to ---


def check_bool(name: str, mask: np.ndarray) -> None:
    """Refuse a mask of numbers, of which nobody knows what they mean.

    Raises:
        TypeError: if the mask is not boolean.

    >>> check_bool("mask", np.array([1, 0]))
    Traceback (most recent call last):
    TypeError: mask: must be bool (True means may be attended to), got int64
    """
    if mask.dtype != np.bool_:
        raise TypeError(
            f"{name}: must be bool (True means may be attended to), got {mask.dtype}"
        )


def check_padding(name: str, mask: Bool[np.ndarray, "batch len"]) -> None:
    """Refuse a mask with padding in front of a token: its sentences have no last one.

    Args:
        name: the argument, as the caller wrote it.
        mask: True at tokens.

    Raises:
        ValueError: if there is padding before a token.

    >>> check_padding("src_mask", np.array([[True, False, True]]))
    Traceback (most recent call last):
    ValueError: src_mask: tokens must stand before padding, not so in sentence 0
    """
    late = (mask[:, 1:] & ~mask[:, :-1]).any(axis=1)
    if late.any():
        raise ValueError(
            f"{name}: tokens must stand before padding, not so in sentence "
            f"{late.argmax()}"
        )


def check_source_mask(src: np.ndarray, src_mask: np.ndarray) -> None:
    """Refuse source tokens of the wrong shape, and a mask that does not fit them.

    Args:
        src: source tokens.
        src_mask: True where `src` is a token.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
        TypeError: if the mask is not boolean.
    """
    check_shape("src", src, batch=None, src_len=None)
    check_shape("src_mask", src_mask, batch=len(src), src_len=src.shape[1])
    check_bool("src_mask", src_mask)
