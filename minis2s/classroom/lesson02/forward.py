"""Two warm-ups: a gradient of three numbers on paper, and a softmax to be repaired."""

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe, primes
from minis2s.classroom.trace import Tempting, Trace


def softmax(scores):
    """Scores become shares of one along the last axis."""
    votes = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return votes / votes.sum(axis=-1, keepdims=True)


# --- trace: the gradient of three numbers ---

_SHARES = softmax(np.array([2.0, 1.0, 0.0]))
_LABEL = np.array([0.0, 1.0, 0.0])
_VOTES = np.exp([2.0, 1.0, 0.0])

check_gradient_on_paper = Trace(
    name="gradient_on_paper",
    lesson=2,
    section="3",
    minutes=5,
    difficulty=1,
    task="""Judge three numbers: the gradient of the loss -log p(b), found by hand.

    Three words a, b and c have the scores 2, 1 and 0, and b is the reference. The
    answer is the gradient with respect to each score, rounded to two decimals.
    """,
    entries=("the gradient of score a", "that of b", "that of c"),
    expected=_SHARES - _LABEL,
    tempting={
        "shares_alone": Tempting(
            _SHARES,
            cause="These are the shares: what the model says, and not yet compared "
            "with what it should have said.",
            broken="They sum to 1. A gradient of scores sums to 0, for a constant "
            "added to all of them changes no share.",
            look="Which of the three words was right, and where does that enter?",
        ),
        "sign": Tempting(
            _LABEL - _SHARES,
            cause="Each has the right size and the other sign: the label less the "
            "share.",
            broken="Going against the gradient has to raise the score of b.",
            look="If b's score rises, does the loss rise or fall?",
        ),
        "derivative_of_the_log": Tempting(
            (0.0, -1 / _SHARES[1], 0.0),
            cause="-1 / p(b) is the derivative with respect to the share of b, one "
            "step short of the scores.",
            broken="A higher score of a takes share from b, so its gradient is not 0.",
            look="Go on from the shares to the scores.",
        ),
        "only_the_label": Tempting(
            _LABEL * (_SHARES - _LABEL),
            cause="Only the score of the reference got a gradient.",
            broken="The three should sum to 0: what b gains, a and c lose.",
            look="How does the loss change when the score of a rises?",
        ),
        "votes_not_shared_out": Tempting(
            _VOTES - _LABEL,
            cause="The label is taken from e to the power of the score, a vote, not "
            "from the share.",
            broken="The three should sum to 0, and none be larger than 1.",
            look="What are the three votes divided by?",
        ),
    },
    broken="The three sum to 0, the one of the reference is negative, and none is "
    "larger than 1.",
    look="Start with the shares: e² = 7.39, e¹ = 2.72, e⁰ = 1, over their sum.",
    idea="The gradient is what the model said, less what it should have said.",
    code="Share minus 1 for the reference, share minus 0 for the other two.",
    news="the size of each number is how surprised the model was. A model that is sure "
    "and right gets a gradient near 0, and so learns nothing more from this word.",
)


# --- repair: a softmax that meets large scores ---


def softmax_without_max(scores):
    """As handed out: right, as long as scores are small."""
    votes = np.exp(scores)
    return votes / votes.sum(axis=-1, keepdims=True)


def _shifted_by(shift, sum_axis=-1):
    """A softmax that subtracts something else than the maximum of the row."""

    def answer(scores):
        votes = np.exp(scores - shift(scores))
        return votes / votes.sum(axis=sum_axis, keepdims=True)

    return answer


def _level(level):
    """Scores near a level that is the same for all rows."""
    return lambda rng: (rng.normal(size=primes(rng, 2)) + level,)


def _apart(rng):
    """Rows that lie far from each other, none of them large."""
    n_rows, n_columns = primes(rng, 2)
    return (rng.normal(size=(n_rows, n_columns)) - 900.0 * np.arange(n_rows)[:, None],)


def _peak(rng):
    """One score far above the others of its row."""
    n_rows, n_columns = primes(rng, 2)
    scores = rng.normal(size=(n_rows, n_columns + 3))
    scores[:, 1] = 2000.0
    return (scores,)


