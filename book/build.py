"""Builds the book from the stored outputs, without a network, into build/site/.

usage: python book/build.py
"""

import shutil
import sys

import layout
from sphinx.cmd.build import main

if __name__ == "__main__":
    here = layout.ROOT / "book"
    site = layout.ROOT / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)  # no page outlives its document
    options = ["-W", "--keep-going", "-q", "-E", "-b", "html", "-c", str(here)]
    failed = main([*options, str(layout.lay_out()), str(site)])
    print("The book has warnings." if failed else f"Open {site / 'index.html'}")
    sys.exit(failed)
