"""The check of lesson 00 is right about right code, and sure only where it may be."""

import math
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from minis2s import specs
from minis2s.classroom import attention_probe, check_attention
from minis2s.classroom.attention import (
    CHECKS,
    WHERE,
    diagnose,
    find_fault,
    try_out,
)
from minis2s.classroom.attention_probes import PROBES, unseen_probe
from minis2s.classroom.wrong_attention import (
    CATALOGUE,
    agreement,
    attend,
    fill_with,
    right,
    scaled_scores,
    softmax,
)

MUTANTS = [
    pytest.param(kind, name, wrong, id=f"{kind}-{name}-{number}")
    for kind, faults in CATALOGUE.items()
    for name, variants in faults.items()
    for number, wrong in enumerate(variants)
]
each_mutant = pytest.mark.parametrize(("kind", "name", "wrong"), MUTANTS)


def fault_of(fn):
    """What the check finds, the last probe always being the same."""
    return find_fault(fn, np.random.default_rng(5))


def message_of(fn, hint=0):
    """What a learner reads."""
    with pytest.raises(AssertionError) as failure:
        check_attention(fn, hint, rng=np.random.default_rng(5))
    return str(failure.value)


def story_of(fn):
    """The same in one line, for looking up what it says."""
    return " ".join(message_of(fn).split())


# --- implementations that are right, each in its own way ---


def by_the_loop(query, key, value, mask):
    """The specification, one number at a time."""
    return specs.dot_attention(query, key, value, mask, scaled=True)


def with_nan_to_num(query, key, value, mask):
    """-inf, a maximum that ignores nothing, and NaN turned into 0 at the end."""
    return attend(scaled_scores(query, key), value, mask)


def with_einsum(query, key, value, mask):
    """Scale first, product of the votes with the mask, a list in place of a pair."""
    scores = np.einsum("btd,bsd->bts", query / math.sqrt(query.shape[-1]), key)
    top = np.max(scores, axis=-1, keepdims=True, where=mask, initial=-np.inf)
    votes = np.exp(np.where(mask, scores - np.where(top > -np.inf, top, 0.0), -np.inf))
    weights = votes / np.maximum(votes.sum(axis=-1, keepdims=True), 1e-300)
    return [np.einsum("bts,bsv->btv", weights, value), weights]


RIGHT = [right, by_the_loop, with_nan_to_num, with_einsum]


@pytest.mark.parametrize("fn", RIGHT)
def test_a_right_implementation_passes(fn):
    """Whatever way it is written, right is right."""
    assert check_attention(fn).startswith(f"All {len(CHECKS)} checks pass")


@pytest.mark.parametrize("seed", range(20))
def test_a_right_implementation_passes_on_whatever_is_drawn(seed):
    """The probe that nobody has seen does not fail right code by bad luck."""
    assert find_fault(with_einsum, np.random.default_rng(seed)) is None


def test_success_says_one_new_thing():
    """The report compares the memory of both, measured now."""
    assert re.search(
        r"yours holds \d+\.\d arrays .* the package's \d", check_attention(right)
    )


def test_the_report_shows_without_quotation_marks():
    """A notebook shows the report's repr, which is the text itself."""
    report = check_attention(right)
    assert repr(report) == str(report)


# --- the confusion matrix ---


def test_the_catalogue_is_large_enough():
    """Some thirty faults, in more than thirty-five shapes."""
    names = {param.values[1] for param in MUTANTS}
    assert len(names) >= 28
    assert len(MUTANTS) > 35


@each_mutant
def test_each_fault_gets_its_own_message_and_no_other(kind, name, wrong):
    """The diagonal of mutants by messages is full, the rest empty."""
    assert fault_of(wrong).name == name


@each_mutant
def test_each_fault_is_seen_on_the_probe_it_is_listed_under(kind, name, wrong):
    """Earlier probes are passed: the catalogue says truly where a fault first shows."""
    shown = "ordinary" if kind == "inputs" else kind
    assert f'attention_probe("{shown}")' in fault_of(wrong).source


def test_no_two_faults_share_their_words():
    """Two different faults never produce the same sentence about the cause."""
    causes = {}
    for param in MUTANTS:
        _, name, wrong = param.values
        causes.setdefault(fault_of(wrong).advice.cause, set()).add(name)
    assert all(len(names) == 1 for names in causes.values())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [pytest.param(*p.values[::2], id=p.id) for p in MUTANTS if p.values[0] in PROBES],
)
def test_a_cause_needs_both_probes(kind, wrong):
    """Right on one of the two probes, and no cause is named."""
    probes = [attention_probe(kind, sibling) for sibling in (0, 1)]
    trials = [try_out(wrong, probes[0]), try_out(right, probes[1])]
    assert diagnose(kind, trials) is None


