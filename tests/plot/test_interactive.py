"""The frame of every interactive figure: self-contained, escaped, with its picture."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from minis2s.config import InputError
from minis2s.plot import interactive
from minis2s.plot.interactive import MAX_DATA, Interactive
from minis2s.plot.strip import strip

EVIL = "</script><b onload=\"x('&amp;')\"> & 'q' <!-- \u2028 $x$"


class Elements(HTMLParser):
    """All start tags of a page with their attributes, and the text of its scripts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Remember it; only what has an end stays open."""
        self.found.append((tag, dict(attrs)))
        if tag not in {"img", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """It must end what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep what is a script."""
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)


def make(text="plain", **changes):
    """A small figure with a text in every place that takes one."""
    values = np.array([[0.5, -1.0], [0.25, 0.0], [1.0, 0.75]])
    given = {"title": text, "caption": text, "quantity": text, **changes}
    return strip(values, [text, "b", "c"], [text, "e"], **given)


def test_everything_is_in_the_html():
    """No address of anything elsewhere, but the name of the SVG language."""
    page = make().to_html()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"\b(src|href)=(?!\"data:)|@import|url\((?!#)", page)
    assert "import(" not in page
    assert "fetch(" not in page


@pytest.mark.parametrize("text", ["plain", EVIL, "我爱你" * 3, "$\\frac$"])
@pytest.mark.filterwarnings("ignore:some characters")
def test_texts_are_never_markup(text):
    """Whatever stands in labels, the page has the same elements and one script."""
    page = Elements(make(text).to_html("name"))
    assert [tag for tag, _ in page.found] == ["div", "img", "script"]
    assert not page.open
    assert len(page.scripts) == 1


def test_texts_arrive_unchanged():
    """The script and the picture's description hold the very text."""
    figure = make(EVIL)
    (_, image) = Elements(figure.to_html()).found[1]
    assert image["alt"] == f"{EVIL}. {EVIL}"
    line = next(x for x in figure.to_html().split("\n") if x.startswith("mount("))
    data, _ = json.JSONDecoder().raw_decode(line, line.index('{"values'))
    assert data["title"] == data["rows"][0] == data["columns"][0] == EVIL


def test_ids_are_unique():
    """One figure twice, and two figures, have different ids."""
    one, other = make("a"), make("b")
    pages = [figure.to_html() for figure in (one, one, other)]
    names = [Elements(page).found[0][1]["id"] for page in pages]
    assert len(set(names)) == 3


def test_keys_are_kept_from_the_notebook():
    """JupyterLab takes arrow keys for itself, unless an element says not to."""
    attributes = Elements(make().to_html()).found[0][1]
    assert attributes["data-lm-suppress-shortcuts"] == "true"


def test_output_has_all_forms():
    """HTML, the same picture as in it, and text."""
    figure = make("finding")
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert f"base64,{bundle['image/png']}" in bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == "finding\nfinding"
    json.dumps(bundle)


def test_picture_has_few_colours_and_is_legible():
    """The smaller PNG differs from matplotlib's by little, as nobody can see."""
    figure = make()
    small = mpl.image.imread(io.BytesIO(figure.png))[..., :3]
    full = io.BytesIO()
    figure.static.savefig(full, dpi=110)
    full.seek(0)
    assert np.abs(small - mpl.image.imread(full)[..., :3]).mean() < 0.01
    assert small.shape[1] > 950


def strip_of(n_rows, word):
    """Noise, which no compression helps, in 41 columns."""
    values = np.random.default_rng(0).normal(size=(n_rows, 41))
    rows, columns = ([f"{word}{i}" for i in range(n)] for n in values.shape)
    return strip(values, rows, columns, title="t", caption="c")


@pytest.mark.parametrize(("n_rows", "word"), [(43, ""), (37, "Donaudampfschiff")])
def test_largest_figure_is_below_60_kilobytes(n_rows, word):
    """As many numbers as are allowed, with script and picture, and with long names."""
    figure = strip_of(n_rows, word)
    assert 0.85 * MAX_DATA < len(figure._json) < MAX_DATA
    assert len(figure.to_html()) < 60_000


def test_too_many_numbers_are_refused():
    """A figure that would swell the notebook says so."""
    with pytest.raises(ValueError, match=rf"strip: must fit into {MAX_DATA} bytes"):
        strip_of(61, "")


def test_nan_cannot_reach_the_page():
    """JSON has no NaN; an author who brings one is told at once."""
    with pytest.raises(ValueError, match="Out of range float"):
        Interactive("strip", "t", "c", {"x": float("nan")}, Figure())


# --- files ---


def test_saved_page_is_whole(tmp_path):
    """A page has a title, says its encoding, and is the same file twice."""
    for name in ("a.html", "b.HTML"):
        make(EVIL).save(tmp_path / name)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "b.HTML").read_text(encoding="utf-8")
    tags = [tag for tag, _ in Elements(page).found]
    assert tags[:3] == ["html", "head", "meta"]
    assert tags[-3:] == ["div", "img", "script"]
    assert '<meta charset="utf-8">' in page


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")]
)
def test_pictures_are_saved(tmp_path, name, start):
    """The picture is written in either format; a path may be a string."""
    make(EVIL).save(str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.html.txt"])
def test_unknown_suffix(tmp_path, name):
    """Another format is refused, and nothing is written."""
    with pytest.raises(InputError, match=r"written as \.html, \.png or \.svg, got"):
        make().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", interactive.FORMATS)
def test_missing_folder(tmp_path, suffix):
    """A folder that is not there is named, and not made."""
    with pytest.raises(InputError, match="nowhere"):
        make().save(tmp_path / "nowhere" / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


def test_scripts_and_styles_are_shipped():
    """Every kind's script is among the package's files, and each is small."""
    for name in ("interactive", "drag_query", "slider", "strip"):
        assert 1_000 < len(interactive._read(f"{name}.js")) < 10_000
    assert ":host" in interactive._read("interactive.css")
