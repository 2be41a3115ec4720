"""What all tests share: a quiet machine. No display, no network for kernels, none of the user's own Jupyter."""

import math
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

import lab

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: small networks, two test processes

# A startup file for every kernel that the tests start: whoever asks for the network gets an error.
NO_NETWORK = '''
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
'''


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
