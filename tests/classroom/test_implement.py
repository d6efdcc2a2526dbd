"""The engine's verdict on functions: sure of a cause or silent about it."""

import re

import numpy as np
import pytest

from minis2s.classroom.implement import Implement, Repair, Wrong
from minis2s.classroom.probes import Probe, staircase

WORDS = {"cause": "That.", "broken": "This.", "look": "There."}
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


# --- a backward pass in time: a tanh network with two hidden units ---


def run(weight, state, inputs):
    """States of h_t = tanh(h_(t-1) * weight + x_t), entry by entry."""
    states = [state]
    for x in inputs:
        states.append(np.tanh(states[-1] * weight + x))
    return states


def make_backward(through_time=True, derivative=True, adds=True, sees_state=True):
    """The backward pass, with one thing left out."""

    def backward(weight, state, inputs, grad_states):
        states = run(weight, state, inputs)
        grad_weight, grad_inputs = np.zeros_like(weight), np.zeros_like(inputs)
        grad = np.zeros_like(state)
        for t in reversed(range(len(inputs))):
            grad = (grad if through_time else 0.0) + grad_states[t]
            inner = grad * (1 - states[t + 1] ** 2 if derivative else 1.0)
            before = states[t] if sees_state else states[t + 1]
            grad_weight = (grad_weight if adds else 0.0) + inner * before
            grad_inputs[t] = inner
            grad = inner * weight
        return {"weight": grad_weight, "input": grad_inputs}

    return backward


def draw(rng, n_steps, zero_state, last_only):
    """Arguments of one stair."""
    grad_states = rng.normal(size=(n_steps, 2))
    if last_only:
        grad_states[:-1] = 0.0
    state = np.zeros(2) if zero_state else rng.normal(size=2)
    return rng.normal(size=2), state, rng.normal(size=(n_steps, 2)), grad_states


STAIRS = Implement(
    name="stairs",
    right=make_backward(),
    returns=("grads",),
    probes=staircase(draw),
    wrong={},
    blocks={"grads['weight']": (0, ("unit a", "unit b"))},
    **ABOUT,
)


@pytest.mark.parametrize(
    ("left_out", "stair"),
    [("derivative", 1), ("sees_state", 1), ("through_time", 3), ("adds", 3)],
)
def test_the_first_stair_that_breaks_is_spoken_of(left_out, stair):
    """Each fault shows on the stair where it has its first chance to."""
    story = story_of(STAIRS, make_backward(**{left_out: False}))
    assert f'check_stairs.probe("stair {stair}")' in story


def test_a_stair_says_what_agrees_and_what_does_not():
    """The array, and of a stacked one the block, is named with both numbers."""

    def only_one_unit(*args):
        grads = make_backward()(*args)
        grads["weight"][1] *= 2
        return grads

    story = story_of(STAIRS, only_one_unit)
    assert story.startswith("1 of 5 checks passes. The next: one step, from a state")
    assert "grads['weight'] (unit a), grads['input'] agree." in story
    assert re.search(r"But grads\['weight'\] \(unit b\)\[0\] is \S+, expected", story)


# --- two wrong answers that are hard to tell apart ---


def _draw(low):
    return lambda rng: (np.arange(low, 4.0) + rng.normal(size=int(4 - low)),)


TWINS = Implement(
    name="twins",
    right=lambda x: x.sum(),
    returns=("total",),
    probes=(
        Probe("one", "one number", _draw(3.0)),
        Probe("three", "three numbers", _draw(1.0)),
    ),
    wrong={
        "minus": Wrong(lambda x: -x.sum(), **WORDS),
        "minus_first": Wrong(lambda x: -x[0], **WORDS),
        "last": Wrong(lambda x: x[-1], **WORDS),
    },
    **ABOUT,
)


@pytest.mark.parametrize("name", TWINS.wrong)
def test_a_later_probe_separates_what_an_earlier_one_cannot(name):
    """Two that do the same with one number do not with three."""
    fault = fault_of(TWINS, TWINS.wrong[name].answers)
    assert fault.name == name
    assert fault.source.startswith("Input: lesson02.check_twins.probe(")


def test_what_cannot_be_separated_gets_no_cause():
    """Two wrong answers that do the same everywhere are a symptom, not a cause."""
    wrong = {name: Wrong(lambda x: -x.sum(), **WORDS) for name in "ab"}
    exercise = Implement(
        name="same",
        right=lambda x: x.sum(),
        returns=("total",),
        probes=TWINS.probes,
        wrong=wrong,
        **ABOUT,
    )
    fault = fault_of(exercise, lambda x: -x.sum())
    assert (fault.name, fault.advice.cause) == ("wrong_values", "")


