"""A Chromium that is there already, and pages with figures in it.

Nothing is downloaded: the driver, playwright, is a Python package, and the browser is
the system's. Where there is none, the tests say what to install.
"""

import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium found; install one (Debian: apt install chromium)")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="pip install playwright"
    )
    with sync_api.sync_playwright() as driver:
        # Containers give neither a sandbox nor much shared memory.
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        chromium = driver.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open HTML in a page without a network; no test may end with a complaint."""
    context = browser.new_context(offline=True, has_touch=True)
    complaints = []

    def open_(html, **viewport):
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: complaints.append(request.url))
        page.set_viewport_size({"width": 900, "height": 700, **viewport})
        page.set_content(html)
        return page

    yield open_
    context.close()
    real = [c for c in complaints if not str(c).startswith(("data:", "about:"))]
    assert not real
