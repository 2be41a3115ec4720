"""One course, three lists of packages: pyproject.toml (what), constraints.txt (tested), environment.yml (conda)."""

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FILES = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "environment.yml", "constraints.txt")
}
CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}


def required(pyproject):
    """Name -> (bounds, extras) of what a student needs at home; and of what is needed besides, in the other extras."""
    project = tomllib.loads(pyproject)["project"]

    def read(lines):
        found = [Requirement(line) for line in lines]
        return {canonicalize_name(one.name): (one.specifier, frozenset(one.extras)) for one in found}

    extras = dict(project["optional-dependencies"])
    return read(project["dependencies"] + extras.pop("lab")), read(line for lines in extras.values() for line in lines)


def offered(environment):
    """Name -> (bounds, extras) of the conda environment, in the names of pyproject.toml; and the other pip lines."""
    packages, rest = {}, []
    for line in yaml.safe_load(environment)["dependencies"]:
        if isinstance(line, dict):
            for pip_line in line["pip"]:
                if pip_line.startswith("-"):
                    rest.append(pip_line)
                else:
                    one = Requirement(pip_line)
                    packages[canonicalize_name(one.name)] = one.specifier, frozenset(one.extras)
            continue
        name, _, bounds = line.partition(" ")
        bounds = re.sub(r"^=(?=\d)", "~=", bounds.strip()) + (".0" if re.match(r"^=\d", bounds.strip()) else "")
        packages[CONDA_NAMES.get(name, name)] = SpecifierSet(bounds), frozenset()
    return packages, rest


def pinned(constraints):
    lines = [line.strip() for line in constraints.splitlines() if line.strip() and not line.startswith("#")]
    return [Requirement(line) for line in lines]


def disagreements(files):
    """What the three files say differently, one sentence each."""
    project = tomllib.loads(files["pyproject.toml"])["project"]
    student, others = required(files["pyproject.toml"])
    conda, pip_lines = offered(files["environment.yml"])
    python = conda.pop("python")[0]
    conda.pop("pip")

    oldest = re.search(r"[\d.]+", str(python)).group()
    if Version(oldest) not in SpecifierSet(project["requires-python"]):
        yield f"environment.yml offers Python {oldest}, pyproject.toml asks for {project['requires-python']}"
    if "-e ." not in pip_lines:
        yield "environment.yml does not install the course itself"
    for name in student.keys() - conda.keys():
        yield f"environment.yml lacks {name}"
    for name in conda.keys() - student.keys():
        yield f"environment.yml offers {name}, which pyproject.toml does not name"
    for name in student.keys() & conda.keys():
        if student[name] != conda[name]:
            yield f"{name}: pyproject.toml says {student[name][0]}, environment.yml says {conda[name][0]}"

    pins = {}
    for pin in pinned(files["constraints.txt"]):
        name, operators = canonicalize_name(pin.name), [bound.operator for bound in pin.specifier]
        if operators != ["=="] or "*" in str(pin.specifier):
            yield f"constraints.txt does not pin {name}: {pin}"
            continue
        if name in pins:
            yield f"constraints.txt pins {name} twice"
        pins[name] = Version(next(iter(pin.specifier)).version)
        if pins[name].local:
            yield f"constraints.txt asks for one build of {name}, which other machines do not have: {pins[name]}"
    for name, (bounds, _) in {**student, **others}.items():
        if name not in pins:
            yield f"constraints.txt lacks {name}"
        elif pins[name] not in bounds:
            yield f"{name}: pinned to {pins[name]}, outside {bounds} of pyproject.toml"


