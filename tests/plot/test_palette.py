"""Colours: told apart by every eye, and visible on white."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from minis2s.plot.palette import (
    COLOUR_MAPS,
    CYCLE,
    DIVERGING,
    MUTED,
    PADDING,
    ROLES,
    SEQUENTIAL,
)

EYES = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Linear RGB as such an eye sees it: Machado, Oliveira and Fernandes 2009, table 1."""
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def linear(colour):
    """Linear RGB of an sRGB colour."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE Lab of linear RGB, white D65."""
    x, y, z = np.cbrt(TO_XYZ @ np.clip(rgb, 1e-6, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast_with_white(colour):
    """As in the web's accessibility guidelines, 1 to 21."""
    return 1.05 / (linear(colour) @ TO_XYZ[1] + 0.05)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("pair", list(combinations(ROLES, 2)), ids="-".join)
def test_roles_differ_to_every_eye(eye, pair):
    """Any two roles are 20 apart in CIE Lab, ten times what an eye can notice."""
    one, other = (lab(np.array(EYES[eye]) @ linear(ROLES[role])) for role in pair)
    assert np.linalg.norm(one - other) > 20


@pytest.mark.parametrize("role", ROLES)
def test_roles_stand_out_from_white(role):
    """Contrast is 3 at least, as for all that carries a meaning."""
    assert contrast_with_white(ROLES[role]) >= 3


def test_padding_and_small_print_stand_out():
    """The hatch can be seen (3), and the small print read (4.5)."""
    assert contrast_with_white(PADDING) >= 3
    assert contrast_with_white(MUTED) >= 4.5


def test_the_cycle_holds_each_role_once():
    """Lines without a role take the same colours."""
    assert sorted(CYCLE) == sorted(ROLES.values())


def test_palettes_are_known_to_matplotlib():
    """Both names can be looked up."""
    assert {SEQUENTIAL, DIVERGING} == set(COLOUR_MAPS.values()) <= set(mpl.colormaps)


@pytest.mark.parametrize("eye", EYES)
def test_plus_and_minus_differ_to_every_eye(eye):
    """A quarter up and a quarter down the diverging palette are 40 apart."""
    ends = (mpl.colormaps[DIVERGING](share)[:3] for share in (0.25, 0.75))
    one, other = (lab(np.array(EYES[eye]) @ linear(end)) for end in ends)
    assert np.linalg.norm(one - other) > 40
