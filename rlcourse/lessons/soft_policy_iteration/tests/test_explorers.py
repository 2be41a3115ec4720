"""Explorers say what the lesson says about them, and give nothing away before it is asked for."""

import numpy as np
import pytest

from rlcourse.lessons.soft_policy_iteration import explorers


@pytest.mark.covers("FIG-09", "MIS-29")
class TestEntropyBench:
    def test_a_narrow_density_has_a_negative_entropy(self, words):
        said = explorers.entropy_bench.alt_text(sigma=0.2)
        assert "differential entropy −0.19 nats" in said and "box of width 0.83" in said
        assert "σ = 0.20:  h = −0.19 nats" in [text for text, _ in words(explorers.entropy_bench.draw(sigma=0.2))]

    def test_the_box_has_the_entropy_of_the_density(self):
        for family in ("normal", "uniform"):
            figure = explorers.entropy_bench.draw(sigma=0.5, family=family)
            box = next(line for line in figure.axes[1].lines if len(line.get_xdata()) == 4)
            width, height = np.ptp(box.get_xdata()), max(box.get_ydata())
            assert width * height == pytest.approx(1)
            assert f"box of width {width:.2f}" in figure.get_label()

    def test_a_narrow_density_is_zoomed_and_whole(self):
        for sigma, family, reach in ((0.24, "normal", 1), (0.24, "uniform", 1), (0.25, "uniform", 4), (3, "normal", 4)):
            density = explorers.entropy_bench.draw(sigma=sigma, family=family).axes[1]
            assert density.get_xlim() == (-reach, reach)
            assert all(abs(x) <= reach for line in density.lines for x in line.get_xdata()) or sigma == 3

    def test_bits_are_nats_by_log_2(self):
        said = explorers.entropy_bench.alt_text(temperature=10, weights="nearly alike", unit="bits")
        assert "entropy 2.32 bits" in said


@pytest.mark.covers("FIG-10", "FIG-11", "CL-51", "CL-52", "MIS-31")
class TestTwoPassages:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "in passage 2 with 7.2 %; the Gaussian (μ = 0.00, σ = 0.40) with 98.8 % and 3·10⁻¹⁴"),
            ({"closed": True}, "with passage 1 closed they earn 0.07 and 0.00"),
            ({"alpha": 0.2, "mu": 2.5, "fit": True}, "the Gaussian (μ = 0.00, σ = 0.21)"),
            ({"alpha": 0.2, "mu": 3, "fit": True}, "the Gaussian (μ = 4.00, σ = 0.24)"),
            ({"alpha": 0.2, "mu": 3, "fit": True}, "KL 3.92 nats, reached by descent from μ = 3.00, σ = 0.40"),
            ({"alpha": 0.4, "mu": 3, "fit": True}, "the Gaussian (μ = 0.97, σ = 2.87)"),
            ({"alpha": 0.4, "mu": 3, "fit": True}, "they earn 1.55 and 0.56"),
        ],
    )
    def test_what_the_lesson_says_of_it(self, settings, said):
        assert said in explorers.two_passages.alt_text(**settings)

    def test_the_landscape_is_there_before_the_descent_and_the_road_is_not(self):
        for fit, roads in ((False, 1), (True, 3)):  # the ball; the ball, the road and its start
            plane = explorers.two_passages.draw(mu=3, fit=fit).axes[2]
            assert len(plane.images) == 1 and len(plane.lines) == roads


@pytest.mark.covers("AL-14", "AL-15", "AL-16", "EQ-55", "CL-53", "CL-54", "MIS-32")
class TestSoftIteration:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"rounds": 0, "backups": 60}, "largest error of Q is 0.00023"),
            ({"rounds": 1}, "round 1 changed the values by +0.27 to +2, 0 of 56 fell"),
            ({"rounds": 2}, "to +0.4, 0 of 56 fell"),
            ({"rounds": 6}, "round 6 changed the values by 0 to 0"),
            ({"rounds": 6, "alpha": 0.01}, "earns reward 1.43"),
            ({"rounds": 6, "alpha": 0.2}, "earns reward 0.52 with soft value 2.12"),
            ({"rounds": 6, "alpha": 0.5}, "earns reward −0.96"),
            ({"rounds": 6, "alpha": 5}, "earns reward −1.01"),
            ({"rounds": 1, "start": "the optimum"}, "0 of 56 fell"),
            ({"rounds": 1, "start": "the optimum", "forget": True}, "by −0.53 to −0.083, 56 of 56 fell"),
            ({"rounds": 2, "forget": True}, "28 of 56 fell"),
            ({"rounds": 3, "forget": True}, "56 of 56 fell"),
            ({"rounds": 6, "forget": True}, "with soft value 1.86"),
        ],
    )
    def test_what_the_lesson_says_of_it(self, settings, said):
        assert said in explorers.soft_iteration.alt_text(**settings)

    def test_the_map_says_whose_values_it_shows(self, words):
        for settings, said in (({"rounds": 2}, "Q of round 1: from"), ({"rounds": 2, "backups": 1}, "Q from")):
            shown = [text for text, _ in words(explorers.soft_iteration.draw(**settings))]
            assert any(text.startswith(said) for text in shown), shown

    def test_the_future_is_not_drawn(self):
        figure = explorers.soft_iteration.draw(rounds=2, backups=5)
        errors, changes = figure.axes[1:]
        assert max(max(line.get_xdata()) for line in errors.lines) == 5
        assert len(changes.patches) == 2

    @pytest.mark.parametrize("alpha", [0.01, 0.2, 1, 5])
    @pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
    @pytest.mark.parametrize("start", explorers.STARTS)
    def test_with_its_alpha_no_value_ever_falls(self, alpha, gamma, start):
        _, values = explorers._rounds(alpha, gamma, start, False)
        for before, after in zip(values, values[1:]):  # noqa: RUF007
            assert (after - before).min() > -1e-9


@pytest.mark.covers("EQX-21", "MIS-32", "MIS-33")
class TestAlphaDial:
    def test_louder_rewards_need_a_larger_alpha(self):
        def numbers(**settings):
            return explorers.alpha_dial.alt_text(**settings).split(": ", 1)[1].split("; one more")[0]

        assert numbers(alpha=0.1) == numbers(alpha=1, scale=10) != numbers(alpha=0.1, scale=10)

    def test_what_the_lesson_says_of_it(self):
        assert "53.6 % of the best" in explorers.alpha_dial.alt_text(alpha=1)
        assert "as if 3.36 of 4 actions" in explorers.alpha_dial.alt_text(alpha=1)
        assert "99.2 % of the best" in explorers.alpha_dial.alt_text(alpha=0.1)

    def test_the_price_line_touches_the_frontier_and_lies_above_it(self):
        entropies, rewards = (np.array(line) for line in explorers._frontier())
        for alpha in (0.05, 0.3, 1, 5):
            point = explorers.numbers.dial(float(alpha))
            line = point.reward - alpha * (entropies - point.entropy)
            assert (rewards <= line + 1e-9).all()

    @pytest.mark.parametrize(("alpha", "scale", "slope"), [(0.5, 1, -0.5), (1, 10, -0.1), (0.1, 0.1, -1.0)])
    def test_the_dashed_line_falls_by_the_price(self, alpha, scale, slope):
        figure = explorers.alpha_dial.draw(alpha=alpha, scale=scale)
        (line,) = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 2)
        (x0, x1), (y0, y1) = line.get_data()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
        point = explorers.numbers.dial(float(alpha), float(scale))
        assert np.interp(point.entropy, (x0, x1), (y0, y1)) == pytest.approx(point.reward)