def test_the_three_lists_agree():
    assert list(disagreements(FILES)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "noticed"),
    [
        ("environment.yml", r"  - numpy .*\n", "", "environment.yml lacks numpy"),
        ("environment.yml", r"  - pytorch-cpu .*\n", "", "environment.yml lacks torch"),
        ("environment.yml", r"numpy >=2.0,<3", "numpy >=1.26,<3", "numpy: pyproject.toml says"),
        ("environment.yml", r"\[classic-control\]", "", "gymnasium: pyproject.toml says"),
        ("environment.yml", r"  - numpy ", "  - pandas >=2\n  - numpy ", "offers pandas"),
        ("environment.yml", r"python =3.11", "python =3.9", "offers Python 3.9"),
        ("environment.yml", r"\n +- -e \.", "", "does not install the course itself"),
        ("constraints.txt", r"\ngymnasium==.*", "", "constraints.txt lacks gymnasium"),
        ("constraints.txt", r"\npytest==.*", "", "constraints.txt lacks pytest"),
        ("constraints.txt", r"\nmyst-nb==.*", "", "constraints.txt lacks myst-nb"),
        ("constraints.txt", r"\nnbgrader==.*", "", "constraints.txt lacks nbgrader"),
        ("constraints.txt", r"\ntorch==.*", "\ntorch>=2.7", "does not pin torch"),
        ("constraints.txt", r"\ntorch==.*", "\ntorch==1.13.1", "pinned to 1.13.1, outside"),
        ("constraints.txt", r"\ntorch==([\d.]+)", r"\ntorch==\1+cpu", "one build of torch"),
        ("constraints.txt", r"\Z", "\nnumpy==2.0.0\n", "pins numpy twice"),
        ("pyproject.toml", r'"tqdm>=4.66",', '"tqdm>=4.66", "rich>=13",', "environment.yml lacks rich"),
    ],
)
def test_a_disagreement_is_noticed(file, old, new, noticed):
    doctored = {**FILES, file: re.sub(old, new, FILES[file])}
    assert doctored[file] != FILES[file]
    assert any(noticed in sentence for sentence in disagreements(doctored)), list(disagreements(doctored))


def needed():
    """Every installed distribution that the course pulls in, directly or not, with all extras."""
    seen, queue = set(), [("rlcourse", frozenset({"lab", "test", "web", "grading"}))]
    while queue:
        name, extras = queue.pop()
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # meant for another platform
        for line in map(Requirement, lines):
            wanted = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if line.marker is None or any(line.marker.evaluate(one) for one in wanted):
                found = canonicalize_name(line.name), frozenset(line.extras)
                if found not in seen:
                    seen.add(found)
                    queue.append(found)
    return {name for name, _ in seen}


only_where_pinned = pytest.mark.skipif(
    Path(sys.prefix).resolve() != (ROOT / ".venv").resolve(),
    reason="only the environment made by make is pinned: run make test",
)


@only_where_pinned
def test_what_is_installed_is_what_was_pinned():
    pins = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pinned(FILES["constraints.txt"])}
    installed = {canonicalize_name(one.name): one.version for one in importlib.metadata.distributions()}
    for name in needed() & installed.keys():
        if not name.startswith(("nvidia-", "cuda-", "triton")):  # torch brings its own, pinned by torch
            assert pins.get(name) == installed[name].partition("+")[0], name


@only_where_pinned
@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_what_was_pinned_installs_on_every_python(python):
    assert python in SpecifierSet(tomllib.loads(FILES["pyproject.toml"])["project"]["requires-python"])
    ours = needed()
    packages = [one for one in importlib.metadata.distributions() if canonicalize_name(one.name) in ours]
    refused = [one.name for one in packages if python not in SpecifierSet(one.metadata.get("Requires-Python", ""))]
    assert refused == []


@pytest.mark.parametrize("name", [*FILES, "Makefile", ".ci/run"])
def test_no_file_decides_where_packages_come_from(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"--(?:extra-)?index-url|--find-links|--trusted-host|\w+://", text) == []


def test_every_command_of_the_makefile_has_its_script():
    scripts = set(re.findall(r"tools/\w+\.py", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {name for name in scripts if not (ROOT / name).exists()} == set()
