"""The book: whole, readable by everybody, and at home on one machine."""

import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from anchors import Anchors, arrives
from conftest import HERE, ROOT, WIDTHS
from playwright.sync_api import TimeoutError

SITE = ROOT / "build" / "site"
AXE = ROOT / "build" / "axe" / "axe.min.js"
PAGES = sorted(
    str(path.relative_to(SITE))
    for path in SITE.glob("**/*.html")
    if "_static" not in path.parts
)
GENERATED = [page for page in PAGES if page.startswith(("_modules", "api/cnnlab"))]
# Generated pages are alike: one of a kind is looked at closely.
SAMPLE = ["_modules/cnnlab/train.html", "api/cnnlab.convolution.html"]
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
UNNAMED = "[...document.images].filter(i => !i.alt.trim()).map(i => i.src)"
REACHABLE = """() => [...document.querySelectorAll("pre")].every(
    block => block.scrollWidth <= block.clientWidth || block.tabIndex >= 0
)"""
SERIOUS = """async theme => {
    document.documentElement.dataset.theme = theme;
    const found = await axe.run({resultTypes: ["violations"]});
    return found.violations
        .filter(v => ["serious", "critical"].includes(v.impact))
        .map(v => `${theme}, ${v.id}: ${v.nodes.slice(0, 3).map(n => n.html)}`);
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves the book without a line on the terminal."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer((HERE, 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HERE}:{server.server_port}"
    server.shutdown()
    server.server_close()


class Visit(NamedTuple):
    """What was amiss with a page; every field should be empty."""

    console_errors: list
    requests_to_other_hosts: list
    pictures_without_a_text: list
    widths_too_narrow_for_it: list
    serious_violations: list


@pytest.fixture(scope="module")
def visits(address, witness):
    """Every page of the book, seen as on a laptop and on a phone."""
    return {name: visit(witness, f"{address}/{name}", name) for name in PAGES}


def visit(witness, url, name):
    witness.errors, witness.foreign = [], []
    closely = name in SAMPLE or name not in GENERATED
    witness.page.goto(url, wait_until="load")
    unnamed, too_narrow, violations = witness.page.evaluate(UNNAMED), [], []
    for width, height in WIDTHS.items():
        witness.page.set_viewport_size({"width": width, "height": height})
        if witness.page.evaluate(TOO_WIDE):
            too_narrow.append(width)
        if closely:
            witness.photograph(f"site/{name.removesuffix('.html')}", width)
    if closely:
        with suppress(TimeoutError):  # axe then says which
            # After a change of size the theme puts wide code in the keyboard's reach.
            witness.page.wait_for_function(REACHABLE, timeout=5_000)
        witness.page.add_script_tag(path=AXE)
        violations = [
            violation
            for theme in ("light", "dark")
            for violation in witness.page.evaluate(SERIOUS, theme)
        ]
    return Visit(witness.errors, witness.foreign, unnamed, too_narrow, violations)


def test_the_book_holds_every_lesson_and_the_package():
    lessons = {path.stem for path in ROOT.glob("notebooks/[0-9][0-9]_*.ipynb")}
    assert {f"notebooks/{name}.html" for name in lessons} <= set(PAGES)
    assert {"index.html", "search.html", *SAMPLE} <= set(PAGES)


@pytest.mark.parametrize("fault", Visit._fields)
def test_no_page_has(visits, fault):
    faults = {name: getattr(visit, fault) for name, visit in visits.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_every_link_inside_the_book_arrives():
    pages = {SITE / name: Anchors((SITE / name).read_text()) for name in PAGES}
    assert [
        f"{path.relative_to(SITE)}: {link}"
        for path, page in pages.items()
        for link in sorted(page.links)
        if not arrives(path, link, pages)
    ] == []


def test_search_finds_a_word_of_a_lesson(address, witness):
    witness.page.goto(f"{address}/search.html?q=receptive")
    hit = witness.page.locator("#search-results a[href*='01_convolution_basics']").first
    hit.wait_for()


def test_a_folded_answer_opens_on_a_click(address, witness):
    witness.page.goto(f"{address}/notebooks/01_convolution_basics.html")
    answer = witness.page.locator("article details").first
    before = answer.evaluate("answer => answer.open")
    answer.locator("summary").click()
    assert (before, answer.evaluate("answer => answer.open")) == (False, True)
