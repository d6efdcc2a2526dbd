"""What an answer returns, and how that compares with what was asked for.

Results may be numbers, arrays, texts, lists, dicts of gradients or tuples of these.
Two are the same if they are of one kind and shape and their numbers agree to nine
digits. What differs is named by its place, as a learner would write it:
grads['bias'][2].

Left out: what there is to say about a difference, which symptoms.py says.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

TOLERANCE = 1e-9
_PLAIN = str | bytes | set | frozenset


class Trial(NamedTuple):
    """What an answer did when it was called."""

    args: tuple
    result: object
    changed: tuple[int, ...]
    """the arguments, by position, that the call has written to"""
    error: Exception | None


class Part(NamedTuple):
    """One result among several: its name, and what it is beside what it should be."""

    name: str
    got: object
    want: object


class Difference(NamedTuple):
    """The first place at which two results differ."""

    place: str
    got: object
    want: object

    def __str__(self) -> str:
        """As a message says it."""
        for digits in (4, 7, 10, 17):  # as many as it takes to see a difference
            got, want = write(self.got, digits), write(self.want, digits)
            if got != want:
                break
        return f"{self.place} is {got}, expected {want}"


def try_out(fn: Callable, args: tuple) -> Trial:
    """Call an answer with copies of the arguments and keep what it did.

    Args:
        fn: the answer.
        args: they stay as they are, whatever fn does with its copies.

    Returns:
        a copy of the result, which arguments were changed, and the error if any.
    """
    given = copy.deepcopy(args)
    try:
        with np.errstate(all="ignore"):
            result = fn(*given)
    except Exception as error:
        return Trial(args, None, (), error)
    pairs = enumerate(zip(args, given, strict=True))
    changed = tuple(i for i, (before, after) in pairs if not same(before, after, 0.0))
    return Trial(args, _copy(result), changed, None)


def same(a: object, b: object, tolerance: float = TOLERANCE) -> bool:
    """Whether two results are the same in kind and shape, and in value.

    NaN equals NaN here: a wrong answer may be known by its NaNs. A tuple may stand for
    a list. Objects that cannot be looked into count as the same if their type is.

    >>> same((1.0, "a"), [1.0 + 1e-12, "a"])
    True
    >>> same({"bias": np.zeros(2)}, {"bias": np.zeros(3)})
    False
    """
    if is_number(a) and is_number(b):
        return bool(np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return _same_arrays(a, b, tolerance)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(
            same(x, y, tolerance) for x, y in zip(a, b, strict=True)
        )
    if isinstance(a, _PLAIN):
        return isinstance(b, _PLAIN) and a == b
    return type(a) is type(b)


def alike(got: object, want: object) -> bool:
    """Whether a result is of the kind that was asked for, whatever its values.

    Tuples must be of one length and dicts have the same keys; lists may be of any.
    """
    if is_number(got) or is_number(want):
        return is_number(got) and is_number(want)
    if isinstance(want, np.ndarray):
        return is_array(got) == is_array(want) and isinstance(got, np.ndarray)
    if isinstance(want, Mapping):
        keys = isinstance(got, Mapping) and got.keys() == want.keys()
        return keys and all(alike(got[key], want[key]) for key in want)
    if isinstance(want, tuple):
        pair = isinstance(got, tuple | list) and len(got) == len(want)
        return pair and all(alike(a, b) for a, b in zip(got, want, strict=True))
    if isinstance(want, list):
        return isinstance(got, tuple | list)
    return isinstance(got, type(want))


def parts(got: object, want: object, names: tuple[str, ...]) -> list[Part]:
    """The results one by one, of two that are alike.

    Args:
        got: what was returned.
        want: what should have been.
        names: what the results are called; one, unless a tuple is returned.
    """
    if isinstance(want, Mapping):
        return [Part(f"{names[0]}[{key!r}]", got[key], want[key]) for key in want]
    if len(names) == 1:
        return [Part(names[0], got, want)]
    return [
        part
        for name, a, b in zip(names, got, want, strict=True)
        for part in parts(a, b, (name,))
    ]


def first_difference(part: Part, tolerance: float = TOLERANCE) -> Difference:
    """Where two results that are not the same differ first."""
    return next(_differences(*part, tolerance))


def is_number(a: object) -> bool:
    """Whether it is one number; an array without axes is."""
    return isinstance(a, int | float | np.number | np.bool_) or (
        is_array(a) and a.ndim == 0
    )


def is_array(a: object) -> bool:
    """Whether it is an array of numbers."""
    return isinstance(a, np.ndarray) and a.dtype.kind in "fiub"


def describe(result: object) -> str:
    """What something is, in a few words.

    >>> describe((np.zeros((2, 3)), 1.0))
    'a tuple of 2 (array of shape (2, 3), float)'
    """
    if result is None:
        return "nothing (None)"
    if isinstance(result, Mapping):
        inside = ", ".join(f'"{k}": {_kind(v)}' for k, v in list(result.items())[:3])
        return f"a dict of {len(result)} ({inside}{', ...' * (len(result) > 3)})"
    if isinstance(result, tuple | list):
        inside = ", ".join(_kind(part) for part in result[:3])
        kind, more = type(result).__name__, ", ..." * (len(result) > 3)
        return f"a {kind} of {len(result)} ({inside}{more})"
    article = "an" if _kind(result)[0] in "aeiou" else "a"
    return f"{article} {_kind(result)}"


def write(value: object, digits: int = 4) -> str:
    """A value as it stands in a sentence, cut where it is long."""
    if is_number(value) and not isinstance(value, bool):
        return f"{float(value):.{digits}g}"
    text = describe(value) if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _copy(result: object) -> object:
    """A copy, in case the original is written to later; itself if there can be none."""
    try:
        return copy.deepcopy(result)
    except TypeError:  # a generator, say
        return result


def _differences(
    place: str, got: object, want: object, tolerance: float
) -> Iterator[Difference]:
    """All places at which two results that are alike differ, in order."""
    if same(got, want, tolerance):
        return
    inside = list(_inside(got, want))
    for key, a, b in inside:
        yield from _differences(f"{place}[{key}]", a, b, tolerance)
    if isinstance(want, tuple | list) and len(got) != len(want):
        yield Difference(f"len({place})", len(got), len(want))
    elif not inside:
        yield Difference(place, got, want)


def _inside(got: object, want: object) -> Iterator[tuple[str, object, object]]:
    """The entries of two containers in pairs, after the index of each."""
    if is_array(got) and is_array(want) and got.shape == want.shape != ():
        for index in np.ndindex(got.shape):
            yield ", ".join(map(str, index)), got[index], want[index]
    elif isinstance(want, Mapping) and isinstance(got, Mapping):
        yield from ((repr(key), got[key], want[key]) for key in want)
    elif isinstance(want, tuple | list) and isinstance(got, tuple | list):
        for i, (a, b) in enumerate(zip(got, want, strict=False)):
            yield str(i), a, b


def _same_arrays(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    if a.shape != b.shape or is_array(a) != is_array(b):
        return False
    if not is_array(a):
        return bool((a == b).all())
    return np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def _kind(part: object) -> str:
    """The type of one thing, and its shape if it has one."""
    shape = getattr(part, "shape", None)
    name = "array" if is_array(part) else type(part).__name__
    if isinstance(part, str | list | tuple | Mapping):
        return f"{name} of {len(part)}"
    return f"{name} of shape {tuple(shape)}" if shape else name
