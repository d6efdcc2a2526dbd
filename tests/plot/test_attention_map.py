"""Attention maps: the right way round, legible to the edges, the same file twice."""

import shutil
import warnings
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from minis2s.config import InputError
from minis2s.plot import fonts as module
from minis2s.plot.attention_map import CAPTION, attention_map, save_figure

SRC, TGT = list("abcde"), list("xyz")
LOOKS_AT = [4, 0, 2]  # which source position each of the three target positions sees
PLANTED = np.eye(5)[LOOKS_AT]
COMPOUNDS = [
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "Rindfleischetikettierungsüberwachung",
]
CASES = {
    "one cell": (["a"], ["b"]),
    "letters": (SRC, TGT),
    "words": (["Ein", "Hund", "läuft", "."], ["A", "dog", "is", "running", "."]),
    "compounds": (["Der", *COMPOUNDS], [COMPOUNDS[1], "watches", "."]),
    "compound last": (["Der", COMPOUNDS[0]], ["the", "captain", "."]),
    "40 words": ([f"Wort{i}" for i in range(40)], [f"word{i}" for i in range(37)]),
    "wide": ([f"Wort{i}" for i in range(29)], ["ja"]),
    "tall": (["ja"], [f"Wort{i}" for i in range(29)]),
}


def draw(src, tgt, **changes):
    """A drawn map of attention that wanders along the source."""
    weights = np.eye(len(src))[np.arange(len(tgt)) % len(src)]
    figure = attention_map(weights, src, tgt, **{"title": "a title", **changes})
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.fixture(params=CASES, scope="module")
def drawn(request):
    """Drawn maps, from one cell to forty words, with a box and its line of caption."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's, that something has no room
        return draw(*CASES[request.param], gold=[(0, 0)])


def labels_of(axis):
    """Text objects of an axis's words."""
    return [
        tick.label2 if tick.label2.get_visible() else tick.label1
        for tick in (axis.get_major_ticks())
    ]


def words_of(axis):
    """The words along an axis."""
    return [label.get_text() for label in labels_of(axis)]


# --- the right way round ---


def test_rows_are_target_and_columns_are_source():
    """The drawn array has a row for each target word, a column for each source word."""
    axes = attention_map(PLANTED, SRC, TGT, title="t").axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), PLANTED)
    assert words_of(axes.xaxis) == SRC
    assert words_of(axes.yaxis) == TGT
    assert axes.get_xlabel() == "source (read)"
    assert axes.get_ylabel() == "target (written)"


def test_first_target_word_is_on_top():
    """Target words run downwards, source words to the right, as one reads."""
    axes = draw(SRC, TGT).axes[0]
    x, _ = axes.transData.transform([(s, 0) for s in range(5)]).T
    _, y = axes.transData.transform([(0, t) for t in range(3)]).T
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) < 0).all()


def test_dark_pixels_are_between_their_labels(tmp_path):
    """In the file, the pixel under word s and beside word t is dark iff t sees s."""
    figure = attention_map(PLANTED, SRC, TGT, title="t")
    save_figure(figure, tmp_path / "map.png")
    pixels = mpl.image.imread(tmp_path / "map.png")
    figure.set_dpi(150)
    FigureCanvasAgg(figure).draw()
    columns, rows = (
        [label.get_window_extent() for label in labels_of(axis)]
        for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis)
    )
    for t, s in np.ndindex(3, 5):
        x, y = columns[s].x0 / 2 + columns[s].x1 / 2, rows[t].y0 / 2 + rows[t].y1 / 2
        dark = pixels[len(pixels) - 1 - round(y), round(x), :3].mean() < 0.5
        assert dark == (s == LOOKS_AT[t])


def test_scale_runs_from_zero_to_one():
    """Equal weights have equal colours on every map, whatever its largest weight is."""
    figure = attention_map(np.full((3, 5), 0.2), SRC, TGT, title="t")
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_darker_is_more():
    """Luminance falls all along the scale, so it reads in grey and by any eye."""
    cmap = attention_map(PLANTED, SRC, TGT, title="t").axes[0].images[0].cmap
    rgb = cmap(np.linspace(0, 1, 256))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < 0).all()
    assert luminance[0] - luminance[-1] > 0.85


