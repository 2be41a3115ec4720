"""One course, three lists of packages: pyproject.toml (what), constraints.txt (locked), environment.yml (conda)."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import install
import lock

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
    lines = [line.partition("#")[0].strip() for line in constraints.splitlines()]
    return [Requirement(line) for line in lines if line]


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


# ---------------------------------------------------------------- the lock, for every platform and Python

MACHINES = {
    "Linux, x86": ("linux", "posix", "Linux", "x86_64"),
    "Linux, ARM": ("linux", "posix", "Linux", "aarch64"),
    "macOS 14, ARM": ("darwin", "posix", "Darwin", "arm64"),
    "Windows, x86": ("win32", "nt", "Windows", "AMD64"),
}
COMPUTERS = [
    pytest.param(dict(zip(("sys_platform", "os_name", "platform_system", "platform_machine"), machine)), id=name)
    for name, machine in MACHINES.items()
]
RELEASES = ["3.11.0", "3.12.0", "3.13.0", "3.14.0"]


def as_on(machine, python):
    """What the markers of requirements are held against on another computer."""
    return {
        **machine,
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def applies(line, computer, extras=frozenset()):
    """Whether a requirement is meant for a computer, and for one of the extras where it asks for one."""
    return line.marker is None or any(line.marker.evaluate({**computer, "extra": one}) for one in {"", *extras})


def gaps(files, computer, metadata):
    """What the lock lacks on one computer, in sentences.

    Args:
        files: pyproject.toml and constraints.txt, by name.
        computer: the values of the markers.
        metadata: gives the requirements of a package, or None for one that this machine does not have.
    """
    pins = {}
    for pin in pinned(files["constraints.txt"]):
        if applies(pin, computer):
            pins.setdefault(canonicalize_name(pin.name), []).append(next(iter(pin.specifier)).version)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    extras = project["optional-dependencies"]
    queue = [Requirement(line) for name in lock.EXTRAS for line in [*project["dependencies"], *extras[name]]]
    seen = set()
    while queue:
        line = queue.pop()
        name = canonicalize_name(line.name)
        if name.startswith(lock.CUDA):
            continue  # PyTorch brings its own, pinned by PyTorch
        if len(pins.get(name, ())) != 1:
            yield f"{name} has {len(pins.get(name, ()))} pins"
        elif pins[name][0] not in line.specifier:
            yield f"{name} is pinned to {pins[name][0]}, outside {line.specifier}"
        if (name, frozenset(line.extras)) not in seen:
            seen.add((name, frozenset(line.extras)))
            needs = map(Requirement, metadata(name) or ())
            queue += [one for one in needs if applies(one, computer, line.extras)]


def stated(name):
    """What a package that is installed here, in the pinned version, asks for; None where there is none."""
    try:
        version = importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None  # meant for another platform, or for the pages: what it needs is checked by tools/lock.py
    pins = (pin for pin in pinned(FILES["constraints.txt"]) if canonicalize_name(pin.name) == name)
    return importlib.metadata.requires(name) if any(version in pin.specifier for pin in pins) else None


@pytest.mark.parametrize("python", RELEASES)
@pytest.mark.parametrize("machine", COMPUTERS)
def test_the_lock_resolves_everywhere(machine, python):
    """Whatever a package asks for on that computer has exactly one pin, within the bounds that it asks for."""
    assert list(gaps(FILES, as_on(machine, python), stated)) == []


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        (r"\ncolorama==[^ ]* ; sys_platform == 'win32'.*", "", "colorama has 0 pins"),
        (r"\npywinpty==.*", "", "pywinpty has 0 pins"),
        (r"\npexpect==.*", "\npexpect==4.9.0", None),
        (r"\ntraitlets==[^ ]*", "\ntraitlets==4.0", "traitlets is pinned to 4.0, outside"),
        (r"\nmistune==.*", "", "mistune has 0 pins"),
        (r"\nnumpy==(.*)", r"\nnumpy==\1\nnumpy==2.0.0 ; python_version < '3.13'", "numpy has 2 pins"),
        (r"(\ntorch==[^ ]*)", r"\1 ; sys_platform == 'linux'", "torch has 0 pins"),
        (r"(\ntqdm==[^ ]*)", r"\1 ; python_version > '3.12'", "tqdm has 0 pins"),
    ],
)
def test_a_gap_in_the_lock_is_noticed(old, new, noticed):
    doctored = {**FILES, "constraints.txt": re.sub(old, new, FILES["constraints.txt"])}
    assert doctored != FILES
    windows = as_on(COMPUTERS[-1].values[0], "3.12.0")
    found = list(gaps(doctored, windows, stated))
    assert found == [] if noticed is None else any(noticed in sentence for sentence in found), found


def test_every_pin_is_there_for_something():
    """uv writes behind each pin what asks for it: something that is pinned too, or pyproject.toml itself."""
    lines = [line for line in FILES["constraints.txt"].splitlines() if not line.startswith("#")]
    names = {canonicalize_name(pin.name) for pin in pinned(FILES["constraints.txt"])}
    for line in lines:
        askers = line.partition("# via ")[2].split(", ")
        assert any(one == "rlcourse (pyproject.toml)" or one in names for one in askers), line


def test_the_lock_names_no_index_and_no_card():
    assert not re.search(r"://|@ |\+cpu|\+cu\d|--hash", FILES["constraints.txt"])
    assert not [pin.name for pin in pinned(FILES["constraints.txt"]) if pin.name.startswith(lock.CUDA)]


def test_uv_asks_for_wheels_on_the_same_computers():
    tool = tomllib.loads(FILES["pyproject.toml"])["tool"]["uv"]
    required = [Marker(line) for line in tool["required-environments"]]
    assert len(required) == len(COMPUTERS) and list(MACHINES) == list(lock.PLATFORMS) == list(install.SIZES)
    for marker, machine in zip(required, COMPUTERS):
        assert all(marker.evaluate(as_on(machine.values[0], python)) for python in RELEASES)
    assert [f"{python}.0" for python in lock.PYTHONS] == RELEASES


def test_the_readme_says_what_is_downloaded():
    """The numbers are those that tools/install.py tells, which tools/lock.py measures."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, (megabytes, gigabytes) in install.SIZES.items():
        assert re.search(rf"^\| {re.escape(name)} \|.*\| {megabytes} MB \| {gigabytes} GB \|", page, flags=re.M), name
        assert megabytes <= 600 and gigabytes <= 2


# ---------------------------------------------------------------- what is installed here


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


@pytest.mark.parametrize("name", ["book", "slides"])
def test_a_script_that_lacks_its_packages_names_the_command_that_brings_them(name, tmp_path):
    """Under a Python without the packages, such as the system's own."""
    line = [sys.executable, "-S", ROOT / "tools" / f"{name}.py"]
    done = subprocess.run(line, env={"PATH": os.environ["PATH"]}, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"is not installed here: run `make {name}`" in done.stderr


def test_every_command_of_the_makefile_has_its_script():
    scripts = set(re.findall(r"tools/\w+\.py", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {name for name in scripts if not (ROOT / name).exists()} == set()
