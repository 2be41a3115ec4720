"""The alt texts say what is true."""

import pytest

from rlcourse.lessons.off_policy_actor_critic import explorers, plots


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


@pytest.mark.parametrize(
    ("name", "situation", "move", "answer"),
    [
        ("order_of_samples", "as it comes 0.86, shuffled 0.09", {"buffer": "100 rows"}, "a buffer of 100 1.06"),
        ("critic_of_old_data", "no critic is shown yet", {"critic": "V"}, "2.05 away from today's values"),
        ("uses_of_a_record", "0.24 after 0 uses", {"uses": 4}, "0.78 after 4"),
        ("replay_microscope", "A buffer of 100 rows", {"power": 4}, "the mean age is 5,000 steps"),
    ],
)
@pytest.mark.covers("CL-21", "CL-24", "CL-39")
def test_the_picture_at_the_start_shows_the_situation_and_not_the_answer(name, situation, move, answer):
    shown = getattr(explorers, name)
    assert situation in shown.alt_text() and answer not in shown.alt_text()
    assert answer in shown.alt_text(**move)


def test_ratios_cost_samples():
    assert "64 weighted rows count as 15" in explorers.resample_or_not.alt_text()
    assert "64 weighted rows count as 64" in explorers.resample_or_not.alt_text(old=(14, 23, 63))
