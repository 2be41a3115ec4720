"""How a widget is shown, and what remains of it when its kernel has ended."""

import ipywidgets
import traitlets

VIEW = "application/vnd.jupyter.widget-view+json"


def view(widget):
    """The MIME bundle in which a front end finds a widget: the same for ipywidgets 7, as in Colab, and 8."""
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


class Box(ipywidgets.VBox):
    """A column of widgets that keeps the words for a saved notebook up to date.

    When the course's Jupyter saves (jupyter/jupyter_server_config.py), the picture in the box, `still` and `note`
    take the place of the widgets. The output itself is not updated: that would draw the controls anew while they
    are in use.

    Attributes:
        still: from MIME type to text, what to store as the output.
        note: one line, how to bring the controls back.
    """

    _ipython_display_ = None  # of ipywidgets 7: it would show the widget alone, without the text beside it

    still = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {**view(self), **self.still}
