"""Lays the documents of the repository out as Sphinx wants them, in build/book/.

Documents keep their paths, so that a link which holds in the repository holds in the
book. Three kinds of target are not for readers of a book, or not as they are: a module
becomes the page of its docstrings, an assignment's source, which holds the solutions,
the page that tells how to get it, and any other file a download.
"""

import ast
import os
import posixpath
import re
import shutil
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "build" / "book"
CARDS = "data/checkpoints/*.md"
DOCUMENTS = ["CONTRIBUTING.md", "assignments/README.md"]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(?=[)#])")
NOTEBOOK = re.compile(r"(?<=\]\()(\w+)\.ipynb(?=[)#])")
PRACTICE = "assignments/README.md"
ALONE = "#For-a-learner-alone"  # the part of it to which lessons lead
CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}
:glob:

{entries}
```
"""
MODULE = """# {0}

```{{eval-rst}}
.. automodule:: {0}
   :members:
```
"""
LISTS = {
    "Lessons": ["notebooks/*"],
    "Practice and data": [PRACTICE, "data/README.md"],
    "Reference": ["api/index", "CONTRIBUTING.md", "LICENSE"],
}


def in_the_book(target, folder):
    """Tells where a link of a document leads in the book.

    Args:
        target: Path of a file, relative to the document's folder.
        folder: That folder, relative to the repository.

    Returns:
        A path relative to `folder`.
    """
    path = posixpath.normpath(posixpath.join(folder, target))
    if path.startswith("cnnlab/") and path.endswith(".py"):
        path = f"api/{_module(Path(path))}.md"
    elif path.startswith("assignments/source/"):
        path = PRACTICE + ALONE
    elif path == "LICENSE":
        path = "LICENSE.md"
    return posixpath.relpath(path, folder or ".")


def with_links(prose, folder):
    """Rewrites the links of a document and brings along what it offers to download."""
    for target in set(LINK.findall(prose)):
        file = Path(folder) / target
        if file.suffix not in (".md", ".ipynb") and (ROOT / file).is_file():
            _write(file, (ROOT / file).read_bytes())
    return LINK.sub(lambda match: in_the_book(match[1], folder), prose)


def lay_out():
    """Fills build/book/ with everything that Sphinx reads; returns the folder."""
    shutil.rmtree(BOOK, ignore_errors=True)
    cards = [str(path.relative_to(ROOT)) for path in ROOT.glob(CARDS)]
    for document in [*DOCUMENTS, *cards]:
        _write_prose(document, (ROOT / document).read_text())
    data = (ROOT / "data/README.md").read_text()
    data += CONTENTS.format(caption="Models", entries="checkpoints/*")
    _write_prose("data/README.md", data)
    contents = [
        CONTENTS.format(caption=caption, entries="\n".join(entries))
        for caption, entries in LISTS.items()
    ]
    _write_prose("index.md", (ROOT / "README.md").read_text() + "".join(contents))
    _write_prose("LICENSE.md", _as_listing("Licence", (ROOT / "LICENSE").read_text()))
    for path in ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"):
        _write_lesson(path)
    _write_interface()
    return BOOK


def _write_prose(document, prose):
    _write(document, with_links(prose, os.path.dirname(document)).encode())


def _write_lesson(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_links(cell.source, "notebooks")
        if "check" in cell.metadata.get("tags", []):
            _fold(cell)
        for output in cell.get("outputs", []):
            _link_pages(output.get("data", {}))
    _write(path.relative_to(ROOT), nbformat.writes(notebook).encode())


def _fold(cell):
    """Lets myst-nb fold a cell's source behind the word `Check`."""
    cell.metadata.tags.append("hide-input")
    cell.metadata.mystnb = {"code_prompt_show": "Check", "code_prompt_hide": "Check"}


def _link_pages(data):
    """Lets an output in Markdown link to pages: Sphinx resolves those of prose."""
    if "text/markdown" in data:
        data["text/markdown"] = NOTEBOOK.sub(r"\1.html", data["text/markdown"])


def _write_interface():
    """Writes one page a module, and the tables that lead to them, one a package."""
    parts = ["# The package\n\nEvery public function and class, from its docstring.\n"]
    for package in sorted(ROOT.glob("cnnlab/**/__init__.py")):
        name = _module(package.parent.relative_to(ROOT))
        rows = ["| module | what it is |", "|---|---|"]
        for path in sorted(package.parent.glob("[!_]*.py")):
            module = f"{name}.{path.stem}"
            rows.append(f"| [`{path.stem}`]({module}.md) | {_idea(path, table=True)} |")
            _write(f"api/{module}.md", MODULE.format(module).encode())
        parts.append(f"## {name}\n\n{_idea(package)}\n\n" + "\n".join(rows) + "\n")
    parts.append(CONTENTS.format(caption="Modules", entries="cnnlab*"))
    _write("api/index.md", "\n".join(parts).encode())


def _idea(path, table=False):
    """Reads the first line of a module's docstring; in a table `|` is escaped."""
    idea = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]
    return idea.replace("|", r"\|") if table else idea


def _module(path):
    return ".".join(path.with_suffix("").parts)


def _as_listing(title, text):
    return f"# {title}\n\n```text\n{text}```\n"


def _write(document, content):
    path = BOOK / document
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
