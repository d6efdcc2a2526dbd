"""check_attention: does a learner's attention compute what lesson 00 defines?

The implementation is tried on the probes of attention_probes.py, in order, and
compared with the package's. At the first disagreement the check stops and says what
attention_messages.py has to say. It names a cause only if the implementation returns
exactly what a wrong one of wrong_attention.py returns, on two independent probes;
otherwise it reports what can be seen.

Left out: the backward pass.
"""

import inspect
import tracemalloc
from typing import NamedTuple

import numpy as np

from minis2s.classroom import attention_messages as messages
from minis2s.classroom import results
from minis2s.classroom.attention_messages import Evidence
from minis2s.classroom.attention_probes import (
    PROBES,
    Probe,
    attention_probe,
    unseen_probe,
)
from minis2s.classroom.messages import Advice, Fault, Report
from minis2s.classroom.results import is_array, same
from minis2s.classroom.wrong_attention import (
    CATALOGUE,
    Implementation,
    estimate_fill,
    fill_with,
    right,
)

WHERE = "lesson 00, section 4"
CHECKS = ("a pair", "its shapes", "ordinary", "inputs untouched", *list(PROBES)[1:])
"""What is checked, in order; the probes bear their names."""


class Trial(NamedTuple):
    """What an implementation did with one probe."""

    probe: Probe
    result: object
    changed: tuple[str, ...]
    error: Exception | None

    @property
    def agrees(self) -> bool:
        """Whether it is what the package does."""
        return self.error is None and same(self.result, right(*self.probe))


def check_attention(
    fn: Implementation, hint: int = 0, *, rng: np.random.Generator | None = None
) -> Report:
    """Judge an implementation of scaled masked dot-product attention.

    context, weights = fn(query, key, value, mask), where
    weights = softmax(query keyᵀ / sqrt(d_head)), over positions where mask is True,
    and zero in a row that may attend to nothing; context = weights value.

    Args:
        fn: the implementation, of NumPy arrays: query (batch, tgt_len, d_head), key
            (batch, src_len, d_head), value (batch, src_len, d_value), mask (batch,
            tgt_len, src_len).
        hint: 0 for symptom and place, 1 for the idea as well, 2 for almost the code.
        rng: draws the last probe; without it, every call draws a new one.

    Returns:
        a report of success.

    Raises:
        AssertionError: if fn is not right; the message says in what.
        TypeError: if fn is no function.
        ValueError: if hint is not 0, 1 or 2.
    """
    if not callable(fn):
        raise TypeError(
            "fn: must be the function itself, as in check_attention(attention), "
            f"got {type(fn).__name__}"
        )
    if hint not in (0, 1, 2):
        raise ValueError(f"hint: must be 0, 1 or 2, got {hint!r}")
    fault = find_fault(fn, rng if rng is not None else np.random.default_rng())
    if fault is not None:
        raise AssertionError(fault.message(hint))
    return _report(fn)


def find_fault(fn: Implementation, rng: np.random.Generator) -> Fault | None:
    """The first probe on which fn goes wrong, and what there is to say about it.

    Args:
        fn: the implementation.
        rng: draws the last probe.

    Returns:
        the fault, or None if there is none.
    """
    for kind in PROBES:
        if kind == "unseen":
            probes = [unseen_probe(rng), unseen_probe(rng)]
        else:
            probes = [attention_probe(kind, sibling) for sibling in (0, 1)]
        trials = [try_out(fn, probe) for probe in probes]
        for sibling, trial in enumerate(trials):
            if trial.agrees and not trial.changed:
                continue
            evidence = _evidence(fn, trial, trials[1 - sibling])
            name = _name_fault(kind, trials, evidence)
            advice = getattr(messages, name)(evidence)
            works = _what_works(kind, _failed_check(kind, name, evidence), advice)
            return Fault(name, works, advice, _source(kind, sibling), WHERE)
    return None


def try_out(fn: Implementation, probe: Probe) -> Trial:
    """Call an implementation with copies of a probe and keep what it did.

    Args:
        fn: the implementation.
        probe: the arrays; they stay as they are, whatever fn does with its copies.

    Returns:
        a copy of the result, which of the arrays were changed, and the error if any.
    """
    trial = results.try_out(fn, tuple(probe))
    changed = tuple(Probe._fields[position] for position in trial.changed)
    return Trial(probe, trial.result, changed, trial.error)


def arrays_at_once(fn: Implementation) -> float:
    """Peak memory of one call, in arrays of the size of the weights."""
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, 1, 128, 7))
    mask = np.ones((1, 128, 128), dtype=bool)
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    fn(query, key, value, mask)
    _, peak = tracemalloc.get_traced_memory()
    if not was_tracing:
        tracemalloc.stop()
    return (peak - before) / (mask.size * query.itemsize)


