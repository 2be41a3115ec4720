"""How to use the course: the loop, returns, two endings, cells, explorers, exercises, notation."""

from rlcourse.lessons.start_here import appendix, exercises, explorers, plots

__all__ = ["appendix", "exercises", "explorers", "plots"]
