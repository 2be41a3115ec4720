"""A lesson that was run, saved, and opened again with a new kernel shows its last pictures and answers."""

import importlib.util
import json
import urllib.request
import warnings
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from ipywidgets.embed import dependency_state
from jupyter_server.services.contents.filemanager import FileContentsManager
from tqdm.notebook import tqdm
from traitlets.config.loader import PyFileConfigLoader

import lab
import run_notebooks
import screenshot
from rlcourse.course import quiz
from rlcourse.course.widgets.explorer import Panel
from rlcourse.lessons.advantage.explorers import shootout_lab

spec = importlib.util.spec_from_file_location("browser_test_lab", Path(__file__).with_name("test_lab.py"))
in_lab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(in_lab)
chromium, FRONT, HANDLE = in_lab.chromium, in_lab.FRONT, in_lab.HANDLE


def settings():
    """What the course's Jupyter is told, read once."""
    return PyFileConfigLoader("jupyter_server_config.py", str(lab.ROOT / "jupyter")).load_config()


keep_stills = settings().FileContentsManager.pre_save_hook
VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = (
    "from rlcourse.lessons.advantage.explorers import shootout_lab\nshootout_lab",
    'from rlcourse.course import quiz\nquiz.ask("advantage-1")',
    "from tqdm.auto import tqdm\nbar = tqdm(total=7)\nbar.update(7)\nbar.close()",
    "import rlcourse as rl\nfrom rlcourse.course.widgets import training_panel as panel\n"
    'history = panel.watch(rl.Reinforce, "CartPole-v1", total_steps=500)',
)
WAKE = [
    "Run this cell to move the controls.",
    "Run this cell to answer the question.",
    None,
    "Run this cell to train again.",
]


