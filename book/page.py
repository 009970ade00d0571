"""A Sphinx extension: what a page of the book needs and Sphinx does not do by itself.

Pictures get the alternative texts that the lessons store, links that are their own text
a mark for the printed page, and formulas become MathML, which needs no script.
"""

from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def slug(title):
    """Names a heading as JupyterLab does, so that one link serves both."""
    return title.replace(" ", "-")


def alternative_texts(notebook):
    """Maps the name that myst-nb gives a stored picture to the picture's text."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return {
        sha256(b64decode(output.data["image/png"])).hexdigest(): output.metadata[
            "image/png"
        ]["alt"]
        for output in outputs
        if "image/png" in output.get("data", {})
    }


def describe_pictures(app, doctree):
    """Gives every picture of a lesson its alternative text."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    texts = alternative_texts(nbformat.read(path, as_version=4))
    for image in doctree.findall(nodes.image):
        image["alt"] = texts.get(Path(image["uri"]).stem, image.get("alt", ""))


def mark_bare_addresses(app, doctree):
    """Marks links whose text is their address: paper need not show it twice."""
    for link in doctree.findall(nodes.reference):
        if link.get("refuri") == link.astext():
            link["classes"].append("bare")


def let_folds_be_read(app, pagename, templatename, context, doctree):
    """Gives folded code the name that is written on it; myst-nb gives it another."""
    if "body" in context:
        named = '<summary aria-label="Toggle hidden content">'
        context["body"] = context["body"].replace(named, "<summary>")


def write_formula(writer, node):
    """Writes a formula as MathML."""
    as_block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=as_block))
    raise nodes.SkipNode


def setup(app):
    """Hooks everything into Sphinx."""
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", mark_bare_addresses)
    app.connect("html-page-context", let_folds_be_read)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
