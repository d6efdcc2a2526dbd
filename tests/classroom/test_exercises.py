"""Every exercise of every lesson: its check is right, sure, short and kind."""

import re

import numpy as np
import pytest

from minis2s.classroom.catalogue import EXERCISES
from minis2s.classroom.implement import Implement, Repair

each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
WRONG = [
    pytest.param(exercise, name, answer, id=f"{exercise.name}-{name}-{number}")
    for exercise in EXERCISES.values()
    for number, (name, answer) in enumerate(exercise.wrong_answers())
]
each_wrong = pytest.mark.parametrize(("exercise", "name", "answer"), WRONG)
FAILURES = [
    *(pytest.param(e, e.stub, id=f"{e.name}-stub") for e in EXERCISES.values()),
    *(pytest.param(*p.values[::2], id=p.id) for p in WRONG),
]
each_failure = pytest.mark.parametrize(("exercise", "answer"), FAILURES)
functions = [e for e in EXERCISES.values() if isinstance(e, Implement)]
each_function = pytest.mark.parametrize("exercise", functions, ids=lambda e: e.name)


def fault_of(exercise, answer):
    """What the check finds, what is drawn always being the same."""
    return exercise.find_fault(answer, np.random.default_rng(5))


def message_of(exercise, answer, hint=0):
    """What a learner reads."""
    with pytest.raises(AssertionError) as failure:
        exercise(answer, hint, rng=np.random.default_rng(5))
    assert failure.value.__context__ is None, "one traceback is enough"
    return str(failure.value)


# --- right answers, and those that are not begun ---


@each_exercise
def test_the_published_solution_passes(exercise):
    """Whatever is drawn, our own answer is right, and the report says what is new."""
    for seed in range(5):
        report = exercise(exercise.solution, rng=np.random.default_rng(seed))
    assert "\nNew: " in report
    assert max(map(len, report.splitlines())) <= 88


@each_exercise
def test_the_stub_is_answered_with_a_first_step(exercise):
    """An exercise that has not been begun gets a sentence that helps to begin."""
    assert fault_of(exercise, exercise.stub).name == "stub"


@each_exercise
def test_an_exercise_says_what_it_asks_for(exercise):
    """Task, minutes and a section are given; the task is the docstring of the check."""
    assert exercise.__doc__ == exercise.task
    assert exercise.task.startswith("Judge ")
    assert 1 <= exercise.minutes <= 45
    assert exercise.section


# --- the confusion matrix ---


@each_wrong
def test_each_wrong_answer_gets_its_own_message_and_no_other(exercise, name, answer):
    """The diagonal of wrong answers by messages is full, the rest empty."""
    assert fault_of(exercise, answer).name == name


@each_exercise
def test_the_catalogue_is_large_enough(exercise):
    """Eight wrong answers that behave differently, or three of the smaller kinds."""
    assert len(dict(exercise.wrong_answers())) >= exercise.n_wrong


@each_exercise
def test_no_two_messages_say_the_same(exercise):
    """Faults that are told apart are told apart in words."""
    told = {}
    for name, answer in exercise.wrong_answers():
        told.setdefault(message_of(exercise, answer, hint=2), set()).add(name)
    assert all(len(names) == 1 for names in told.values())


# --- what messages say ---


@pytest.mark.parametrize("hint", [0, 1, 2])
@each_failure
def test_messages_are_short(exercise, answer, hint):
    """At most eight lines of 88 columns, with all hints."""
    lines = message_of(exercise, answer, hint).splitlines()
    assert len(lines) <= 8
    assert max(map(len, lines)) <= 88


@each_failure
def test_messages_end_with_the_section(exercise, answer):
    """The last thing said is where to read on."""
    assert message_of(exercise, answer).endswith(f"({exercise.where})")


@each_failure
def test_messages_speak_of_the_code(exercise, answer):
    """Never of the learner."""
    told = message_of(exercise, answer, hint=2).lower()
    assert not re.search(r"\b(you|your|yours|forgot|forgotten|mistake)\b", told)


@each_failure
def test_without_a_hint_no_code_is_given_away(exercise, answer):
    """The plain message holds no call that would repair the fault."""
    told = message_of(exercise, answer)
    assert not re.search(r"np\.|keepdims|axis=|swapaxes", told)


@each_failure
def test_hints_grow(exercise, answer):
    """Each level says all that the last one said, and one thing more."""
    plain, idea, code = (
        message_of(exercise, answer, hint).splitlines()[:-1] for hint in (0, 1, 2)
    )
    assert idea[: len(plain)] == plain
    assert code[: len(idea)] == idea
    assert len(plain) < len(idea) < len(code)


# --- functions: what is not in the catalogue ---


def _returns(make):
    """An answer that makes something of the right result."""

    def disturb(exercise):
        def answer(*args):
            return make(exercise.right(*args))

        return answer

    return disturb


def _raises(exercise):
    def answer(*args):
        raise ValueError("no such axis")

    return answer


def _without_arguments(exercise):
    def answer():
        return None

    return answer


STRANGE = {
    "wrong_type": _returns(lambda result: None),
    "raised": _raises,
    "wrong_parameters": _without_arguments,
}


@pytest.mark.parametrize("name", STRANGE)
@each_function
def test_what_is_not_in_the_catalogue_gets_its_symptom(exercise, name):
    """The plainest thing that is wrong is reported, and no cause."""
    fault = fault_of(exercise, STRANGE[name](exercise))
    assert fault.name == name
    assert fault.advice.cause == ""


@each_function
def test_siblings_differ(exercise):
    """Two probes of one name have different results."""
    for probe in exercise.probes:
        first, second = (repr(exercise.right(*args)) for args in probe.pair())
        assert first != second, probe.name


@each_function
def test_a_cause_needs_both_probes(exercise):
    """Wrong on one of the two arguments alone, and no cause is named."""
    for name, wrong in exercise.wrong_answers():
        for probe in exercise.probes:
            first, _ = probe.pair()

            def answer(*args, wrong=wrong, first=first):
                return (wrong if repr(args) == repr(first) else exercise.right)(*args)

            fault = fault_of(exercise, answer)
            assert fault is None or fault.advice.cause == "", (name, probe.name)


@each_function
def test_what_was_learned_by_heart_does_not_help(exercise):
    """Whoever stores the answers to all known probes fails on those drawn anew."""
    known = {}
    for probe in exercise.probes:
        known.update({repr(args): exercise.right(*args) for args in probe.pair()})
    fault = fault_of(exercise, lambda *args: known.get(repr(args)))
    drawn = any(callable(probe.draw) for probe in exercise.probes)
    assert (fault is not None) == drawn


@pytest.mark.parametrize("exercise", [e for e in functions if isinstance(e, Repair)])
def test_what_is_handed_out_is_the_bug_that_is_meant(exercise):
    """The code of a repair gets the message of its own bug."""
    assert fault_of(exercise, exercise.broken).name == exercise.given
