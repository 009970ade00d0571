"""How an explorer is shown: as knobs in a browser, as a picture everywhere else.

Needs a front end with ipywidgets (JupyterLab, Notebook 7, VS Code). A runner without
a browser gets the picture alone: that is what a lesson stores.
"""

from IPython import get_ipython

from cnnlab.figures import picture


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
