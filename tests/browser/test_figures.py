"""Interactive figures in a real browser: they answer the hand as NumPy says."""

from functools import cache

import numpy as np
import pytest

from minis2s.plot.drag_query import attend, drag_query
from minis2s.plot.slider import slider
from minis2s.plot.strip import strip

KEYS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -0.2], [0.0, 0.0]])
VALUES = np.array([[0.2, 1.0], [1.0, -0.3], [-1.0, -0.6], [0.0, 0.0]])
LABELS = ["ein", "Hund", "</script><b>schläft</b>", "<pad>"]
QUERY = np.array([0.2, 1.5])
MASK, ALL = np.array([True, True, True, False]), np.ones(4, bool)
REACH = 2.5
FRAMES = np.random.default_rng(0).uniform(-1, 1, size=(5, 2, 3))
STRIP = np.random.default_rng(1).normal(size=(3, 5))
WORDS = ["Der", "Hund", "läuft", ".", "<pad>"]


@cache
def make_query(masked=True, scale=1.0, reach=REACH):
    """Three words and a blank, which the mask, if there is one, leaves out."""
    given = {"mask": MASK if masked else ALL, "scale": scale, "reach": reach}
    return drag_query(KEYS, VALUES, LABELS, QUERY, title="Query", **given)


@cache
def make_slider(x=("a", "b", "c")):
    """Two colours of bars, or two lines, in five frames."""
    return slider(
        FRAMES,
        x,
        control="temperature",
        steps=[0.1, 0.5, 1.0, 2.0, 5.0],
        series=["one", "other"],
        notes=[f"note {i}" for i in range(5)],
        title="Slider",
        caption="c",
        start=1,
    )


@cache
def make_strip():
    """Three units over five tokens, the last of which is padding."""
    mask = np.array([True, True, True, True, False])
    units = ["u0", "u1", "u2"]
    return strip(STRIP, units, WORDS, title="Strip", caption="c", mask=mask)


BEYOND = """svg => {
    const edge = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter(text => {
        const box = text.getBoundingClientRect();
        return box.width > 0 && (box.left < edge.left - 1 || box.right > edge.right + 1
            || box.top < edge.top - 1 || box.bottom > edge.bottom + 1);
    }).map(text => text.textContent);
}"""
"""Which texts of a drawing reach over its edge."""

MAKERS = {"query": make_query, "slider": make_slider, "strip": make_strip}


def numbers(page, selector, *names):
    """Attributes of all elements, as numbers, a row for each element."""
    rows = page.locator(selector).evaluate_all(
        "(nodes, names) => nodes.map(n => names.map(name => +n.getAttribute(name)))",
        names,
    )
    return np.array(rows, float)


def readout(page):
    """The sentence that is read out."""
    return page.get_by_role("status").inner_text()


def query_of(page):
    """Where the arrow points now."""
    return numbers(page, "[role=application]", "data-x", "data-y")[0]