def diagnose(kind: str, trials: list[Trial]) -> str | None:
    """The one fault in the catalogue that explains all trials, or None.

    Args:
        kind: the probe's name, which says what faults it is the first to see.
        trials: the implementation under suspicion on two independent probes.

    Returns:
        the name of the fault, if the results equal a wrong implementation's to 1e-9
        on every probe, and those of no other fault.
    """
    suspects = [
        (name, wrong)
        for name, variants in CATALOGUE.get(kind, {}).items()
        for wrong in variants
    ]
    if kind in ("ordinary", "low") and _has_right_shapes(trials[0]):
        fill = estimate_fill(trials[0].probe, trials[0].result[1])
        if fill is not None and abs(fill) > 1e-9:
            suspects.append(("fill_small", fill_with(fill)))
    found = {
        name
        for name, wrong in suspects
        if all(same(t.result, try_out(wrong, t.probe).result) for t in trials)
    }
    return found.pop() if len(found) == 1 else None


def _report(fn: Implementation) -> Report:
    """What success says: that all is well, and one thing that is new."""
    return Report(
        f"All {len(CHECKS)} checks pass, also for a row with nothing to attend to.\n"
        f"New: at its peak yours holds {arrays_at_once(fn):.1f} arrays of the size of "
        f"the weights, the package's {arrays_at_once(right):.1f}.\n"
        "Each has tgt_len times src_len entries: twice the length, four times the room."
    )


def _name_fault(kind: str, trials: list[Trial], e: Evidence) -> str:
    """What to call it: the cause if it is sure, else the plainest symptom.

    Each name is that of the function in attention_messages.py that speaks of it.
    """
    if e.error is not None:
        stub = isinstance(e.error, NotImplementedError)
        return "stub" if stub else "raised" if e.takes_four else "wrong_parameters"
    if same(e.result, e.right):
        return "changes_its_input"
    cause = diagnose(kind, trials)
    if cause is not None:
        return cause
    if not _is_pair(e.result):
        return "not_arrays" if messages.lacks_arrays(e.result) else "not_a_pair"
    return messages.symptom(e) if _has_right_shapes(e) else "wrong_shape"


def _failed_check(kind: str, name: str, e: Evidence) -> str:
    """Which of CHECKS it was that failed."""
    if name == "changes_its_input":
        return "inputs untouched"
    if kind != "ordinary":
        return kind
    if not _is_pair(e.result):
        return "a pair"
    return "ordinary" if _has_right_shapes(e) else "its shapes"


def _what_works(kind: str, failed: str, advice: Advice) -> str:
    """What can be said in favour of the implementation so far."""
    n_passed = CHECKS.index(failed)
    if kind == "ordinary" and advice.works:
        return advice.works
    if n_passed == 0:
        return "The function is found and can be called."
    passed = f"The first {n_passed} of {len(CHECKS)} checks pass."
    return passed if kind == "ordinary" else f"{passed} The next: {PROBES[kind]}."


def _source(kind: str, sibling: int) -> str:
    """How the learner gets the arrays of the failing case."""
    if kind == "unseen":
        return "Arrays: new ones at each call."
    number = ", 1" if sibling else ""
    return f'Arrays: attention_probe("{kind}"{number}).'


def _evidence(fn: Implementation, trial: Trial, other: Trial) -> Evidence:
    """What the messages may speak of."""
    return Evidence(
        name=getattr(fn, "__name__", type(fn).__name__),
        probe=trial.probe,
        result=trial.result,
        right=right(*trial.probe),
        other_probe=other.probe,
        other_result=other.result,
        other_right=right(*other.probe),
        changed=trial.changed,
        error=trial.error,
        takes_four=not _refuses_the_call(fn, trial),
    )


def _refuses_the_call(fn: Implementation, trial: Trial) -> bool:
    """Whether it stopped before its first line, because it takes other arguments."""
    # A traceback of one entry, that of try_out, says that nothing in fn has run.
    if not isinstance(trial.error, TypeError) or trial.error.__traceback__.tb_next:
        return False
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # a compiled function that does not tell
        return False
    try:
        signature.bind(*trial.probe)
    except TypeError:
        return True
    return False


def _is_pair(result: object) -> bool:
    """Whether it is two arrays of numbers."""
    return (
        isinstance(result, tuple | list)
        and len(result) == 2
        and all(map(is_array, result))
    )


def _has_right_shapes(trial: Trial | Evidence) -> bool:
    """Whether it is a pair of arrays with the shapes that the exercise asks for."""
    return _is_pair(trial.result) and all(
        got.shape == want.shape
        for got, want in zip(trial.result, right(*trial.probe), strict=True)
    )
