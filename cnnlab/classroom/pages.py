"""How the classroom's pages look: one style for feedback and report, on any screen."""

from pygments.formatters import HtmlFormatter

CODE = HtmlFormatter(style="default").get_style_defs(".highlight")
STYLE = """
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 50rem; margin: 1.5rem auto; padding: 0 1rem }
h1, h2, h3, p, li, td { overflow-wrap: anywhere }
h1 { line-height: 1.2; font-size: 1.8rem } h2 { margin-top: 2rem }
a { color: #2554a8 } img { max-width: 100% } code { background: #f4f5f7 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .6rem .25rem 0; text-align: left }
tr + tr { border-top: 1px solid #e5e5e5 }
pre { font-size: .85rem; background: #f4f5f7; padding: .6rem; border-radius: .3rem;
  overflow-x: auto }
"""
