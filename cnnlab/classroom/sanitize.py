"""HTML that a student wrote, reduced to what shows and cannot be taken for ours.

The formgrader finds its score fields by `id` and its buttons by `class`, and readers
trust a page with marks. So nothing that a student wrote keeps an identifier, a class,
a name, a style, an address on this server, or an image from elsewhere.
"""

import re
from html import escape

from bleach.sanitizer import Cleaner
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

DEEPEST = 100  # elements within elements; deeper pages exhaust the programs that read
SHAPES = "p div pre span br hr details summary blockquote dl dt dd ul ol li"
LETTERS = "a abbr b code del em i s strong sub sup h1 h2 h3 h4 h5 h6"
TABLES = "table caption thead tbody tfoot tr th td"
TAGS = frozenset(f"img {SHAPES} {LETTERS} {TABLES}".split())
VOID = ("br", "hr", "img")
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s]*", re.I)
WRITTEN_STYLE = re.compile(r"<style\b[^>]*>.*?</style\s*>", re.I | re.S)  # of pandas
ELEMENT = re.compile(r"<(/?)([a-z0-9]+)")


class Ours(str):
    """HTML that this package made itself; `clean` leaves it as it is."""


def _is_kept(tag, name, value):
    """Says whether an attribute may stay; a filter for bleach."""
    if tag == "img" and name == "src":
        return PICTURE.fullmatch(value) is not None
    if tag == "a" and name == "href":
        return ADDRESS.fullmatch(value) is not None
    if name in ("colspan", "rowspan"):
        return tag in ("td", "th") and value.isdecimal() and int(value) <= 100
    return tag == "img" and name == "alt"


CLEANER = Cleaner(TAGS, _is_kept, protocols={"http", "https", "mailto", "data"})


def clean(element):
    """Reduces HTML to what only shows; a filter for nbconvert's templates.

    Args:
        element: HTML as text or bytes; `Ours` is returned unchanged.

    Returns:
        HTML without identifiers, classes, styles, handlers and foreign addresses; as
        preformatted text where elements are nested too deeply.
    """
    if isinstance(element, Ours):
        return element
    text = element.decode() if isinstance(element, bytes) else str(element)
    try:
        cleaned = CLEANER.clean(WRITTEN_STYLE.sub("", text))
    except (RecursionError, ValueError):
        return as_text(text)
    return cleaned if _depth(cleaned) <= DEEPEST else as_text(text)


def as_text(text):
    """Shows HTML or Markdown as the text that it is."""
    return f"<pre>{escape(text)}</pre>"


def _depth(page):
    """Returns how deeply elements are nested in cleaned, and so balanced, HTML."""
    depth = deepest = 0
    for ending, tag in ELEMENT.findall(page):
        if tag not in VOID:
            depth += -1 if ending else 1
            deepest = max(deepest, depth)
    return deepest


def can_be_shown(source, attachments):
    """Says whether Jupyter's pages can show a Markdown cell.

    Args:
        source: Markdown.
        attachments: Dict from file names to dicts from kinds to base64 texts.

    Returns:
        A bool; False for a picture that is missing, or nesting without end.
    """
    renderer = IPythonRenderer(
        escape=False, attachments=attachments, exclude_anchor_links=True
    )
    try:
        clean(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # whatever the parser raises, a page would raise, too
        return False
    return True
