"""Listings: pseudocode and code say the same, because each line of one names its lines of the other."""

import dataclasses
import inspect
import sys
import textwrap
import types

import numpy as np
import pytest

import rlcourse as rl
from rlcourse import algorithms
from rlcourse.course import listing

LISTINGS = listing.every()


@pytest.mark.covers(
    "AL-01",
    "AL-02",
    "AL-03",
    "AL-04",
    "AL-05",
    "AL-06",
    "AL-10",
    "AL-14",
    "AL-15",
    "AL-16",
    "AL-09",
    "AL-11",
    "AL-12",
    "AL-13",
    "AL-17",
    "AL-18",
    "AL-19",
    "AL-20",
    "AL-22",
)
@pytest.mark.parametrize("name", LISTINGS)
def test_every_line_is_numbered_in_order_and_has_its_code(name):
    lines, code = LISTINGS[name].lines, LISTINGS[name].code
    assert list(lines) == list(range(1, len(lines) + 1))
    assert set(lines) == set(code)
    assert all(source.strip() for sources in code.values() for source in sources)


def test_every_algorithm_of_the_package_has_a_listing():
    files = {getattr(algorithms, name).__module__ for name in algorithms.__all__}
    listed = {module.__name__ for module in listing.MODULES if list(listing.pseudocode(module))}
    assert files <= listed


@pytest.mark.parametrize(
    ("name", "number", "words", "source"),
    [
        ("AL-02", 5, "sampled returns", "critic_loss = F.mse_loss(self.critic(batch.obs), targets)"),
        ("AL-03", 3, "observe r", "collector.collect(self, steps=1)"),
        ("AL-04", 6, "average", "objective = policy_gradient(log_probs, advantages)"),
        ("AL-05", 5, "staleness", "apply_gradients(agent, report.gradients)"),
        ("AL-06", 7, "drawn now", "self.draw(policy)"),
        ("AL-10", 4, "with replacement", "torch.randint("),
        ("AL-18", 7, "one step of θ", "actor_losses = alpha * log_probs - q"),
    ],
)
def test_a_line_stands_beside_its_code(name, number, words, source):
    shown = listing.beside(name)
    assert words in shown.lines[number]
    assert any(source in block for block in shown.code[number])
    assert words in str(shown) and source in str(shown)


METHODS = {
    "AL-01": ("Reinforce", {"build": [], "update": [2, 3, 4, 5]}),
    "AL-04": ("ParallelActorCritic", {"build": [1], "update": [4, 5, 6, 7]}),
    "AL-06": ("OffPolicyActorCritic", {"update": [5, 6, 7, 8, 9]}),
    "AL-08": ("PPO", {"build": [1], "targets": [4, 5, 6, 7], "update": [8, 9, 10]}),
    "AL-09": ("DDPG", {"build": [1, 2, 3], "act": [5], "update": [9, 10, 11, 12]}),
    "AL-17": ("ValueSAC", {"build": [1], "update": [5, 6, 7, 8, 9, 10]}),
    "AL-18": ("SAC", {"build": [1], "update": [5, 6, 7, 8, 9]}),
    "AL-19": ("DiscreteSAC", {"build": [1], "update": [2, 3, 4, 5, 6]}),
    "AL-22": ("TD3", {"build": [1], "act": [3], "update": [6, 7, 8, 9, 10, 11]}),
}
"""Listing -> the agent, and for each of its methods the lines of the listing that are its whole body."""
INPUT = {"build": "", "act": "obs", "update": "batch", "targets": "rollout"}


def typed_by_hand(name):
    """The agent whose methods are what its listing shows, and nothing else."""
    shown, (agent, methods) = listing.beside(name), METHODS[name]
    original = getattr(algorithms, agent)
    bodies = {}
    for method, numbers in methods.items():
        if numbers:
            body = "\n".join(shown.code[number][0] for number in numbers)
            argument = {"Reinforce": "episodes", "PPO": "rollout"}.get(agent) if method == "update" else None
            header = f"def {method}(self, {argument or INPUT[method]}):\n"
            namespace = dict(vars(sys.modules[original.__module__]))
            exec(header + textwrap.indent(body, "    "), namespace)
            bodies[method] = namespace[method]
    update = bodies["update"]
    bodies["update"] = lambda self, batch: update(self, batch) or {}  # metrics are no line of a listing
    if agent == "DDPG":  # what is no line of the listing: which noise
        build = bodies["build"]
        bodies["build"] = lambda self: (build(self), setattr(self, "noise", self.make_noise(self.action_space.shape)))
    return type(agent, (original,), bodies), original


