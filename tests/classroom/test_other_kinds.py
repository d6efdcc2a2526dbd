"""The engine's verdict on numbers by hand, on tests and on inventions."""

from dataclasses import replace

import numpy as np
import pytest

from minis2s.classroom.invent import Goal, Invent, Worked
from minis2s.classroom.trace import Tempting, Trace
from minis2s.classroom.write_test import Faulty, WriteTest

ABOUT = {
    "lesson": 2,
    "section": "4",
    "task": "Judge it.",
    "minutes": 5,
    "difficulty": 1,
    "look": "Look.",
    "idea": "Think.",
    "code": "Write.",
    "news": "that is new.",
}


def fault_of(exercise, answer):
    """What the check finds."""
    return exercise.find_fault(answer, np.random.default_rng(5))


def story_of(exercise, answer):
    """What a learner reads, in one line."""
    return " ".join(fault_of(exercise, answer).message().split())


# --- by hand ---

HAND = Trace(
    name="hand",
    entries=("the half", "the third", "the word"),
    expected=(0.5, 1 / 3, "third"),
    tempting={
        "swapped": Tempting((1 / 3, 0.5, "third"), "That.", "This.", "There."),
        "same": Tempting((0.5, 0.5, "third"), "That.", "This.", "There."),
        "same_again": Tempting((0.5, 0.5, "third"), "That.", "This.", "There."),
    },
    broken="They sum to 5/6.",
    **ABOUT,
)


@pytest.mark.parametrize(
    "answer",
    [
        (0.5, 0.33, "third"),
        [0.5, [1 / 3, "third"]],
        [np.float32(0.5), 0.333, "third"],
    ],
)
def test_entries_are_right_to_two_decimals(answer):
    """However they are nested, and whatever type they have."""
    assert HAND(answer).startswith("All 3 entries are right.")


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (..., "wrong_number", "0 of 3 entries are filled in."),
        ((0.5, ..., "third"), "stub", "The next to fill in is the third."),
        ((0.5, None, "third"), "stub", "2 of 3 entries are filled in."),
        ((0.5, 0.33), "wrong_number", "the entries asked for are the half, the third,"),
        ((0.33, 0.5, "third"), "swapped", "the half is given as 0.33, which is too sm"),
        (
            (0.5, 0.5, "third"),
            "wrong_entries",
            "the third is given as 0.5, which is too",
        ),
        (
            (0.5, 0.3, "third"),
            "wrong_entries",
            "Right: the half, the word. But the thi",
        ),
        ((0.5, 0.33, "half"), "wrong_entries", "given as 'half', which it is not."),
        (
            ("a", 0.33, "third"),
            "wrong_entries",
            "the half is given as 'a', which is no number",
        ),
    ],
)
def test_entries_that_are_not_right(answer, name, words):
    """Which are right is said, and on which side the first other one lies."""
    assert fault_of(HAND, answer).name == name
    assert words in story_of(HAND, answer)


def test_an_entry_may_have_advice_of_its_own():
    """It stands in place of the general one, and only where no cause is known."""
    own = replace(HAND, by_entry={"the third": ("Three of them are one.", "Where?")})
    assert "Three of them are one. Where?" in story_of(own, (0.5, 0.9, "third"))
    assert "They sum to 5/6." in story_of(own, (0.9, 0.33, "third"))
    assert fault_of(own, (0.33, 0.5, "third")).name == "swapped"


def test_the_right_entry_is_not_given_away():
    """A message says where the wrong number stands, not the one in its place."""
    assert "0.33" not in fault_of(HAND, (0.5, 0.9, "third")).message(2)


def test_a_function_in_place_of_entries_is_refused():
    """The error says what is asked for."""
    with pytest.raises(TypeError, match=r"answer: must be 3 entries in a row, as in c"):
        HAND(abs)


# --- a test is written ---


def _is_even_test(fn):
    assert fn(2)
    assert not fn(3)
    return True


EVEN = WriteTest(
    name="even",
    answer=_is_even_test,
    right={"by the remainder": (lambda n: n % 2 == 0,)},
    faulty={
        "always": Faulty((lambda n: True,), "calls every number even", "a", "b", "c"),
        "never": Faulty((lambda n: False,), "calls no number even", "a", "b", "c"),
        "stops": Faulty((lambda n: 1 / 0,), "stops", "a", "b", "c"),
    },
    wrong={},
    **ABOUT,
)


def _fails(fn):
    raise AssertionError("seven is odd")


@pytest.mark.parametrize(
    ("test", "name", "words"),
    [
        (lambda fn: True, "accepts_all", "But so are all 3 faulty ones."),
        (lambda fn: None, "accepts_all", "Right code is accepted. But so"),
        (lambda fn: fn(2), "always", "one is let through that calls every number even"),
        (lambda fn: not fn(3), "never", "accepted and 2 of 3 faulty ones rejected."),
        (lambda fn: False, "rejects_right", "by the remainder, with False."),
        (_fails, "rejects_right", "with AssertionError (seven is odd)."),
        (lambda fn: 3, "wrong_type", "But it returned an int."),
        (EVEN.stub, "stub", "It raises NotImplementedError"),
    ],
)
def test_tests_that_are_not_good_enough(test, name, words):
    """The first faulty implementation that is let through is spoken of."""
    assert fault_of(EVEN, test).name == name
    assert words in story_of(EVEN, test)


def test_a_test_that_tells_right_from_faulty_passes():
    """An error counts as a rejection, as it does in any suite."""
    assert EVEN(_is_even_test).startswith("Right implementations are accepted (1)")


# --- something is invented ---


def _measure(answer, rng):
    return {"size": answer(), "twice": 2 * answer()}


GOALS = {
    "size": Goal("the size", 3, "This.", "a", "b", "c", at_least=True),
    "twice": Goal("twice the size", 10, "This.", "a", "b", "c"),
}
SIZE = Invent(
    name="size",
    measure=_measure,
    goals=GOALS,
    worked={
        "three": Worked(lambda: 3, {"size": 3, "twice": 6}),
        "four": Worked(lambda: 4, {"size": 4, "twice": 8}),
    },
    wrong={},
    **ABOUT,
)


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (
            lambda: 2,
            "size",
            "1 of 2 goals are reached. But the size: 2, where at least 3",
        ),
        (
            lambda: 6,
            "twice",
            "1 of 2 goals are reached. But twice the size: 12, where at",
        ),
        (lambda: np.nan, "size", "But the size: nan"),
        (lambda: 1 / 0, "raised", "But it stopped with ZeroDivisionError: division by"),
        (SIZE.stub, "stub", "Goals: the size, at least 3; twice the size, at most 10."),
    ],
)
def test_the_first_goal_that_is_missed_is_spoken_of(answer, name, words):
    """With the number that was measured, and the bound."""
    assert fault_of(SIZE, answer).name == name
    assert words in story_of(SIZE, answer)


def test_success_stands_beside_the_worked_answers():
    """What was measured, and what two answers of ours reach."""
    report = SIZE(lambda: 5)
    assert "the size (at least 3): this 5, three 3, four 4." in report
    assert report.endswith("New: that is new.")
