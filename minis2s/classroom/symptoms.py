"""What a check says of an implementation when it does not know the cause.

Each function looks for one symptom and speaks of what can be seen, never of why. The
words on where to look, and the hints, are the exercise's own.
"""

import inspect
import textwrap
import traceback

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.messages import Advice
from minis2s.classroom.results import Part, alike, describe, is_array, is_number, same


def explain(e: Evidence) -> tuple[str, Advice]:
    """The name of the first symptom that there is, and what there is to say."""
    if e.trial.error is not None:
        return _explain_error(e)
    if not alike(e.got, e.want):
        return "wrong_type", _type(e)
    if misshapen(e):
        return "wrong_shape", _shape(e)
    if not e.differing:
        return "changes_its_input", _changes_its_input(e)
    return _explain_values(e)


def _explain_error(e: Evidence) -> tuple[str, Advice]:
    if isinstance(e.trial.error, NotImplementedError):
        return "stub", _stub(e)
    if _refuses_the_call(e):
        return "wrong_parameters", _parameters(e)
    return "raised", _raised(e)


def _explain_values(e: Evidence) -> tuple[str, Advice]:
    for part in e.differing:
        if _has_nan(part):
            return "not_finite", _not_finite(e, part)
    if all(same(part.got, part.want, 1e-5) for part in e.differing):
        return "precision", _precision(e)
    return "wrong_values", _values(e)


def plainest_case(e: Evidence) -> str:
    """The case of a fault that has no words of its own for it."""
    if not alike(e.got, e.want):
        return _type(e).case
    return _shape(e).case if misshapen(e) else e.first


def misshapen(e: Evidence) -> list[Part]:
    """The results that are arrays of another shape than was asked for."""
    return [
        part
        for part in e.parts
        if np.shape(part.got) != np.shape(part.want) and is_array(part.want)
    ]


def _advice(e: Evidence, case: str, broken: str, **other: str) -> Advice:
    own = {"look": e.exercise.look, "idea": e.exercise.idea, "code": e.exercise.code}
    return Advice(case=case, broken=broken, **{**own, **other})


def _stub(e: Evidence) -> Advice:
    return _advice(
        e,
        works=f"`{e.name}` can be called; that is a beginning.",
        case="It raises NotImplementedError, so there is no result to judge yet.",
        broken=f"A first step that this check can see: return {describe(e.want)}.",
    )


def _parameters(e: Evidence) -> Advice:
    names = list(inspect.signature(e.exercise.right).parameters)
    return _advice(
        e,
        works=f"`{e.name}` is found.",
        case=f"But it stopped before its first line with {_error(e)}.",
        broken=f"It was called as {e.name}({', '.join(names)}), all by position.",
        look="Look at the names between the brackets after `def`: which are they?",
    )


def _raised(e: Evidence) -> Advice:
    lines = [frame.line for frame in traceback.extract_tb(e.trial.error.__traceback__)]
    line = textwrap.shorten(lines[1] or "", 60) if len(lines) > 1 else ""
    place = f" at the line `{line}`" if line else ""
    names = inspect.signature(e.exercise.right).parameters
    given = [f"{n} was {describe(a)}" for n, a in zip(names, e.args, strict=False)]
    return _advice(
        e,
        case=f"But `{e.name}` stopped{place} with {_error(e)}.",
        broken=f"{textwrap.shorten('; '.join(given), 170, placeholder=' ...')}.",
        look="Write the type and shape of every intermediate result beside its line.",
    )


def _type(e: Evidence) -> Advice:
    expected = ", ".join(e.exercise.returns)
    return _advice(
        e,
        case=f"But it returned {describe(e.got)}; expected {describe(e.want)}.",
        broken=f"What a caller waits for is {expected}.",
        look="Look at the `return`: is it there, and which type has each thing in it?",
    )


def _shape(e: Evidence) -> Advice:
    part = misshapen(e)[0]
    return _advice(
        e,
        case=f"But {part.name} has the shape {np.shape(part.got)}, expected "
        f"{np.shape(part.want)}.",
        broken="The sizes tell which axis is lost, added or swapped.",
        look="Follow the axes from line to line.",
    )


def _changes_its_input(e: Evidence) -> Advice:
    names = list(inspect.signature(e.exercise.right).parameters)
    changed = " and ".join(names[i] for i in e.trial.changed)
    return _advice(
        e,
        works="All values agree.",
        case=f"But the caller's {changed} is not what it was before the call.",
        broken="A second call with the same arguments would give another answer.",
        look="Look for /=, *=, +=, out= and for assignments to an index.",
        idea="What is passed in is the caller's own, not a copy.",
        code="a = a / b makes a new array where a /= b writes into the old one.",
    )


def _not_finite(e: Evidence, part: Part) -> Advice:
    got = np.asarray(part.got, dtype=float)
    place = ", ".join(str(i) for i in np.argwhere(~np.isfinite(got))[0])
    count = int((~np.isfinite(got)).sum())
    first = f"{part.name}[{place}]" if got.ndim else part.name
    return _advice(
        e,
        case=f"But {count} of {got.size} entries of {part.name} are NaN or infinite.",
        broken=f"The first is {first}; the right one is finite.",
        look="Print what goes into each exp, log and division on the way there.",
    )


def _precision(e: Evidence) -> Advice:
    return _advice(
        e,
        case=e.first,
        broken="They part only behind the fifth digit: some digits are lost, or a "
        "small number was added.",
        look="Look for a dtype, an astype, a rounding, and for an epsilon.",
    )


def _values(e: Evidence) -> Advice:
    names = [part.name for part in e.differing][1:4]
    others = f" Entries of {', '.join(names)} differ too." if names else ""
    found = (broken for rule in e.exercise.properties if (broken := rule(e)))
    unknown = "Nothing that this check knows by name does exactly that."
    return _advice(e, case=e.first + others, broken=next(found, unknown))


def _has_nan(part: Part) -> bool:
    if not (is_array(part.got) or is_number(part.got)):
        return False
    got, want = np.asarray(part.got, float), np.asarray(part.want, float)
    return bool(np.isfinite(want).all() and not np.isfinite(got).all())


def _error(e: Evidence) -> str:
    text = f"{type(e.trial.error).__name__}: {e.trial.error}"
    return textwrap.shorten(text, 110).rstrip(".: ")


def _refuses_the_call(e: Evidence) -> bool:
    """Whether it stopped before its first line, because it takes other arguments."""
    error = e.trial.error
    # A traceback of one entry, that of try_out, says that nothing in it has run.
    if not isinstance(error, TypeError) or error.__traceback__.tb_next:
        return False
    try:
        inspect.signature(e.answer).bind(*e.args)
    except TypeError:
        return True
    except ValueError:  # a compiled function that does not tell
        return False
    return False
