"""Change the core and the checker in small ways, one at a time: some test has to turn red. What `make mutants` runs.

    python tools/mutants.py                     # every 12th change of all
    python tools/mutants.py --every 1           # all of them, for hours
    python tools/mutants.py --only 'rlcourse.noise*'

Prints how many changes some test noticed, and the others, each with its diff. Those that tests/equal_mutants.toml
lists do nothing (its reasons say why), and do not count. A mutant's number moves with the code; the list therefore
names the function, and the line before and after.
"""

import argparse
import fnmatch
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTMUT = Path(sys.executable).with_name("mutmut")
EQUAL = ROOT / "tests" / "equal_mutants.toml"
SMALLEST = "rlcourse.generators*"  # to have all changes written down, some have to be tried
NOTICED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")


def mutmut(*words: str) -> str:
    """What a command of mutmut printed; where it fails, its last words end the program."""
    done = subprocess.run([MUTMUT, *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit((done.stdout + done.stderr)[-3000:])
    return done.stdout


def verdicts() -> dict[str, str]:
    """Name of each change -> what became of it, "not checked" if it was not tried."""
    lines = (line.strip() for line in mutmut("results", "--all", "true").splitlines())
    return dict(line.rsplit(": ", 1) for line in lines if "__mutmut_" in line)


def changed_lines(name: str) -> tuple[str, str]:
    """The lines that a change took away, and those that it put in their place, without indentation."""
    lines = [line for line in mutmut("show", name).splitlines() if not line.startswith(("---", "+++"))]
    was, now = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return " ".join(was), " ".join(now)


def function_of(name: str) -> str:
    """rlcourse.replay.xǁReplayBufferǁadd__mutmut_3 -> rlcourse.replay.ReplayBuffer.add"""
    module, _, rest = name.rpartition(".")
    words = rest.rpartition("__mutmut_")[0].removeprefix("x").strip("ǁ").removeprefix("_")
    return f"{module}.{words.replace('ǁ', '.')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=12, metavar="N", help="try every N-th change (12)")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="of the names of changes")
    parser.add_argument("--jobs", default="2")
    options = parser.parse_args()

    mutmut("run", "--max-children", options.jobs, SMALLEST)
    names = [name for name in verdicts() if fnmatch.fnmatch(name, options.only)][:: options.every]
    if not names:
        raise SystemExit(f"No change has a name like {options.only}.")
    mutmut("run", "--max-children", options.jobs, *names)

    became = verdicts()
    known = tomllib.loads(EQUAL.read_text(encoding="utf-8")).get("equal", [])
    equal = {(one["function"], one["was"], one["now"]) for one in known}
    count, lived = Counter(), []
    for name in names:
        noticed = became[name] in NOTICED
        lines = ("", "") if noticed else changed_lines(name)
        if (function_of(name), *lines) in equal:
            count["equal"] += 1
            continue
        count["tried"] += 1
        count["noticed"] += noticed
        if not noticed:
            lived.append(f"{name}: {became[name]}\n  - {lines[0]}\n  + {lines[1]}")
    print("\n".join(lived))
    share = count["noticed"] / max(count["tried"], 1)
    print(f"{count['tried']} changes, {count['noticed']} noticed by a test ({share:.1%}); {count['equal']} do nothing.")


if __name__ == "__main__":
    main()