def test_a_wrong_answer_that_is_right_on_the_sibling_is_no_evidence():
    """It has to be wrong twice, or a cause would be named on one probe alone."""
    probe = Probe("fixed", "two numbers", ((-1.0,), (2.0,)))
    exercise = Implement(
        name="size",
        right=abs,
        returns=("size",),
        probes=(probe,),
        wrong={"identity": Wrong(lambda x: x, **WORDS)},
        **ABOUT,
    )
    assert fault_of(exercise, lambda x: x).name == "wrong_values"


# --- symptoms ---


def _changes(x):
    total = x.sum()
    x[:] = 0
    return total


def _stops(x):
    return x.no_such_thing


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (lambda x: None, "wrong_type", "It returned nothing (None); expected a float"),
        (lambda x: x.sum() * np.nan, "not_finite", "1 of 1 entries of total are NaN"),
        (lambda x: np.float32(x.sum()), "precision", "some digits are lost"),
        (lambda x: x.sum() + 1, "wrong_values", "Nothing that this check knows"),
        (_changes, "changes_its_input", "the caller's x is not what it was"),
        (_stops, "raised", "at the line `return x.no_such_thing` with AttributeError"),
        (lambda: 1.0, "wrong_parameters", "It was called as <lambda>(x), all by"),
        (TWINS.stub, "stub", "return a float64"),
    ],
)
def test_what_is_not_in_the_catalogue_gets_its_symptom(answer, name, words):
    """The plainest thing that is wrong is said, and no cause."""
    fault = fault_of(TWINS, answer)
    assert (fault.name, fault.advice.cause) == (name, "")
    assert words.lower() in story_of(TWINS, answer).lower()


def test_a_wrong_shape_is_said_with_both_shapes():
    """Of arrays, the shape comes before the values."""
    fault = fault_of(STAIRS, lambda *a: {"weight": np.ones(3), "input": a[2]})
    assert fault.name == "wrong_shape"
    assert "grads['weight'] has the shape (3,), expected (2,)" in fault.message()


def test_a_property_that_does_not_hold_is_said():
    """An exercise may know more than the first entry that differs."""
    exercise = Implement(
        name="property",
        right=lambda x: x.sum(),
        returns=("total",),
        probes=TWINS.probes,
        wrong={},
        properties=(lambda e: "It is not finite.", lambda e: "Not reached."),
        **ABOUT,
    )
    assert "It is not finite." in story_of(exercise, lambda x: x.sum() + 1)


# --- texts and lists ---


def _pieces(text):
    return text.split(" ")


SPLIT = Implement(
    name="split",
    right=_pieces,
    returns=("pieces",),
    probes=(
        Probe("plain", "two words", (("ein hund",), ("eine katze",))),
        Probe("gap", "two blanks", (("ein  hund",), ("eine  katze",))),
    ),
    wrong={"gap_lost": Wrong(str.split, **WORDS), "letters": Wrong(list, **WORDS)},
    **ABOUT,
)


def test_a_tokenizer_can_be_judged():
    """Texts in, lists out, with the first piece that differs."""
    assert SPLIT(_pieces).startswith("All 3 checks pass")
    assert fault_of(SPLIT, str.split).name == "gap_lost"
    assert "pieces[0] is 'e', expected 'ein'" in story_of(SPLIT, list)
    assert "pieces[1] is 'Hund', expected 'hund'" in story_of(
        SPLIT, lambda text: text.title().replace("Ein", "ein").split(" ")
    )


# --- the entrance ---


def test_a_result_instead_of_a_function_is_refused():
    """The most common slip of all: check_split(split(...))."""
    with pytest.raises(
        TypeError, match=r"answer: must be the function itself, as in c"
    ):
        SPLIT(["ein", "hund"])


def test_an_unknown_hint_is_refused():
    """There are three levels."""
    with pytest.raises(ValueError, match="hint: must be 0, 1 or 2, got 3"):
        SPLIT(_pieces, 3)


def test_an_unknown_probe_is_refused():
    """The error lists those that there are."""
    with pytest.raises(
        ValueError, match=r"check_split.probe: want one of plain, gap, "
    ):
        SPLIT.probe("long")


def test_a_probe_can_be_looked_at():
    """What a message speaks of, and its sibling."""
    assert SPLIT.probe("plain", 1) == ("eine katze",)
    first, again = STAIRS.probe("stair 2"), STAIRS.probe("stair 2")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_repair_hands_out_a_bug_that_it_knows():
    """Else nobody would be told what is wrong with it."""
    with pytest.raises(
        ValueError, match="given: must be one of minus, minus_first, la"
    ):
        Repair(
            name="repair",
            right=abs,
            returns=("size",),
            probes=(),
            wrong=TWINS.wrong,
            given="plus",
            **ABOUT,
        )


def test_a_difficulty_is_out_of_five():
    """Anything else is a slip of the pen."""
    with pytest.raises(ValueError, match="difficulty: must be from 1 to 5, got 6"):
        Implement(
            name="hard",
            right=abs,
            returns=("size",),
            probes=(),
            wrong={},
            **{**ABOUT, "difficulty": 6},
        )
