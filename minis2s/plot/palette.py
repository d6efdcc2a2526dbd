"""One colour for one thing, in every lesson.

Chosen so that any two roles differ for eyes without red, green or blue cones, as well
as for others, and so that each stands out from white (contrast 3 and more). Hue never
carries a meaning alone: what has a role also has its name beside it, and padding has a
hatch.
"""

SOURCE = "#0b3fc4"
TARGET = "#e06c10"
QUERY = "#963b7a"
KEY = "#1b8cf0"
VALUE = "#1a6b2a"
CONTEXT = "#222222"
"""Black: a context is mixed from values, and belongs to no word."""
PADDING = "#8c8c8c"
"""Always with `HATCH`."""

ROLES = {
    "source": SOURCE,
    "target": TARGET,
    "query": QUERY,
    "key": KEY,
    "value": VALUE,
    "context": CONTEXT,
}
CYCLE = (SOURCE, TARGET, VALUE, QUERY, KEY, CONTEXT)
"""For lines without a role, in this order."""

INK = "#222222"
MUTED = "#595959"
GRID = "#e0e0e0"
HATCH = "////"

SEQUENTIAL = "Blues"
"""matplotlib's name for: from nothing, white, to much, dark."""
DIVERGING = "RdBu_r"
"""matplotlib's name for: from minus, blue, through zero, white, to plus, red."""
COLOUR_MAPS = {"sequential": SEQUENTIAL, "diverging": DIVERGING}
