"""Installing: what a newcomer is told where it cannot be done, and what is installed where it can."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import install
import lab

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("version", "system", "machine", "words"),
    [
        ((3, 10), "linux", "x86_64", "Python 3.11 or newer, and this is 3.10"),
        ((3, 12), "darwin", "x86_64", "Macs with an Intel processor"),
        ((3, 12), "win32", "ARM64", "Windows on ARM"),
    ],
)
def test_a_computer_that_cannot_is_told_before_anything_is_fetched(version, system, machine, words):
    with pytest.raises(install.Refused, match=words):
        install.check_computer(version, system, machine)


def test_an_old_macos_is_told():
    with pytest.raises(install.Refused, match="needs macOS 14 or newer, and this is 13.6"):
        install.check_computer((3, 12), "darwin", "arm64", "13.6.1")
    install.check_computer((3, 12), "darwin", "arm64", "15.0")


@pytest.mark.parametrize(
    ("system", "machine", "card", "words"),
    [
        ("linux", "x86_64", False, "about 345 MB to download and 1.2 GB on disk"),
        ("linux", "x86_64", True, install.WITH_CARD),
        ("darwin", "arm64", True, "about 255 MB"),
        ("win32", "AMD64", False, "about 265 MB"),
    ],
)
def test_a_student_is_told_what_it_takes(system, machine, card, words):
    assert install.sizes(["lab"], card, system, machine).startswith(words)
    assert install.sizes(["lab", "test"], False, system, machine).endswith("on disk, and some more for test")


@pytest.mark.parametrize("system", [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")])
@pytest.mark.parametrize("version", [(3, 11), (3, 14)])
def test_a_computer_that_can_is_let_through(version, system):
    install.check_computer(version, *system)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    return tmp_path


def test_too_little_room_is_told_before_it_begins(elsewhere, monkeypatch):
    usage = type("Usage", (), {"free": 3e8})
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(install.Refused, match=r"needs 2\.5 GB of free disk space, and there are 0\.3"):
        install.check_folder(["lab"])
    (elsewhere / ".venv").mkdir()
    (elsewhere / ".venv" / "installed").touch()
    install.check_folder(["lab"])  # what is there needs no more


def test_a_folder_that_cannot_be_written_to_is_told(elsewhere, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(install.Path, "touch", refuse)
    with pytest.raises(install.Refused, match="cannot be written to"):
        install.check_folder(["lab"])


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "NewConnectionError: Failed to establish a new connection: [Errno -2]\nNo matching distribution",
            "no network",
        ),
        ("error: Failed to fetch\n cause: dns error", "no network"),
        ("ERROR: ResolutionImpossible: for help visit", "Install another one between 3.11 and 3.14"),
        ("OSError: [Errno 30] Read-only file system: '.venv'", "folder of your own"),
        ("line one\n\nsomething odd", "last words: line one / something odd"),
    ],
)
def test_what_an_installer_prints_becomes_a_sentence(printed, words):
    said = install.trouble(printed)
    assert words in said and "\n" not in said


def recorded(monkeypatch, *fails):
    """The commands that `install` runs; those with a word of `fails` in them end in an error."""
    lines = []

    def run(line):
        lines.append([str(part) for part in line])
        failed = any(word in lines[-1] for word in fails)
        return subprocess.CompletedProcess(line, int(failed), "dns error" if failed else "")

    monkeypatch.setattr(install, "run", run)
    return lines


def test_pytorch_comes_without_cuda_unless_a_card_is_asked_for(monkeypatch):
    lines = recorded(monkeypatch)
    install.install(["lab"], card=False)
    assert "--torch-backend" in lines[-1] and lines[-1][-1] == ".[lab]" and "constraints.txt" in lines[-1]
    install.install(["test"], card=True)
    assert "--torch-backend" not in lines[-1] and lines[-1][-1] == ".[lab,test]"


def test_where_uv_cannot_do_it_pip_does_and_says_what_that_may_cost(monkeypatch, capsys):
    lines = recorded(monkeypatch, "--torch-backend")
    monkeypatch.setattr(install.sys, "platform", "linux")
    install.install(["lab"], card=False)
    assert "3 GB" in capsys.readouterr().out
    assert lines[-1][1:3] == ["-m", "pip"] and lines[-1][-1] == ".[lab]"


def test_where_neither_can_a_sentence_ends_it(monkeypatch):
    recorded(monkeypatch, "install")
    with pytest.raises(install.Refused, match="no network"):
        install.install(["lab"], card=False)


def test_an_old_python_is_told_that_it_is_old():
    """The script itself must not stop with a syntax error on a Python that people still have."""
    source = (ROOT / "tools" / "install.py").read_text(encoding="utf-8")
    compile(source, "install.py", "exec", flags=0)
    assert not re.search(r"\bmatch .*:$|:=|\w+ \| \w+ =|except\*", source, flags=re.M)
    for name in ("python3.8", "python3.9", "python3.10"):
        found = subprocess.run([name, "-c", ""], capture_output=True) if _on_path(name) else None
        if found and found.returncode == 0:
            done = subprocess.run([name, ROOT / "tools" / "install.py"], capture_output=True, text=True)
            assert done.returncode == 1 and "The course needs Python 3.11 or newer" in done.stderr


def _on_path(name):
    return any(os.access(Path(folder, name), os.X_OK) for folder in os.environ["PATH"].split(os.pathsep))


def test_every_extra_that_is_asked_for_exists():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in install.ROOM:
        assert re.search(rf"^{extra} = \[", text, flags=re.M), extra


# ---------------------------------------------------------------- where JupyterLab writes


def test_the_state_goes_into_the_home_where_the_course_is_read_only(tmp_path, monkeypatch):
    (tmp_path / "course").write_text("a file: no folder can be made in it")
    monkeypatch.setattr(lab, "ROOT", tmp_path / "course")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert lab.state_folder(".jupyter") == tmp_path / "home" / ".rlcourse" / ".jupyter"
    monkeypatch.setenv("HOME", str(tmp_path / "course"))
    assert lab.state_folder(".jupyter").is_dir()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owner on Windows")
def test_where_two_users_share_the_course_each_has_a_state_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "ROOT", tmp_path / "course")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    first = lab.state_folder(".jupyter")
    assert first == tmp_path / "course" / ".jupyter" and first.stat().st_mode & 0o077 == 0
    mine = os.getuid()

    def stat(path, **options):
        found = real(path, **options)
        return os.stat_result((*found[:4], mine + 1, *found[5:])) if path == first else found

    real = Path.stat
    monkeypatch.setattr(Path, "stat", stat)
    assert lab.state_folder(".jupyter") == tmp_path / "home" / ".rlcourse" / ".jupyter"


def test_a_moved_course_is_found_by_its_kernels(tmp_path):
    found = lab.environment(tmp_path)["PYTHONPATH"].split(os.pathsep)
    assert found[0] == str(lab.ROOT)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows waits in place of becoming the program")
def test_starting_becomes_the_program(monkeypatch):
    started = []
    monkeypatch.setattr(lab.os, "execve", lambda *call: started.append(call))
    lab.start(["program", "a path with spaces"], {"A": "1"})
    assert started == [("program", ["program", "a path with spaces"], {"A": "1"})]


# ---------------------------------------------------------------- who may open JupyterLab


def settings(state, *options):
    """What JupyterLab would go by: its command line and the files of the course, as it writes them down itself."""
    line = [*lab.command(8888, *options), "--show-config-json"]
    said = subprocess.run(line, env=lab.environment(state), capture_output=True, text=True, timeout=300, check=True)
    return json.loads(said.stdout)


def openings(found):
    """Settings that let in others: an address that is not this computer, no token, no password, every origin."""
    for part, values in found.items():
        for name, value in values.items():
            if (
                (name == "ip" and value not in ("127.0.0.1", "localhost"))
                or (name in ("token", "password", "hashed_password", "identity_provider_class") and not value)
                or (name.startswith(("allow_origin", "allow_remote", "allow_unauth", "disable_check")) and value)
            ):
                yield f"{part}.{name}"


def test_jupyterlab_listens_on_this_computer_and_asks_for_a_token(tmp_path):
    found = settings(tmp_path)
    assert found["ServerApp"]["port"] == 8888 and list(openings(found)) == []


def test_a_jupyterlab_that_is_open_to_others_would_be_noticed(tmp_path):
    opened = [
        "ServerApp.ip=0.0.0.0",
        "ServerApp.token=",
        "ServerApp.password=",
        "ServerApp.allow_unauthenticated_access=True",
        "IdentityProvider.token=",
        "PasswordIdentityProvider.hashed_password=",
    ]
    noticed = {one.partition("=")[0] for one in opened}
    assert set(openings(settings(tmp_path, *(f"--{one}" for one in opened)))) == noticed
    assert "ServerApp.ip" in openings(settings(tmp_path, "--ip=*"))
