"""Lesson 05, second half: the alt texts say what is true."""

import pytest

from rlcourse.explorers import lesson_05_replay as explorers
from rlcourse.plots import lesson_05_replay as plots


@pytest.mark.covers("FIG-04")
def test_the_two_loops_say_what_differs(words, collisions):
    figure = plots.two_loops()
    assert list(collisions(figure)) == []
    said = {text for text, _ in words(figure)}
    assert {"thrown away", "replay\nbuffer", "store"} <= said


@pytest.mark.covers("AL-10", "FIG-04")
def test_the_microscope_says_its_numbers():
    said = explorers.replay_microscope.alt_text(power=3, doublings=5)
    assert "1,000 rows" in said and "mean age is 500 steps" in said and "each row is used 32 times" in said
    assert "refuses a minibatch of 256" in explorers.replay_microscope.alt_text(power=1.5, doublings=8)


@pytest.mark.covers("CL-22", "CL-23", "MIS-18")
def test_the_resampling_explorer_says_its_numbers():
    said = explorers.resample_or_not.alt_text()
    assert "buffer's action: cosine −0.09" in said and "drawn now: cosine 1.00, noise 0.15" in said
    assert "drawn now: cosine 1.00, noise 9.25" in explorers.resample_or_not.alt_text(offset=100)
    assert "drawn now: cosine 1.00, noise 0.035" in explorers.resample_or_not.alt_text(offset=100, baseline=True)