@pytest.mark.parametrize("gold", [[], [(4, 0)], [(4, 0), (0, 1), (3, 2)]])
def test_gold_boxes_are_at_source_and_target(gold):
    """Each known link (source, target) is a box around that column and row."""
    axes = attention_map(PLANTED, SRC, TGT, title="t", gold=gold).axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    centres = [tuple(np.mean(box.get_corners(), axis=0)) for box in boxes]
    np.testing.assert_allclose(np.reshape(centres, (-1, 2)), np.reshape(gold, (-1, 2)))
    assert not any(box.get_fill() for box in boxes)


def test_gold_boxes_are_explained():
    """The usual caption says what the boxes are; a caption of one's own is kept."""
    boxed = attention_map(PLANTED, SRC, TGT, title="t", gold=[(4, 0)])
    own = attention_map(PLANTED, SRC, TGT, title="t", gold=[(4, 0)], caption="mine")
    assert boxed.get_supxlabel().startswith(CAPTION)
    assert "Boxes mark links" in boxed.get_supxlabel()
    assert own.get_supxlabel() == "mine"


def test_title_and_caption():
    """The map says what it is and how it is read."""
    figure = attention_map(PLANTED, SRC, TGT, title="general attention")
    assert figure.get_suptitle() == "general attention"
    assert figure.get_supxlabel() == CAPTION


# --- what does not fit ---


@pytest.mark.parametrize(
    ("src", "tgt"), [(SRC[1:], TGT), (SRC, [*TGT, "w"]), (TGT, SRC)]
)
def test_labels_must_fit(src, tgt):
    """Labels of another number, or swapped, are refused with both shapes."""
    message = rf"must have shape \({len(tgt)}, {len(src)}\), target labels by source"
    with pytest.raises(ValueError, match=message):
        attention_map(PLANTED, src, tgt, title="t")


@pytest.mark.parametrize(("src", "tgt"), [([], []), (SRC, []), ([], TGT)])
def test_map_must_not_be_empty(src, tgt):
    """A map without rows or columns is refused."""
    with pytest.raises(ValueError, match=r"and not be empty, got \(\d, \d\)"):
        attention_map(np.zeros((len(tgt), len(src))), src, tgt, title="t")


@pytest.mark.parametrize(
    ("row", "got"),
    [
        ([0.2, 0.2, 0.2, 0.2, 0.1], r"got sum 0\.9"),
        ([0, 0, 0, 0, 0], r"got sum 0\.0"),
        ([0.5, 0.5, 0, 0, 0.01], r"got sum 1\.01"),
        ([1.5, -0.5, 0, 0, 0], r"least -0\.5"),
        ([np.nan, 1, 0, 0, 0], "got sum nan"),
        ([np.inf, 0, 0, 0, 0], "got sum inf"),
    ],
)
def test_rows_must_be_shares(row, got):
    """A row that does not share out the whole is named with its word."""
    weights = PLANTED.copy()
    weights[1] = row
    with pytest.raises(ValueError, match=rf"row 1 \(y\) must sum to 1 and .*{got}"):
        attention_map(weights, SRC, TGT, title="t")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_is_no_fault(rng, dtype):
    """Rows that sum to 1 as nearly as their type can are drawn."""
    weights = rng.dirichlet(np.ones(41), size=3).astype(dtype)
    attention_map(weights, [str(i) for i in range(41)], TGT, title="t")


@pytest.mark.parametrize("link", [(5, 0), (0, 3), (-1, 0), (0, -1)])
def test_gold_must_be_on_the_map(link):
    """A link that leads out of the map is refused."""
    message = rf"gold: link \({link[0]}, {link[1]}\) leads out of 5 source and 3"
    with pytest.raises(ValueError, match=message):
        attention_map(PLANTED, SRC, TGT, title="t", gold=[link])


# --- legible ---


