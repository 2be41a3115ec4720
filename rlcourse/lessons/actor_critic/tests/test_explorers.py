"""Explorers: what they say is what the lesson tells."""

import pytest

from rlcourse.lessons.actor_critic import explorers


@pytest.mark.covers("AL-02", "AL-03", "ERR-21")
class TestReaders:
    def test_batch_waits_until_the_last_step(self):
        said = explorers.batch_or_online.alt_text
        assert "Batch, 0 updates: 7 steps waiting, nothing moves; V(6) = 0.000" in said(step=7)
        assert "Batch, 1 updates: all 8 steps read at once; V(6) = 0.711, V(3) = 0.332" in said(step=8)

    def test_online_moves_the_cell_it_left(self):
        said = explorers.batch_or_online.alt_text
        assert "Online, 1 updates: δ = −0.020, only cell 3 moves" in said(step=1)
        assert "Online, 8 updates: δ = 0.998, only cell 6 moves; V(6) = 0.481, V(3) = −0.010" in said(step=8)

    def test_with_td_targets_the_batch_reader_is_no_wiser_than_the_online_one(self):
        said = explorers.batch_or_online.alt_text(step=8, critic="TD targets")
        assert "V(3) = −0.010" in said.split("Online")[0]


@pytest.mark.covers("CL-17", "MIS-15", "ERR-22")
class TestMap:
    def test_a_sixteenth_of_the_step_for_a_sixteenth_of_the_batch(self):
        said = explorers.step_size_map.alt_text
        assert "B = 16 and η = 0.4, 86 %" in said(noise=1, batch=16)
        assert "B = 1, η = 0.025: 88 %, B = 4, η = 0.1: 90 %" in said(noise=1, batch=16)
        assert "B = 1 and η = 0.4, 57 %" in said(noise=1, batch=1)

    def test_what_is_shown_first_does_not_tell_the_answer(self):
        """The question is about noise 1; without noise, and in the row B = 64, nothing is told of B = 1."""
        said = explorers.step_size_map.alt_text()
        assert said.startswith("Reward noise 0") and "B = 1," not in said

    def test_without_noise_hardly_any_step_is_too_long(self):
        assert "98 %" in explorers.step_size_map.alt_text(noise=0, batch=1, exponent=0)


@pytest.mark.covers("CL-15", "ERR-13")
def test_the_race_tells_both_errors_and_their_best():
    said = explorers.critic_race.alt_text
    assert "TD(0) with η = 0.1 has error 0.128" in said()
    assert "Monte Carlo with η = 0.03 has error 0.451, at its best, η = 0.003: 0.240" in said()
    assert "at its best, η = 0.03: 0.137; untrained 0.264" in said(noise=0)


@pytest.mark.parametrize(("td_rate", "mc_rate", "error"), [(0.3, 0.3, 2.279), (0.01, 0.001, 0.302)])
def test_the_marked_errors_stand_where_they_are_however_large(td_rate, mc_rate, error):
    places = {"noise": 1.0, "td_rate": td_rate, "mc_rate": mc_rate, "episode": 60}
    for axes in explorers.critic_race.draw(**places).axes:
        marked = [line.get_ydata()[0] for line in axes.lines if len(line.get_ydata()) == 1]
        assert any(y == pytest.approx(error, abs=1e-3) for y in marked)
        assert max(marked) <= axes.get_ylim()[1]


@pytest.mark.covers("CL-66")
def test_the_critic_is_asked_about_with_noise_and_shown_without():
    said = explorers.critic_steps.alt_text
    assert said().startswith("Reward noise 0:") and said().count("100 % with") == 3
    assert "95 % with η = 0.05, 75 % with η = 0.2, 56 % with η = 0.5" in said(noise=1.0, critic_step=0.1)
    assert "22 % with η = 0.5" in said(noise=1.0, critic_step=1.0)
