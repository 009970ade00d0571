"""How an explorer is shown: as knobs in a browser, as a picture everywhere else.

Needs a front end with ipywidgets (JupyterLab, Notebook 7, VS Code). A runner without
a browser gets the picture alone: that is what a lesson stores.
"""

import base64
import html
import io
from functools import partial

from IPython import get_ipython

from cnnlab.figures import picture

# JupyterLab hears every key that is typed on a dropdown or a slider, and cuts the cell
# at X. Shortcuts with Ctrl or Cmd, such as the one that saves, still reach it. The body
# listens for all explorers, since a picture may be ready before it is part of the page.
EXPLORER = "cnnlab-explorer"
KEEP_KEYS = f"""document.body.onkeydown = event =>
    event.target.closest('.{EXPLORER}') && !event.ctrlKey && !event.metaKey
    && event.stopPropagation()"""


def asked_by_a_browser():
    """Tells whether a page waits for this cell: it names the cell that it runs.

    nbconvert, nbval and papermill send no name. A page that sends none either shows
    the picture.
    """
    shell = get_ipython()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return "cellId" in request.get("metadata", {})


class Picture:
    """The first state of an explorer as a picture with its alternative text.

    Args:
        draw: Function without arguments that returns a figure described with
            `cnnlab.figures.describe`.
    """

    def __init__(self, draw):
        self.draw = draw

    def _repr_mimebundle_(self, include=None, exclude=None):
        png, metadata = picture(self.draw())
        return {"image/png": png, "text/plain": metadata["alt"]}, {
            "image/png": metadata
        }


class Explorer(Picture):
    """Knobs in `box`; the picture goes along for readers without them."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle, metadata = super()._repr_mimebundle_()
        widget = self.box._repr_mimebundle_()
        widget = widget[0] if isinstance(widget, tuple) else widget
        view = "application/vnd.jupyter.widget-view+json"
        return {**bundle, view: widget[view]}, metadata


def image_tag(png, text, style):
    """Writes a picture as HTML; its explorer keeps the keys that are typed there.

    Args:
        png: Bytes of the picture.
        text: What it shows, for those who do not see it.
        style: Its CSS.

    Returns:
        A text in HTML.
    """
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    text = html.escape(text)
    return f'<img alt="{text}" src="{source}" style="{style}" onload="{KEEP_KEYS}">'


def figure_explorer(draw, knobs, in_browser=None):
    """Lets a learner turn the arguments of a function that draws a figure.

    Args:
        draw: Function of one keyword argument a knob that returns a described figure.
        knobs: A dict from an argument's name to what it can be and what it starts as:
            a list of options, or a `range` of integers, and one of them.
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.
    """
    start = {name: value for name, (_, value) in knobs.items()}
    in_browser = asked_by_a_browser() if in_browser is None else in_browser
    if in_browser:
        return FigureExplorer(draw, knobs)
    return Picture(partial(draw, **start))


class FigureExplorer(Explorer):
    """Dropdowns and sliders, and the figure that their values make."""

    def __init__(self, draw, knobs):
        import ipywidgets

        super().__init__(lambda: draw(**self.values()))
        self.knobs = {name: _knob(name, *choice) for name, choice in knobs.items()}
        self.output = ipywidgets.HTML()
        children = [*self.knobs.values(), self.output]
        self.box = ipywidgets.VBox(children).add_class(EXPLORER)
        for knob in self.knobs.values():
            knob.observe(self.redraw, "value")
        self.redraw()

    def values(self):
        """Returns what the knobs say, by name."""
        return {name: knob.value for name, knob in self.knobs.items()}

    def redraw(self, change=None):
        """Draws the figure anew, its text beneath it."""
        figure, file = self.draw(), io.BytesIO()
        quick = {"compress_level": 1}  # no file is kept: what counts is the answer
        figure.savefig(file, format="png", dpi=2 * figure.dpi, pil_kwargs=quick)
        width = round(figure.dpi * figure.get_size_inches()[0])
        text, style = figure.alternative_text, f"max-width:100%;width:{width}px"
        self.output.value = (
            f"{image_tag(file.getvalue(), text, style)}"
            f'<p role="status">{html.escape(text)}</p>'
        )


def _knob(name, choices, start):
    """Makes a slider of a range, a dropdown of anything else."""
    import ipywidgets

    label = {"description": name.replace("_", " "), "layout": {"width": "380px"}}
    label |= {"style": {"description_width": "110px"}}
    if not isinstance(choices, range):
        return ipywidgets.Dropdown(options=list(choices), value=start, **label)
    first, last, step = choices[0], choices[-1], choices.step
    return ipywidgets.IntSlider(value=start, min=first, max=last, step=step, **label)