def _worst_row(e: Evidence) -> str:
    """What the first row with a wrong entry sums to, and its largest score."""
    wrong = ~np.isclose(e.got, e.want, rtol=1e-9, atol=1e-9)
    row = int(wrong.any(axis=-1).argmax())
    scores, total = e.args[0][row], e.got[row].sum()
    return (
        f"But row {row}, whose scores reach from {scores.min():.4g} to "
        f"{scores.max():.4g}, gets weights that sum to {total:.4g}."
    )


_IS_ONE = "Whatever its scores, a row shares out exactly 1."

check_softmax = Repair(
    name="softmax",
    lesson=2,
    section="3",
    minutes=8,
    difficulty=2,
    task="""Judge a softmax over the last axis: weights = answer(scores).

    weights_s = exp(scores_s) / sum_r exp(scores_r), for any finite scores, of an array
    with two axes. The code handed out is right only for small ones.
    """,
    right=softmax,
    returns=("weights",),
    probes=(
        Probe("small", "scores near 0", _level(0.0)),
        Probe("large", "all scores near 1000", _level(1000.0)),
        Probe("low", "all scores near -1000", _level(-1000.0)),
        Probe("apart", "each row 900 below the one before", _apart),
        Probe("peak", "one score of 2000 in each row", _peak),
    ),
    given="no_shift",
    wrong={
        "no_shift": Wrong(
            softmax_without_max,
            case=_worst_row,
            broken=f"{_IS_ONE} The largest float64 is e to the power of 709.",
            cause="exp is given the scores as they are, and overflows.",
            look="What could all scores of a row lose, unnoticed?",
        ),
        "clipped": Wrong(
            lambda scores: softmax_without_max(np.clip(scores, -700.0, 700.0)),
            case=lambda e: (
                f"But the weights of row 0 are all {e.got[0, 0]:.3g}, "
                "though its scores differ."
            ),
            broken="A softmax depends on the differences of scores, wherever they lie.",
            cause="The scores are cut off at a limit, and then they are all alike.",
            look="Move the row as a whole instead of cutting it.",
        ),
        "nan_to_zero": Wrong(
            lambda scores: np.nan_to_num(softmax_without_max(scores)),
            case=_worst_row,
            broken=_IS_ONE,
            cause="The NaN of an overflow is turned into 0 after it has happened.",
            look="Keep exp from overflowing, rather than cleaning up behind it.",
        ),
        "small_number_below": Wrong(
            lambda scores: np.exp(scores) / (np.exp(scores).sum(-1)[:, None] + 1e-6),
            broken=f"{_IS_ONE} Here each row sums to a little less.",
            cause="A small number is added to what the votes are divided by.",
            look="Could the sum be 0 if one of its terms were exp(0)?",
        ),
        "max_of_the_column": Wrong(
            _shifted_by(lambda scores: scores.max(axis=0, keepdims=True)),
            broken="The rows sum to 1, but the order of the scores within a row is "
            "lost.",
            cause="Each column has its own maximum subtracted, so the entries of one "
            "row are moved by different amounts.",
            look="Along which axis does the maximum run?",
            idea="Only a number that is the same for a whole row cancels.",
        ),
        "max_of_everything": Wrong(
            _shifted_by(np.max),
            case=_worst_row,
            broken=_IS_ONE,
            cause="One maximum is subtracted from all rows. Beside it all votes of a "
            "lower row are 0, and 0/0 is NaN.",
            look="Which row does the maximum come from?",
        ),
        "mean_subtracted": Wrong(
            _shifted_by(lambda scores: scores.mean(axis=-1, keepdims=True)),
            case=_worst_row,
            broken=f"{_IS_ONE}",
            cause="The mean of the row is subtracted, and a score may lie far above "
            "it.",
            look="Which shift leaves no score above 0?",
        ),
        "sum_over_the_column": Wrong(
            _shifted_by(lambda scores: scores.max(-1, keepdims=True), sum_axis=0),
            case=_worst_row,
            broken=_IS_ONE,
            cause="The votes are divided by the sum of their column.",
            look="Which votes compete: those of a row, or those of a column?",
        ),
    },
    look="Print exp of the scores and its sum, for the row that is wrong.",
    idea="A constant taken from all scores of a row cancels: above and below it is one "
    "factor.",
    code="Subtract the row's largest score, max over the last axis with keepdims=True.",
    news="after the shift the largest vote is exp(0) = 1, so the sum is never 0 "
    "either, and no small number is needed below the line.",
)