def check_query(page, scale=1.0, mask=MASK):
    """Bars, context and sentence on the page are NumPy's for the arrow on the page."""
    weights, context = attend(KEYS, VALUES, query_of(page), mask, scale)
    shown, widths = numbers(page, ".bar", "data-weight", "width").T
    np.testing.assert_allclose(shown, weights, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(widths, weights * widths.sum(), rtol=1e-9)
    dot = numbers(page, ".context", "data-x", "data-y")[0]
    np.testing.assert_allclose(dot, context, rtol=1e-12, atol=1e-12)
    said = readout(page).replace("−", "-").rpartition("Context (")[2].rstrip(").")
    np.testing.assert_allclose(
        [float(x) for x in said.split(",")], context, atol=0.0051
    )


def drag(page, to):
    """Drag the arrow's head to a point of its plane, in units of the plane."""
    plane = page.locator("svg > rect").first.bounding_box()
    place = (np.array(to) * [1, -1] / REACH + 1) / 2 * plane["width"]
    head = page.locator(".ring").bounding_box()
    page.mouse.move(head["x"] + head["width"] / 2, head["y"] + head["height"] / 2)
    page.mouse.down()
    page.mouse.move(plane["x"] + place[0], plane["y"] + place[1], steps=3)
    page.mouse.up()


# --- the query ---


@pytest.mark.parametrize("scale", [1.0, 0.5**0.5])
@pytest.mark.parametrize("masked", [True, False])
def test_first_state_is_numpy_s(open_page, masked, scale):
    """Weights and context before anything is touched."""
    page = open_page(make_query(masked, scale).to_html("f"))
    np.testing.assert_array_equal(query_of(page), QUERY)
    check_query(page, scale, MASK if masked else ALL)


@pytest.mark.parametrize("to", [(-1.2, -0.7), (1.0, 0.0), (0.0, 0.0)])
def test_dragging_moves_query_weights_and_context(open_page, to):
    """The arrow's head is where the pointer let go, and all follows from it."""
    page = open_page(make_query().to_html("f"))
    drag(page, to)
    np.testing.assert_allclose(query_of(page), to, atol=0.02)
    check_query(page)
    page.mouse.move(50, 600)
    np.testing.assert_allclose(query_of(page), to, atol=0.02)


def test_dragging_beyond_the_plane_stops_at_its_edge(open_page):
    """The arrow never leaves what can be seen."""
    page = open_page(make_query().to_html("f"))
    drag(page, (90.0, -90.0))
    np.testing.assert_allclose(query_of(page), [REACH, -REACH])
    check_query(page)


def test_a_finger_moves_the_query(open_page):
    """A tap in the plane brings the arrow there."""
    page = open_page(make_query().to_html("f"))
    plane = page.locator("svg > rect").first.bounding_box()
    page.touchscreen.tap(plane["x"] + plane["width"] * 0.75, plane["y"] + 20)
    assert query_of(page)[0] == pytest.approx(REACH / 2, abs=0.02)
    check_query(page)


def test_arrow_keys_move_the_query(open_page):
    """Each key goes its way, with Shift a tenth as far; the page does not scroll."""
    page = open_page(make_query().to_html("f"), height=200)
    page.get_by_role("application").focus()
    scrolled = page.evaluate("scrollY")
    for key, way in {
        "ArrowLeft": (-1, 0),
        "ArrowDown": (0, -1),
        "ArrowRight": (1, 0),
        "ArrowUp": (0, 1),
        "Shift+ArrowRight": (0.1, 0),
    }.items():
        before = query_of(page)
        page.keyboard.press(key)
        np.testing.assert_allclose(query_of(page) - before, REACH / 20 * np.array(way))
        check_query(page)
    assert page.evaluate("scrollY") == scrolled


def test_plus_and_minus_stretch_without_turning(open_page):
    """Length changes by a tenth, the direction stays, also at the edge of the plane."""
    page = open_page(make_query(reach=2.0).to_html("f"))
    page.get_by_role("application").focus()
    page.keyboard.press("-")
    np.testing.assert_allclose(query_of(page), QUERY / 1.1)
    for _ in range(9):
        page.keyboard.press("+")
    np.testing.assert_allclose(query_of(page), QUERY / QUERY.max() * 2.0)
    check_query(page)


def test_nothing_to_attend_to_is_said(open_page):
    """Under a mask that allows nothing all weights are 0, and no number is NaN."""
    none = np.zeros(4, bool)
    figure = drag_query(KEYS, VALUES, LABELS, QUERY, title="t", mask=none)
    page = open_page(figure.to_html("f"))
    check_query(page, mask=none)
    assert "Nothing may be attended to" in readout(page)


# --- the slider ---


def check_bars(page, frame):
    """Heights of all bars are those of a frame, on the page and as numbers."""
    shown, heights = numbers(page, ".bar", "data-value", "height").T
    np.testing.assert_allclose(shown, FRAMES[frame].ravel(), rtol=1e-5)
    low, high = make_slider().data["yLimits"]
    expected = np.abs(FRAMES[frame]).ravel() / (high - low) * 216
    np.testing.assert_allclose(heights, expected, rtol=1e-4)


def test_slider_steps_through_the_frames(open_page):
    """Arrow keys go to the next frame and back, and stop at the ends."""
    page = open_page(make_slider().to_html("f"))
    check_bars(page, 1)
    page.get_by_role("slider").focus()
    for key, frame in [("ArrowRight", 2), ("End", 4), ("ArrowRight", 4), ("Home", 0)]:
        page.keyboard.press(key)
        check_bars(page, frame)
        assert readout(page) == f"note {frame}"
    slider_ = page.get_by_role("slider")
    assert slider_.get_attribute("aria-valuetext") == "0.1"
    assert page.locator(".step").inner_text() == "0.1"


def test_lines_are_those_of_the_frame(open_page):
    """Points of each line are proportional to the numbers of its frame."""
    page = open_page(make_slider((0.0, 1.0, 5.0)).to_html("f"))
    page.get_by_role("slider").fill("3")
    lines = page.locator(".line").evaluate_all(
        "nodes => nodes.map(node => node.getAttribute('points'))"
    )
    points = np.array([[p.split(",") for p in line.split()] for line in lines], float)
    low, high = make_slider((0.0, 1.0, 5.0)).data["yLimits"]
    heights = low + (250 - points[..., 1]) / 216 * (high - low)
    np.testing.assert_allclose(heights, FRAMES[3], atol=1e-5)
    gaps = np.diff(points[..., 0], axis=1)
    np.testing.assert_allclose(gaps[:, 1] / gaps[:, 0], 4.0)


@pytest.mark.parametrize(
    ("counts", "texts"),
    [
        ([[[3, 14]], [[2, 9]]], ["3", "14"]),
        ([[[3, 14.5]], [[2, 9]]], ["3.00", "14.50"]),
    ],
)
def test_counts_have_no_decimals(open_page, counts, texts):
    """Over bars of whole numbers stand whole numbers, else two digits."""
    figure = slider(
        np.array(counts, dtype=float), ["a", "b"], control="merges", steps=["0", "1"],
        series=["tokens"], title="Fewer", caption="Step through.",
    )  # fmt: skip
    page = open_page(figure.to_html("f"))
    shown = page.locator("text.quiet").all_text_contents()
    assert [text for text in shown if text in texts] == texts


# --- the strip ---


def test_pointing_at_a_cell_reads_its_value(open_page):
    """Row, column and value of the cell under the pointer."""
    page = open_page(make_strip().to_html("f"))
    for r, c in [(0, 0), (2, 3), (1, 2)]:
        page.locator(f'.cell[data-row="{r}"][data-column="{c}"]').hover()
        value = f"{STRIP[r, c]:.2f}".replace("-", "−")
        assert readout(page) == f"u{r} at {WORDS[c]}: {value}"


def test_padding_has_no_value(open_page):
    """A padded cell is hatched, and says what it is."""
    page = open_page(make_strip().to_html("f"))
    cell = page.locator('.cell[data-row="1"][data-column="4"]')
    cell.hover()
    assert readout(page) == "u1 at <pad>: padding"
    assert cell.get_attribute("fill") == "url(#f-padding)"


def test_arrow_keys_walk_the_cells(open_page):
    """From the first cell in all four ways, and not over the edge."""
    page = open_page(make_strip().to_html("f"))
    page.locator("g[tabindex]").focus()
    for key, place in [
        ("ArrowUp", "u0 at Der"),
        ("ArrowRight", "u0 at Hund"),
        ("ArrowDown", "u1 at Hund"),
        ("ArrowLeft", "u1 at Der"),
        ("ArrowLeft", "u1 at Der"),
    ]:
        page.keyboard.press(key)
        assert readout(page).startswith(f"{place}: ")


def test_colours_follow_the_values(open_page):
    """The largest value has the last shade, and a larger one is never paler."""
    page = open_page(make_strip().to_html("f"))
    shades = make_strip().data["colours"]["shades"]
    fills = page.locator(".cell").evaluate_all(
        "nodes => nodes.map(node => node.getAttribute('fill'))"
    )
    fills = np.array(fills).reshape(3, 5)[:, :4].ravel()
    order = np.argsort(STRIP[:, :4].ravel())
    places = [shades.index(fill) for fill in fills[order]]
    assert places == sorted(places)
    assert {0, len(shades) - 1} & set(places)


# --- all of them ---


@pytest.mark.parametrize("kind", MAKERS)
def test_reset_restores_the_first_state(open_page, kind):
    """After keys and a drag, the button brings back every element as it was."""
    page = open_page(MAKERS[kind]().to_html("f"))
    state = "document.querySelector('#f').shadowRoot.querySelector('section').innerHTML"
    before = page.evaluate(state)
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate(state) != before
    page.get_by_role("button", name="reset").click()
    assert page.evaluate(state) == before


@pytest.mark.parametrize("kind", MAKERS)
def test_figures_do_not_disturb_one_another(open_page, kind):
    """Of two like figures on a page, the one that is not touched stays as it is."""
    page = open_page(MAKERS[kind]().to_html() + MAKERS[kind]().to_html())
    hosts = page.locator('body > div[id^="minis2s"]')
    assert hosts.count() == 2
    ids = page.evaluate(
        "[...document.querySelectorAll('body > div')].flatMap(host => [host.id,"
        " ...[...host.shadowRoot.querySelectorAll('[id]')].map(node => node.id)])"
    )
    assert len(set(ids)) == len(ids) == 4
    state = "host => host.shadowRoot.querySelector('section').innerHTML"
    before = [hosts.nth(i).evaluate(state) for i in (0, 1)]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert hosts.nth(0).evaluate(state) != before[0]
    assert hosts.nth(1).evaluate(state) == before[1]


@pytest.mark.parametrize("kind", MAKERS)
def test_one_output_shown_twice_lives_twice(open_page, kind):
    """A notebook may show an output in two views, with equal ids."""
    page = open_page(MAKERS[kind]().to_html("f") * 2)
    assert page.locator("section").count() == 2


@pytest.mark.parametrize("kind", MAKERS)
def test_focus_can_be_seen(open_page, kind):
    """The focused handle looks otherwise than before, or has an outline."""
    page = open_page(MAKERS[kind]().to_html("f"))
    before = page.screenshot()
    page.keyboard.press("Tab")
    assert page.screenshot() != before


@pytest.mark.parametrize("kind", MAKERS)
def test_handles_have_names(open_page, kind):
    """What has the focus says what it is, and the figure its title."""
    figure = MAKERS[kind]()
    page = open_page(figure.to_html("f"))
    page.keyboard.press("Tab")
    label = page.evaluate(
        "document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')"
    )
    assert label
    assert page.locator("section").get_attribute("aria-label") == figure.title


@pytest.mark.parametrize("kind", MAKERS)
def test_without_scripts_there_is_the_picture(browser, kind):
    """A reader that runs no script sees the static sibling, and no loose text."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(MAKERS[kind]().to_html("f"))
    assert page.locator("img").is_visible()
    assert page.locator("img").bounding_box()["width"] > 700
    assert page.locator("body").inner_text().strip() == ""
    context.close()


@pytest.mark.parametrize("kind", MAKERS)
def test_with_scripts_the_picture_gives_way(open_page, kind):
    """The live figure stands in its place, under its title."""
    figure = MAKERS[kind]()
    page = open_page(figure.to_html("f"))
    assert not page.locator("img").is_visible()
    assert page.locator(".title").inner_text() == figure.title
    assert page.locator(".caption").inner_text() == figure.caption


@pytest.mark.parametrize("width", [900, 360])
@pytest.mark.parametrize("kind", MAKERS)
def test_no_text_is_cut(open_page, kind, width):
    """Every text of the drawing lies inside of it, and the page needs no scroll bar."""
    page = open_page(MAKERS[kind]().to_html("f"), width=width)
    beyond = page.locator("svg").evaluate(BEYOND)
    assert beyond == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_saved_page_works(open_page, tmp_path):
    """The file that `save` writes is a page of its own."""
    make_query().save(tmp_path / "figure.html")
    page = open_page((tmp_path / "figure.html").read_text(encoding="utf-8"))
    assert page.title() == "Query"
    drag(page, (-0.5, 0.5))
    check_query(page)
