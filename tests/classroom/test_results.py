"""Results of any kind can be compared, and the first difference has a place."""

import numpy as np
import pytest

from minis2s.classroom.results import (
    Part,
    alike,
    describe,
    first_difference,
    parts,
    same,
    try_out,
)

GRADS = {"weight": np.arange(6.0).reshape(2, 3), "bias": np.ones(3)}


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.0 + 1e-6, False),
        (np.array(2.0), 2, True),
        (np.nan, np.nan, True),
        (np.ones(3), np.ones(3), True),
        (np.ones(3), np.ones((3, 1)), False),
        (np.ones(3), [1.0, 1.0, 1.0], False),
        (np.array(["a"]), np.array(["a"]), True),
        (np.array(["a"]), np.array(["b"]), False),
        (np.array(["a"]), np.ones(1), False),
        (np.ones(1, dtype=object), np.ones(1), False),
        (GRADS, dict(GRADS), True),
        (GRADS, {"weight": GRADS["weight"]}, False),
        (GRADS, {**GRADS, "bias": np.zeros(3)}, False),
        ((1, "a"), [1, "a"], True),
        ([1, 2], [1, 2, 3], False),
        ("ab", "ab", True),
        ("ab", "ba", False),
        ({1, 2}, {1, 2}, True),
        (None, None, True),
        (None, 0, False),
        ("1", 1, False),
        ("a", np.array(["a"]), False),
        ("a", np.ones((2, 3)), False),
    ],
)
def test_same_is_of_one_kind_shape_and_value(a, b, equal):
    """Arrays, numbers, texts, lists and dicts, whichever comes first."""
    assert same(a, b) == equal
    assert same(b, a) == equal


@pytest.mark.parametrize(
    ("got", "want", "expected"),
    [
        (1, 2.0, True),
        ("1", 2.0, False),
        (np.ones(3), np.ones((2, 2)), True),
        (np.array(["a"]), np.ones(1), False),
        ([1.0], np.ones(1), False),
        (GRADS, GRADS, True),
        ({"weight": 1.0, "bias": np.ones(3)}, GRADS, False),
        ((np.ones(2), 1.0), (np.ones(3), 2.0), True),
        ((np.ones(2),), (np.ones(3), 2.0), False),
        (["a"], ["a", "b"], True),
        ("ab", ["a", "b"], False),
        ("a", "b", True),
        (None, "b", False),
    ],
)
def test_alike_asks_for_the_kind_alone(got, want, expected):
    """Values and shapes may differ; types, keys and the number of results may not."""
    assert alike(got, want) == expected


@pytest.mark.parametrize(
    ("got", "want", "sentence"),
    [
        (1.5, 2.0, "x is 1.5, expected 2"),
        (np.array([[1.0, 2.0]]), np.array([[1.0, 3.0]]), "x[0, 1] is 2, expected 3"),
        (1.0, 1.0 + 1e-6, "x is 1, expected 1.000001"),
        (1.0, 1.0 + 1e-8, "x is 1, expected 1.00000001"),
        ("ab", "ba", "x is 'ab', expected 'ba'"),
        (["a", "b"], ["a", "c"], "x[1] is 'b', expected 'c'"),
        (["a"], ["a", "c"], "len(x) is 1, expected 2"),
        ([["a"], []], [["a"], ["b"]], "len(x[1]) is 0, expected 1"),
        ({"k": [1, 2]}, {"k": [1, 3]}, "x['k'][1] is 2, expected 3"),
        ("a" * 99, "b", f"x is '{'a' * 36}..., expected 'b'"),
    ],
)
def test_the_first_difference_is_said_with_its_place(got, want, sentence):
    """With as many digits as it takes to see it."""
    assert str(first_difference(Part("x", got, want))).startswith(sentence)


def test_results_are_named_one_by_one():
    """A tuple by the names given, a dict by its keys."""
    result = (np.ones(2), GRADS)
    names = [part.name for part in parts(result, result, ("grad_input", "grads"))]
    assert names == ["grad_input", "grads['weight']", "grads['bias']"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "nothing (None)"),
        (np.ones((2, 3)), "an array of shape (2, 3)"),
        (1.0, "a float"),
        ("text", "a str of 4"),
        ((np.ones(2), "a"), "a tuple of 2 (array of shape (2,), str of 1)"),
        ([1, 2, 3, 4], "a list of 4 (int, int, int, ...)"),
        (GRADS, "a dict of 2 (\"weight\": array of shape (2, 3), \"bias\": array of "
         "shape (3,))"),
    ],
)  # fmt: skip
def test_what_came_back_is_said_as_it_came(result, words):
    """In a few words, whatever it is."""
    assert describe(result) == words


def test_trying_out_leaves_the_arguments_alone():
    """What was written to is noticed, and the caller's own is as before."""
    array, words, rng = np.ones(3), ["a"], np.random.default_rng(0)

    def careless(array, words, rng):
        array *= 2
        words.append(str(rng.normal()))
        return array

    trial = try_out(careless, (array, words, rng))
    assert trial.changed == (0, 1)
    assert array.tolist() == [1.0, 1.0, 1.0]
    assert words == ["a"]


def test_an_error_is_kept():
    """What stopped the answer is there to be spoken of."""
    assert isinstance(try_out(lambda a: a[3], ([],)).error, IndexError)


def test_a_generator_is_a_result_like_any_other():
    """It cannot be copied, and is of the wrong type, but stops nothing."""
    result = try_out(lambda text: (c for c in text), ("ab",)).result
    assert describe(result) == "a generator"
    assert not alike(result, ["a", "b"])