def two_faults(query, key, value, mask):
    """Neither mask nor scale."""
    weights = softmax(agreement(query, key))
    return weights @ value, weights


def zeros(query, key, value, mask):
    """The right shapes, and nothing in them."""
    return np.zeros((*query.shape[:2], value.shape[-1])), np.zeros(mask.shape)


def hard_coded_scale(query, key, value, mask):
    """The scale of another width."""
    return attend(agreement(query, key) / 8.0, value, mask)


def scale_of_the_probe(query, key, value, mask):
    """A scale that fits all probes but the unseen one."""
    return attend(agreement(query, key) / math.sqrt(7), value, mask)


def scale_by_batch(query, key, value, mask):
    """The scale follows the number of sentences."""
    return attend(agreement(query, key) / math.sqrt(len(query)), value, mask)


def scale_by_tgt_len(query, key, value, mask):
    """The scale follows the number of queries."""
    return attend(agreement(query, key) / math.sqrt(query.shape[1]), value, mask)


def scale_by_whole_src_len(query, key, value, mask):
    """The scale follows the number of words, without a root."""
    return attend(agreement(query, key) / key.shape[1], value, mask)


def keys_backwards(query, key, value, mask):
    """Distributions, but the wrong ones."""
    return right(query, key[:, ::-1], value, mask)


def not_quite_one(query, key, value, mask):
    """A small number in the denominator, where there was no need of one."""
    context, weights = right(query, key, value, mask)
    return context / (1 + 1e-6), weights / (1 + 1e-6)


def context_shifted(query, key, value, mask):
    """The weights are right; something is added to the context."""
    context, weights = right(query, key, value, mask)
    return context + 1.0, weights


def one_nan(query, key, value, mask):
    """A single entry that is no number."""
    context, weights = right(query, key, value, mask)
    context[0, 0, 0] = np.nan
    return context, weights


def float32_inside(query, key, value, mask):
    """Half of the digits are lost on the way."""
    query, key, value = (a.astype(np.float32) for a in (query, key, value))
    return right(query, key, value, mask)


def summed_context(query, key, value, mask):
    """One axis too few."""
    context, weights = right(query, key, value, mask)
    return context.sum(axis=1), weights


def nothing(query, key, value, mask):
    """No return."""


def three_things(query, key, value, mask):
    """The pair and one more."""
    return *right(query, key, value, mask), 1.0


def pair_of_lists(query, key, value, mask):
    """The values are right, in nested lists."""
    return tuple(part.tolist() for part in right(query, key, value, mask))


def list_of_lists(query, key, value, mask):
    """The same, in a list."""
    return list(pair_of_lists(query, key, value, mask))


def context_in_lists(query, key, value, mask):
    """One thing only, a list of as many things as there are sentences."""
    return right(query, key, value, mask)[0].tolist()


def pair_of_tensors(query, key, value, mask):
    """The values are right, in PyTorch's tensors."""
    return tuple(torch.from_numpy(part) for part in right(query, key, value, mask))


def tensor_alone(query, key, value, mask):
    """One tensor."""
    return torch.from_numpy(right(query, key, value, mask)[0])


def array_and_none(query, key, value, mask):
    """Two things, the second of which is none."""
    return right(query, key, value, mask)[0], None


def array_of_objects(query, key, value, mask):
    """Two arrays, one of them not of numbers."""
    context, weights = right(query, key, value, mask)
    return context, weights.astype(object)


def text(query, key, value, mask):
    """Not an array at all."""
    return "context, weights"


def stops(query, key, value, mask):
    """An error of its own."""
    return query @ key, mask


def without_mask(query, key, value):
    """Three arguments."""
    return right(query, key, value, np.ones((1, 1, 1), dtype=bool))


def mask_by_name(query, key, value, *, mask):
    """Four arguments, one of which has to be named."""
    return right(query, key, value, mask)


def calls_wrongly(query, key, value, mask):
    """Four arguments; it is a call inside that has too many."""
    return without_mask(query, key, value, mask)


