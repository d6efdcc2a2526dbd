"""The ritual that ends every derivation: up to four witnesses, one line each.

Lesson 02 explains it in full; every later lesson has it as one cell. What each of the
witnesses sees, the others may not:

    loop spec            the forward pass, against the definition in slow loops
    finite differences   the backward pass, against two evaluations of the forward pass
    torch twin           both, against somebody else's mathematics
    package              that what was built in the lesson is what is shipped

Left out: how the witnesses are asked, which is the lesson's to write down. Numbers go
in and a table comes out; gradcheck.check_gradient makes those of the second line.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from minis2s.classroom.messages import Report

LIMITS = {
    "loop spec": 1e-12,
    "finite differences": 1e-6,
    "torch twin": 1e-9,
    "package": 1e-12,
}
"""How far a witness may be from ours, in float64: STYLE's ladder of evidence."""


def prove(
    *,
    loop_spec: tuple[object, object] | None = None,
    finite_differences: object = None,
    torch_twin: tuple[object, object] | None = None,
    package: tuple[object, object] | None = None,
) -> Report:
    """Ask each witness, and say in one line each how well it agrees.

    A pair (ours, theirs) agrees if |ours - theirs| <= limit (1 + |theirs|) everywhere.
    Either side is a number, an array, a tensor, or a sequence or mapping of such.

    Args:
        loop_spec: ours and that of minis2s.specs.
        finite_differences: errors from gradcheck.check_gradient, in any such shape.
        torch_twin: ours and that of PyTorch or of torch_nn.
        package: ours and that of numpy_ref.

    Returns:
        the table: a line for each witness that was asked.

    Raises:
        AssertionError: if a witness does not agree; it says which, where and by how
            much.
        ValueError: if no witness is asked, two sides are of different shapes, or
            there is nothing to compare.

    >>> prove(loop_spec=(0.1 + 0.2, 0.3), finite_differences=[3e-9])
    loop spec            agrees to better than 1e-12
    finite differences   agrees to better than 1e-06
    """
    errors = dict(_numbers(finite_differences))
    none = {place: np.zeros_like(error) for place, error in errors.items()}
    asked = {
        "loop spec": loop_spec,
        "finite differences": (errors, none) if errors else None,
        "torch twin": torch_twin,
        "package": package,
    }
    pairs = {witness: pair for witness, pair in asked.items() if pair}
    if not pairs:
        raise ValueError("prove: must be given at least one witness, got none")
    for witness, (ours, theirs) in pairs.items():
        _compare(witness, ours, theirs)
    lines = (f"{name:20} agrees to better than {LIMITS[name]:.0e}" for name in pairs)
    return Report("\n".join(lines))


def _compare(witness: str, ours: object, theirs: object) -> None:
    """Raise where the two sides are farther apart than the witness allows."""
    mine, other = dict(_numbers(ours)), dict(_numbers(theirs))
    if list(mine) != list(other) or not mine:
        raise ValueError(
            f"{witness}: both sides must have the same entries, got {list(mine)} and "
            f"{list(other)}"
        )
    for place, a in mine.items():
        b = other[place]
        if np.shape(a) != np.shape(b):
            raise ValueError(
                f"{witness}: entry {place} must have one shape on both sides, got "
                f"{np.shape(a)} and {np.shape(b)}"
            )
        gap = np.abs(a - b) / (1 + np.abs(b))
        if not (gap <= LIMITS[witness]).all():  # a NaN is no agreement
            raise AssertionError(
                f"{witness}: entry {place} is off by {np.max(gap):.3g}, more than "
                f"{LIMITS[witness]:.0e}"
            )


def _numbers(value: object, place: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every array inside, after the path to it; mappings in the order of their keys."""
    if value is None:
        return
    if isinstance(value, Mapping):
        inside = sorted(value.items())
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    else:
        detached = value.detach() if hasattr(value, "detach") else value
        yield place or "0", np.asarray(detached, dtype=np.float64)
        return
    for key, part in inside:
        yield from _numbers(part, f"{place}.{key}".lstrip("."))
