"""What all tests share: a quiet machine. No display, no network for kernels, none of the user's own Jupyter."""

import itertools
import math
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

import lab

pytest.register_assert_rewrite("checker_contract")  # its tests are in a helper, whose asserts should tell as much
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: small networks, two test processes

# A startup file for every kernel that the tests start: whoever asks for the network gets an error.
NO_NETWORK = """
import ipaddress, socket

def _only_here(connect):
    def guarded(self, address, *rest):
        if isinstance(address, tuple) and address[0] != "localhost":
            try:
                here = ipaddress.ip_address(address[0]).is_loopback
            except ValueError:
                here = False
            if not here:
                raise OSError(f"a lesson asked for the network: {address[0]}")
        return connect(self, address, *rest)
    return guarded

socket.socket.connect = _only_here(socket.socket.connect)
socket.socket.connect_ex = _only_here(socket.socket.connect_ex)
"""


def pytest_configure(config):
    state = Path(tempfile.mkdtemp(prefix="rlcourse-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    os.environ.update(lab.environment(state))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        os.environ.pop(name, None)
    startup = Path(os.environ["IPYTHONDIR"], "profile_default", "startup")
    startup.mkdir(parents=True)
    (startup / "00_no_network.py").write_text(NO_NETWORK, encoding="utf-8")
    if os.environ.get("OTHER_DIGITS"):
        for name in ELEMENTARY:
            setattr(np, name, with_other_digits(getattr(np, name)))


# ---------------------------------------------------------------- what another processor would say

ELEMENTARY = ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos")
"""Functions of NumPy whose last digits depend on the processor."""


def with_other_digits(function):
    """The function with other last digits: every result but 0 and ±1, which are exact, is the next number but one."""

    def otherwise(*args, **options):
        right = function(*args, **options)
        if not np.issubdtype(np.asarray(right).dtype, np.floating):
            return right
        with np.errstate(invalid="ignore"):
            last = np.where(np.isin(right, (0, 1, -1)), 0, 2 * np.spacing(right))
        return (right + np.where(np.isfinite(last), last, 0))[()]

    return otherwise


@pytest.fixture
def another_processor(monkeypatch):
    """NumPy as on another processor. With OTHER_DIGITS=1 in the environment, as `make testnumbers` sets it, always."""
    for name in ELEMENTARY:
        monkeypatch.setattr(np, name, with_other_digits(getattr(np, name)))


FALSE_ALARM = 1e-4  # how often a test may fail although nothing is wrong


@pytest.fixture
def least_successes():
    """How many runs of a population have to succeed: a function of its size, and of the chance that one run does.

    Another processor rounds differently, and then the same seeds are other runs. So a test may not ask that every
    seed succeeds; it asks for the largest k such that fewer than k of n successes have a chance below FALSE_ALARM, in
    the binomial law. At least 16 runs, and `chance` no more than the runs of many other seeds have shown.
    """

    def least(runs, *, chance):
        assert runs >= 16, f"a verdict needs at least 16 runs, got {runs}"
        fewer = 0.0
        for k in range(runs + 1):
            fewer += math.comb(runs, k) * chance**k * (1 - chance) ** (runs - k)
            if fewer >= FALSE_ALARM:
                return k
        return runs

    return least


# ---------------------------------------------------------------- the words of a picture

RIM = 2  # pixels that two boxes may share: a box is a little wider than its letters


def words_of(figure):
    """Every visible piece of text of a figure, with the box that it covers in pixels."""
    from rlcourse.course.figures import style  # here: OMP_NUM_THREADS is set before anything imports torch

    style.pixels(figure)
    renderer = figure.canvas.get_renderer()
    hidden = ticks_outside(figure)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if id(text) not in hidden]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    return [(text, box) for text, box in boxes if box.width > 1]


def ticks_outside(figure):
    """Labels of ticks beyond the end of their axis, by id: matplotlib makes them and does not draw them."""
    outside = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_transform().transform(axis.get_view_interval()))
        slack = 1e-6 * (high - low)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not low - slack <= axis.get_transform().transform(tick.get_loc()) <= high + slack:
                outside |= {id(tick.label1), id(tick.label2)}
    return outside


def collisions_of(figure):
    """(text, trouble) for all that leaves the picture or lies upon another text."""
    width, height = figure.bbox.x1, figure.bbox.y1
    found = words_of(figure)
    for text, box in found:
        if min(box.x0, box.y0) < -RIM or box.x1 > width + RIM or box.y1 > height + RIM:
            yield text, "leaves the picture"
    for (one, a), (other, b) in itertools.combinations(found, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > RIM and down > RIM + 1:
            yield one, f"lies upon {other!r}"


@pytest.fixture
def words():
    return words_of


@pytest.fixture
def collisions():
    return collisions_of