def stops_at_length(query, key, value, mask):
    """An error with a long line and a long sentence."""
    raise ValueError("the shapes " + str([array.shape for array in (query, key)] * 9))


def stub(query, key, value, mask):
    """As handed out."""
    raise NotImplementedError


SYMPTOMS = {
    two_faults: "symptom_hidden",
    zeros: "symptom_rows",
    not_quite_one: "symptom_rows",
    hard_coded_scale: "symptom_scale",
    scale_by_batch: "symptom_scale",
    scale_by_tgt_len: "symptom_scale",
    scale_by_whole_src_len: "symptom_scale",
    scale_of_the_probe: "symptom_scale",
    keys_backwards: "symptom_values",
    context_shifted: "symptom_context",
    one_nan: "symptom_nan",
    float32_inside: "symptom_precision",
    summed_context: "wrong_shape",
    nothing: "not_a_pair",
    three_things: "not_a_pair",
    text: "not_a_pair",
    pair_of_lists: "not_arrays",
    list_of_lists: "not_arrays",
    context_in_lists: "not_arrays",
    pair_of_tensors: "not_arrays",
    tensor_alone: "not_arrays",
    array_and_none: "not_arrays",
    array_of_objects: "not_arrays",
    without_mask: "wrong_parameters",
    mask_by_name: "wrong_parameters",
    calls_wrongly: "raised",
    stops: "raised",
    stops_at_length: "raised",
    stub: "stub",
}
each_failure = pytest.mark.parametrize(
    "fn", [*SYMPTOMS, *(pytest.param(p.values[2], id=p.id) for p in MUTANTS)]
)


@pytest.mark.parametrize(("fn", "name"), list(SYMPTOMS.items()))
def test_what_is_not_in_the_catalogue_gets_its_symptom(fn, name):
    """The plainest property that does not hold is reported."""
    assert fault_of(fn).name == name


@pytest.mark.parametrize("fn", list(SYMPTOMS))
def test_a_symptom_names_no_cause(fn):
    """Where the check is not sure it does not pretend to be."""
    assert fault_of(fn).advice.cause == ""


# --- what the messages say ---


@pytest.mark.parametrize("hint", [0, 1, 2])
@each_failure
def test_messages_are_short(fn, hint):
    """At most eight lines of 88 columns, with all hints."""
    lines = message_of(fn, hint).splitlines()
    assert len(lines) <= 8
    assert max(map(len, lines)) <= 88


@pytest.mark.parametrize("hint", [0, 1, 2])
@each_failure
def test_messages_end_with_the_section(fn, hint):
    """The last thing said is where to read on."""
    assert message_of(fn, hint).endswith("(lesson 00, section 4)")
    assert WHERE == "lesson 00, section 4"


@pytest.mark.parametrize("hint", [0, 1, 2])
@each_failure
def test_messages_speak_of_the_code(fn, hint):
    """Never of the learner."""
    assert not re.search(r"\b(you|your|yours)\b", message_of(fn, hint).lower())


@each_failure
def test_without_a_hint_no_code_is_given_away(fn):
    """The plain message holds no call that would repair the fault."""
    assert not re.search(r"np\.|keepdims|axis=|swapaxes", message_of(fn))


@each_failure
def test_hints_escalate(fn):
    """Each level says all that the last one said, and one thing more."""
    plain, idea, code = (message_of(fn, hint).splitlines()[:-1] for hint in (0, 1, 2))
    assert idea[: len(plain)] == plain
    assert code[: len(idea)] == idea
    assert len(plain) < len(idea) < len(code)


@each_failure
def test_a_failure_is_short_to_read_in_a_notebook(fn):
    """No second traceback hangs on the AssertionError."""
    with pytest.raises(AssertionError) as failure:
        check_attention(fn)
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None


def test_numbers_come_from_the_output():
    """The share that padding gets is the one in the learner's own weights."""
    mask_forgotten = CATALOGUE["ordinary"]["mask_forgotten"][0]
    probe = attention_probe("ordinary")
    _, weights = mask_forgotten(*probe)
    share = weights[1][:, 3:].sum(axis=-1).max()
    assert f"gives them {share:.2f} of its attention" in story_of(mask_forgotten)


@pytest.mark.parametrize("fill", [-3.25, -7.5, -28.0])
def test_an_unknown_fill_is_found_out(fill):
    """Any finite fill that shows is computed from the weights, and said."""
    assert f"Masked scores are set to {fill:g}." in story_of(fill_with(fill))


