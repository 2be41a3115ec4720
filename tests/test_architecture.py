"""The house rules that a reader cannot see in one file: who may import whom, and who may do what.

The core imports core, downwards; `course` imports core; a lesson imports core, course and its own folder. Each rule is
a function from a module's name and source to findings, and is shown to bite on a line that breaks it.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlcourse.course import order

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rlcourse"
FACADE = ""  # `import rlcourse`: the library that the course teaches, and nothing of the course

# The core from below: a file imports only from lines above its own. Inside the two packages the helpers come first.
CORE = (
    ("checks", "generators"),
    ("transitions", "curves"),
    ("returns", "objectives", "distributions", "exact", "noise"),
    ("networks", "replay", "envs"),
    ("rollout",),
    ("algorithms",),
    ("populations",),
    ("checkpoints", "checkup"),
    ("training",),
    (FACADE,),
)
LEVEL = {name: level for level, names in enumerate(CORE) for name in names}
HELPERS = {"algorithms": ("agent", "async_workers", "sac")}
"""Siblings that others of the package may import."""
PICTURES = {
    "matplotlib": r"course\.(figures|widgets)\b|lessons\.\w+\.(plots|diagrams)\b",
    "ipywidgets": r"course\.widgets\b",
}
ON_DEMAND = {("training", "course.figures.curves"): "History.plot draws a run when it is asked to, and imports it then"}
# Every generator has an owner: nothing may seed, or draw from, the one that all code shares.
AMBIENT_NUMPY = r"np\.random\.(?!default_rng\b|Generator\b|SeedSequence\b|PCG64\b|Philox\b)\w+"
AMBIENT_TORCH = r"torch\.(manual_seed|seed|random\.\w+|cuda\.manual_seed\w*)"
AMBIENT_DRAW = r"torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial)"
LONGEST_FUNCTION, LONGEST_FILE = 60, 500
"""Lines, docstring included: what fits on a screen, and what one reads in a sitting."""
# A path that exists on one machine only, such as a home folder; a reader's own folders look different.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:home|root|Users|work|tmp|opt|mnt|media|private|builds)/\w|\b[A-Z]:\\Users")


# ---------------------------------------------------------------- reading the source


def part(module):
    """The piece of the house that a module belongs to: `lessons` for `lessons.gae.plots`."""
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


def downwards(module, tree):
    """The core imports core, downwards; course imports core; a lesson imports core, course and its own folder."""
    home, mine = place(module)
    for target in imports(module, tree)[0]:
        there, theirs = place(target)
        if there == "lessons" and (home, mine) != (there, theirs):
            yield f"{module or 'rlcourse'} imports {target}, which belongs to a lesson"
        elif there == "course" and home == "core" and (module, target) not in ON_DEMAND:
            yield f"{module or 'rlcourse'} imports {target}: the core knows no course"
        elif home == there == "core":
            yield from core(module, target)


def place(module):
    """("core", level), ("course", ""), or ("lessons", the lesson) of a module."""
    top, *rest = module.split(".")
    if top in ("course", "lessons"):
        return top, rest[0] if top == "lessons" and rest else ""
    return "core", LEVEL.get(top)


def core(module, target):
    """Inside the core: downwards, and beside oneself only what siblings share."""
    here, there = part(module), part(target)
    if here not in LEVEL:
        yield f"{module} has no place in the core: add it to CORE"
    elif there not in LEVEL:
        yield f"{module} imports {target}, which has no place in the core"
    elif here == there:
        sibling = target.partition(".")[2].split(".")[0]
        if here in HELPERS and "." in module and sibling and sibling not in HELPERS[here]:
            yield f"{module} imports its sibling {target}"
    elif LEVEL[there] >= LEVEL[here]:
        yield f"{module or 'rlcourse'} imports {target or 'rlcourse'}, which is not below it"


def plotting(module, tree):
    """Pictures are drawn in one place, widgets shown in another, and pyplot, which keeps state, nowhere."""
    for target in imports(module, tree)[1]:
        top = target.split(".")[0]
        if top in PICTURES and not re.match(PICTURES[top], module):
            yield f"{module} imports {top}, which belongs elsewhere"
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


RULES = (downwards, plotting, seeds, steps)
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "tests" not in path.parts
}


def findings(module, source):
    tree = ast.parse(source)
    return [finding for rule in RULES for finding in rule(module, tree)]


@pytest.mark.parametrize("module", MODULES)
def test_the_rules_hold(module):
    assert findings(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_every_folder_of_a_lesson_is_in_the_order_and_the_reverse():
    folders = {path.name for path in order.FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders == set(order.LESSONS)


@pytest.mark.parametrize(
    ("module", "source", "bite"),
    [
        ("returns", "from rlcourse.networks import MLP", "networks, which is not below it"),
        ("returns", "from rlcourse.exact import evaluate", "exact, which is not below it"),
        ("returns", "def late():\n    import rlcourse.training", "imports training"),
        ("returns", "from .rollout import Collector", "imports rollout"),
        ("returns", "import rlcourse as rl", "imports rlcourse"),
        ("networks", "from rlcourse import envs", "imports envs"),
        ("rollout", "from rlcourse import train", "imports training"),
        ("training", "from rlcourse.course import claims", "the core knows no course"),
        ("", "from rlcourse.course import claims", "the core knows no course"),
        ("algorithms.ppo", "from rlcourse.algorithms.reinforce import Reinforce", "sibling algorithms.reinforce"),
        ("lessons.gae.plots", "from rlcourse.lessons.advantage import plots", "belongs to a lesson"),
        ("lessons.gae.explorers", "from ..advantage.plots import kick", "belongs to a lesson"),
        ("course.quiz", "from rlcourse.lessons.gae import quiz", "belongs to a lesson"),
        ("training", "from rlcourse.lessons import gae", "belongs to a lesson"),
        ("cupboard", "from rlcourse import checks", "has no place in the core"),
        ("returns", "from matplotlib.figure import Figure", "matplotlib, which belongs elsewhere"),
        ("lessons.gae.explorers", "import matplotlib", "matplotlib, which belongs elsewhere"),
        ("course.figures.style", "import matplotlib.pyplot as plt", "Figure objects"),
        ("course.figures.style", "from matplotlib import pyplot", "Figure objects"),
        ("course.checker", "import ipywidgets as widgets", "ipywidgets, which belongs elsewhere"),
        ("training", "import torch\ntorch.manual_seed(0)", "torch.manual_seed"),
        ("training", "import numpy as np\nnp.random.seed(0)", "np.random.seed"),
        ("training", "import numpy\nx = numpy.random.normal()", "np.random.normal"),
        ("training", "import random", "imports random"),
        ("training", "import torch\nx = torch.randn(3)", "torch.randn without a generator"),
        ("training", "def f(env):\n    env.step(0)", "env.step"),
        ("algorithms.ppo", "class A:\n    def f(self):\n        self.envs.step(0)", "self.envs.step"),
    ],
)
def test_each_rule_bites(module, source, bite):
    assert any(bite in finding for finding in findings(module, source)), findings(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rollout", "def f(env):\n    env.step(0)"),
        ("envs.tabular", "class A:\n    def f(self):\n        self.inner.step(0)"),
        ("algorithms.agent", "def f(actor_optimizer):\n    actor_optimizer.step()"),
        ("algorithms.ppo", "from rlcourse.algorithms.agent import Agent"),
        ("algorithms", "from rlcourse.algorithms.ppo import PPO"),
        ("course.claims", "import rlcourse as rl\nfrom rlcourse.course import order"),
        ("lessons.gae.experiments", "from rlcourse import training\nfrom rlcourse.course import claims"),
        ("lessons.gae.explorers", "from rlcourse.lessons.gae import plots\nfrom rlcourse import gae"),
        ("course.widgets.explorer", "from matplotlib.figure import Figure\nimport ipywidgets"),
        ("training", "import torch\ng = torch.Generator().manual_seed(0)\nx = torch.randn(3, generator=g)"),
        ("training", "import numpy as np\nrng = np.random.default_rng(0)\nx = rng.normal()"),
    ],
)
def test_no_rule_bites_the_innocent(module, source):
    assert findings(module, source) == []


# ---------------------------------------------------------------- what can be read at once


def too_long(source):
    """What is longer than a reader can follow: functions, and the file, whose tables of plain data do not count."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > LONGEST_FUNCTION:
            yield f"{node.name} has {lines_of(node)} lines"
    length = len(source.splitlines()) - sum(lines_of(node) for node in tree.body if is_data(node))
    if length > LONGEST_FILE:
        yield f"the file has {length} lines"