@pytest.mark.parametrize("name", METHODS)
def test_what_a_listing_shows_is_the_algorithm(name):
    """Typed by hand into a class, the lines make the same updates as the agent itself, number for number."""
    typed, original = typed_by_hand(name)
    discrete = original.__name__ in ("Reinforce", "ParallelActorCritic", "OffPolicyActorCritic", "PPO", "DiscreteSAC")
    env_id = "CartPole-v1" if discrete else "Pendulum-v1"
    settings = {"warmup": 40, "batch_size": 16} if hasattr(original.Config(), "warmup") else {}
    runs = [
        rl.train(kind, env_id, total_steps=60, num_envs=2, config=kind.Config(**settings), progress=False)
        for kind in (typed, original)
    ]
    mine, theirs = (run.agent.state() for run in runs)
    assert len(runs[0].metrics["steps"]) == len(runs[1].metrics["steps"]) >= 1
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[key], theirs[key]) for key in mine)


def test_a_line_that_says_something_else_is_found(monkeypatch):
    shown = listing.beside("AL-18")
    [block] = shown.code[7]
    wrong = {**shown.code, 7: [block.replace("torch.minimum", "torch.maximum")]}
    monkeypatch.setattr(listing, "beside", lambda name: dataclasses.replace(shown, code=wrong))
    with pytest.raises(AssertionError):
        test_what_a_listing_shows_is_the_algorithm("AL-18")


def test_the_table_holds_each_line_once_and_escapes_it():
    shown = listing.beside("AL-03")
    table = shown._repr_mimebundle_()["text/html"]
    assert table.count("<tr><td ") == len(shown.lines)
    assert "R̂" not in table and "<script" not in table and table.count("<table") == 1


DOCSTRING = (
    '"""Made.\n\n    AL-99  Something\n        1  do it,\n            at length\n        2      then that\n"""\n'
)


@pytest.fixture
def module(monkeypatch):
    """Make a module out of a docstring and some code."""
    monkeypatch.setattr(listing.inspect, "getsource", lambda made: made.source)

    def make(code, docstring=DOCSTRING):
        made = types.ModuleType("made")
        made.source = docstring + code
        return made

    return make


def test_a_block_ends_before_a_blank_line_another_tag_or_a_smaller_indentation(module):
    made = module(
        "def f():\n    x = g(  # AL-99.1\n        a,  # why\n    )\n    y = x\n\n    z = 1\n"
        "    for _ in x:  # AL-99.2 and a word\n        u = 3\n        v = 4  # AL-99.1\n    w = 5\n"
    )
    assert list(listing.tagged(made)) == [
        ("AL-99", 1, "x = g(\n    a,  # why\n)\ny = x"),
        ("AL-99", 2, "for _ in x:  # and a word\n    u = 3"),
        ("AL-99", 1, "    v = 4"),
    ]
    assert list(listing.pseudocode(made)) == [("AL-99", "Something", {1: "do it, at length", 2: "    then that"})]


def test_a_module_without_a_docstring_has_no_pseudocode(module):
    made = module("y = 2  # AL-99.2\n", docstring="")
    assert list(listing.pseudocode(made)) == []
    assert list(listing.tagged(made)) == [("AL-99", 2, "y = 2")]


def test_a_tag_that_the_docstring_mentions_is_no_code(module):
    made = module("y = 2  # AL-99.2\n", docstring='"""Made.\n\nA tag looks so:  # AL-99.1\n"""\n')
    assert list(listing.tagged(made)) == [("AL-99", 2, "y = 2")]


def test_a_tag_without_a_line_is_an_error(module, monkeypatch):
    monkeypatch.setattr(listing, "MODULES", (module("z = 3  # AL-99.7\n"),))
    with pytest.raises(ValueError, match=r"made has the tag AL-99.7, and the listing no such line"):
        listing.every()


def test_the_compiler_may_take_the_indentation_out_of_docstrings(monkeypatch):  # as it does from Python 3.13 on
    for module in listing.MODULES:
        monkeypatch.setattr(module, "__doc__", inspect.cleandoc(module.__doc__))
    assert listing.every() == LISTINGS


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="name must be one of AL-01, .*, got 'AL-77'"):
        listing.beside("AL-77")