def ask_server(address, token, path, method="GET"):
    request = urllib.request.Request(
        f"{address}/api/{path}", method=method, headers={"Authorization": f"token {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


@pytest.mark.browser
@pytest.mark.slow
def test_the_second_day_shows_what_the_first_day_showed_last(chromium, tmp_path):
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": run_notebooks.KERNELSPEC})
    nbformat.write(notebook, tmp_path / "notebooks" / "lesson.ipynb")
    with lab.running(root=tmp_path) as (address, token), screenshot.browser_page() as page:
        url = f"{address}/lab/tree/notebooks/lesson.ipynb?token={token}"
        page.goto(url)
        in_lab.wait_for_lesson(page, "lesson.ipynb")
        in_lab.run_all_cells(page)

        explorer = page.locator(f"{FRONT} .jp-Cell").nth(0)
        first = in_lab.picture(explorer)
        explorer.locator(HANDLE).first.press("ArrowRight")
        explorer.locator("[role=status]", has_text="p = 0.55").wait_for()
        last = in_lab.picture(explorer)
        assert last != first
        field = page.locator(f"{FRONT} .rlcourse-quiz input")
        field.fill("0.8, 0.2, -0.8")
        field.press("Enter")
        page.locator(f"{FRONT} .rlcourse-reply", has_text="Right.").wait_for()

        with page.expect_response(lambda response: response.request.method == "PUT" and "contents" in response.url):
            page.locator(".lm-MenuBar-item", has_text="File").click()
            page.locator(".lm-Menu-item", has_text="Save Notebook").first.click()
        assert page.locator(f"{FRONT} {HANDLE}").count(), "saving took the controls away from the page that is open"
        stored = json.loads(ask_server(address, token, "contents/notebooks/lesson.ipynb"))["content"]
        assert VIEW not in json.dumps(stored) and "widgets" not in stored["metadata"]

        page.goto("about:blank")
        for session in json.loads(ask_server(address, token, "sessions")):
            ask_server(address, token, f"sessions/{session['id']}", "DELETE")
        page.goto(url)
        in_lab.wait_for_lesson(page, "lesson.ipynb")
        page.wait_for_timeout(3000)  # a widget without a model says so after 2 seconds
        assert page.locator(FRONT, has_text="model not found").count() == 0
        explorer, question, bar, training = (page.locator(f"{FRONT} .jp-Cell").nth(k) for k in range(len(CELLS)))
        assert in_lab.picture(explorer) == last
        assert "Your answer: 0.8, 0.2, -0.8" in question.inner_text() and "✓ Right." in question.inner_text()
        assert "100%" in bar.inner_text() and "7/7" in bar.inner_text()
        assert training.locator("img").count() == 1
        for cell, wake in zip((explorer, question, bar, training), WAKE, strict=True):
            assert (wake or "") in cell.inner_text()


# ---------------------------------------------------------------- without a browser


def test_the_settings_are_read_twice_without_a_warning():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        manager = FileContentsManager()
        for _ in range(2):
            manager.update_config(settings())
    assert callable(manager.pre_save_hook) and not said


def saved(widget, bundle):
    """The outputs of one cell after the hook, where JupyterLab would have put the widgets' state beside them."""
    state = dependency_state(widget)
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", bundle)])
    notebook = json.loads(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))  # as it comes over the wire
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    keep_stills(path="", model={"type": "notebook", "content": notebook}, contents_manager=None)
    nbformat.validate(notebook)
    assert "widgets" not in notebook["metadata"]
    return [
        {kind: "".join(text) for kind, text in output["data"].items()} for output in notebook["cells"][0]["outputs"]
    ]


def test_a_saved_explorer_is_its_last_picture_and_where_its_controls_stood():
    panel = Panel(shootout_lab)
    bundle = panel._repr_mimebundle_()
    panel.set(p=0.8)
    now = panel._repr_mimebundle_()
    assert bundle["image/png"] != now["image/png"]
    picture, line = saved(panel.box, bundle)
    assert picture == {kind: now[kind] for kind in ("image/png", "text/plain")}
    expected = "Run this cell to move the controls. They stood at kicker shoots left, p: 0.80."
    assert line["text/plain"] == expected and expected in line["text/html"]
    panel.reset()
    _, line = saved(panel.box, panel._repr_mimebundle_())
    assert line["text/plain"] == "Run this cell to move the controls."


def test_a_saved_question_holds_what_was_answered_and_the_reply():
    def answer(card):
        if card.question.kind == "number":
            card.field.value = "1, 2 < 3"
            return "1, 2 &lt; 3"
        if card.question.kind == "choice":
            card.radio.index = 1
            return quiz.marked(card.question.options[1].text)
        card.ticks[0].value = card.ticks[2].value = True  # not checked yet: the ticks remain all the same
        return quiz.marked("; ".join(card.question.options[k].text for k in (0, 2)))

    kinds = {
        question.kind: name for lesson in ("advantage", "start_here") for name, question in quiz.load(lesson).items()
    }
    assert set(kinds) == set(quiz.KINDS)
    for name in kinds.values():
        card = quiz.ask(name)
        bundle = card._repr_mimebundle_()
        question, _ = saved(card, dict(bundle))
        assert question == {kind: bundle[kind] for kind in ("text/html", "text/plain")}
        answered = answer(card)
        question, line = saved(card, dict(bundle))
        assert f"<strong>Your answer:</strong> {answered}</p>" in question["text/html"]
        if card.reply is not None:
            assert quiz.reply_as_html(card.reply) in question["text/html"]
        assert line["text/plain"] == "Run this cell to answer the question."


def test_a_saved_progress_bar_says_how_far_it_came():
    bar = tqdm(total=4, display=False)
    bundle = {VIEW: {"model_id": bar.container.model_id}, "text/plain": "0%"}
    bar.update(4)
    bar.close()
    (said,) = saved(bar.container, bundle)
    assert said["text/plain"].startswith("100%") and "4/4" in said["text/plain"]


def test_without_the_state_of_a_widget_its_stored_picture_remains():
    panel = Panel(shootout_lab)
    bundle = panel._repr_mimebundle_()
    picture, line = saved(ipywidgets.IntSlider(), dict(bundle))
    assert picture == {kind: bundle[kind] for kind in ("image/png", "text/plain")}
    assert line["text/plain"] == "Run this cell to bring its controls back."


def test_outputs_without_widgets_are_saved_as_they_are():
    for bundle in ({"text/plain": "3"}, {"image/png": "abcd", "text/plain": "a picture"}):
        assert saved(ipywidgets.IntSlider(), dict(bundle)) == [bundle]
