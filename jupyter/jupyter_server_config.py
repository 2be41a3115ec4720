"""What the course's Jupyter does when it saves a notebook.

A widget lives only as long as its kernel, and JupyterLab shows "model not found" in its place afterwards, even where a
picture is stored beside it. So a saved notebook gets what the widget showed last: its picture or its text, and a line
that says how to bring the controls back. The page that is open keeps its widgets. What they show reaches the hook in
the notebook's metadata, where JupyterLab's setting saveState puts it (labconfig/default_setting_overrides.json).
"""

import html
import re
import warnings

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
NOTE = "Run this cell to bring its controls back."


def keep_stills(path, model, contents_manager):
    """Put in place of every widget of a notebook what it shows now; a pre_save_hook."""
    if model["type"] != "notebook" or model["content"]["nbformat"] != 4:
        return
    notebook = model["content"]
    state = notebook["metadata"].pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [still for output in cell["outputs"] for still in stills(output, state)]


def stills(output, state):
    """The outputs that stand for one: itself without its widget, and a line if it had controls."""
    view = output.get("data", {}).pop(WIDGET_VIEW, None)
    if view is None:
        return [output]
    data = output["data"]
    widgets = list(family(view["model_id"], state))
    words = [widget["state"].get("value", "") for widget in widgets if widget["model_name"] == "HTMLModel"]
    if set(data) <= {"text/plain"} and any(words):  # a progress bar: how far it came, not where it began
        data["text/plain"] = html.unescape(re.sub(r"<[^>]*>", "", " ".join(filter(None, map(str.strip, words)))))
    pictures = [picture for widget in widgets if (picture := png(widget))]
    if "image/png" in data and len(pictures) == 1:
        data["image/png"] = pictures[0]
    own = widgets[0]["state"] if widgets else {}
    data.update(own.get("still", {}))  # the course's widgets know their words: rlcourse/course/widgets/still.py
    if set(data) <= {"text/plain"}:
        return [output]
    note = own.get("note") or NOTE
    line = {"text/html": f"<p><em>{html.escape(note, quote=False)}</em></p>", "text/plain": note}
    return [output, {"output_type": "display_data", "data": line, "metadata": {}}]


def family(model_id, state):
    """The saved state of a widget and of all widgets in it, in the order in which they stand."""
    if model_id in state:
        yield state[model_id]
        for child in state[model_id]["state"].get("children", []):
            yield from family(child.removeprefix("IPY_MODEL_"), state)


def png(widget):
    """The picture of an Image widget as a notebook stores it, in base64; None for any other widget."""
    if widget["model_name"] != "ImageModel" or widget["state"].get("format", "png") != "png":
        return None
    buffers = [buffer for buffer in widget.get("buffers", []) if buffer["path"] == ["value"]]
    return buffers[0]["data"] if buffers and buffers[0]["encoding"] == "base64" else None


c = get_config()  # noqa: F821 - Jupyter defines it
# Jupyter reads this file twice, for the server and for JupyterLab, and warns of the second hook.
warnings.filterwarnings("ignore", message="Overriding existing pre_save_hook")
c.FileContentsManager.pre_save_hook = keep_stills
