"""A figure that answers the hand where scripts run, and a picture where they do not.

A notebook that was cloned is untrusted, and on a hosting site no script ever runs. So
the HTML of such a figure is its own picture, and a script that replaces the picture by
the live figure. The output also holds the picture as PNG, for readers without HTML.

Everything stands in the HTML: no library, no network. Words reach the page as JSON and
as text nodes, never as markup.
"""

import base64
import hashlib
import html
import io
import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from minis2s.config import InputError
from minis2s.plot.attention_map import save_figure
from minis2s.text.files import write_whole

MAX_DATA = 16_000
"""Bytes of JSON in one figure; with script and picture it stays below 60 kB."""
_FULL, _COARSE, _MAX_PICTURE = (110, 64), (70, 16), 22_000
"""Dots an inch and colours of a picture, and of one that would have too many bytes."""
FORMATS = ("html", "png", "svg")
_shown = count(1)

_BODY = """\
<div id="{name}" data-lm-suppress-shortcuts="true">
<img src="data:image/png;base64,{picture}" alt="{alt}" style="max-width:100%">
</div>
<script>
(() => {{
"use strict";
{script}
mount("{name}", {style}, {data}, draw);
}})();
</script>
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
{body}</body>
</html>
"""


@dataclass(frozen=True, eq=False)
class Interactive:
    """What an interactive kind returns: show it in a notebook, or save it.

    Raises:
        ValueError: if the data are too large for a page.
    """

    kind: str
    "name of the script in this folder that draws it"
    title: str
    "the finding"
    caption: str
    "one sentence that tells the eye where to go"
    data: dict[str, Any]
    "what the script draws; numbers, texts, lists and dictionaries"
    static: Figure
    "the picture for where no script runs"

    def __post_init__(self) -> None:
        size = len(self._json)
        if size > MAX_DATA:
            raise ValueError(
                f"{self.kind}: must fit into {MAX_DATA} bytes of data, got {size}; "
                f"show fewer numbers"
            )

    def to_html(self, name: str | None = None) -> str:
        """The figure as HTML that can stand anywhere in a page.

        Args:
            name: its id, unique in the page; by default one that is not used yet.
        """
        if name is None:
            digest = hashlib.sha256(self._json.encode()).hexdigest()[:10]
            name = f"minis2s-{self.kind}-{digest}-{next(_shown)}"
        return _BODY.format(
            name=html.escape(name),
            picture=base64.b64encode(self.png).decode(),
            alt=html.escape(f"{self.title}. {self.caption}"),
            script=_read("interactive.js") + _read(f"{self.kind}.js"),
            style=_to_json(_read("interactive.css")),
            data=self._json,
        )

    def save(self, path: Path | str) -> None:
        """Write a page (.html) or the picture (.png, .svg), whole or not at all.

        Raises:
            InputError: if the suffix is another, or the folder is missing.
        """
        path = Path(path)
        kind = path.suffix.removeprefix(".").lower()
        if kind not in FORMATS:
            raise InputError(
                f"{path}: a figure is written as .html, .png or .svg, got {kind!r}"
            )
        if kind == "html":
            body = self.to_html("figure")
            page = _PAGE.format(title=html.escape(self.title), body=body)
            write_whole(path, page.encode())
        else:
            save_figure(self.static, path)

    @cached_property
    def png(self) -> bytes:
        """The picture, in as few bytes as its few colours need."""
        picture = _to_png(self.static, *_FULL)
        if len(picture) > _MAX_PICTURE:
            picture = _to_png(self.static, *_COARSE)
        return picture

    @cached_property
    def _json(self) -> str:
        return _to_json({**self.data, "title": self.title, "caption": self.caption})

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        """Both forms at once: a notebook shows the first that it may."""
        return {
            "text/html": self.to_html(),
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": f"{self.title}\n{self.caption}",
        }


def _to_png(figure: Figure, dpi: int, colours: int) -> bytes:
    full, small = io.BytesIO(), io.BytesIO()
    with mpl.rc_context({"text.parse_math": False}):
        figure.savefig(full, format="png", dpi=dpi)
    Image.open(full).convert("RGB").quantize(colours).save(small, "png", optimize=True)
    return small.getvalue()


def _to_json(data: object) -> str:
    r"""JSON that may stand in a script: no "<" in it can end or open a tag.

    >>> _to_json("</script>")
    '"\\u003c/script>"'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


@cache
def _read(name: str) -> str:
    return resources.files("minis2s.plot").joinpath(name).read_text(encoding="utf-8")
