"""Where a lesson runs, what to do there, and whether a Stop button can be heard."""

import pytest

from rlcourse.course import home
from rlcourse.course.widgets import still, training_panel


@pytest.mark.parametrize(
    ("environment", "modules", "expected"),
    [
        ({}, {}, "JupyterLab"),
        ({}, {"google.colab": None}, "Colab"),
        ({"COLAB_RELEASE_TAG": "release"}, {}, "Colab"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, {}, "Kaggle"),
        ({"BINDER_SERVICE_HOST": "x", "JUPYTERHUB_USER": "jovyan"}, {}, "Binder"),
        ({"JUPYTERHUB_USER": "ada"}, {}, "a hub"),
        ({"VSCODE_PID": "7"}, {}, "VS Code"),
    ],
)
def test_every_place_is_known_and_has_a_next_step(environment, modules, expected):
    assert home.place(environment, modules) == expected
    assert len(home.MOVE[expected]) > 40


class Shell:
    kernel = object()


@pytest.mark.parametrize("where", ["VS Code", "Colab"])
def test_where_a_button_is_not_heard_there_is_none_and_the_words_say_how_to_stop(monkeypatch, where):
    monkeypatch.setattr(home, "get_ipython", Shell)
    assert home.hears_buttons()
    monkeypatch.setattr(home, "place", lambda: where)
    assert not home.hears_buttons()
    panel = training_panel.Panel("REINFORCE", 1_000, None)
    with panel.events() as poll:
        poll(2)
    assert panel.stop.layout.display == "none"


def test_without_the_package_that_hears_buttons_training_goes_on(monkeypatch):
    monkeypatch.setattr(home, "get_ipython", Shell)
    monkeypatch.setattr(home.importlib.util, "find_spec", lambda name: None)
    assert not home.hears_buttons()


def test_a_widget_is_shown_with_its_text_in_every_ipywidgets():
    box = still.Box([], still={"text/plain": "seven"})
    assert box._repr_mimebundle_() == {**still.view(box), "text/plain": "seven"}
    assert box._ipython_display_ is None