def lines_of(node):
    return node.end_lineno - node.lineno + 1


def is_data(node):
    """Whether a statement gives a name to a table of constants."""
    return isinstance(node, ast.Assign) and not any(isinstance(part, ast.Call | ast.Lambda) for part in ast.walk(node))


OURS = [path for folder in ("rlcourse", "tools", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_and_no_file_is_too_long(path):
    assert list(too_long(path.read_text(encoding="utf-8"))) == []


def test_what_is_too_long_is_noticed():
    body = "    x = f()\n"
    assert list(too_long("def g():\n" + 59 * body)) == []
    assert list(too_long("def g():\n" + 60 * body)) == ["g has 61 lines"]
    assert list(too_long("class A:\n    async def g():\n" + 60 * f"    {body}")) == ["g has 61 lines"]
    assert list(too_long(501 * "f()\n")) == ["the file has 501 lines"]
    assert list(too_long("TABLE = [\n" + 600 * "    1,\n" + "]\n")) == []


# ---------------------------------------------------------------- what runs, and what is written down


def test_the_package_loads_without_pictures_and_widgets():
    question = "import sys, rlcourse; print([m for m in ('matplotlib', 'ipywidgets') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "[]"


def written():
    """Every text file that we wrote, notebooks and their outputs included."""
    kinds = {".py", ".md", ".toml", ".json", ".ipynb", ".yml", ".txt", ".html", ".svg"}
    folders = ("rlcourse", "notebooks", "tools", "tests", "jupyter", "assets")
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
