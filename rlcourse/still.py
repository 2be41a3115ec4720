"""What remains of a widget when its kernel has ended."""

import ipywidgets
import traitlets


class Box(ipywidgets.VBox):
    """A column of widgets that keeps the words for a saved notebook up to date.

    When the course's Jupyter saves (jupyter/jupyter_server_config.py), the picture in the box, `still` and `note`
    take the place of the widgets. The output itself is not updated: that would draw the controls anew while they
    are in use.

    Attributes:
        still: from MIME type to text, what to store as the output.
        note: one line, how to bring the controls back.
    """

    still = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
