"""The formgrader in a real browser: typing a mark changes exactly that mark."""

import base64
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import TINY, answered, grade_all, hand_in, make_course
from nbgrader.api import Gradebook
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api")
REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
NAMES = ("double", "total", "explain")
FIELDS = "".join(
    f"<div class='nbgrader_cell' id='{name}'><p id='{name}'>a</p><b name='{name}'>b</b>"
    f"<p id='{name}-comment' class='comment tabbable score full-credit'>c</p></div>"
    for name in NAMES
)
BOX = "<div class='mark full' id='mark-double'><b>double: 2 of 2</b></div>"
LEAVING = (
    "</div></div></div></div><img src='/logout'><img src='http://a.example/b.png'>"
)
HEADINGS = "".join(f"\n\n# {name}\n\n[{name}](#{name})\n" for name in NAMES)
WRITTEN = f"In my words.\n\n{FIELDS}{BOX}{LEAVING}{HEADINGS}\n\n<img src='logout'>"
SHOWING = (
    "from IPython.display import HTML, Markdown, display\n"
    f"display(HTML({FIELDS + BOX + LEAVING!r}), Markdown({HEADINGS!r}))\n"
    f"print({FIELDS!r})\n"
    "def double(x):\n    return x\n"
)


def picture():
    """Returns a small picture as base64 text."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose only student tries to own the page."""
    course = make_course(tmp_path_factory.mktemp("formgrader"))
    sources = {"explain": WRITTEN, "answer-double": SHOWING}
    notebook = answered(course, sources)
    written = next(each for each in notebook.cells if each.source == WRITTEN)
    written.source += "\n\n![own](attachment:own.png) ![lost](attachment:lost.png)"
    written["attachments"] = {"own.png": {"image/png": picture()}}
    hand_in(course, "eve", notebook)
    grade_all(course, ["eve"])
    return course


def free_port():
    """Finds a port of this machine that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(address, process):
    """Waits until a server answers."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {address}")


@pytest.fixture(scope="module")
def server(course):
    """Jupyter with the formgrader, in the folder of the course."""
    port = free_port()
    options = ["--allow-root", "--no-browser", "--ServerApp.token=", f"--port={port}"]
    options += ["--ServerApp.password=", "--ServerApp.port_retries=0"]
    place = course.root / "jupyter"
    environment = {"HOME": str(place), "PYTHONPATH": str(REPOSITORY)}
    environment |= {"JUPYTER_NO_CONFIG": "", "JUPYTER_RUNTIME_DIR": str(place)}
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options],
        cwd=course.root,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status", process)
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def page(server, course):
    """The page of eve's submission, and what it asks for."""
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        submission = gradebook.find_submission_notebook(TINY, TINY, "eve").id
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=options)
        page = browser.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"{server}/formgrader/submissions/{submission}/")
        page.wait_for_function("formgrader.grades && formgrader.grades.loaded")
        page.wait_for_function("formgrader.comments && formgrader.comments.loaded")
        yield page
        browser.close()


def entered(course):
    """Reads which marks and comments a reader has entered."""
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook(TINY, TINY, "eve")
        grades = {each.name: each.manual_score for each in notebook.grades}
        comments = {each.name: each.manual_comment for each in notebook.comments}
        return grades, comments


@pytest.fixture
def nothing_entered(course):
    """Takes back what was entered before."""
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook(TINY, TINY, "eve")
        for each in notebook.grades:
            each.manual_score = None
        for each in notebook.comments:
            each.manual_comment = None
        gradebook.db.commit()


def saved(page, action):
    """Does something and waits until the page has told the server."""
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        action()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("name", NAMES)
def test_a_mark_that_is_typed_changes_alone(course, page, nothing_entered, name):
    page.reload()
    page.wait_for_function("formgrader.grades && formgrader.grades.loaded")
    field = page.locator(f"input.score[id='{name}']")
    assert field.count() == 1
    saved(page, lambda: (field.fill("1"), field.blur()))
    assert entered(course)[0] == dict.fromkeys(NAMES) | {name: 1}


@pytest.mark.parametrize("name", NAMES)
def test_full_credit_is_given_to_one_exercise(course, page, nothing_entered, name):
    page.reload()
    page.wait_for_function("formgrader.grades && formgrader.grades.loaded")
    cell = page.locator(".nbgrader_cell", has=page.locator(f"input[id='{name}']"))
    saved(page, cell.locator("button.full-credit").click)
    assert [key for key, value in entered(course)[0].items() if value] == [name]


def test_a_comment_belongs_to_one_answer(course, page, nothing_entered):
    page.reload()
    page.wait_for_function("formgrader.comments && formgrader.comments.loaded")
    field = page.locator("textarea[id='explain-comment']")
    saved(page, lambda: (field.fill("Well said."), field.blur()))
    comments = {key: value for key, value in entered(course)[1].items() if value}
    assert comments == {"explain": "Well said."}


def test_the_page_asks_for_nothing_that_a_student_named(page):
    assert not [each for each in page.asked if "logout" in each or "a.example" in each]


def test_an_identifier_of_a_field_is_there_once(page):
    count = "id => document.querySelectorAll(`[id='${id}']`).length"
    for name in NAMES:
        assert page.evaluate(count, name) == 1
    assert page.evaluate("document.querySelectorAll('[name]').length") == 0


def test_a_pasted_picture_is_seen_and_a_lost_one_stops_nothing(page):
    own = page.locator("img[alt='own']")
    assert own.evaluate("image => image.naturalWidth") == 40
    assert page.locator("text=/lost/").count() or page.locator("[alt=lost]").count()
