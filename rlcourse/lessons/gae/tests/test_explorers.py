"""Explorers: what they say is what the package computes."""

import pytest

from rlcourse.lessons.gae import experiments as numbers
from rlcourse.lessons.gae import explorers, plots


@pytest.mark.covers("MIS-13", "ERR-17")
def test_the_weights_explorer_shows_the_tail_and_the_uniform_average():
    said = explorers.gae_weights.alt_text
    assert "the 3-step advantage weighs 0.640 in GAE" in said()
    assert "the 5-step advantage weighs 0.656 in GAE, 0.160 rescaled" in said(gae_lambda=0.9, n=5)
    assert "1.000 in GAE, 0.100 rescaled (as much as every other)" in said(gae_lambda=1, n=10)
    assert "the 1-step advantage weighs 1.000 in GAE, 1.000 rescaled" in said(n=1)


@pytest.mark.covers("CL-12", "CL-13", "MIS-12")
def test_the_frontier_tells_the_best_lambda():
    said = explorers.bias_variance_frontier.alt_text
    assert "smallest error" not in said()  # the prediction above it stays open
    assert "is at λ = 0.95" in said(star=True)
    assert "is at λ = 0.00" in said(scale=1, star=True)
    assert "λ = 1.00 has bias 0.00" in said(gae_lambda=1)
    assert "λ = 0.00 has bias −5.40" in said(gae_lambda=0)
    best = numbers.frontier(scale=0.5, scatter=0.0, reward_sd=2.0).best_lambda
    assert f"is at λ = {best:.2f}" in said(reward_sd=2, star=True)


@pytest.mark.covers("MIS-14", "EQX-01", "EQX-08")
class TestTracer:
    def test_by_hand(self):
        said = explorers.trajectory_tracer.alt_text()
        assert "Ends: t = 2 terminated, t = 4 truncated." in said
        assert "TD errors (0.80, −0.10, 0.00, −0.20, 0.80, 0.80)" in said
        assert "GAE (0.73, −0.10, 0.00, 0.38, 0.80, 0.80)" in said

    def gae(self, **changes):
        return explorers.trajectory_tracer.alt_text(**changes).split("GAE ")[1].split(")")[0].strip("(").split(", ")

    def test_what_happens_behind_a_wall_stays_there(self):
        before, after = self.gae(), self.gae(rewards=(1, 1, 1, 1, 1, 5))
        assert before[:5] == after[:5] and before[5] != after[5]

    def test_without_the_wall_it_leaks_back_to_the_next_one(self):
        open_ends = ("no", "no", "terminated", "no", "no", "no")
        before, after = self.gae(ends=open_ends), self.gae(ends=open_ends, rewards=(1, 1, 1, 1, 1, 5))
        assert before[:3] == after[:3]
        assert all(a != b for a, b in zip(before[3:], after[3:]))

    def test_truncation_gives_the_value_back(self):
        truncated = self.gae(ends=("no", "no", "truncated", "no", "truncated", "no"))
        assert float(truncated[2]) == pytest.approx(float(self.gae()[2]) + 0.9 * 2)
        assert truncated[3:] == self.gae()[3:]

    def test_lambda_zero_is_the_td_error(self):
        said = explorers.trajectory_tracer.alt_text(gae_lambda=0)
        assert said.split("TD errors ")[1].split(";")[0] == said.split("GAE ")[1].split(" at")[0]


@pytest.mark.covers("CL-65")
def test_the_ends_explorer_shows_both_mistakes():
    said = explorers.end_of_episode.alt_text
    both = {"masks": "the right one and both mistakes"}
    assert "no mask" not in said() and "truncated" not in said()
    mortal = said(p_good=0.9, time_limit=200, **both)
    assert "steps only V = 9.17, advantage of the bad action −8.17" in mortal
    assert "no mask at all V = 100, advantage of the bad action 0" in mortal
    assert "truncated steps too V = 66.9" in said(p_good=1, time_limit=200, **both)
    assert "truncated steps too V = 167" in said(p_good=1, time_limit=200, gamma=0.999, **both)


@pytest.mark.covers("EQ-17", "EQ-21")
def test_the_picture_of_k_rewards_counts_rewards_and_values():
    figure = plots.what_each_sees(6, (1, 2, 6))
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written.count("r₀") == 3 and written.count("r₁") == 2 and written.count("r₅") == 1
    assert [text for text in written if text.startswith("V")] == ["V(s₁)", "V(s₂)"]
    assert "k = 1: 1 reward, then V; k = 2: 2 rewards, then V; to the end: all rewards, no V" in figure.get_label()
