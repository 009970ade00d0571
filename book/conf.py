"""How Sphinx makes the book: from stored outputs, with nothing from another host."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from cnnlab.start import quiet_start

quiet_start()  # what the modules import comes silently

project = "cnnlab"
author = "the authors of cnnlab"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docstrings",
    "page",
]
language = "en"
smartquotes_action = "D"  # dashes alone; quotes stay as they are written
default_role = "code"  # docstrings say `images` in single backticks
pygments_style = "a11y-high-contrast-light"

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_render_markdown_format = "gfm"  # outputs may be tables
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None)  # the picture instead
]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
myst_heading_slug_func = "page.slug"
html_math_renderer = "mathml"
autodoc_inherit_docstrings = False  # what Keras says of its own is not ours
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False  # types stand in the sentence

html_theme = "sphinx_book_theme"
html_title = "cnnlab"
html_logo = "static/logo.svg"
html_favicon = "static/logo.svg"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["print.js"]
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # the reader's system says light or dark
html_theme_options = {
    "home_page_in_toc": True,
    "logo": {"text": "cnnlab", "alt_text": "cnnlab, to the first page"},
    "max_navbar_depth": 1,  # modules are listed on a page of their own
    "navbar_persistent": [],
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "show_toc_level": 2,
    "use_download_button": False,
}
