"""Where a lesson is running: at home in JupyterLab, or as a guest of Colab, Kaggle, Binder, a hub or VS Code."""

import importlib.util
import os
import sys

from IPython import get_ipython

MOVE = {
    "Colab": "Run the first cell of the lesson again: it installs what is missing.",
    "Kaggle": "Switch the internet on (Settings, on the right), then run the first cell of the lesson again.",
    "Binder": "Start the lesson again from its link: Binder then makes a new environment.",
    "a hub": "Ask whoever runs this hub to install the course, or run the first cell of the lesson again.",
    "VS Code": "Choose the course's environment, .venv, as the kernel (at the top right); `make lab` makes it.",
    "JupyterLab": "Close JupyterLab and run `make lab` in the folder of the course: it installs what is missing.",
}
"""What to do where something is missing, by place."""


def place(environment=os.environ, modules=sys.modules):
    """The name of the place, one of MOVE."""
    if "google.colab" in modules or "COLAB_RELEASE_TAG" in environment:
        return "Colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in environment:
        return "Kaggle"
    if "BINDER_SERVICE_HOST" in environment or "BINDER_LAUNCH_HOST" in environment:
        return "Binder"
    if "VSCODE_PID" in environment or "VSCODE_CWD" in environment:
        return "VS Code"
    if "JUPYTERHUB_USER" in environment:
        return "a hub"
    return "JupyterLab"


def hears_buttons():
    """Whether a press of a button arrives while a cell is running.

    It takes a kernel, jupyter-ui-poll, and a front end that sends it then: VS Code and Colab wait for the cell's end.
    """
    if getattr(get_ipython(), "kernel", None) is None or place() in ("Colab", "VS Code"):
        return False
    return importlib.util.find_spec("jupyter_ui_poll") is not None
