"""A Sphinx extension: docstrings as this project writes them, read as Sphinx reads.

A docstring here is plain text with `code` between single backticks. In a module's, each
line that opens with a label is a paragraph, and the lesson it names becomes a link.
"""

import re

LESSON = re.compile(r"\bnotebooks/(\d\d_\w+)\.ipynb")
LABEL = re.compile(r"(Taught in|Sources?:|Verdict:|Needs|usage:|Claims?:)")
RETURNS = re.compile(r"^:returns: \*?(.+?)\*? -- ", re.M)  # what stood before a colon
CODE = re.compile(r"`([^`]+)`(\w?)")  # a letter follows in the plural of `Finding`


def rewrite(app, what, name, object_, options, lines):
    """Puts a docstring into the words of Sphinx, in place."""
    text = "\n".join(_paragraphs(lines) if what == "module" else lines)
    text = RETURNS.sub(r":returns: \1: ", text)
    text = CODE.sub(
        lambda match: f"``{match[1]}``" + (match[2] and rf"\ {match[2]}"), text
    )
    lines[:] = LESSON.sub(lambda match: _link(app, match), text).split("\n")


def _paragraphs(lines):
    """Begins a paragraph at each label; a hanging indent is part of its paragraph."""
    for line in lines:
        if LABEL.match(line):
            yield ""
        yield line.strip()


def _link(app, match):
    if not (app.srcdir / "notebooks" / f"{match[1]}.ipynb").exists():
        return f"``{match[1]}``"
    return f":doc:`lesson {match[1][:2]} </notebooks/{match[1]}>`"


def skip_fields(app, what, name, object_, skip, options):
    """Leaves out the fields of a named tuple: its signature lists them."""
    return True if type(object_).__name__ == "_tuplegetter" else None


def setup(app):
    """Hooks both into autodoc."""
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True}