def test_the_scale_is_measured():
    """The factor in the message is the one by which the scores are off."""
    assert f"{math.sqrt(7) / 8:.3f} times ours" in story_of(hard_coded_scale)


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (scale_by_batch, "sqrt(batch) in place of sqrt(d_head) would do that; batch"),
        (scale_by_tgt_len, "tgt_len is 3 in both."),
        (scale_by_whole_src_len, "by src_len in place of"),
        (scale_by_whole_src_len, "src_len is 5 in one, 13 in the other."),
    ],
)
def test_a_size_that_explains_the_scale_is_named(fn, words):
    """One size, and only one, gives the measured factor on both probes."""
    assert words in story_of(fn)


def scale_of_one_src_len(query, key, value, mask):
    """The scale is that of five words, however many there are."""
    return attend(agreement(query, key) / math.sqrt(5), value, mask)


@pytest.mark.parametrize(
    "fn", [hard_coded_scale, scale_of_the_probe, scale_of_one_src_len]
)
def test_a_scale_that_no_size_explains_on_both_probes_is_only_measured(fn):
    """The size of one probe may be an accident."""
    assert "off by this one factor" in story_of(fn)


@pytest.mark.parametrize(
    ("fn", "what"),
    [
        (
            pair_of_lists,
            "a tuple of 2 (list of shape (2, 3, 11), list of shape (2, 3, 5))",
        ),
        (
            list_of_lists,
            "a list of 2 (list of shape (2, 3, 11), list of shape (2, 3, 5))",
        ),
        (context_in_lists, "one list of shape (2, 3, 11)"),
        (
            pair_of_tensors,
            "a tuple of 2 (Tensor of shape (2, 3, 11), Tensor of shape (2, 3, 5))",
        ),
        (tensor_alone, "one Tensor of shape (2, 3, 11)"),
        (
            array_and_none,
            "a tuple of 2 (ndarray of shape (2, 3, 11), NoneType)",
        ),
        (
            array_of_objects,
            "a tuple of 2 (ndarray of shape (2, 3, 11), "
            "ndarray of object of shape (2, 3, 5))",
        ),
        (text, "a str"),
        (nothing, "nothing (None)"),
    ],
)
def test_what_came_back_is_said_as_it_came(fn, what):
    """Lists are called lists, tensors tensors, and one thing one thing."""
    assert f"It returned {what}; expected (context, weights)." in story_of(fn)


@pytest.mark.parametrize(
    "fn", [pair_of_lists, list_of_lists, pair_of_tensors, array_and_none]
)
def test_two_things_that_are_no_arrays_are_not_asked_for_a_second(fn):
    """The pair is there; it is arrays that are expected."""
    message = story_of(fn)
    assert "Both should be NumPy arrays" in message
    assert "does it name both" not in message
    assert "are there two" not in message


@pytest.mark.parametrize("fn", [context_in_lists, tensor_alone])
def test_one_thing_that_is_no_array_is_asked_for_both(fn):
    """Neither the type nor the number is right."""
    assert "which type has each thing there, and are there two?" in story_of(fn)


@pytest.mark.parametrize("fn", [without_mask, mask_by_name])
def test_other_parameters_are_answered_with_the_call(fn):
    """How it was called, and no word about shapes."""
    message = story_of(fn)
    call = f"four arguments, by position: {fn.__name__}(query, key, value, mask)."
    assert call in message
    assert "positional argument" in message
    assert "shape" not in message
    assert "can be called" not in message


def test_a_wrong_call_inside_is_shown_with_its_line():
    """The implementation takes four arguments: it was not the check's call."""
    assert "at the line `return without_mask(query" in story_of(calls_wrongly)


def test_reshaped_keys_are_told_apart():
    """The message names the two shapes, and what becomes of a key."""
    message = story_of(CATALOGUE["ordinary"]["keys_reshaped"][0])
    assert "A reshape of (5, 7) to (7, 5) keeps the numbers in their order" in message
    assert "The keys are reshaped, not transposed." in message


def test_equal_shares_in_an_empty_row_may_have_two_causes():
    """A fill and a rule give the same numbers, and one sentence true of both."""
    fill, _, rule = CATALOGUE["empty"]["empty_row_shared"]
    assert message_of(fill) == message_of(rule)
    message = story_of(rule)
    assert "each of its 5 hidden positions 0.20" in message
    assert "one large negative number, or of a rule for such rows." in message


