"""Every exercise of every lesson: its check is right, sure, short and kind."""

import importlib
import re

import numpy as np
import pytest

from minis2s.classroom.catalogue import EXERCISES
from minis2s.classroom.implement import Implement, Repair
from minis2s.classroom.results import same, try_out
from minis2s.classroom.table import TABLE, make_table

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


FAULTS = {}


def fault_of(exercise, answer):
    """What the check finds, what is drawn always being the same; found once."""
    key = exercise, id(answer)
    if key not in FAULTS:
        FAULTS[key] = exercise.find_fault(answer, np.random.default_rng(5)), answer
    return FAULTS[key][0]


def message_of(exercise, answer, hint=0):
    """What a learner reads."""
    return fault_of(exercise, answer).message(hint)


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
@each_exercise
def test_the_check_fails_with_the_message(exercise, hint):
    """An AssertionError says it, with one traceback."""
    _, answer = next(exercise.wrong_answers())
    with pytest.raises(AssertionError) as failure:
        exercise(answer, hint, rng=np.random.default_rng(5))
    assert str(failure.value) == message_of(exercise, answer, hint)
    assert failure.value.__context__ is None


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
        [
            line
            for line in message_of(exercise, answer, hint).splitlines()[:-1]
            if not line.startswith("Input:")  # stands behind the hints
        ]
        for hint in (0, 1, 2)
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
        first = first_failure(exercise, wrong)

        def answer(*args, wrong=wrong, first=first):
            return (wrong if repr(args) == repr(first) else exercise.right)(*args)

        assert (
            exercise.find_fault(answer, np.random.default_rng(5)).advice.cause == ""
        ), name


def first_failure(exercise, wrong):
    """The first arguments for which a wrong answer is wrong, and not only careless."""
    for probe in exercise.probes:
        for args in probe.pair():
            trial, want = try_out(wrong, args), exercise.right(*args)
            if trial.error or not same(trial.result, want, exercise.tolerance):
                return args
    raise AssertionError("it is right everywhere")


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


# --- all of them together ---


def test_the_table_is_true():
    """README.md of the classroom is what `python -m minis2s.classroom` would write."""
    assert TABLE.read_text(encoding="utf-8") == make_table()


def test_a_check_bears_the_name_of_its_exercise():
    """What a message calls check_<name> can be imported under that name."""
    for exercise in EXERCISES.values():
        lesson = importlib.import_module(
            f"minis2s.classroom.lesson{exercise.lesson:02}"
        )
        assert callable(getattr(lesson, exercise.__name__)), exercise.name


def test_a_lesson_has_exercises_of_several_kinds():
    """Never five times the same: lesson 02 has all five kinds."""
    kinds = {e.kind for e in EXERCISES.values() if e.lesson == 2}
    assert kinds == {"trace", "repair", "implement", "test", "invent"}


@pytest.mark.parametrize(
    "exercise", [e for e in EXERCISES.values() if e.kind == "invent"]
)
def test_worked_answers_reach_what_is_said(exercise):
    """There are two, both reach the goals, and the numbers beside them are measured."""
    assert len(exercise.worked) == 2
    for worked in exercise.worked.values():
        assert exercise.find_fault(worked.answer, np.random.default_rng(7)) is None
        measured = exercise.measure(worked.answer, np.random.default_rng(0))
        assert dict(measured) == pytest.approx(dict(worked.measured))
