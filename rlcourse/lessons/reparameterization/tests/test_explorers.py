"""Explorers: what they say is true, and the predictions stay the reader's."""

import pytest

from rlcourse.lessons.reparameterization import experiments as numbers
from rlcourse.lessons.reparameterization import explorers as lesson


def texts(words, shown, **settings):
    return [text for text, _ in words(shown.draw(**settings))]


@pytest.mark.covers("CL-60", "EQX-20")
class TestRace:
    def test_the_stored_picture_shows_one_component_and_keeps_sixteen_back(self):
        assert "16 policies of 1 component with 1 draw per step: after 50 of" in lesson.race.alt_text()

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"dims": 16}, "pathwise −0.15 (−0.15 to −0.14) and score function −0.51 (−0.61 to −0.45)"),
            ({"dims": 16, "draws": 16}, "pathwise −0.14 (−0.14 to −0.14) and score function −0.15 (−0.15 to −0.14)"),
        ],
    )
    def test_what_the_lesson_says_of_it(self, settings, said):
        assert said in lesson.race.alt_text(**settings)

    def test_the_curve_ends_where_the_reader_stands(self):
        ends = [line.get_xdata()[-1] for line in lesson.race.draw(steps=10).axes[0].lines]
        assert set(ends) == {10}


@pytest.mark.covers("FIG-14", "FIG-15", "MIS-34", "ERR-61")
class TestGradientPath:
    def test_the_draw_that_the_lesson_works_by_hand(self, words):
        shown = texts(words, lesson.gradient_path)
        for number in ("a = 0.50", "Q(a) = −0.25", "log π(a) = −1.04", "(+0.10, −0.15)", "(−1.10, −0.55)", "−0.70"):
            assert number in shown
        assert shown.count("no grad") == 1 and shown.count("requires_grad") == 5  # only the noise has none

    def test_sample_cuts_the_way_through_the_action(self, words):
        shown = texts(words, lesson.gradient_path, road="sample()")
        assert shown.count("no grad") == 2 and shown.count("requires_grad") == 3
        assert "(+0.10, −0.15)" in shown and "(−1.10, −0.55)" not in shown

    @pytest.mark.parametrize(("road", "end"), [*zip(numbers.ROADS, ("arrives", "misses", "arrives"), strict=True)])
    def test_the_average_is_kept_back_until_it_is_asked_for(self, words, road, end):
        assert "?" in texts(words, lesson.gradient_path, road=road)
        assert "on average" not in lesson.gradient_path.alt_text(road=road)
        shown = texts(words, lesson.gradient_path, road=road, average=True)
        assert f"mean of 10,000 draws: {end}" in shown and "?" not in shown

    def test_the_averages_that_the_lesson_quotes(self, words):
        quoted = {
            "rsample()": ("−1.987 ± 0.020", "+1.780 ± 0.035"),
            "sample()": ("+0.001 ± 0.002", "−0.001 ± 0.003"),
            "sample() and score": ("−2.000 ± 0.051", "+1.795 ± 0.110"),
        }
        for road, pair in quoted.items():
            assert set(pair) <= set(texts(words, lesson.gradient_path, road=road, average=True))


@pytest.mark.covers("CL-60", "ERR-61")
class TestTwoEstimators:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "score function is 4.50 × noisier"),
            ({"dims": 4}, "score function is 9.00 × noisier"),
            ({"dims": 16}, "score function is 27.0 × noisier"),
            ({"dims": 64}, "score function is 99.0 × noisier"),
            ({"dims": 64, "baseline": False}, "score function is 4,323 × noisier"),
            ({"kind": "wave", "k": 5}, "pathwise is 6.23 × noisier"),
            ({"kind": "wave", "k": 50}, "pathwise is 625 × noisier"),
            ({"kind": "wave", "k": 5, "sigma": 0.1}, "score function is 10.9 × noisier"),
        ],
    )
    def test_what_the_lesson_says_of_it(self, words, settings, said):
        assert said in texts(words, lesson.two_estimators, **settings)

    def test_more_draws_less_variance(self, words):
        assert "variance 4.50" in texts(words, lesson.two_estimators)
        assert "variance 0.28" in texts(words, lesson.two_estimators, samples=16)


@pytest.mark.covers("FIG-16", "CL-61", "MIS-30", "ERR-62")
class TestSquashLab:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"mu": 0, "sigma": 0.85}, ["a = c tanh(u):  h(a) = 0.68", "area 1.00"]),
            (
                {"mu": 0, "sigma": 5},
                ["a = c tanh(u):  h(a) = −3.69", "u ~ N(μ, σ²):  h(u) = 3.03", "60 % of the draws: |a| > 0.99 c"],
            ),
            ({"mu": 0.5, "sigma": 1}, ["- - uncorrected: area 0.56", "a = c tanh(u):  h(a) = 0.52"]),
            ({"mu": 0.5, "sigma": 1, "scale": 2}, ["- - uncorrected: area 1.12", "area 1.00"]),
            ({"mu": 3, "sigma": 1}, ["u ~ N(μ, σ²):  h(u) = 1.42", "a = c tanh(u):  h(a) = −3.23"]),
            ({"mu": 0, "sigma": 5, "float32": True}, ["7.2 % of the draws: log π infinite", "−∞ in float32"]),
        ],
    )
    def test_what_the_lesson_says_of_it(self, words, settings, said):
        assert set(said) <= set(texts(words, lesson.squash_lab, **settings))

    def test_the_entropy_is_drawn_only_as_far_as_the_reader_has_come(self):
        def reach(**settings):
            dial = lesson.squash_lab.draw(**settings).axes[2]
            return [line.get_xdata()[-1] for line in dial.lines if len(line.get_xdata()) > 2]

        assert reach() == pytest.approx([0.5, 0.5])
        assert reach(sigma=2) == pytest.approx([2, 2])
        assert reach(show_all=True) == pytest.approx([5, 5])

    def test_infinity_is_mentioned_only_on_request(self):
        assert "float32" not in lesson.squash_lab.alt_text(mu=0, sigma=5)
        assert "infinite for 7.2 % of the draws" in lesson.squash_lab.alt_text(mu=0, sigma=5, float32=True)
