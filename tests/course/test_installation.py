"""The first cell of the lesson says in one sentence whether the course can run."""

from importlib.metadata import PackageNotFoundError

from rlcourse.course import installation


def test_here_everything_is_here():
    sentence = installation.report()
    assert sentence.startswith("Everything is here: Python 3.")
    assert "torch 2." in sentence
    assert "pytest" not in sentence  # a student does not need it


def test_what_is_missing_is_named_with_the_cure():
    sentence = installation.report(["torch>=2", "no-such-package>=1"])
    assert "no-such-package is missing" in sentence
    assert "make lab" in sentence


def test_a_version_out_of_bounds_is_named():
    sentence = installation.report(["numpy>=99"])
    assert "numpy is " in sentence
    assert ">=99" in sentence


def test_an_environment_without_the_course_is_named(monkeypatch):
    def unknown(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "requires", unknown)
    assert "The course itself is not installed" in installation.report()
