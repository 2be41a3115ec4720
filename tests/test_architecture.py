"""The house rules that a reader cannot see in one file: who may import whom, and who may do what.

A file of the package imports only from lower floors, never from a sibling. Each rule is a function from a
module's name and source to findings, and is shown to bite on a line that breaks it.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rlcourse"
FACADE = ""  # `import rlcourse`: what the package shows to the world, floors 0-4

FLOORS = {
    "checks": -1, "installation": -1,  # the ground: no reinforcement learning yet
    "transitions": 0, "returns": 0, "objectives": 0, "distributions": 0, "exact": 0, "noise": 0, "simulator": 0,
    "networks": 1, "replay": 1, "envs": 1,
    "rollout": 2,
    "algorithms": 3,
    "training": 4, "experiments": 4, "listing": 4, FACADE: 4,
    "plots": 5, "still": 5,
    "explorers": 6, "exercises": 6, "quiz": 6, "panel": 6, "index": 6,
}  # fmt: skip
# Floor 4 holds two neighbours, of which one watches the other: experiments measure what training does.
NEIGHBOURS = {("experiments", "training")}
# Inside these packages every file is a sibling of every other, but for the helpers they share.
HELPERS = {
    "algorithms": {"common", "workers"},
    "envs": None,  # one small world, told in a few files
    "experiments": None,
    "plots": {"style", "training"},
    "explorers": {"shell", "export"},
    "exercises": {"checker"},
}
PAINTERS = {"matplotlib": ("plots", "explorers.shell"), "ipywidgets": ("explorers", "quiz", "panel", "still")}
# Every generator has an owner: nothing may seed, or draw from, the one that all code shares.
AMBIENT_NUMPY = r"np\.random\.(?!default_rng\b|Generator\b|SeedSequence\b|PCG64\b|Philox\b)\w+"
AMBIENT_TORCH = r"torch\.(manual_seed|seed|random\.\w+|cuda\.manual_seed\w*)"
AMBIENT_DRAW = r"torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial)"
# A path that exists on one machine only, such as a home folder; a reader's own folders look different.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:home|root|Users|work|tmp|opt|mnt|media|private|builds)/\w|\b[A-Z]:\\Users")


# ---------------------------------------------------------------- reading the source


def part(module):
    """The piece of the house that a module belongs to: `explorers` for `explorers.lesson_01`."""
    return module.split(".")[0]


def exists(module):
    path = PACKAGE.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def facade():
    """Where each public name of the package comes from: {"gae": "returns", ...}."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: node.module.removeprefix("rlcourse").lstrip(".")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def imports(module, tree):
    """Every module of the package that this one imports, wherever the import stands, and every outside one."""
    inside, outside = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, _, rest = alias.name.partition(".")
                (inside.add(rest) if top == "rlcourse" else outside.add(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # from . import x: counted from the folder that this file lies in
                folders = ["rlcourse", *module.split(".")]
                is_package = (PACKAGE / Path(*module.split(".")) / "__init__.py").exists()
                folders = folders[: len(folders) - node.level + is_package]
                base = ".".join([*folders, base]).rstrip(".")
            top, _, rest = base.partition(".")
            if top != "rlcourse":
                outside.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
                continue
            for alias in node.names:
                deeper = f"{rest}.{alias.name}".lstrip(".")
                if exists(deeper):
                    inside.add(deeper)
                else:
                    inside.add(rest or facade().get(alias.name, FACADE))
    return inside, outside


# ---------------------------------------------------------------- the rules


def floors(module, tree):
    """Imports go down, never up, never to a sibling."""
    here = part(module)
    if here not in FLOORS:
        yield f"{module} has no floor: add it to FLOORS"
        return
    for target in imports(module, tree)[0]:
        there = part(target)
        if there == here:
            yield from siblings(module, target)
        elif there not in FLOORS:
            yield f"{module} imports {target}, which has no floor"
        elif FLOORS[there] >= FLOORS[here] and (here, there) not in NEIGHBOURS:
            yield f"{module} (floor {FLOORS[here]}) imports {target or 'rlcourse'} (floor {FLOORS[there]})"
        elif here == "exercises" and FLOORS[there] > 1:
            yield f"{module} imports {target or 'rlcourse'}: exercises see floors 0 and 1 only"
        elif here == "explorers" and there in ("training", "algorithms"):
            yield f"{module} imports {target}: explorers never train"


def siblings(module, target):
    """Inside a package, only its helpers and its front door are shared; the front door may open every room."""
    folder, _, name = target.partition(".")
    helpers = HELPERS.get(folder, set())
    if "." not in module or not name or name == "__init__":
        return
    is_lesson = name.startswith("lesson_")
    if is_lesson or (helpers is not None and name.split(".")[0] not in helpers):
        yield f"{module} imports its sibling {target}"


def painters(module, tree):
    """Pictures are drawn in one place, widgets shown in another, and pyplot, which keeps state, nowhere."""
    for target in imports(module, tree)[1]:
        top = target.split(".")[0]
        if top in PAINTERS and not any((module + ".").startswith(home + ".") for home in PAINTERS[top]):
            yield f"{module} imports {top}, which belongs to {', '.join(PAINTERS[top])}"
        if target in ("matplotlib.pyplot", "pylab", "matplotlib.pylab"):
            yield f"{module} imports {target}: figures are Figure objects"


def seeds(module, tree):
    """No global seeding, no ambient randomness."""
    if "random" in imports(module, tree)[1]:
        yield f"{module} imports random: draw from a generator of your own"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            said = ast.unparse(node).replace("numpy.random", "np.random")
            if re.fullmatch(AMBIENT_NUMPY, said) or re.fullmatch(AMBIENT_TORCH, said):
                yield f"{module} uses {said}: seed a generator of your own"
        if isinstance(node, ast.Call):
            said, owned = ast.unparse(node.func), any(word.arg == "generator" for word in node.keywords)
            if re.fullmatch(AMBIENT_DRAW, said) and not owned:
                yield f"{module} calls {said} without a generator"


def steps(module, tree):
    """Only the rollout steps an environment (a world may step the world inside it); optimizers step as they like."""
    if module == "rollout" or part(module) == "envs":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step":
            owner = ast.unparse(node.func.value)
            if not re.search(r"(optimizer|scheduler)\w*$", owner):
                yield f"{module} calls {owner}.step: only rollout.py steps an environment"


RULES = (floors, painters, seeds, steps)
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def findings(module, source):
    tree = ast.parse(source)
    return [finding for rule in RULES for finding in rule(module, tree)]


@pytest.mark.parametrize("module", [name for name in MODULES if name != FACADE])
def test_the_rules_hold(module):
    assert findings(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_the_front_door_opens_floors_0_to_4_only():
    tree = ast.parse(MODULES[FACADE].read_text(encoding="utf-8"))
    high = [target for target in imports(FACADE, tree)[0] if target and FLOORS[part(target)] > 4]
    assert high == []


@pytest.mark.parametrize(("module", "source", "bite"), [
    ("returns", "from rlcourse.networks import mlp", "floor 0) imports networks"),
    ("returns", "from rlcourse.exact import evaluate", "floor 0) imports exact"),
    ("returns", "def late():\n    import rlcourse.training", "imports training"),
    ("returns", "from .rollout import Collector", "imports rollout"),
    ("returns", "import rlcourse as rl", "imports rlcourse"),
    ("networks", "from rlcourse import envs", "imports envs"),
    ("rollout", "from rlcourse import train", "imports training"),
    ("training", "from rlcourse.experiments import claim", "imports experiments"),
    ("algorithms.ppo", "from rlcourse.algorithms.reinforce import Reinforce", "sibling algorithms.reinforce"),
    ("explorers.lesson_02", "from rlcourse.explorers import lesson_03", "sibling explorers.lesson_03"),
    ("explorers.lesson_02", "from .lesson_03 import gae_weights", "sibling explorers.lesson_03"),
    ("experiments.lesson_02", "from rlcourse.experiments.lesson_03 import x", "sibling experiments.lesson_03"),
    ("exercises.lesson_01", "from rlcourse.rollout import Collector", "floors 0 and 1 only"),
    ("exercises.lesson_01", "from rlcourse import evaluate", "floors 0 and 1 only"),
    ("explorers.lesson_01", "from rlcourse import train", "never train"),
    ("explorers.lesson_01", "from rlcourse.algorithms import Reinforce", "never train"),
    ("explorers.lesson_01", "from rlcourse import panel", "floor 6) imports panel"),
    ("cupboard", "import math", "has no floor"),
    ("returns", "from matplotlib.figure import Figure", "matplotlib, which belongs to"),
    ("explorers.lesson_01", "import matplotlib", "matplotlib, which belongs to"),
    ("plots.style", "import matplotlib.pyplot as plt", "Figure objects"),
    ("plots.style", "from matplotlib import pyplot", "Figure objects"),
    ("exercises.checker", "import ipywidgets as widgets", "ipywidgets, which belongs to"),
    ("training", "import torch\ntorch.manual_seed(0)", "torch.manual_seed"),
    ("training", "import numpy as np\nnp.random.seed(0)", "np.random.seed"),
    ("training", "import numpy\nx = numpy.random.normal()", "np.random.normal"),
    ("training", "import random", "imports random"),
    ("training", "import torch\nx = torch.randn(3)", "torch.randn without a generator"),
    ("training", "def f(env):\n    env.step(0)", "env.step"),
    ("algorithms.ppo", "class A:\n    def f(self):\n        self.envs.step(0)", "self.envs.step"),
])  # fmt: skip
def test_each_rule_bites(module, source, bite):
    assert any(bite in finding for finding in findings(module, source)), findings(module, source)


@pytest.mark.parametrize(("module", "source"), [
    ("rollout", "def f(env):\n    env.step(0)"),
    ("envs.tabular", "class A:\n    def f(self):\n        self.inner.step(0)"),
    ("algorithms.common", "def f(actor_optimizer):\n    actor_optimizer.step()"),
    ("algorithms.ppo", "from rlcourse.algorithms.common import Agent"),
    ("algorithms", "from rlcourse.algorithms.ppo import PPO"),
    ("experiments.lesson_03", "from rlcourse import training"),
    ("exercises.lesson_03", "from rlcourse import exact, gae\nfrom rlcourse.envs import corridor"),
    ("explorers.lesson_03", "from rlcourse import gae, plots\nfrom rlcourse.explorers.shell import Slider"),
    ("explorers.shell", "from matplotlib.figure import Figure\nimport ipywidgets"),
    ("training", "import torch\ng = torch.Generator().manual_seed(0)\nx = torch.randn(3, generator=g)"),
    ("training", "import numpy as np\nrng = np.random.default_rng(0)\nx = rng.normal()"),
])  # fmt: skip
def test_no_rule_bites_the_innocent(module, source):
    assert findings(module, source) == []


# ---------------------------------------------------------------- what runs, and what is written down


def test_the_package_loads_without_pictures_and_widgets():
    question = "import sys, rlcourse; print([m for m in ('matplotlib', 'ipywidgets') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "[]"


def written():
    """Every text file that we wrote, notebooks and their outputs included."""
    kinds = {".py", ".md", ".toml", ".json", ".ipynb", ".yml", ".txt", ".html", ".svg"}
    folders = ("rlcourse", "notebooks", "scripts", "tests", "jupyter", "assets")
    files = [*ROOT.glob("*.*"), *(path for folder in folders for path in (ROOT / folder).rglob("*.*"))]
    ours = [path for path in files if path.suffix in kinds and ".ipynb_checkpoints" not in path.parts]
    return [ROOT / "Makefile", ROOT / ".ci" / "run", *ours]


def test_no_file_names_a_folder_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in written()
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8").replace("#!/usr/bin/env", ""))
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["home/ada", "Users/ada", "root/course", "tmp/course"])
def test_a_folder_of_one_machine_is_noticed(folder):
    assert MACHINE_PATH.search(f'File "/{folder}/rlcourse/returns.py", line 3')
    assert not MACHINE_PATH.search(f"notebooks/{folder}") and not MACHINE_PATH.search(f"https://example.org/{folder}")
