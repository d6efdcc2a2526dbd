"""Fonts that have the characters of a text, whatever language it is in.

matplotlib draws an empty frame and warns, for each character that its font lacks. So
installed fonts are asked in turn, and what no font has becomes a box, said once.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

BOX = "□"
"""Drawn for a character that no font has."""


def drawable(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Font families for some texts, and the texts with boxes where none has a glyph.

    >>> drawable(["Hund", "dog"])
    (['DejaVu Sans'], ['Hund', 'dog'])
    """
    families, lacking = fonts_for("".join(texts))
    boxes = dict.fromkeys(map(ord, lacking), BOX)
    return families, [text.translate(boxes) for text in texts]


def fonts_for(text: str) -> tuple[list[str], set[str]]:
    """Font families that together have most of a text, and what none of them has."""
    families = ["DejaVu Sans"]
    lacking = {c for c in text if not c.isspace()}
    lacking -= _characters(font_manager.findfont("DejaVu Sans"))
    for search in (_known_fonts, _new_fonts):
        if lacking:
            lacking = _take(search(), families, lacking)
    if lacking:
        _say_once()
    return families, lacking


def _take(
    fonts: Sequence[font_manager.FontEntry], families: list[str], lacking: set[str]
) -> set[str]:
    """Add each family that has something lacking; returns what is lacking still."""
    for entry in fonts:
        if found := lacking & _characters(entry.fname):
            families.append(entry.name)
            lacking = lacking - found
    return lacking


def _known_fonts() -> list[font_manager.FontEntry]:
    return sorted(font_manager.fontManager.ttflist, key=lambda font: font.name)


def _new_fonts() -> list[font_manager.FontEntry]:
    """Fonts installed since matplotlib last made its list, which it keeps for good."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for file in font_manager.findSystemFonts():
        if file not in known and _characters(file):
            font_manager.fontManager.addfont(file)
    return [font for font in _known_fonts() if font.fname not in known]


@cache
def _characters(file: str) -> frozenset[str]:
    if "lastresort" in Path(file).name.lower():
        return frozenset()  # it has a box, not a glyph, for every character there is
    try:
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _say_once() -> None:
    warnings.warn(
        f"some characters are in no installed font and are drawn as {BOX}; install a "
        f"font that has them, for Chinese e.g. Noto Sans CJK (Debian: fonts-noto-cjk)",
        stacklevel=5,
    )
