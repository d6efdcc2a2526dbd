"""The ritual lets pass what agrees, and says who does not agree, where and by how much.

No claim here is about a lesson: the lessons bring their own witnesses.
"""

import numpy as np
import pytest
import torch

from minis2s.classroom.proof import LIMITS, prove

OURS = {"bias": np.array([1.0, -3.0]), "weight": np.arange(6.0).reshape(2, 3)}


def shifted(by, place="weight"):
    """The same gradients, one entry of which is off."""
    other = {name: array.copy() for name, array in OURS.items()}
    other[place].flat[-1] += by
    return other


def test_four_witnesses_make_four_lines_in_their_order():
    """Whoever agrees gets a line, in the order of the ladder of evidence."""
    tensors = {name: torch.tensor(array) for name, array in OURS.items()}
    tensors["bias"].requires_grad_()
    table = prove(
        package=(OURS, OURS),
        torch_twin=(OURS, tensors),
        finite_differences={"bias": 2e-8, "weight": 4e-9},
        loop_spec=((2.0, OURS["bias"]), [2.0, OURS["bias"]]),
    )
    lines = table.splitlines()
    assert [line[:20].strip() for line in lines] == list(LIMITS)
    assert lines[1].endswith("agrees to better than 1e-06")
    assert repr(table) == str(table)


@pytest.mark.parametrize("witness", ["loop_spec", "torch_twin", "package"])
def test_a_witness_that_disagrees_is_named(witness):
    """One entry off by ten times the limit is refused, and its place is said."""
    limit = LIMITS[witness.replace("_", " ")]
    prove(**{witness: (OURS, shifted(0.1 * limit))})
    message = rf"{witness.replace('_', ' ')}: entry weight is off by .* more than"
    with pytest.raises(AssertionError, match=message):
        prove(**{witness: (OURS, shifted(10 * 6 * limit))})


def test_a_wrong_slope_is_named():
    """An error of finite differences above the limit is refused by its name."""
    with pytest.raises(AssertionError, match="finite differences: entry bias is off"):
        prove(finite_differences={"bias": 2e-6, "weight": 0.0})


def test_an_error_of_zero_is_an_answer():
    """A witness that reports exactly no error has been asked all the same."""
    assert prove(finite_differences=0.0).startswith("finite differences")


@pytest.mark.parametrize("side", [0, 1])
def test_nan_agrees_with_nothing(side):
    """A NaN on either side is no agreement."""
    pair = [OURS, OURS]
    pair[side] = shifted(np.nan)
    with pytest.raises(AssertionError, match="package: entry weight is off by nan"):
        prove(package=tuple(pair))
    with pytest.raises(AssertionError, match="is off by nan"):
        prove(finite_differences=[np.nan])


def test_shapes_must_be_alike():
    """Broadcasting would compare what is not alike."""
    with pytest.raises(ValueError, match=r"entry 0 must have one shape .* \(2,\) and"):
        prove(package=(OURS["bias"], OURS["bias"][:, None]))


@pytest.mark.parametrize("other", [{"bias": OURS["bias"]}, {}, None])
def test_entries_must_be_the_same(other):
    """A gradient that one side lacks is not passed over."""
    with pytest.raises(ValueError, match="both sides must have the same entries"):
        prove(torch_twin=(OURS, other))


def test_somebody_must_be_asked():
    """A proof without a witness is none, nor one whose list of errors is empty."""
    for asked in ({}, {"finite_differences": []}):
        with pytest.raises(ValueError, match="must be given at least one witness"):
            prove(**asked)
