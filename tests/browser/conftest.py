"""A browser on this machine, and a witness of what a page asks for and complains of."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "browser"
PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]
HERE = "127.0.0.1"
OPTIONS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HERE}",
]
WIDTHS = {1280: 900, 390: 844}  # a laptop and a phone, pixels wide and high


class Witness:
    """Keeps a page's errors, and its requests to other hosts."""

    def __init__(self, page):
        self.page, self.errors, self.foreign = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        page.on("request", self._see)

    def _hear(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _see(self, request):
        address = urlsplit(request.url)
        if address.hostname not in (HERE, None):
            self.foreign.append(request.url)

    def photograph(self, name, width):
        """Takes a picture of the whole page, as wide as a laptop or a phone."""
        self.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        path = PICTURES / f"{name}-{width}.png"
        self.page.screenshot(path=path, full_page=True, animations="disabled")


@pytest.fixture(scope="session")
def chromium():
    """Debian's browser, driven from here."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"`make browser` installs what is missing: {', '.join(PROGRAMS)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def witness(chromium):
    """A page of its own for each file of tests."""
    context = chromium.new_context(viewport={"width": 1280, "height": WIDTHS[1280]})
    yield Witness(context.new_page())
    context.close()