def texts_of(figure):
    """Every visible text of a figure that says something."""
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def test_no_text_is_cut_off(drawn):
    """No label, title or caption reaches the figure's edge."""
    edge = drawn.bbox.padded(-2)
    for text in texts_of(drawn):
        box = text.get_window_extent()
        assert edge.x0 <= box.x0 <= box.x1 <= edge.x1, text.get_text()
        assert edge.y0 <= box.y0 <= box.y1 <= edge.y1, text.get_text()


@pytest.mark.parametrize("words", [1, 7])
def test_long_titles_and_captions_are_not_cut_off(words):
    """The figure is as wide as its title and its caption need."""
    line = " ".join(["Aufmerksamkeit"] * words)
    test_no_text_is_cut_off(draw(["a"], ["b"], title=line, caption=f"{line}\n{line}"))


def test_title_stands_clear(drawn):
    """Neither title nor caption lies over the words or the cells."""
    axes = drawn.axes[0]
    inside = [label.get_window_extent() for label in labels_of(axes.xaxis)]
    inside += [axes.bbox, axes.xaxis.label.get_window_extent()]
    for text in (drawn._suptitle, drawn._supxlabel):
        assert not any(text.get_window_extent().overlaps(box) for box in inside)


def test_words_beside_the_rows_stand_clear(drawn):
    """No target word touches the one below it."""
    boxes = [label.get_window_extent() for label in labels_of(drawn.axes[0].yaxis)]
    assert all(above.y0 > below.y1 for above, below in pairwise(boxes))


def test_words_above_the_columns_stand_clear(drawn):
    """No source word touches the next, be they upright or slanted."""
    labels = labels_of(drawn.axes[0].xaxis)
    for one, other in pairwise(labels):
        left, right = one.get_window_extent(), other.get_window_extent()
        if one.get_rotation():
            step = np.ptp(drawn.axes[0].transData.transform([(0, 0), (1, 0)])[:, 0])
            apart = step * np.sin(np.radians(one.get_rotation()))
            assert apart > one.get_fontsize() * drawn.dpi / 72
        else:
            assert left.x1 < right.x0


def test_cells_and_letters_keep_their_size(drawn):
    """However long the sentences, letters stay at 11 points and cells at 1/4 inch."""
    axes = drawn.axes[0]
    n_rows, n_columns = axes.images[0].get_array().shape
    inches = axes.get_window_extent().transformed(drawn.dpi_scale_trans.inverted())
    assert inches.width / n_columns == pytest.approx(inches.height / n_rows)
    assert inches.width / n_columns > 0.25
    assert {t.get_fontsize() for t in labels_of(axes.xaxis)} == {11}


@pytest.mark.parametrize(
    ("labels", "slanted"),
    [(SRC, False), ([*"abcd", "</s>"], False), (["Hund", "läuft"], True)],
)
def test_words_are_slanted_only_if_they_must(labels, slanted):
    """Single letters stand upright; words that would touch are slanted."""
    axis = draw(labels, TGT).axes[0].xaxis
    assert {label.get_rotation() != 0 for label in labels_of(axis)} == {slanted}


@pytest.mark.parametrize("label", ["$x$", r"$\frac$", "a_b^c", "100 %", "#", "~", "\\"])
def test_labels_are_no_formulas(label):
    """What looks like a formula is drawn as it is, in labels, title and caption."""
    figure = draw([label, "b"], [label], title=label, caption=label)
    texts = [text for text in texts_of(figure) if text.get_text() == label]
    assert len(texts) == 4
    assert not any(text.get_parse_math() for text in texts)


# --- fonts ---


