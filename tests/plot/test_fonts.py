"""Fonts: text that can be drawn is left alone. What no font has: test_attention_map."""

import pytest

from minis2s.plot.fonts import BOX, drawable


@pytest.mark.parametrize("text", ["", "Hund läuft", "−0.5 × $a$", "two\nlines"])
def test_what_has_glyphs_is_left_alone(text):
    """The usual font draws it, unchanged."""
    assert drawable([text]) == (["DejaVu Sans"], [text])


@pytest.mark.filterwarnings("ignore:some characters")
def test_each_text_gets_its_own_boxes():
    """A character that no font has is a box in each text that holds it."""
    nowhere = "\U000e0fff"
    texts = [f"a{nowhere}", "b", f"{nowhere}c{nowhere}"]
    assert drawable(texts)[1] == [f"a{BOX}", "b", f"{BOX}c{BOX}"]
