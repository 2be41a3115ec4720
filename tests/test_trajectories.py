"""No test and no cell may pin the course of a training run.

Two processors round differently, and a few hundred gradient steps later the same seed is another run. So a score that a
run has come to is compared with another run in the same process (a law, as: a saved run goes on alike), or judged in a
population whose size makes a false alarm rarer than one in ten thousand (the fixture `least_successes`); but never with
a number that was written down. The rules below find such comparisons, and are shown to bite.
"""

import ast
import json
import math
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rlcourse"
TESTS = sorted([*(ROOT / "tests").rglob("test_*.py"), *PACKAGE.rglob("test_*.py")])
TRAINING = {("training", name) for name in ("train", "train_many", "run", "run_many", "load")}
"""(module, function) that every run comes from; what calls one of them, trains."""
BOOKS = {
    "steps",
    "total_steps",
    "updates",
    "shape",
    "dtype",
    "keys",
    "seed",
    "env_id",
    "config",
    "buffer",
    "observation_space",
    "action_space",
    "staleness",
    "worker",
    "process",
    "replaced",
}
"""Attributes and keys of a run that count and do not measure: rounding leaves them alone."""
COUNTS = {"len", "type", "isinstance", "hasattr", "set"}
CLOSE = {"assert_allclose", "assert_array_equal", "assert_equal", "assert_close", "allclose", "isclose", "array_equal"}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
POPULATION = "least_successes"
MARK = "# NBVAL_CHECK_" + "OUTPUT"
LAWS = {
    "test_every_agent_plays_it": "that numbers are finite, and that as many steps are counted as were played",
    "test_a_function_or_a_class_that_makes_an_environment_will_do": "five steps of reward 1 return 5, whoever plays",
    "test_a_cartpole_of_ones_own_is_not_taken_for_gymnasiums": "the sign of every reward",
    "test_a_vector_environment_alone_may_be_registered_and_restart_a_step_late": "a step of CartPole pays 1",
    "test_a_metric_may_come_now_and_then": "what update was told to return, in which order",
    "test_a_whole_number_before_a_fraction_takes_nothing_from_it": "what update was told to return",
    "test_a_seed_among_others_cannot_go_on_alone_before_they_are_done": "whether weights have moved at all",
    "test_history_tells_where_each_episode_ended": "a step of CartPole pays 1, so returns add up to at most the steps",
    "test_checkpoints_stop_where_all_seeds_have_come_so_far": "how many steps all seeds have done at a checkpoint",
    "test_no_seed_reaches_another": "the same seeds twice on one machine, digit for digit, unless their rewards differ",
    "test_each_seed_takes_its_steps_where_episodes_end_at_different_times": "a step of CartPole pays 1, so "
    "returns add up to the steps",
    "test_several_algorithms_are_compared_on_the_same_seeds": "which seeds were trained, and which labels are told",
    "test_runs_that_are_done_are_drawn_from_the_start_and_cost_no_progress": "which labels are told, and when",
    "test_what_the_lesson_has_trained_before_is_not_trained_again": "equal runs, digit for digit; which are trained",
    "test_what_still_holds_dots_is_not_trained": "nothing is trained",
    "test_both_are_trained_on_the_same_seeds": "one algorithm under two names: equal runs, digit for digit",
    "test_an_error_in_the_students_function_becomes_a_sentence": "an error in the first update",
    "test_random_corruptions_are_refused_or_make_no_difference": "how many files are refused, whatever the run",
    "test_crafted_files_are_refused": "a run against its own file",
    "test_a_header_that_promises_more_than_there_is_asks_for_no_memory": "a run against its own file",
    "test_code_in_a_file_is_never_run": "a run against its own file",
    "test_a_run_can_be_written_as_a_table_and_drawn": "a run against its own table",
    "test_training_works_inside_a_running_event_loop": "the same seed twice on one machine, digit for digit",
    "test_labels_of_equal_curves_do_not_collide": "places of labels, whatever the curves",
    "test_the_words_of_a_population_are_the_numbers_of_its_interval": "a sentence, against the numbers it is made from",
    "test_two_workers_learn_and_one_that_is_killed_is_replaced": "the ratio of late to early returns was 6 to 12 in 16 "
    "runs, its logarithm more than ten standard deviations above that of 2",
}
"""Tests that may hold a run against a number, or ask which of two is ahead, and why they do not fail by chance."""


# ---------------------------------------------------------------- which functions train


class Module:
    """The functions of one file, and what the names in it stand for."""

    def __init__(self, tree, name=None):
        self.name, self.names = name, {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "rlcourse":
                        self.names[alias.asname or alias.name] = (alias.name.partition(".")[2], None)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rlcourse":
                inside = node.module.partition(".")[2]
                for alias in node.names:
                    deeper = f"{inside}.{alias.name}".lstrip(".")
                    is_module = PACKAGE.joinpath(*deeper.split(".")).with_suffix(".py").exists()
                    self.names[alias.asname or alias.name] = (deeper, None) if is_module else (inside, alias.name)
        self.functions = {
            node.name: node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        }

    def called(self, call):
        """(module, function) that a call means, as far as its name tells; (None, name) for a method."""
        function = call.func
        if isinstance(function, ast.Name):
            if function.id in self.functions:
                return self.name, function.id
            return self.names.get(function.id, (None, function.id))
        if isinstance(function, ast.Attribute):
            owner = self.names.get(ast.unparse(function.value), (None, ""))
            return owner[0] if owner[1] is None else None, function.attr
        return None, None


def facade():
    """Where `rl.train` and its like come from: {("", "train"): ("training", "train"), ...}."""
    names = Module(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))).names
    return {("", name): target for name, target in names.items()}


