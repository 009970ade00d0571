"""The book: whole, readable by everybody, and at home on one machine."""

import ast
import subprocess
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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
SAMPLE = ["_modules/cnnlab/train/fit.html", "api/cnnlab.convolution.geometry.html"]
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


DARK = "() => { document.documentElement.dataset.theme = 'dark'; }"
THEME = "document.documentElement.dataset.theme"
FRAME = """#pst-primary-sidebar, #pst-secondary-sidebar, .bd-header-article,
    .prev-next-area, .bd-footer-content, .headerlink"""
# What Chromium does while it prints, told by the page itself.
WITNESS_PRINT = """() => addEventListener("beforeprint", () => {
    window.printed_as = document.documentElement.dataset.theme;
})"""
FIGURE = "article div.cell_output img"
ROWS = """[...document.querySelectorAll("td:first-child a")].map(
    link => [link.getAttribute("href"), link.closest("tr").cells[1].innerText])"""


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


def changed_pages():
    """Returns the pages whose sources changed lately, or all where that is not known.

    A page's source bears its name: `api/cnnlab.boxes.html` comes from boxes.py.
    """
    command = ["git", "log", "--since=2 days ago", "--name-only", "--format="]
    try:
        listing = subprocess.check_output(command, cwd=ROOT, text=True)
    except (OSError, subprocess.CalledProcessError):
        return set(PAGES)
    sources = [Path(line) for line in listing.split("\n") if line]
    if any(path.parts[0] == "book" for path in sources):
        return set(PAGES)
    stems = {path.stem for path in sources}
    return {page for page in PAGES if Path(page).stem.split(".")[-1] in stems}


@pytest.fixture(scope="module")
def visits(address, witness, request):
    """Every page of the book, seen as on a laptop and on a phone.

    Written pages that changed, and one of each kind of generated ones, are looked at
    closely; at night, when no test is left out, all that are written.
    """
    is_push = "not nightly" in request.config.getoption("markexpr")
    written = set(PAGES) - set(GENERATED)
    closely = {*SAMPLE, *(written & changed_pages() if is_push else written)}
    return {
        name: visit(witness, f"{address}/{name}", name, name in closely)
        for name in PAGES
    }


def visit(witness, url, name, closely):
    witness.errors, witness.foreign = [], []
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


def test_what_a_search_finds_fits_on_a_phone(address, witness):
    witness.page.set_viewport_size({"width": 390, "height": WIDTHS[390]})
    witness.page.goto(f"{address}/search.html?q=checksum")
    witness.page.get_by_text("Search finished").wait_for()
    witness.page.locator("#search-results p.context").last.wait_for()
    too_wide = witness.page.evaluate(TOO_WIDE)
    witness.page.set_viewport_size({"width": 1280, "height": WIDTHS[1280]})
    assert not too_wide


def test_a_folded_answer_opens_on_a_click(address, witness):
    witness.page.goto(f"{address}/notebooks/01_convolution_basics.html")
    answer = witness.page.locator("article details").first
    before = answer.evaluate("answer => answer.open")
    answer.locator("summary").click()
    assert (before, answer.evaluate("answer => answer.open")) == (False, True)


def test_a_check_is_folded_and_opens_on_a_click(address, witness):
    witness.page.goto(f"{address}/notebooks/01_convolution_basics.html")
    check = witness.page.locator("details:has-text('# Check: ')").first
    code = check.get_by_text("assert").first
    assert not code.is_visible()
    check.get_by_text("Check", exact=True).locator("visible=true").click()
    assert code.is_visible()


@pytest.fixture
def paper(witness):
    """The page as it would be printed; afterwards a screen again."""
    witness.page.emulate_media(media="print")
    yield witness.page
    witness.page.emulate_media(media="screen")


def test_paper_shows_every_answer_and_no_navigation(address, paper):
    paper.goto(f"{address}/notebooks/01_convolution_basics.html")
    frame = paper.locator(FRAME)
    assert frame.count() > 3
    assert [part.is_visible() for part in frame.all()] == [False] * frame.count()
    heights = paper.locator("article details").evaluate_all(
        "all => all.map(d => d.offsetHeight - d.firstElementChild.offsetHeight)"
    )
    assert min(heights) > 12  # pixels: a line of text below the summary


def test_paper_shows_where_a_link_to_another_host_leads(address, paper):
    shown = "link => getComputedStyle(link, '::after').content"
    paper.goto(f"{address}/notebooks/01_convolution_basics.html")
    link = paper.locator("article a[href='https://arxiv.org/abs/1603.07285']")
    assert "https://arxiv.org/abs/1603.07285" in link.first.evaluate(shown)
    paper.goto(f"{address}/api/cnnlab.convolution.geometry.html")
    assert link.first.evaluate(shown) == "none"  # the text is the address already


def test_no_figure_and_no_code_is_torn_between_two_sheets(address, paper):
    paper.goto(f"{address}/notebooks/01_convolution_basics.html")
    breaks = paper.locator("article :is(img, pre, .cell_input)").evaluate_all(
        "parts => parts.map(part => getComputedStyle(part).breakInside)"
    )
    assert set(breaks) == {"avoid"}


def test_a_dark_page_prints_in_the_light_theme(address, witness):
    witness.page.goto(f"{address}/notebooks/00_start_here.html")
    witness.page.evaluate(DARK)
    witness.page.evaluate(WITNESS_PRINT)
    witness.page.pdf()
    assert witness.page.evaluate("window.printed_as") == "light"
    assert witness.page.evaluate(THEME) == "dark"


def test_every_module_is_listed_with_its_idea(address, witness):
    witness.page.goto(f"{address}/api/index.html")
    listed = dict(witness.page.evaluate(ROWS))
    ideas = {
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}.html": idea(path)
        for path in ROOT.glob("cnnlab/**/[!_]*.py")
    }
    assert listed == ideas


def idea(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    return docstring.splitlines()[0].replace("`", "")


def test_what_a_function_returns_is_said_as_its_docstring_says(address, witness):
    witness.page.goto(f"{address}/api/cnnlab.convolution.geometry.html")
    assert witness.page.get_by_text("Two integers: zeros before, zeros after.").count()
    assert witness.page.get_by_text("Return type").count() == 0


def test_letters_of_a_figure_are_sharp_on_a_dense_screen(address, witness):
    witness.page.goto(f"{address}/notebooks/01_convolution_basics.html")
    density = witness.page.locator(FIGURE).evaluate_all(
        "pictures => pictures.map(p => p.naturalWidth / p.width)"
    )
    assert density
    assert min(density) >= 1.9


def test_a_figure_takes_the_whole_width_of_a_phone(address, witness):
    witness.page.set_viewport_size({"width": 390, "height": WIDTHS[390]})
    witness.page.goto(f"{address}/notebooks/02_cifar10_modern_cnn.html")
    widths = witness.page.locator(FIGURE).evaluate_all(
        "pictures => pictures.map(p => p.getBoundingClientRect().width)"
    )
    witness.page.set_viewport_size({"width": 1280, "height": WIDTHS[1280]})
    assert max(widths) == pytest.approx(390, abs=1)


def test_a_lesson_leads_a_learner_to_practice_and_not_to_solutions():
    for path in SITE.glob("notebooks/[0-9][0-9]_*.html"):
        links = Anchors(path.read_text()).links
        assert not any("assignments/source" in link for link in links)
        if not path.stem.startswith("00"):
            assert "../assignments/README.html#for-a-learner-alone" in links
