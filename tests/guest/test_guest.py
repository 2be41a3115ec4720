"""Every lesson as a guest of Colab: on its versions, with nothing of the course but the package. `make testcolab`."""

import pytest

import guest
from lab import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_on_the_versions_of_colab(path, tmp_path):
    assert list(guest.findings(guest.run(path, tmp_path))) == []


def cell(tags=(), data=None, error=None):
    outputs = [{"output_type": "display_data", "data": data}] if data else []
    outputs += [{"output_type": "error", "ename": "AttributeError", "evalue": error}] if error else []
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "outputs": outputs}


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (cell(error="no attribute"), "raises AttributeError"),
        (cell(["explorer"]), "shows no widget"),
        (cell(["explorer"], {"image/png": ""}), "shows no widget"),
        (cell(["explorer"], {guest.WIDGET: {}}), "no image/png beside it"),
        (cell(["quiz"], {guest.WIDGET: {}}), "no text/html beside it"),
    ],
)
def test_what_a_guest_would_miss_is_found(spoiled, words):
    assert any(words in sentence for sentence in guest.findings({"cells": [spoiled]}))


def test_a_whole_cell_is_left_alone():
    whole = cell(["explorer"], {guest.WIDGET: {}, "image/png": ""})
    assert list(guest.findings({"cells": [whole, cell(["training"])]})) == []