@pytest.fixture
def fonts(monkeypatch):
    """As if only matplotlib's own fonts were installed; returns the list of them."""
    own = mpl.get_data_path()
    entries = [e for e in font_manager.fontManager.ttflist if e.fname.startswith(own)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    cached = (module._characters, module._say_once)
    for function in cached:
        function.cache_clear()
    yield entries
    for function in cached:
        function.cache_clear()


@pytest.fixture
def chinese_font(monkeypatch, tmp_path, fonts):
    """A file that has the glyphs of 我爱你, as far as our module can tell."""
    path = tmp_path / "planted.ttf"
    shutil.copy(font_manager.findfont("DejaVu Sans"), path)
    known = module._characters

    def characters(file):
        return frozenset("我爱你") if file == str(path) else known(file)

    monkeypatch.setattr(module, "_characters", characters)
    return font_manager.FontEntry(fname=str(path), name="Planted CJK")


@pytest.mark.filterwarnings("error", "ignore:Glyph")
def test_font_that_has_the_glyphs_is_used(fonts, chinese_font):
    """An installed font with the ideographs is asked after the usual one."""
    fonts.append(chinese_font)
    figure = attention_map(np.eye(3), list("我爱你"), TGT, title="t")
    label = labels_of(figure.axes[0].xaxis)[0]
    assert words_of(figure.axes[0].xaxis) == list("我爱你")
    assert label.get_fontfamily() == ["DejaVu Sans", "Planted CJK"]


@pytest.mark.filterwarnings("error", "ignore:Glyph")
def test_font_installed_since_is_found(monkeypatch, fonts, chinese_font):
    """Matplotlib keeps its list of fonts for good; a new font is found all the same."""

    def add(path):
        fonts.append(chinese_font)

    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [chinese_font.fname])
    monkeypatch.setattr(font_manager.fontManager, "addfont", add)
    figure = attention_map(np.eye(3), list("我爱你"), TGT, title="t")
    assert words_of(figure.axes[0].xaxis) == list("我爱你")


@pytest.mark.filterwarnings("error")
def test_fallback_font_draws_without_a_complaint(fonts, tmp_path):
    """A character that only a second font has is drawn from it."""
    usual = module._characters(font_manager.findfont("DejaVu Sans"))
    other = module._characters(font_manager.findfont("STIXGeneral"))
    rare = min(other - usual)
    figure = attention_map(np.eye(2), [rare, "b"], ["c", "d"], title="t")
    save_figure(figure, tmp_path / "map.png")
    assert words_of(figure.axes[0].xaxis) == [rare, "b"]


def test_missing_glyphs_are_boxes_and_one_warning(fonts, tmp_path):
    """Where no font has a glyph, boxes are drawn and one warning says what to do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for text in ("我爱你", "天安门"):
            figure = attention_map(np.eye(3), list(text), [*"ab", "c你"], title=text)
            save_figure(figure, tmp_path / "map.png")
    assert [str(warning.message).count("fonts-noto-cjk") for warning in caught] == [1]
    assert words_of(figure.axes[0].xaxis) == ["□"] * 3
    assert words_of(figure.axes[0].yaxis) == ["a", "b", "c□"]
    assert figure.get_suptitle() == "□□□"


# --- files ---


@pytest.mark.parametrize("name", ["a.png", "a.svg", "A.PNG"])
def test_same_map_is_the_same_file(tmp_path, name):
    """The same map gives the same bytes, drawn anew or written again."""
    written = []
    for _ in range(2):
        figure = attention_map(PLANTED, SRC, TGT, title="t", gold=[(4, 0)])
        for _ in range(2):
            save_figure(figure, tmp_path / name)
            written.append((tmp_path / name).read_bytes())
    assert len(set(written)) == 1
    assert written[0].startswith((b"\x89PNG", b"<?xml"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_svg_needs_no_font(tmp_path):
    """Letters in an SVG are shapes, which look alike everywhere."""
    save_figure(attention_map(PLANTED, SRC, TGT, title="t"), tmp_path / "a.svg")
    assert "<text" not in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.png.txt", ".png"])
def test_unknown_suffix(tmp_path, name):
    """Another format is refused, and nothing is written."""
    with pytest.raises(InputError, match=r"a map is written as \.png or \.svg, got"):
        save_figure(attention_map(PLANTED, SRC, TGT, title="t"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path):
    """A folder that is not there is named, and not made."""
    figure = attention_map(PLANTED, SRC, TGT, title="t")
    with pytest.raises(InputError, match="nowhere is not a folder"):
        save_figure(figure, tmp_path / "nowhere" / "a.png")


def test_settings_of_others_stay(tmp_path):
    """Drawing and writing leave matplotlib's settings as they were."""
    before = dict(mpl.rcParams)
    save_figure(attention_map(PLANTED, SRC, TGT, title="t"), tmp_path / "a.svg")
    assert dict(mpl.rcParams) == before