def test_the_stub_gets_a_first_step():
    """An exercise not begun is answered with something to begin with."""
    message = story_of(stub)
    assert "no result to judge yet" in message
    assert "(2, 3, 11) and (2, 3, 5)" in message


def test_an_error_is_shown_with_its_line():
    """What stopped the implementation, where, and with what shapes."""
    message = story_of(stops)
    assert "at the line `return query @ key, mask` with ValueError" in message
    assert "(2, 3, 7), (2, 5, 7)" in message


# --- nobody passes by accident ---


def test_what_was_learned_by_heart_does_not_help():
    """Whoever stores the answers to all known probes fails on the unseen one."""
    answers = {}
    for kind in PROBES:
        for sibling in (0, 1):
            if kind != "unseen":
                probe = attention_probe(kind, sibling)
                answers[probe.query.tobytes()] = right(*probe)

    def by_heart(query, key, value, mask):
        return answers.get(query.tobytes()) or zeros(query, key, value, mask)

    message = story_of(by_heart)
    assert f"The first {len(CHECKS) - 1} of {len(CHECKS)} checks pass." in message


def test_the_unseen_probe_is_new_at_each_call():
    """Two calls, two unseen probes each: four queries that no other call has seen."""
    seen = []

    def spy(query, key, value, mask):
        seen.append(query.tobytes())
        return right(query, key, value, mask)

    check_attention(spy)
    check_attention(spy)
    assert len([query for query in seen if seen.count(query) == 1]) == 4


def test_the_unseen_probe_can_be_repeated():
    """A grader who gives the rng gets the same probe again."""
    first, second = (unseen_probe(np.random.default_rng(8)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_check_does_not_use_what_the_learner_changed():
    """Inputs are overwritten with zeros; the verdict is about that, not the values."""

    def overwrites(query, key, value, mask):
        result = right(query, key, value, mask)
        for array in (query, key, value, mask):
            array[...] = 0
        return result

    message = story_of(overwrites)
    assert "All values agree" in message
    assert "query and key and value and mask" in message


def test_the_probes_survive_the_check():
    """The arrays that a learner looks at are the same before and after."""
    before = attention_probe("ordinary")
    message_of(CATALOGUE["inputs"]["changes_its_input"][0])
    for a, b in zip(before, attention_probe("ordinary"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numpy_warnings_do_not_clutter_the_notebook():
    """A learner who divides 0 by 0 reads the message, not NumPy's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message_of(CATALOGUE["empty"]["empty_row_nan"][0])


# --- probes ---


@pytest.mark.parametrize(
    ("kind", "sentence", "level"),
    [("low", 0, -30), ("low", 1, -30), ("high", 0, 1000), ("far", 1, -20000)],
)
def test_probes_have_the_scores_they_promise(kind, sentence, level):
    """Every real score lies within 5 of the level that PROBES states."""
    query, key, _, mask = attention_probe(kind)
    scores = scaled_scores(query, key)[sentence][mask[sentence]]
    assert np.abs(scores - level).max() < 5.0


@pytest.mark.parametrize("sibling", [0, 1])
def test_per_query_masks_differ_from_query_to_query(sibling):
    """No query has the mask of its neighbour, and none is without words."""
    mask = attention_probe("per_query", sibling).mask
    assert (mask[:, 1:] != mask[:, :-1]).any(axis=-1).all()
    assert mask.any(axis=-1).all()


@pytest.mark.parametrize("arguments", [("nonsense", 0), ("unseen", 0), ("low", 2)])
def test_attention_probe_refuses_what_there_is_not(arguments):
    """The error lists the probes that there are."""
    with pytest.raises(ValueError, match=r"want one of ordinary, per_query, low, "):
        attention_probe(*arguments)


# --- the entrance ---


def test_a_result_instead_of_a_function_is_refused():
    """The most common slip of all: check_attention(attention(...))."""
    probe = attention_probe()
    with pytest.raises(TypeError, match=r"fn: must be the function itself.* tuple"):
        getattr(check_attention, "__wrapped__", check_attention)(right(*probe))


def test_an_unknown_hint_is_refused():
    """There are three levels."""
    with pytest.raises(ValueError, match="hint: must be 0, 1 or 2, got 3"):
        check_attention(right, hint=3)


def test_importing_the_classroom_is_light():
    """A check of NumPy code does not load PyTorch."""
    code = "import sys, minis2s.classroom; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