@cache
def trainers():
    """(module, function) of everything in the package that trains, be it by way of others."""
    modules = [
        Module(ast.parse(path.read_text(encoding="utf-8")), ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
    ]
    return growing(modules, TRAINING | {name for name, target in facade().items() if target in TRAINING})


def growing(modules, known):
    """`known`, and all functions that call one of them, and those that call these."""
    calls = {
        (module.name, name): {module.called(node) for node in ast.walk(function) if isinstance(node, ast.Call)}
        for module in modules
        for name, function in module.functions.items()
    }
    while more := {name for name, said in calls.items() if name not in known and said & known}:
        known = known | more
    return known


# ---------------------------------------------------------------- what comes from a run


class Scores:
    """Follows what a run has come to through a piece of code: from the call that trains to the names that hold it."""

    def __init__(self, module, known, names=()):
        self.module, self.known, self.held = module, known, set(names)

    def carries(self, node):
        """Whether an expression holds the scores of a run, and not only its counts."""
        if isinstance(node, ast.Attribute) and node.attr in BOOKS:
            return False
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in BOOKS:
            return False
        if isinstance(node, ast.Call):
            _, name = where = self.module.called(node)
            if isinstance(node.func, ast.Name) and name in COUNTS:
                return False
            if where in self.known or name == "resume":
                return True
        if isinstance(node, ast.Name):
            return node.id in self.held
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return self.carries(node.elt)
        return any(self.carries(child) for child in ast.iter_child_nodes(node))

    def follow(self, tree):
        """Take note of every name that scores are given to."""
        before = None
        while before != self.held:
            before = set(self.held)
            for node in ast.walk(tree):
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                    source, targets = node.value, getattr(node, "targets", [getattr(node, "target", None)])
                elif isinstance(node, (ast.For, ast.comprehension)):
                    source, targets = node.iter, [node.target]
                else:
                    continue
                if self.carries(source):
                    names = (name for target in targets for name in ast.walk(target))
                    self.held |= {name.id for name in names if isinstance(name, ast.Name)}
        return self

    def comparisons(self, tree):
        """Scores held against something else, and scores of which one is said to be ahead."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                if all(isinstance(sign, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for sign in node.ops):
                    continue
                sides = [node.left, *node.comparators]
            elif isinstance(node, ast.Call) and self.module.called(node)[1] in CLOSE:
                sides = node.args[:2]
            else:
                continue
            found = [self.carries(side) for side in sides]
            is_order = isinstance(node, ast.Compare) and any(isinstance(sign, ORDERS) for sign in node.ops)
            if any(found) and (is_order or not all(found)):
                yield node


def pinned(source):
    """What the tests of a file say of single runs, and would not have to say on another processor."""
    tree = ast.parse(source)
    module = Module(tree, name="here")
    known = growing([module], trainers())
    fixtures = {name for name in module.functions if ("here", name) in known}
    for name, function in module.functions.items():
        if not isinstance(function, ast.FunctionDef) or not name.startswith("test_") or name in LAWS:
            continue
        arguments = {argument.arg for argument in function.args.args}
        if POPULATION in arguments:
            continue
        scores = Scores(module, known, arguments & fixtures).follow(function)
        for node in scores.comparisons(function):
            yield f"{name} judges single runs: {ast.unparse(node)}"


def printed(cells):
    """Which cells of code have an output that is compared to the letter, and shows what a run has come to."""
    marked = [MARK in code for code in cells]
    trees = [ast.parse(code) for code in cells]
    module = Module(ast.Module([node for tree in trees for node in tree.body], []), name="here")
    scores = Scores(module, growing([module], trainers()))
    for number, (tree, is_marked) in enumerate(zip(trees, marked, strict=True)):
        scores.follow(tree)
        if is_marked and any(scores.carries(node) for node in tree.body):
            yield number


# ---------------------------------------------------------------- they hold, and they bite


@pytest.mark.parametrize("path", TESTS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_no_test_pins_a_run(path):
    assert list(pinned(path.read_text(encoding="utf-8"))) == []


def test_every_exception_is_a_test_that_needs_it():
    everything = "\n".join(path.read_text(encoding="utf-8") for path in TESTS)
    assert [name for name in LAWS if f"def {name}(" not in everything] == []


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_compared_output_shows_a_run(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert list(printed(["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"])) == []


IMPORTS = """
import numpy as np
import pytest
import rlcourse as rl
from rlcourse import training
from rlcourse.course.widgets import training_panel
from rlcourse.lessons.actor_critic import experiments as tables
from rlcourse.lessons.ppo_in_practice import board as tuning
from rlcourse.lessons.ppo_in_practice import experiments as ppo
from rlcourse.lessons.sac import runs as measured
"""


@pytest.mark.parametrize(
    "body",
    [
        # four tests that were red on another processor, or could have been
        "again = ppo.running_score(ppo.run(name, seed=0, total_steps=5_000))\n"
        "    np.testing.assert_allclose(again, ppo.stored()['board'][name]['curves'][0][: len(again)], "
        "atol=0.06)",
        "again = measured.learn(measured.ENTRIES['DDPG'], seeds=[0])\n"
        "    np.testing.assert_allclose(again['scores'], measured.runs('DDPG')['scores'][0][:2], atol=0.2)",
        "assert min(tuning.population(change, [0])) >= 475",
        "slow, usual = (rl.train(rl.PPO, 'x', config=c).returns.mean() for c in configs)\n    assert usual > 1.5 "
        "* slow",
        # and others of their kind
        "assert rl.evaluate(rl.train(rl.PPO, 'x').agent, 'x').mean() == pytest.approx(499.2)",
        "for history in training.run(rl.PPO, 'x'):\n        pass\n    assert history.returns.tolist() == [12.0, 31.0]",
        "runs = [rl.train(rl.PPO, 'x', seed=s) for s in range(5)]\n    assert all(run.returns[-1] > 475 for run "
        "in runs)",
        "loss = training_panel.watch(rl.PPO, 'x').metrics['loss']\n"
        "    torch.testing.assert_close(loss, torch.tensor([0.3]))",
    ],
)
def test_a_pinned_run_is_found(body):
    assert list(pinned(f"{IMPORTS}\ndef test_it():\n    {body}\n"))


def test_a_run_is_found_behind_helpers_and_fixtures():
    helper = "def trained():\n    return rl.train(rl.PPO, 'x').returns\n"
    assert list(pinned(f"{IMPORTS}\n{helper}\ndef test_it():\n    assert trained().mean() == 3\n"))
    assert list(pinned(f"{IMPORTS}\n@pytest.fixture\n{helper}\ndef test_it(trained):\n    assert trained.mean() > 3\n"))


@pytest.mark.parametrize(
    "body",
    [
        "one, same = (ppo.run('default', seed=0) for _ in range(2))\n"
        "    assert np.array_equal(one.returns, same.returns) and one.total_steps == 2048",
        "one = rl.train(rl.PPO, 'x')\n    assert rl.load('run').resume().returns.tolist() == "
        "one.resume().returns.tolist()",
        "history = rl.train(rl.PPO, 'x')\n    assert len(history.returns) > 3 and history.steps[-1] == 10",
        "assert tables.learn(env_steps=4_000).solved[-1] == 1.0",  # tables in double precision, no network
        "assert min(ppo.finals('default')) >= ppo.SOLVED",  # what is stored is the same everywhere
    ],
)
def test_a_law_is_let_pass(body):
    assert list(pinned(f"{IMPORTS}\ndef test_it():\n    {body}\n")) == []


def test_a_verdict_over_a_population_is_let_pass():
    body = (
        "won = sum(s >= 475 for s in tuning.population(change, range(16)))\n"
        "    assert won >= least_successes(16, chance=0.8)"
    )
    assert list(pinned(f"{IMPORTS}\ndef test_it(least_successes):\n    {body}\n")) == []
    assert list(pinned(f"{IMPORTS}\ndef test_it():\n    {body}\n"))


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["history = rl.train(rl.PPO, 'x')", f"{MARK}\nprint(history.returns[-1])"], [2]),
        ([f"{MARK}\nprint(training_panel.watch(rl.PPO, 'x').returns.mean())"], [1]),
        (["run = measured.learn(entry, 0)\nscore = run['scores'][-1]", f"{MARK}\nprint(score)"], [2]),
        (["history = rl.train(rl.PPO, 'x')", f"{MARK}\nprint(len(history.steps))", "print(history.returns)"], []),
        ([f"{MARK}\nprint(ppo.stored()['steps'])"], []),
    ],
)
def test_a_compared_output_that_shows_a_run_is_found(cells, found):
    assert list(printed([IMPORTS, *cells])) == found


# ---------------------------------------------------------------- how many have to succeed


@pytest.mark.parametrize(("runs", "chance", "least"), [(16, 0.8, 6), (16, 0.9, 9), (16, 0.95, 11), (100, 0.95, 85)])
def test_the_least_number_of_successes_by_hand(least_successes, runs, chance, least):
    def fewer_than(k):
        return sum(math.comb(runs, i) * chance**i * (1 - chance) ** (runs - i) for i in range(k))

    assert least_successes(runs, chance=chance) == least
    assert fewer_than(least) < 1e-4 <= fewer_than(least + 1)


def test_a_verdict_needs_sixteen_runs(least_successes):
    with pytest.raises(AssertionError, match="16 runs, got 5"):
        least_successes(5, chance=0.9)
